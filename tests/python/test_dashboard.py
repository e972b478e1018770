"""What the dashboard asks of an export, over folders made by hand: it needs DuckDB and pyarrow alone. Run by `make test`.

What people see of it is held by `dashboard_pages.py`, in a browser. Run by `make dashboard-test`.
"""

import json
import sys
import tempfile
import unittest
from datetime import date, datetime, timezone
from pathlib import Path

import pyarrow

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent.parent / "examples" / "dashboard")]

import queries  # noqa: E402
from dashboard_export import Fabric  # noqa: E402
from export import Export, ExportError  # noqa: E402
from formats import difference, figure  # noqa: E402
from queries import Scope  # noqa: E402

FIRST, SECOND, THIRD = date(2026, 11, 20), date(2026, 11, 21), date(2026, 11, 22)
TEXT, WHOLE, REAL = pyarrow.string(), pyarrow.int64(), pyarrow.float64()
DOMAIN = {"domain": TEXT, "links_to_target": WHOLE, "domain_rating": REAL}
KEYWORD = {"_country": TEXT, "keyword": TEXT, "best_position": WHOLE, "sum_traffic": WHOLE}


class Folder(unittest.TestCase):
    """A test with an export of its own."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.fabric = Fabric(Path(folder.name))
        self.scope = Scope(None, FIRST, THIRD)

    def open(self):
        """The export as it is now."""
        return Export(str(self.fabric.root))

    def domains(self, night, names, target="acme", status="complete"):
        """A night of a table of referring domains."""
        rows = [{"_target": target, "domain": name, "links_to_target": 1, "domain_rating": 50.0} for name in names]
        self.fabric.rows("linking", night, rows, DOMAIN)
        self.fabric.tell("linking", night, target, status)

    def changes(self, scope=None):
        """What came and went by the table of referring domains: night, change, number."""
        export = self.open()
        (links,) = queries.link_tables(export, "domains")
        rows = queries.changes(export, links, scope or self.scope).to_pylist()
        return [(row["night"], row["change"], row["number"]) for row in rows]

    def figure(self, measure, scope=None):
        """A measure's figure of all sites."""
        export, scope = self.open(), scope or self.scope
        found = queries.sources(export, measure, scope)
        return queries.figures(export, measure, found, scope, by_site=False).to_pylist()[0]


class Tables(Folder):
    """Which tables are found, whatever they are called."""

    def test_by_the_operation_on_record_else_by_columns(self):
        self.domains(FIRST, ["a.example"])
        self.fabric.rows("pages", FIRST, [{"_target": "acme", "url_from": "x", "url_to": "y"}], {"url_from": TEXT, "url_to": TEXT})
        self.fabric.document("tables/pages.json", {"endpoint": "site-explorer/broken-backlinks"})
        export = self.open()
        self.assertEqual(export.tables["linking"].endpoint, "site-explorer/refdomains")
        self.assertEqual(export.tables["pages"].endpoint, "site-explorer/broken-backlinks")

    def test_columns_that_came_later_are_read(self):
        self.domains(FIRST, ["a.example"])
        self.fabric.rows("linking", SECOND, [{"_target": "acme", "domain": "a.example", "extra": "x"}], {**DOMAIN, "extra": TEXT})
        self.assertTrue(self.open().tables["linking"].has("extra"))

    def test_a_table_on_record_without_a_file_is_passed_over(self):
        self.domains(FIRST, ["a.example"])
        self.fabric.document("tables/planned.json", {"endpoint": "site-explorer/anchors"})
        export = self.open()
        self.assertNotIn("planned", export.tables)
        self.assertEqual(export.warnings, [])

    def test_a_file_that_is_no_parquet_is_told(self):
        self.domains(FIRST, ["a.example"])
        broken = self.fabric.root / "broken" / "snapshot_date=2026-11-20" / "part.parquet"
        broken.parent.mkdir(parents=True)
        broken.write_text("nothing")
        export = self.open()
        self.assertIn("linking", export.tables)
        self.assertIn("`broken` cannot be read", export.warnings[0])

    def test_nothing_to_show_says_what_helps(self):
        with self.assertRaisesRegex(ExportError, "backhaul run"):
            self.open()
        with self.assertRaisesRegex(ExportError, "is no folder"):
            Export(str(self.fabric.root / "nowhere"))


