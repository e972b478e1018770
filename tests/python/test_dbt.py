"""The dbt package over thirty nights with churn, missed nights and an early end: its models say what the source said.

What is expected is worked out here from the source's own answers with sets and sums, never with the package's SQL. Run by
`make dbt`, with the environment of dbt-requirements.txt; without it the tests are skipped.
"""

import datetime
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
from collections import Counter, defaultdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import dbt_nights  # noqa: E402
from dbt_nights import (  # noqa: E402
    ANCHORS, CAPPED, COUNTRIES, EMPTY, KEYWORDS, LINKS, NOT_RUN, NUM_NIGHTS, REFDOMAINS, REFUSED, STOPPED, TARGETS, VARIABLES,
)

PROJECT = dbt_nights.REPOSITORY / "examples" / "dbt"
HAS_DBT = importlib.util.find_spec("dbt") is not None and importlib.util.find_spec("duckdb") is not None
# By the package's name of a report: what it asks for.
OPERATIONS = {
    "backlinks": LINKS,
    "link_changes": LINKS,
    "refdomains": REFDOMAINS,
    "organic_keywords": KEYWORDS,
    "anchors": ANCHORS,
    "domain_rating": "site-explorer/domain-rating",
    "metrics": "site-explorer/metrics",
}
CARRY_DAYS = 7


def dbt(
    folder: Path, *command: str, variables: dict, target: str = "duckdb", profiles: str | None = None
) -> subprocess.CompletedProcess:
    """dbt on the package, with everything that it writes in `folder`."""
    profiles = profiles or (PROJECT / "profiles.example.yml").read_text(encoding="utf-8")
    (folder / "profiles.yml").write_text(profiles, encoding="utf-8")
    whole = [str(Path(sys.executable).parent / "dbt"), "--no-use-colors", "--no-send-anonymous-usage-stats", *command]
    whole += ["--project-dir", str(PROJECT), "--profiles-dir", str(folder), "--target", target]
    whole += ["--target-path", str(folder / "target"), "--log-path", str(folder / "logs"), "--vars", json.dumps(variables)]
    environment = os.environ | {"PYTHONPATH": str(folder)}
    return subprocess.run(whole, cwd=folder, env=environment, capture_output=True, text=True, timeout=600, check=False)


def moment(text: str) -> str:
    """A date-time of the API in one spelling."""
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).astimezone(datetime.timezone.utc).isoformat()