class Nights(Folder):
    """Only complete nights are counted and compared."""

    def test_a_missing_night_is_no_loss(self):
        self.domains(FIRST, ["a", "b"])
        self.domains(THIRD, ["b", "c"])
        self.assertEqual(self.changes(), [(THIRD, "lost", 1), (THIRD, "new", 1)])

    def test_an_unfinished_or_capped_night_is_no_loss(self):
        for status in ("failed", "stopped", "deferred", "capped"):
            with self.subTest(status):
                self.fabric.told.clear()
                self.domains(FIRST, ["a", "b"])
                self.domains(SECOND, ["a"], status=status)
                self.domains(THIRD, ["a", "b"])
                self.assertEqual(self.changes(), [])
                shown = self.figure(queries.DOMAINS)
                self.assertEqual((shown["value"], shown["delta"], shown["day"]), (2.0, 0.0, THIRD))

    def test_a_complete_night_without_rows_lost_them_all(self):
        self.domains(FIRST, ["a", "b"])
        self.domains(SECOND, [])
        self.assertEqual(self.changes(), [(SECOND, "lost", 2)])
        self.assertEqual(self.figure(queries.DOMAINS)["value"], 0.0)

    def test_the_first_night_of_the_period_is_compared_with_the_one_before_it(self):
        self.domains(FIRST, ["a"])
        self.domains(SECOND, ["a", "b"])
        self.assertEqual(self.changes(Scope(None, SECOND, THIRD)), [(SECOND, "new", 1)])

    def test_what_goes_and_comes_back_counts_both_times(self):
        self.domains(FIRST, ["a"])
        self.domains(SECOND, [])
        self.domains(THIRD, ["a"])
        self.assertEqual(self.changes(), [(SECOND, "lost", 1), (THIRD, "new", 1)])

    def test_one_night_has_nothing_to_compare(self):
        self.domains(FIRST, ["a"])
        shown = self.figure(queries.DOMAINS)
        self.assertEqual((shown["value"], shown["delta"], shown["compared"]), (1.0, None, 0))
        export = self.open()
        self.assertEqual(queries.comparisons(export, queries.link_tables(export, "domains")[0], self.scope), 0)

    def test_lost_domains_are_named_with_what_was_known_of_them(self):
        self.domains(FIRST, ["a", "b"])
        self.domains(SECOND, ["b"])
        export = self.open()
        (links,) = queries.link_tables(export, "domains")
        (row,) = queries.changed_links(export, links, self.scope, "lost", 10).to_pylist()
        self.assertEqual((row["night"], row["site"], row["domain"], row["domain_rating"]), (SECOND, "acme", "a", 50.0))

    def test_without_coverage_nights_are_taken_as_they_lie(self):
        rows = [{"_target": "acme", "domain": name} for name in ("a", "b")]
        self.fabric.rows("linking", FIRST, rows, DOMAIN)
        self.fabric.rows("linking", SECOND, rows[:1], DOMAIN)
        self.assertEqual(self.changes(), [(SECOND, "lost", 1)])

    def test_sites_that_were_not_chosen_do_not_count(self):
        self.domains(FIRST, ["a", "b"])
        self.assertEqual(self.figure(queries.DOMAINS, Scope(("acme",), FIRST, THIRD))["value"], 2.0)
        export = self.open()
        self.assertEqual(queries.sources(export, queries.DOMAINS, Scope(("rival",), FIRST, THIRD)), [])