@unittest.skipUnless(HAS_DBT, "dbt is not installed here: make dbt")
class ThirtyNights(unittest.TestCase):
    """One export, one build; every test looks at some models."""

    @classmethod
    def setUpClass(cls):
        import duckdb

        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.folder = Path(folder.name)
        cls.truth = dbt_nights.export(cls.folder)
        # Live links by what identifies them, and the domains that they come from.
        cls.links = {key: {(*row[:4], moment(row[4])) for row in rows} for key, rows in cls.truth.links.items()}
        cls.domains = {key: {row[5] for row in rows} for key, rows in cls.truth.links.items()}
        cls.variables = VARIABLES | {"backhaul_path": str(cls.folder / "export")}
        built = dbt(cls.folder, "build", variables=cls.variables)
        if built.returncode != 0:
            raise AssertionError(built.stdout + built.stderr)
        cls.built = built.stdout
        # A copy: dbt wants the file for itself again.
        shutil.copy(cls.folder / "backhaul.duckdb", cls.folder / "built.duckdb")
        cls.database = duckdb.connect(str(cls.folder / "built.duckdb"), read_only=True)
        cls.addClassCleanup(cls.database.close)
        coverage = cls.folder / "export" / "coverage"
        cls.coverage = cls.database.execute(
            f"SELECT _snapshot_date, report, target, parameters, status, units FROM read_parquet('{coverage}/*/*.parquet')"
        ).fetchall()

    def query(self, sql: str) -> list[tuple]:
        """Rows of a query."""
        return self.database.execute(sql).fetchall()

    def is_refused(self, night: int, report: str, target: str) -> bool:
        """Whether the source refused a task."""
        return any(operation == OPERATIONS[report] and name in (None, target) for operation, name in REFUSED.get(night, []))

    def complete(self, report: str, target: str, country: str | None = None) -> list[int]:
        """Nights that may be compared, by what was arranged; of the night that a budget ended, coverage knows which tasks came
        through."""
        table = VARIABLES.get(f"backhaul_{report}_table", report)
        nights = []
        for night, day in enumerate(self.truth.days):
            if night in NOT_RUN or self.is_refused(night, report, target):
                continue
            if night in CAPPED and report in ("backlinks", "refdomains"):
                continue
            if night in STOPPED:
                told = [
                    status
                    for when, name, of, parameters, status, _ in self.coverage
                    if (when, name, of) == (day, table, target) and json.loads(parameters).get("country") == country
                ]
                if told != ["complete"]:
                    continue
            nights.append(night)
        return nights

    def pairs(self, report: str, target: str, country: str | None = None) -> list[tuple[int, int]]:
        """Each complete night with the complete night before."""
        nights = self.complete(report, target, country)
        return list(zip(nights, nights[1:]))

    def test_the_nights_are_as_bad_as_arranged(self):
        stopped = [row for row in self.coverage if row[4] == "stopped"]
        self.assertTrue(stopped, "the budget ended a run")
        self.assertEqual({row[0] for row in stopped}, {self.truth.days[night] for night in STOPPED})
        self.assertEqual({row[0] for row in self.coverage if row[4] == "capped"}, {self.truth.days[night] for night in CAPPED})
        refused = sum(
            (len(TARGETS) if target is None else 1) * (len(COUNTRIES) if operation == KEYWORDS else 2 if operation == LINKS else 1)
            for tasks in REFUSED.values()
            for operation, target in tasks
        )
        self.assertEqual(sum(row[4] == "failed" for row in self.coverage), refused)
        self.assertEqual(len({row[0] for row in self.coverage}), NUM_NIGHTS - len(NOT_RUN))

    def expected_changes(self, report: str, found_by: str, things: dict) -> Counter:
        """What came and went."""
        days, expected = self.truth.days, Counter()
        for target in TARGETS:
            for before, night in self.pairs(report, target):
                old, new = things[before, target], things[night, target]
                for change, those in (("new", new - old), ("lost", old - new)):
                    expected.update((found_by, target, days[night], days[before], change, thing) for thing in those)
        return expected

    def test_backlinks_come_and_go_as_the_source_says(self):
        expected = self.expected_changes("backlinks", "snapshots", self.links)
        expected += self.expected_changes("link_changes", "changes", self.links)
        actual = Counter(
            (*row[:5], (*row[5:9], row[9].astimezone(datetime.timezone.utc).isoformat()))
            for row in self.query(
                "SELECT found_by, target, snapshot_date, previous_snapshot_date, change_type, url_from, url_to, anchor, "
                "link_type, first_seen_link FROM backhaul__backlink_changes"
            )
        )
        self.assertEqual(actual, expected)
        for found_by in ("snapshots", "changes"):
            for change in ("new", "lost"):
                self.assertGreater(sum(row[0] == found_by and row[4] == change for row in expected), 50)

    def test_a_missed_night_is_no_loss(self):
        # What a comparison with the night before, missing or not, would have made of the nights after a gap.
        lost = self.query("SELECT max(lost_links), max(new_links) FROM backhaul__backlink_changes_daily")
        self.assertLess(max(lost[0]), 40, "a night never loses or wins a third of 120 links")
        for day in (day for night, day in enumerate(self.truth.days) if night in NOT_RUN | CAPPED):
            told = self.query(f"SELECT count(*) FROM backhaul__backlink_changes WHERE snapshot_date = '{day}' AND found_by = 'snapshots'")
            self.assertEqual(told, [(0,)])

    def test_links_are_counted_every_complete_night(self):
        expected = set()
        for report, found_by in (("backlinks", "snapshots"), ("link_changes", "changes")):
            for target in TARGETS:
                nights = self.complete(report, target)
                for before, night in zip([None, *nights], nights):
                    old = self.links[before, target] if before is not None else set()
                    new = self.links[night, target]
                    counts = (0, 0) if before is None else (len(new - old), len(old - new))
                    previous = None if before is None else self.truth.days[before]
                    expected.add((found_by, target, self.truth.days[night], previous, len(new), *counts, counts[0] - counts[1]))
        actual = self.query(
            "SELECT found_by, target, snapshot_date, previous_snapshot_date, live_links, new_links, lost_links, net_links "
            "FROM backhaul__backlink_changes_daily"
        )
        self.assertEqual(set(actual), expected)
        self.assertEqual(len(actual), len(expected))

    def test_referring_domains_come_and_go_as_the_source_says(self):
        expected = self.expected_changes("refdomains", "snapshots", self.truth.refdomains)
        expected += self.expected_changes("link_changes", "changes", self.domains)
        actual = Counter(
            self.query(
                "SELECT found_by, target, snapshot_date, previous_snapshot_date, change_type, refdomain "
                "FROM backhaul__refdomain_changes"
            )
        )
        self.assertEqual(actual, expected)
        counts = {
            (found_by, target, self.truth.days[night]): len(things[night, target])
            for report, found_by, things in (
                ("refdomains", "snapshots", self.truth.refdomains), ("link_changes", "changes", self.domains),
            )
            for target in TARGETS
            for night in self.complete(report, target)
        }
        daily = self.query("SELECT found_by, target, snapshot_date, live_refdomains FROM backhaul__refdomain_changes_daily")
        self.assertEqual({row[:3]: row[3] for row in daily}, counts)

    def test_ratings_and_their_changes(self):
        days = self.truth.days
        rows = self.query(
            "SELECT target, snapshot_date, found_by, domain_rating, domain_rating_change, month_before_date, "
            "domain_rating_change_month FROM backhaul__domain_rating_trend ORDER BY target, snapshot_date"
        )
        measured = {(row[0], row[1]): row for row in rows}
        for target in TARGETS:
            for night in self.complete("domain_rating", target):
                row = measured[target, days[night]]
                self.assertEqual(row[2:4], ("snapshots", self.truth.ratings[night, target]))
            # A night without a measurement is filled from the history, and 60 days before the first one are there.
            self.assertEqual(measured[target, days[min(NOT_RUN)]][2], "history")
            mine = [row for row in rows if row[0] == target]
            self.assertEqual(mine[0][1], days[0] - datetime.timedelta(days=60))
            for before, row in zip(mine, mine[1:]):
                self.assertAlmostEqual(row[4], row[3] - before[3])
            for row in mine[30:]:
                then = max(day for _, day in measured if day <= row[1] - datetime.timedelta(days=30))
                self.assertEqual(row[5], then)
                self.assertAlmostEqual(row[6], row[3] - measured[target, then][3])

    def test_traffic_is_money_in_dollars(self):
        rows = self.query(
            "SELECT target, snapshot_date, organic_traffic, organic_keywords, organic_traffic_value_usd, paid_traffic_cost_usd "
            "FROM backhaul__traffic_trend WHERE found_by = 'snapshots'"
        )
        actual = {row[:2]: row[2:] for row in rows}
        expected = {}
        for target in TARGETS:
            for night in self.complete("metrics", target):
                told = self.truth.metrics[night, target]
                money = [None if told[name] is None else told[name] / 100 for name in ("org_cost", "paid_cost")]
                expected[target, self.truth.days[night]] = (told["org_traffic"], told["org_keywords"], *money)
        self.assertEqual(actual, expected)

    def keywords(self, night: int, target: str, country: str) -> dict[tuple, tuple]:
        """Position and visits of every keyword."""
        told = self.truth.keywords[night, target, country]
        return {(row["keyword"], row["language"]): (row["best_position"], row["sum_traffic"]) for row in told}

    def test_keywords_move_as_the_source_says(self):
        expected = Counter()
        for target in TARGETS:
            for country in COUNTRIES:
                for before, night in self.pairs("organic_keywords", target, country):
                    old, new = self.keywords(before, target, country), self.keywords(night, target, country)
                    for key in old.keys() | new.keys():
                        then, now = old.get(key), new.get(key)
                        if then is None:
                            movement = "new"
                        elif now is None:
                            movement = "lost"
                        elif then[0] == now[0]:
                            continue
                        else:
                            places = [1_000 if position is None else position for position in (then[0], now[0])]
                            movement = "improved" if places[1] < places[0] else "declined"
                        visits = ((now and now[1]) or 0) - ((then and then[1]) or 0)
                        expected[
                            target, country, self.truth.days[night], self.truth.days[before], *key, movement,
                            then and then[0], now and now[0], visits,
                        ] += 1
        actual = Counter(
            self.query(
                "SELECT target, country, snapshot_date, previous_snapshot_date, keyword, language, movement, previous_position, "
                "best_position, traffic_change FROM backhaul__keyword_movers"
            )
        )
        self.assertEqual(actual, expected)
        seen = Counter(row[6] for row in expected)
        self.assertGreater(min(seen[movement] for movement in ("new", "lost", "improved", "declined")), 10, seen)
        (night, (target, country)), = EMPTY.items()
        lost = [row for row in actual if row[:3] == (target, country, self.truth.days[night])]
        self.assertEqual({row[6] for row in lost}, {"lost"}, "a complete night without keywords has lost them all")
        self.assertGreater(len(lost), 30)

    def test_positions_add_up(self):
        expected = {}
        for target in TARGETS:
            for country in COUNTRIES:
                for night in self.complete("organic_keywords", target, country):
                    positions = [position for position, _ in self.keywords(night, target, country).values()]
                    bands = [(1, 3), (4, 10), (11, 20), (21, 50), (51, 100)]
                    counts = [sum(p is not None and low <= p <= high for p in positions) for low, high in bands]
                    beyond = sum(position is None or position > 100 for position in positions)
                    expected[target, country, self.truth.days[night]] = (len(positions), *counts, beyond)
        actual = self.query(
            "SELECT target, country, snapshot_date, keywords, position_1_3, position_4_10, position_11_20, position_21_50, "
            "position_51_100, position_beyond FROM backhaul__position_distribution"
        )
        self.assertEqual({row[:3]: row[3:] for row in actual}, expected)
        self.assertEqual(len(actual), len(expected))

    def test_share_of_voice_is_of_all_in_the_market(self):
        visits: dict[tuple, dict[int, int]] = defaultdict(dict)
        for target, (_, client, _) in TARGETS.items():
            for country in COUNTRIES:
                for night in self.complete("organic_keywords", target, country):
                    told = self.keywords(night, target, country).values()
                    visits[client, country, target][night] = sum(traffic or 0 for _, traffic in told)
        expected = {}
        for client in ("Acme", "Dune"):
            for country in COUNTRIES:
                mine = {target: nights for (of, where, target), nights in visits.items() if (of, where) == (client, country)}
                for night in {night for nights in mine.values() for night in nights}:
                    known = {
                        target: max((n for n in nights if night - CARRY_DAYS <= n <= night), default=None)
                        for target, nights in mine.items()
                    }
                    traffic = {target: mine[target][on] for target, on in known.items() if on is not None}
                    for target, own in traffic.items():
                        day, on = self.truth.days[night], self.truth.days[known[target]]
                        expected[client, country, day, target] = (on, on < day, own / sum(traffic.values()))
        rows = self.query(
            "SELECT market, country, snapshot_date, target, measured_on, is_carried, share_of_voice FROM backhaul__share_of_voice"
        )
        actual = {row[:4]: row[4:] for row in rows}
        self.assertEqual(actual.keys(), expected.keys())
        for key, (on, carried, share) in expected.items():
            self.assertEqual(actual[key][:2], (on, carried))
            self.assertAlmostEqual(actual[key][2], share)
        self.assertTrue(actual["Dune", "us", self.truth.days[-1], "cedar"][1], "the last night missed one, and has it still")
        totals: Counter = Counter()
        for key, (_, _, share) in actual.items():
            totals[key[:3]] += share
        self.assertTrue(all(abs(total - 1) < 1e-9 for total in totals.values()))

    def test_anchors_are_what_the_links_say(self):
        expected = {}
        for target in TARGETS:
            for night in self.complete("anchors", target):
                texts = self.truth.anchors[night, target]
                for anchor, links in texts.items():
                    share = links / sum(texts.values())
                    expected[target, self.truth.days[night], anchor] = (links, share)
        rows = self.query("SELECT target, snapshot_date, anchor, links, share_of_links, anchor_kind FROM backhaul__anchor_profile")
        self.assertEqual({row[:3] for row in rows}, expected.keys())
        for *key, links, share, kind in rows:
            self.assertEqual(links, expected[tuple(key)][0])
            self.assertAlmostEqual(share, expected[tuple(key)][1])
            target, _, anchor = key
            if not anchor.strip():
                self.assertEqual(kind, "empty")
            elif re.match(r"(?i)https?:|www\.", anchor) or TARGETS[target][0] in anchor.lower():
                self.assertEqual(kind, "url", anchor)
            else:
                self.assertEqual(kind, "brand" if target in anchor.lower() else "other", anchor)
        latest = self.query("SELECT DISTINCT target, snapshot_date FROM backhaul__anchor_profile WHERE is_latest")
        self.assertEqual(sorted(latest), [(target, self.truth.days[-1]) for target in sorted(TARGETS)])

    def test_units_are_those_of_the_runs(self):
        rows = self.query("SELECT snapshot_date, table_name, sum(units), sum(cost) FROM backhaul__units_spent GROUP BY ALL")
        actual = {row[:2]: row[2] for row in rows}
        expected = {(self.truth.days[night], report): units for (night, report), units in self.truth.units.items() if units}
        actual = {key: units for key, units in actual.items() if units}
        different = {key: (actual.get(key), expected.get(key)) for key in actual.keys() | expected.keys()}
        self.assertEqual({key: pair for key, pair in different.items() if pair[0] != pair[1]}, {})
        self.assertAlmostEqual(sum(row[3] for row in rows), sum(expected.values()) * 0.5 / 1000)

    def test_health_tells_what_is_missing(self):
        rows = self.query(
            "SELECT table_name, target, complete_nights, capped_nights, missed_nights, last_status, days_behind, is_stale "
            "FROM backhaul__export_health WHERE table_name IN ('links', 'link_changes')"
        )
        for table, target, complete, capped, missed, status, behind, stale in rows:
            report = "backlinks" if table == "links" else table
            self.assertEqual(complete, len(self.complete(report, target)))
            self.assertEqual(capped, len(CAPPED) if table == "links" else 0)
            self.assertEqual(missed, NUM_NIGHTS - len(NOT_RUN) - complete - capped)
            self.assertEqual((status, behind, stale), ("complete", 0, False))
        last = self.query(
            "SELECT last_status, days_behind FROM backhaul__export_health WHERE table_name = 'organic_keywords' AND target = 'cedar'"
        )
        self.assertEqual(last, [("failed", 1)] * len(COUNTRIES))

    def test_freshness_comes_from_coverage(self):
        # dbt compares with the machine's clock, the nights end at the date of all tests.
        age = int((datetime.datetime.now(datetime.timezone.utc) - dbt_nights.clock.now()).total_seconds() // 3600)
        limits = {"backhaul_freshness_warn_hours": age + 24, "backhaul_freshness_error_hours": age + 48}
        ended = dbt(self.folder, "source", "freshness", variables=self.variables | limits)
        self.assertEqual(ended.returncode, 0, ended.stdout)
        results = json.loads((self.folder / "target" / "sources.json").read_text(encoding="utf-8"))["results"]
        told = {row["unique_id"].rpartition(".")[2]: row for row in results}
        self.assertEqual(told.keys(), {"coverage", *OPERATIONS, "rating_history", "metrics_history"})
        self.assertEqual({row["status"] for row in results}, {"pass"})
        newest = max(row[0] for row in self.coverage if row[1] == "links" and row[4] == "complete")
        self.assertEqual(told["backlinks"]["max_loaded_at"][:10], newest.isoformat())
        late = self.variables | {"backhaul_freshness_warn_hours": 0, "backhaul_freshness_error_hours": 0}
        self.assertNotEqual(dbt(self.folder, "source", "freshness", variables=late).returncode, 0)

    def test_models_of_reports_that_are_not_exported_are_left_out(self):
        import duckdb

        with tempfile.TemporaryDirectory() as folder:
            enabled = {f"backhaul_{report}_enabled": False for report in [*OPERATIONS, "rating_history", "metrics_history"]}
            enabled["backhaul_backlinks_enabled"] = True
            variables = self.variables | enabled | {"backhaul_market_label": None, "backhaul_backlink_key": ["url_from", "url_to"]}
            built = dbt(Path(folder), "build", variables=variables)
            self.assertEqual(built.returncode, 0, built.stdout)
            results = json.loads((Path(folder) / "target" / "run_results.json").read_text(encoding="utf-8"))["results"]
            models = {row["unique_id"].split(".")[-1] for row in results if row["unique_id"].startswith("model.")}
            self.assertEqual({name for name in models if name.startswith("backhaul__")}, {
                "backhaul__targets", "backhaul__backlink_changes", "backhaul__backlink_changes_daily", "backhaul__units_spent",
                "backhaul__export_health",
            })
            # The package's own idea of a link: from page to page, whatever its text.
            pages = {key: {row[:2] for row in rows} for key, rows in self.links.items()}
            columns = "found_by, target, snapshot_date, previous_snapshot_date, change_type, url_from, url_to"
            with duckdb.connect(str(Path(folder) / "backhaul.duckdb"), read_only=True) as database:
                rows = database.execute(f"SELECT {columns} FROM backhaul__backlink_changes").fetchall()
            actual = Counter((*row[:5], row[5:]) for row in rows)
            self.assertEqual(actual, self.expected_changes("backlinks", "snapshots", pages))


@unittest.skipUnless(HAS_DBT and importlib.util.find_spec("sqlglot"), "dbt is not installed here: make dbt")
class Warehouses(unittest.TestCase):
    """The package compiles for other engines, without asking one, to SQL that parses as theirs."""

    # Credentials that open nothing: while compiling nobody is asked anything.
    PROFILES = """
backhaul:
  outputs:
    snowflake: {type: snowflake, account: none, user: none, password: none, database: analytics, schema: seo, warehouse: none}
    bigquery: {type: bigquery, method: oauth-secrets, token: none, project: analytics, dataset: seo}
    spark: {type: spark, method: session, host: none, schema: seo}
"""
    # What only DuckDB says.
    FOREIGN = ("read_parquet", "json_extract_string", "group by all", "qualify")

    def compiled(self, engine: str) -> dict[str, str]:
        """The SQL of the models, and of their tests."""
        if importlib.util.find_spec(f"dbt.adapters.{engine}") is None:
            self.skipTest(f"dbt-{engine} is not installed here: make dbt-warehouses")
        with tempfile.TemporaryDirectory() as folder:
            variables = VARIABLES | {"backhaul_introspect": False, "backhaul_schema": "raw"}
            # dbt-spark wants to see a client of Spark, which nothing here calls; the real ones are large or need a compiler.
            Path(folder, "pyspark.py").touch()
            ended = dbt(
                Path(folder), "compile", "--no-introspect", "--no-populate-cache", variables=variables, target=engine,
                profiles=self.PROFILES,
            )
            self.assertEqual(ended.returncode, 0, ended.stdout)
            models = Path(folder, "target", "compiled", "backhaul", "models").rglob("*.sql")
            return {path.stem: path.read_text(encoding="utf-8") for path in models}

    def check(self, engine: str, source: str, *, fragments: dict[str, str]):
        """Every model parses; sources and what engines say differently are as the engine has it."""
        import sqlglot

        models = self.compiled(engine)
        self.assertEqual({path.stem for path in (PROJECT / "models").rglob("*.sql")} - models.keys(), set())
        for name, sql in models.items():
            statements = sqlglot.parse(sql, dialect=engine, error_level=sqlglot.ErrorLevel.RAISE)
            self.assertEqual(len(statements), 1, name)
            for foreign in self.FOREIGN:
                self.assertNotIn(foreign, sql.lower(), name)
        self.assertIn(source, models["stg_backhaul__backlinks"])
        for name, fragment in fragments.items():
            self.assertIn(fragment, models[name])

    def test_snowflake(self):
        self.check("snowflake", "from analytics.raw.links", fragments={
            "stg_backhaul__coverage": '"ROWS" as num_rows',
            "stg_backhaul__targets": "get(try_parse_json(labels), 'client')",
        })

    def test_bigquery(self):
        self.check("bigquery", "from `analytics`.`raw`.`links`", fragments={
            "stg_backhaul__coverage": "`rows` as num_rows",
            "stg_backhaul__targets": "json_value(labels, '$.\"client\"')",
            "backhaul__domain_rating_trend": "date_trunc(days.snapshot_date, isoweek)",
        })

    def test_spark(self):
        self.check("spark", "from raw.links", fragments={
            "stg_backhaul__coverage": "`rows` as num_rows",
            "stg_backhaul__targets": "get_json_object(labels, '$.client')",
        })


if __name__ == "__main__":
    unittest.main()