class Changes(Folder):
    """Tables that hold what came and went."""

    def test_what_two_nights_tell_counts_once(self):
        schema = {"_change": TEXT, "url_from": TEXT, "url_to": TEXT}

        def night(day, *changes):
            rows = [{"_target": "acme", "_change": change, "url_from": link, "url_to": "/"} for change, link in changes]
            self.fabric.rows("moves", day, rows, schema)
            self.fabric.tell("moves", day, "acme")

        night(FIRST, ("base", "a"), ("base", "b"))
        night(SECOND, ("new", "c"), ("lost", "a"))
        night(THIRD, ("new", "c"), ("lost", "a"), ("lost", "b"))
        export = self.open()
        (links,) = queries.link_tables(export, "links")
        rows = queries.changes(export, links, self.scope).to_pylist()
        seen = [(row["night"], row["change"], row["number"]) for row in rows]
        self.assertEqual(seen, [(SECOND, "lost", 1), (SECOND, "new", 1), (THIRD, "lost", 1)])
        lost = queries.changed_links(export, links, self.scope, "lost", 10).to_pylist()
        self.assertEqual([(row["night"], row["url_from"]) for row in lost], [(THIRD, "b"), (SECOND, "a")])
        # Changes are no list of what is there.
        self.assertEqual(queries.sources(export, queries.BACKLINKS, self.scope), [])


class Figures(Folder):
    """Values, their changes, and their trends."""

    def test_cents_are_shown_as_dollars(self):
        schema = {"org_traffic": WHOLE, "org_cost": WHOLE, "org_keywords": WHOLE, "paid_traffic": WHOLE}
        for night, cents in ((FIRST, 10_000), (SECOND, 12_345)):
            self.fabric.rows("worth", night, [{"_target": "acme", "org_cost": cents, "org_traffic": 7}], schema)
            self.fabric.tell("worth", night, "acme")
        shown = self.figure(queries.VALUE)
        self.assertEqual((shown["value"], round(shown["delta"], 2)), (123.45, 23.45))
        self.assertEqual(figure(shown["value"], "usd"), "$123")

    def test_countries_fetched_on_different_nights_are_added_up(self):
        schema = {"_country": TEXT, "org_traffic": WHOLE, "org_cost": WHOLE, "org_keywords": WHOLE, "paid_traffic": WHOLE}
        for night, country, traffic in ((FIRST, "us", 100), (SECOND, "gb", 10), (THIRD, "us", 90)):
            self.fabric.rows("worth", night, [{"_target": "acme", "_country": country, "org_traffic": traffic}], schema)
            self.fabric.tell("worth", night, "acme", parameters=f'{{"country":"{country}"}}')
        shown = self.figure(queries.TRAFFIC)
        # gb has one night: it counts in the value and not in the change.
        self.assertEqual((shown["value"], shown["delta"]), (100.0, -10.0))
        export = self.open()
        rows = queries.trend(export, queries.TRAFFIC, queries.sources(export, queries.TRAFFIC, self.scope), self.scope).to_pylist()
        self.assertEqual([row["value"] for row in rows], [100.0, 110.0, 100.0])

    def test_ratings_are_averaged_and_nulls_left_out(self):
        schema = {"domain_rating": REAL, "ahrefs_rank": WHOLE}
        rows = [{"_target": "a", "domain_rating": 40.0}, {"_target": "b", "domain_rating": 60.0}, {"_target": "c"}]
        self.fabric.rows("dr", FIRST, rows, schema)
        for target in "abc":
            self.fabric.tell("dr", FIRST, target)
        shown = self.figure(queries.RATING)
        self.assertEqual((shown["value"], shown["sites"]), (50.0, 2))

    def test_a_nightly_rating_comes_before_that_of_a_history(self):
        self.fabric.rows("dr", SECOND, [{"_target": "a", "domain_rating": 41.0}], {"domain_rating": REAL, "ahrefs_rank": WHOLE})
        history = {
            "_target": pyarrow.array(["a", "a"]), "_snapshot_date": pyarrow.array([SECOND, SECOND]),
            "date": pyarrow.array([FIRST, SECOND]), "domain_rating": pyarrow.array([39.0, 40.0]),
        }
        self.fabric.write("dr_history/period=2026", history)
        self.fabric.tell("dr", SECOND, "a")
        shown = self.figure(queries.RATING)
        self.assertEqual((shown["value"], shown["delta"]), (41.0, 2.0))

    def test_figures_are_written_alike(self):
        self.assertEqual(figure(None, "count"), "–")
        self.assertEqual(figure(71.25, "score"), "71.2")
        self.assertEqual(figure(999_999, "count"), "999,999")
        self.assertEqual(figure(1_234_567, "usd"), "$1.23M")
        self.assertEqual(difference(-1200, "usd"), "-$1,200")
        self.assertEqual(difference(0, "count"), "+0")


class Keywords(Folder):
    """Which keywords moved."""

    def night(self, day, positions, more=None):
        """A night of keywords in the US."""
        rows = [
            {"_target": "acme", "_country": "us", "keyword": keyword, "best_position": position, "sum_traffic": 5, **(more or {}).get(keyword, {})}
            for keyword, position in positions.items()
        ]
        self.fabric.rows("ranks", day, rows, KEYWORD | ({"best_position_prev": WHOLE} if more is not None else {}))
        self.fabric.tell("ranks", day, "acme", parameters='{"country":"us"}')

    def asked(self):
        """How many keywords moved how, by what they can be compared with."""
        export = self.open()
        (table,) = queries.keyword_tables(export)
        return {basis: queries.move_counts(export, table, basis, self.scope) for basis in queries.move_bases(export, table, self.scope)}

    def test_between_the_first_and_the_last_complete_night(self):
        self.night(FIRST, {"up": 9, "down": 1, "same": 4, "lost": 5})
        self.night(SECOND, {"up": 3})
        self.fabric.told.clear()
        self.fabric.tell("ranks", FIRST, "acme", parameters='{"country":"us"}')
        self.fabric.tell("ranks", SECOND, "acme", "failed", parameters='{"country":"us"}')
        self.night(THIRD, {"up": 2, "down": 8, "same": 4, "new": 6})
        self.assertEqual(self.asked(), {"nights": {"up": 1, "down": 1, "same": 1, "new": 1, "lost": 1}})
        export = self.open()
        (table,) = queries.keyword_tables(export)
        (row,) = queries.moved_keywords(export, table, "nights", self.scope, "down", 9).to_pylist()
        self.assertEqual((row["keyword"], row["before"], row["now"], row["gain"]), ("down", 1, 8, -7))

    def test_within_one_night_by_the_reports_own_comparison(self):
        self.night(FIRST, {"up": 2, "new": 4, "lost": None}, {"up": {"best_position_prev": 7}, "lost": {"best_position_prev": 3}})
        self.assertEqual(self.asked(), {"date_compared": {"up": 1, "new": 1, "lost": 1}})

    def test_one_night_without_a_comparison_has_no_basis(self):
        self.night(FIRST, {"a": 2}, {})
        self.assertEqual(self.asked(), {})

    def test_bands_take_each_sites_last_night(self):
        self.night(FIRST, {"a": 2, "b": 30})
        self.fabric.rows("ranks", SECOND, [{"_target": "rival", "_country": "us", "keyword": "a", "best_position": 3}], KEYWORD)
        self.fabric.tell("ranks", SECOND, "rival", parameters='{"country":"us"}')
        rows, name = queries.bands(self.open(), self.scope)
        numbers = {(row["day"], row["band"]): row["number"] for row in rows.to_pylist()}
        self.assertEqual(name, "ranks")
        self.assertEqual((numbers[FIRST, "1–3"], numbers[SECOND, "1–3"], numbers[SECOND, "21–50"]), (1, 2, 1))


class Health(Folder):
    """What is said of the data itself."""

    def test_who_is_behind_and_why(self):
        self.fabric.tell("linking", FIRST, "acme", finished_at=datetime(2026, 11, 20, 2, tzinfo=timezone.utc))
        self.fabric.tell("linking", SECOND, "acme", "failed", reason="the API said no", parameters="{}")
        self.fabric.tell("linking", SECOND, "rival", "capped", evidence='{"status":{"capped":"max_rows"}}', parameters='{"country":"us"}')
        export = self.open()
        (row,) = queries.freshness(export, self.scope).to_pylist()
        self.assertEqual((row["newest"], row["behind"], row["tasks"], row["sites"]), (FIRST, 1, 2, 2))
        rows = queries.shortfalls(export, self.scope, 10).to_pylist()
        self.assertEqual([(row["site"], row["reason"], row["parameters"]) for row in rows],
                         [("acme", "the API said no", ""), ("rival", "max_rows", "country us")])
        self.assertFalse(any(row["complete_since"] for row in rows))
        self.fabric.tell("linking", THIRD, "acme")
        rows = queries.shortfalls(self.open(), self.scope, 10).to_pylist()
        self.assertEqual([row["complete_since"] for row in rows], [True, False])
        shares = [row["share"] for row in queries.completeness(self.open(), self.scope).to_pylist()]
        self.assertEqual(shares, [1.0, 0.0, 1.0])

    def test_units_come_from_the_ledger_of_runs_that_ended_and_that_run(self):
        self.fabric.tell("linking", FIRST, "acme", units=999)
        self.assertEqual(queries.units(self.open(), self.scope)[0]["units"].to_pylist(), [999])
        entry = {"day": "2026-11-20", "report": "linking", "endpoint": "e", "target": "acme", "requests": 2, "units": 50}
        self.fabric.document("units/spent/20261120T020000Z-1.json", [entry, {**entry, "report": "", "target": "", "units": 5}])
        line = {"at": 1_795_312_800_000_000, "report": "linking", "endpoint": "e", "target": "acme", "requests": 1, "units": 7}
        self.fabric.document("units/spent/20261122T020000Z-2.jsonl", f"{json_line(line)}{json_line({**line, 'units': 0, 'units_unknown': 3})}torn")
        self.fabric.document("units/spent/20261120T020000Z-1.jsonl", json_line(line))
        rows, origin = queries.units(self.open(), self.scope)
        self.assertIn("ledger", origin)
        seen = [(row["day"], row["report"], row["units"]) for row in rows.to_pylist()]
        self.assertEqual(seen, [(FIRST, "(probes)", 5), (FIRST, "linking", 50), (THIRD, "linking", 10)])

    def test_the_months_budget_is_that_of_the_newest_run(self):
        self.fabric.tell("linking", FIRST, "acme")
        self.assertIsNone(queries.month_budget(self.open()))
        for run, left in (("20261120T020000Z-1", 900), ("20261121T020000Z-1", 800)):
            month = {"budget": "per_month", "limit": 1000, "left": left, "reset": "2026-12-01"}
            self.fabric.document(f"runs/{run}.json", {"run": run, "night": "2026-11-21", "month": month, "units": 3})
        self.fabric.document("runs/20261122T020000Z-1.json", {"run": "x", "night": "2026-11-22"})
        self.assertEqual(queries.month_budget(self.open()).left, 800)


class Rows(Folder):
    """A look into any table."""

    def test_by_night_site_and_text(self):
        self.domains(FIRST, ["a.example", "b.example"])
        self.domains(SECOND, ["a.example"])
        export = self.open()
        table = export.tables["linking"]
        self.assertEqual(queries.nights(export, table, self.scope), [SECOND, FIRST])

        def asked(night=None, contains="", sites=None, limit=9):
            wanted = queries.Rows(table, ("domain",), night, contains)
            rows, number = queries.rows(export, wanted, Scope(sites, FIRST, THIRD), limit)
            return rows["domain"].to_pylist(), number

        self.assertEqual(asked(night=SECOND), (["a.example"], 1))
        self.assertEqual(asked(contains="B.EX"), (["b.example"], 1))
        self.assertEqual(asked(sites=("rival",)), ([], 0))
        self.assertEqual(asked(limit=1)[1], 3)

    def test_clients_are_labels_else_the_sites_themselves(self):
        self.fabric.sites({"acme": {"client": "Acme Inc", "role": "own"}, "rival": {}})
        self.fabric.tell("linking", FIRST, "gone")
        rows = queries.sites(self.open()).to_pylist()
        self.assertEqual([(row["site"], row["client"], row["role"]) for row in rows],
                         [("acme", "Acme Inc", "own"), ("gone", "gone", None), ("rival", "rival", None)])


def json_line(value):
    """A line of a ledger that is being written."""
    return json.dumps(value) + "\n"


if __name__ == "__main__":
    unittest.main()
