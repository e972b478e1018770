"""Every question that the dashboard asks, as SQL over the export's tables. No page writes SQL of its own.

What holds everywhere: only nights that `coverage` calls complete are counted and compared, task by task, so that a missing
or unfinished night is never shown as a loss. Money is stored in US cents and leaves here in dollars.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

import pyarrow

from export import COVERAGE, TARGETS, Export, Table, quoted, text

Unit = Literal["score", "count", "usd"]
Change = Literal["new", "lost"]


@dataclass(frozen=True)
class Scope:
    """Which sites and which days are looked at."""

    # None: all of them, also what belongs to no site.
    sites: tuple[str, ...] | None
    start: date
    end: date

    @property
    def values(self) -> dict[str, Any]:
        """As parameters of a question."""
        return {"sites": None if self.sites is None else list(self.sites), "start": self.start, "end": self.end}


@dataclass(frozen=True)
class Measure:
    """A figure of a site that changes over time, and where it may be read, the best place first."""

    label: str
    unit: Unit
    # A rating cannot be added up over sites: it is averaged.
    is_mean: bool
    # Operations with the SQL of the value in one row; None where rows are counted.
    places: tuple[tuple[str, str | None], ...]
    # All places tell the same figure, so that one fills the gaps of another.
    is_same_everywhere: bool = False


@dataclass(frozen=True)
class Source:
    """A table that a measure is read from."""

    table: Table
    value: str | None


@dataclass(frozen=True)
class Links:
    """A table whose rows come and go, and what makes two rows of two nights the same."""

    table: Table
    identity: tuple[str, ...]
    label: str


RATING = Measure(
    "Domain Rating",
    "score",
    True,
    (
        ("site-explorer/domain-rating", "domain_rating"),
        ("batch-analysis/batch-analysis", "domain_rating"),
        ("site-explorer/domain-rating-history", "domain_rating"),
    ),
    is_same_everywhere=True,
)
DOMAINS = Measure(
    "Referring domains",
    "count",
    False,
    (
        ("site-explorer/refdomains-history", "refdomains"),
        ("site-explorer/backlinks-stats", "live_refdomains"),
        ("batch-analysis/batch-analysis", "refdomains"),
        ("site-explorer/refdomains", None),
    ),
)
BACKLINKS = Measure(
    "Backlinks",
    "count",
    False,
    (
        ("site-explorer/backlinks-stats", "live"),
        ("batch-analysis/batch-analysis", "backlinks"),
        ("site-explorer/all-backlinks", None),
    ),
)
TRAFFIC = Measure(
    "Organic traffic",
    "count",
    False,
    (
        ("site-explorer/metrics-history", "org_traffic"),
        ("site-explorer/metrics", "org_traffic"),
        ("batch-analysis/batch-analysis", "org_traffic"),
    ),
)
VALUE = Measure(
    "Traffic value",
    "usd",
    False,
    (
        ("site-explorer/metrics-history", "org_cost / 100.0"),
        ("site-explorer/metrics", "org_cost / 100.0"),
        ("batch-analysis/batch-analysis", "org_cost / 100.0"),
    ),
)
KEYWORDS = Measure(
    "Organic keywords",
    "count",
    False,
    (
        ("site-explorer/organic-keywords", None),
        ("site-explorer/metrics", "org_keywords"),
        ("batch-analysis/batch-analysis", "org_keywords"),
    ),
)
MEASURES = (RATING, DOMAINS, BACKLINKS, TRAFFIC, VALUE, KEYWORDS)

LINK_IDENTITY = ("url_from", "url_to", "anchor", "link_type", "first_seen_link")

# Bands of positions as people speak of them; the columns are those of `keywords-history`.
BANDS = (("1–3", "top3"), ("4–10", "top4_10"), ("11–20", "top11_20"), ("21–50", "top21_50"), ("51+", "top51_plus"))

SITE_OF_ROW = "($sites::VARCHAR[] IS NULL OR _target IN (SELECT unnest($sites::VARCHAR[])))"
SITE_OF_TASK = "($sites::VARCHAR[] IS NULL OR target IN (SELECT unnest($sites::VARCHAR[])))"


# ---- sites and days ----


def sites(export: Export) -> pyarrow.Table:
    """Every site with its client and role: the labels of the configuration, else its own name and no role."""
    parts = []
    if TARGETS in export.tables:
        parts.append(
            """SELECT target, url, nullif(labels ->> '$.client', '') AS client, nullif(labels ->> '$.role', '') AS role
            FROM targets"""
        )
    if COVERAGE in export.tables:
        parts.append("SELECT DISTINCT target, NULL, NULL, NULL FROM coverage")
    else:
        with_sites = [table for table in export.tables.values() if table.has("_target")]
        parts += [f"SELECT DISTINCT _target, NULL, NULL, NULL FROM {quoted(table.name)}" for table in with_sites]
    return export.ask(
        f"""SELECT target AS site, any_value(url) AS url, coalesce(any_value(client), target) AS client, any_value(role) AS role
        FROM ({" UNION ALL ".join(parts)}) AS known (target, url, client, role)
        WHERE target IS NOT NULL GROUP BY target ORDER BY client, site"""
    )


def extent(export: Export) -> tuple[date, date] | None:
    """The first and the last day that anything is known of."""
    parts = []
    if COVERAGE in export.tables:
        parts.append("SELECT min(_snapshot_date) AS first, max(_snapshot_date) AS last FROM coverage")
    for table in export.tables.values():
        if table.is_history and table.has("date"):
            parts.append(f"SELECT min(date), max(date) FROM {quoted(table.name)}")
        elif table.name not in (COVERAGE, TARGETS) and table.has("_snapshot_date") and COVERAGE not in export.tables:
            parts.append(f"SELECT min(_snapshot_date), max(_snapshot_date) FROM {quoted(table.name)}")
    if not parts:
        return None
    row = export.ask(f"SELECT min(first) AS first, max(last) AS last FROM ({' UNION ALL '.join(parts)}) AS days (first, last)")
    first, last = row["first"][0].as_py(), row["last"][0].as_py()
    return (first, last) if first and last else None


def newest_night(export: Export) -> date | None:
    """The last night that anything was tried on."""
    if COVERAGE not in export.tables:
        return None
    found: date | None = export.ask("SELECT max(_snapshot_date) AS night FROM coverage")["night"][0].as_py()
    return found


# ---- tasks and complete nights ----


def _task_of_row(table: Table) -> str:
    """What tells a row's task from others of its site, as text."""
    parts = [f"coalesce({quoted(name)}::VARCHAR, '')" for name in table.parameters]
    return f"concat_ws(' ', {', '.join(parts)})" if parts else "''"


def _task_of_coverage(table: Table) -> str:
    """The same in `coverage`, which keeps the parameters as JSON."""
    parts = [f"coalesce(parameters ->> {text('$.' + quoted(name.removeprefix('_')))}, '')" for name in table.parameters]
    return f"concat_ws(' ', {', '.join(parts)})" if parts else "''"


def _night(table: Table) -> str:
    """The column of the night: the folder's, which lets whole nights be passed over unread."""
    return "snapshot_date" if table.has("snapshot_date") else "_snapshot_date"


def _complete(export: Export, table: Table) -> str:
    """SQL of the nights on which each task of a table was complete: `target`, `task`, `night`."""
    if COVERAGE not in export.tables:
        return f"SELECT DISTINCT _target AS target, {_task_of_row(table)} AS task, {_night(table)} AS night FROM {quoted(table.name)}"
    return f"""SELECT DISTINCT target, {_task_of_coverage(table)} AS task, _snapshot_date AS night FROM coverage
        WHERE report = {text(table.name)} AND status = 'complete' AND target IS NOT NULL"""


def _is_live(table: Table) -> str:
    """SQL of whether a row of a list still exists: with a wider `history` the API also tells those that are gone."""
    return "last_seen IS NULL" if table.has("last_seen") else "true"


# ---- measures ----


def sources(export: Export, measure: Measure, scope: Scope) -> list[Source]:
    """The tables that a measure is read from: those that have rows for these sites and days."""
    found = []
    for endpoint, value in measure.places:
        for table in export.of(endpoint):
            if table.is_changes or (value and not table.has(value.split(" ")[0])):
                continue
            source = Source(table, value)
            if export.ask(f"SELECT 1 AS one FROM ({_series_of(export, source)}) LIMIT 1", scope.values).num_rows:
                found.append(source)
                if not measure.is_same_everywhere:
                    return found
    return found


def _series_of(export: Export, source: Source) -> str:
    """SQL of one table's values: `target`, `task`, `day`, `value`."""
    table, value = source.table, source.value
    name, task, night = quoted(table.name), _task_of_row(table), _night(table)
    if value and table.has("date"):
        return f"""SELECT _target AS target, {task} AS task, date AS day, {value} AS value FROM {name}
            WHERE date BETWEEN $start AND $end AND {SITE_OF_ROW} AND {value} IS NOT NULL"""
    if value:
        return f"""SELECT _target AS target, {task} AS task, {night} AS day, {value} AS value FROM {name}
            WHERE {night} BETWEEN $start AND $end AND {SITE_OF_ROW} AND {value} IS NOT NULL"""
    # From the nights, not from the rows: a complete night without rows counts 0.
    return f"""SELECT target, task, night AS day, coalesce(number, 0) AS value FROM ({_complete(export, table)})
        LEFT JOIN (
            SELECT _target AS target, {task} AS task, {night} AS night, count(*) AS number FROM {name}
            WHERE {night} BETWEEN $start AND $end AND {SITE_OF_ROW} AND {_is_live(table)} GROUP BY ALL
        ) USING (target, task, night)
        WHERE night BETWEEN $start AND $end AND {SITE_OF_TASK}"""


def _series(export: Export, found: Sequence[Source]) -> str:
    """SQL of a measure's values, one a site, task and day: that of the first table that has one."""
    parts = [f"SELECT *, {rank} AS rank FROM ({_series_of(export, source)})" for rank, source in enumerate(found)]
    return f"""SELECT target, task, day, arg_min(value, rank) AS value FROM ({" UNION ALL ".join(parts)}) GROUP BY ALL"""


def figures(export: Export, measure: Measure, found: Sequence[Source], scope: Scope, *, by_site: bool) -> pyarrow.Table:
    """The newest value and its difference to the first of the range, over tasks that have both; of all, or of each site.

    Columns: `site` (if by site), `value`, `delta` (null without a second day), `sites`, `compared` (sites with both), `since`, `day`.
    """
    function = "avg" if measure.is_mean else "sum"
    key = "target AS site," if by_site else ""
    return export.ask(
        f"""WITH series AS ({_series(export, found)}),
        ends AS (
            SELECT target, task, arg_max(value, day) AS newest, arg_min(value, day) AS oldest, min(day) AS since, max(day) AS until
            FROM series GROUP BY target, task
        )
        SELECT {key}
            {function}(newest)::DOUBLE AS value,
            ({function}(newest) FILTER (since < until) - {function}(oldest) FILTER (since < until))::DOUBLE AS delta,
            count(DISTINCT target) AS sites,
            count(DISTINCT target) FILTER (since < until) AS compared,
            min(since) FILTER (since < until) AS since,
            max(until) AS day
        FROM ends {"GROUP BY target ORDER BY target" if by_site else ""}""",
        scope.values,
    )


def trend(export: Export, measure: Measure, found: Sequence[Source], scope: Scope) -> pyarrow.Table:
    """A measure of each site by day: `site`, `day`, `value`. Where a site has several tasks (countries), each counts with its
    last known value, since they may be fetched on different nights."""
    function = "avg" if measure.is_mean else "sum"
    return export.ask(
        f"""WITH series AS ({_series(export, found)}),
        days AS (SELECT DISTINCT target, day FROM series),
        tasks AS (SELECT DISTINCT target, task FROM series),
        wanted AS (SELECT target, task, day FROM days JOIN tasks USING (target))
        SELECT wanted.target AS site, wanted.day, {function}(series.value)::DOUBLE AS value
        FROM wanted ASOF JOIN series
            ON wanted.target = series.target AND wanted.task = series.task AND wanted.day >= series.day
        GROUP BY ALL ORDER BY site, day""",
        scope.values,
    )


# ---- links ----


def link_tables(export: Export, count: Literal["domains", "links"]) -> list[Links]:
    """The tables that tell which referring domains, or which backlinks, come and go."""
    links = export.of("site-explorer/all-backlinks")
    if count == "links":
        found = [(table, tuple(name for name in LINK_IDENTITY if table.has(name))) for table in links]
        usable = [(table, identity) for table, identity in found if {"url_from", "url_to"} <= set(identity)]
        # What was fetched as changes tells losses best: with the day and the reason.
        usable.sort(key=lambda pair: not pair[0].is_changes)
        return [Links(table, identity, table.name) for table, identity in usable]
    domains = [Links(table, ("domain",), table.name) for table in export.of("site-explorer/refdomains") if table.has("domain")]
    through = [table for table in links if table.has("root_name_source") and not table.is_changes]
    return domains + [Links(table, ("root_name_source",), f"{table.name} (its domains)") for table in through]


def _events(export: Export, links: Links) -> str:
    """SQL of what came and went: `target`, `task`, `night`, `compared_with`, `change`, and the identity's columns."""
    table = links.table
    name, task, night = quoted(table.name), _task_of_row(table), _night(table)
    identity = ", ".join(quoted(column) for column in links.identity)
    if table.is_changes:
        # Nights overlap, so that nothing is missed: what two of them tell counts once, on the first.
        return f"""SELECT target, task, night, NULL::DATE AS compared_with, change, {identity} FROM (
                SELECT _target AS target, {task} AS task, min({night}) AS night, _change AS change, {identity}
                FROM {name} JOIN (
                    SELECT _target, {task} AS task_of_base, max({night}) AS base FROM {name} WHERE _change = 'base' GROUP BY ALL
                ) AS bases USING (_target)
                WHERE task_of_base = {task} AND {night} > base AND _change IN ('new', 'lost') AND {SITE_OF_ROW} GROUP BY ALL
            ) WHERE night BETWEEN $start AND $end"""
    return f"""WITH complete AS (FROM ({_complete(export, table)}) WHERE night <= $end AND {SITE_OF_TASK}),
        -- The last complete night before the range is what its first night is compared with.
        begin AS (SELECT target, task, coalesce(max(night) FILTER (night < $start), min(night)) AS begin FROM complete GROUP BY ALL),
        nights AS (
            SELECT target, task, night, row_number() OVER nights AS number, lag(night) OVER nights AS previous,
                lead(night) OVER nights AS following
            FROM complete JOIN begin USING (target, task) WHERE night >= begin
            WINDOW nights AS (PARTITION BY target, task ORDER BY night)
        ),
        rows AS (
            SELECT DISTINCT _target AS target, {task} AS task, {night} AS night, {identity} FROM {name}
            WHERE {night} <= $end AND {night} >= (SELECT min(begin) FROM begin) AND {SITE_OF_ROW} AND {_is_live(table)}
        ),
        seen AS (
            SELECT *, lag(number) OVER same AS before, lead(number) OVER same AS after
            FROM rows JOIN nights USING (target, task, night)
            WINDOW same AS (PARTITION BY target, task, {identity} ORDER BY number)
        )
        SELECT target, task, night, previous AS compared_with, 'new' AS change, {identity} FROM seen
        WHERE previous IS NOT NULL AND before IS DISTINCT FROM number - 1 AND night >= $start
        UNION ALL
        SELECT target, task, following, night, 'lost', {identity} FROM seen
        WHERE following IS NOT NULL AND after IS DISTINCT FROM number + 1 AND following >= $start"""


def comparisons(export: Export, links: Links, scope: Scope) -> int:
    """How many times a night of the range could be compared with an earlier complete one, over all tasks."""
    if links.table.is_changes:
        sql = f"SELECT count(DISTINCT {_night(links.table)}) AS number FROM {quoted(links.table.name)}"
        sql += f" WHERE _change <> 'base' AND {_night(links.table)} BETWEEN $start AND $end AND {SITE_OF_ROW}"
    else:
        sql = f"""SELECT count(*) AS number FROM (
                SELECT night, lag(night) OVER (PARTITION BY target, task ORDER BY night) AS previous
                FROM ({_complete(export, links.table)}) WHERE night <= $end AND {SITE_OF_TASK}
            ) WHERE previous IS NOT NULL AND night >= $start"""
    number: int = export.ask(sql, scope.values)["number"][0].as_py()
    return number


def changes(export: Export, links: Links, scope: Scope) -> pyarrow.Table:
    """What came and went: `night`, `site`, `change`, `number`."""
    return export.ask(
        f"""SELECT night, target AS site, change, count(*) AS number FROM ({_events(export, links)})
        GROUP BY ALL ORDER BY ALL""",
        scope.values,
    )


def changed_links(export: Export, links: Links, scope: Scope, change: Change, limit: int) -> pyarrow.Table:
    """The links themselves, the newest first and of a night the strongest first, with the columns that people judge them by."""
    table = links.table
    if links.identity == ("domain",):
        wanted = ["domain_rating", "links_to_target", "dofollow_links", "first_seen"]
    elif "url_from" in links.identity:
        wanted = ["domain_rating_source", "is_dofollow", "http_code", "lost_reason"]
    else:
        wanted = ["domain_rating_source"]
    details = [name for name in wanted if table.has(name)]
    # A lost link was last seen on the night before.
    night = "night" if table.is_changes or change == "new" else "compared_with"
    same = " AND ".join(f"rows.{quoted(name)} IS NOT DISTINCT FROM events.{quoted(name)}" for name in links.identity)
    of_change = f"AND rows._change = {text(change)}" if table.is_changes else ""
    values = "".join(f", any_value(rows.{quoted(name)}) AS {quoted(name)}" for name in details)
    if "domain_rating_source" in details and links.identity == ("root_name_source",):
        values = ", max(rows.domain_rating_source) AS domain_rating_source"
    strongest = next((name for name in details if name.startswith("domain_rating")), None)
    identity = ", ".join(f"events.{quoted(name)}" for name in links.identity)
    return export.ask(
        f"""SELECT events.night, events.target AS site, {identity}{values}
        FROM (SELECT * FROM ({_events(export, links)}) WHERE change = {text(change)}) AS events
        JOIN (SELECT *, {_task_of_row(table)} AS task_of_row FROM {quoted(table.name)}) AS rows
            ON rows._target = events.target AND rows.task_of_row = events.task AND rows.{_night(table)} = events.{night}
            AND {same} {of_change}
        GROUP BY events.night, events.target, events.task, {identity}
        ORDER BY events.night DESC{f", {strongest} DESC NULLS LAST" if strongest else ""} LIMIT {limit}""",
        scope.values,
    )


def first_seen(export: Export, links: Links, scope: Scope) -> pyarrow.Table:
    """When what each site's newest complete night holds was first seen: `month`, `site`, `number`, over two years."""
    table = links.table
    column = next((name for name in ("first_seen_link", "first_seen") if table.has(name)), None)
    if column is None or table.is_changes:
        return pyarrow.table({"month": [], "site": [], "number": []})
    one = ", ".join(quoted(name) for name in links.identity)
    return export.ask(
        f"""WITH newest AS (
            SELECT target, task, max(night) AS night FROM ({_complete(export, table)})
            WHERE night <= $end AND {SITE_OF_TASK} GROUP BY ALL
        ),
        born AS (
            SELECT target, min({column}) AS born
            FROM (SELECT *, _target AS target, {_task_of_row(table)} AS task, {_night(table)} AS night FROM {quoted(table.name)})
            JOIN newest USING (target, task, night) WHERE {_is_live(table)} GROUP BY target, task, {one}
        )
        SELECT date_trunc('month', born)::DATE AS month, target AS site, count(*) AS number FROM born
        WHERE born >= $end::DATE - INTERVAL 24 MONTH GROUP BY ALL ORDER BY ALL""",
        {"sites": scope.values["sites"], "end": scope.end},
    )


# ---- keywords ----


def keyword_tables(export: Export) -> list[Table]:
    """Tables of the keywords that sites rank for."""
    return [table for table in export.of("site-explorer/organic-keywords") if table.has("keyword", "best_position")]


def _ranks(table: Table) -> str:
    """SQL of each keyword's best position on each night: `target`, `task`, `night`, `keyword`, `country`, `position`…"""
    keyword = "coalesce(keyword, keyword_merged)" if table.has("keyword_merged") else "keyword"
    country = "keyword_country" if table.has("keyword_country") else _task_of_row(table)
    optional = {
        "traffic": "sum(sum_traffic)" if table.has("sum_traffic") else "NULL::BIGINT",
        "volume": "max(volume)" if table.has("volume") else "NULL::BIGINT",
        "url": "arg_min(best_position_url, best_position)" if table.has("best_position_url") else "NULL::VARCHAR",
    }
    columns = ", ".join(f"{value} AS {name}" for name, value in optional.items())
    previous = "min(best_position_prev)" if table.has("best_position_prev") else "NULL::BIGINT"
    return f"""SELECT _target AS target, {_task_of_row(table)} AS task, {_night(table)} AS night, {keyword} AS keyword,
            {country} AS country, min(best_position) AS position, {previous} AS position_before, {columns}
        FROM {quoted(table.name)} WHERE {SITE_OF_ROW} GROUP BY 1, 2, 3, 4, 5"""


Basis = Literal["nights", "date_compared"]
Move = Literal["up", "down", "new", "lost"]


def move_bases(export: Export, table: Table, scope: Scope) -> list[Basis]:
    """What positions can be compared with: an earlier complete night of the range, and the report's own comparison date
    (`date_compared`)."""
    nights = f"""SELECT 1 AS one FROM ({_complete(export, table)}) WHERE night BETWEEN $start AND $end AND {SITE_OF_TASK}
        GROUP BY target, task HAVING count(*) > 1 LIMIT 1"""
    found: list[Basis] = ["nights"] if export.ask(nights, scope.values).num_rows else []
    if table.has("best_position_prev"):
        compared = f"""SELECT 1 AS one FROM {quoted(table.name)} WHERE best_position_prev IS NOT NULL
            AND {_night(table)} BETWEEN $start AND $end AND {SITE_OF_ROW} LIMIT 1"""
        found += ["date_compared"] if export.ask(compared, scope.values).num_rows else []
    return found


def _moved(export: Export, table: Table, basis: Basis) -> str:
    """SQL of each keyword's two positions: `site`, `country`, `keyword`, `before`, `now`, `move`, `gain`, `traffic`, `volume`, `url`.
    By nights: on the first and the last complete night of the range, task by task."""
    ends = f"""SELECT target, task, min(night) AS first, max(night) AS last FROM ({_complete(export, table)})
        WHERE night BETWEEN $start AND $end AND {SITE_OF_TASK} GROUP BY target, task"""
    both = """SELECT target, country, keyword, earlier.position AS before, later.position AS now,
            coalesce(later.traffic, earlier.traffic) AS traffic, coalesce(later.volume, earlier.volume) AS volume,
            coalesce(later.url, earlier.url) AS url
        FROM (SELECT ranks.* FROM ranks JOIN ends USING (target, task) WHERE night = last AND first < last) AS later
        FULL JOIN (SELECT ranks.* FROM ranks JOIN ends USING (target, task) WHERE night = first AND first < last) AS earlier
            USING (target, task, country, keyword)"""
    if basis == "date_compared":
        both = """SELECT target, country, keyword, position_before AS before, position AS now, traffic, volume, url
            FROM ranks JOIN ends USING (target, task) WHERE night = last"""
    present = "position IS NOT NULL" if basis == "nights" else "(position IS NOT NULL OR position_before IS NOT NULL)"
    return f"""WITH ends AS ({ends}),
        ranks AS (FROM ({_ranks(table)}) WHERE {present} AND night BETWEEN $start AND $end),
        both_nights AS ({both})
        SELECT target AS site, country, keyword, before, now, before - now AS gain, traffic, volume, url,
            CASE WHEN before IS NULL THEN 'new' WHEN now IS NULL THEN 'lost' WHEN now < before THEN 'up'
                WHEN now > before THEN 'down' ELSE 'same' END AS move
        FROM both_nights"""


def move_counts(export: Export, table: Table, basis: Basis, scope: Scope) -> dict[str, int]:
    """How many keywords went up, went down, came, went, or stayed."""
    rows = export.ask(f"SELECT move, count(*) AS number FROM ({_moved(export, table, basis)}) GROUP BY move", scope.values)
    return dict(zip(rows["move"].to_pylist(), rows["number"].to_pylist(), strict=True))


def moved_keywords(export: Export, table: Table, basis: Basis, scope: Scope, move: Move, limit: int) -> pyarrow.Table:
    """The keywords that moved so, those that moved farthest first; those that came or went by traffic."""
    order = {"up": "gain DESC", "down": "gain", "new": "now", "lost": "before"}[move]
    order = f"{order}, traffic DESC NULLS LAST" if move in ("up", "down") else f"traffic DESC NULLS LAST, {order}"
    return export.ask(
        f"""SELECT site, country, keyword, before, now, gain, traffic, volume, url FROM ({_moved(export, table, basis)})
        WHERE move = {text(move)} ORDER BY {order}, keyword, site LIMIT {limit}""",
        scope.values,
    )


def top_keywords(export: Export, table: Table, scope: Scope, limit: int) -> pyarrow.Table:
    """What the newest complete night ranks for, by traffic."""
    return export.ask(
        f"""WITH newest AS (
            SELECT target, task, max(night) AS night FROM ({_complete(export, table)})
            WHERE night BETWEEN $start AND $end AND {SITE_OF_TASK} GROUP BY target, task
        )
        SELECT ranks.target AS site, country, keyword, position, traffic, volume, url
        FROM ({_ranks(table)}) AS ranks JOIN newest USING (target, task, night) WHERE position IS NOT NULL
        ORDER BY traffic DESC NULLS LAST, position, keyword LIMIT {limit}""",
        scope.values,
    )


def bands(export: Export, scope: Scope) -> tuple[pyarrow.Table, str] | None:
    """How many keywords stand in which band of positions: `day`, `band`, `number`, and the table's name. Each site counts with
    its last known night, since sites may be fetched on different ones."""
    for table in export.of("site-explorer/keywords-history"):
        known = [(band, column) for band, column in BANDS if table.has("date", column)]
        parts = [
            f"""SELECT _target AS target, {_task_of_row(table)} AS task, date AS day, {text(band)} AS band, {column} AS number
            FROM {quoted(table.name)} WHERE date BETWEEN $start AND $end AND {SITE_OF_ROW}"""
            for band, column in known
        ]
        if parts and (found := _carried(export, " UNION ALL ".join(parts), scope)).num_rows:
            return found, table.name
    for table in keyword_tables(export):
        band = "CASE WHEN position <= 3 THEN '1–3' WHEN position <= 10 THEN '4–10' WHEN position <= 20 THEN '11–20'"
        band += " WHEN position <= 50 THEN '21–50' ELSE '51+' END"
        listed = ", ".join(text(name) for name, _ in BANDS)
        sql = f"""SELECT target, task, night AS day, band, coalesce(number, 0) AS number
            FROM (SELECT *, unnest([{listed}]) AS band FROM ({_complete(export, table)}))
            LEFT JOIN (
                SELECT target, task, night, {band} AS band, count(*) AS number FROM ({_ranks(table)})
                WHERE position IS NOT NULL AND night BETWEEN $start AND $end GROUP BY ALL
            ) USING (target, task, night, band)
            WHERE night BETWEEN $start AND $end AND {SITE_OF_TASK}"""
        if (found := _carried(export, sql, scope)).num_rows:
            return found, table.name
    return None


def _carried(export: Export, sql: str, scope: Scope) -> pyarrow.Table:
    """Sums over tasks by `day` and `band`, each task with its last known number."""
    return export.ask(
        f"""WITH series AS ({sql}),
        days AS (SELECT DISTINCT day FROM series),
        tasks AS (SELECT DISTINCT target, task, band FROM series),
        wanted AS (SELECT * FROM days CROSS JOIN tasks)
        SELECT wanted.day, wanted.band, sum(series.number)::BIGINT AS number
        FROM wanted ASOF JOIN series ON wanted.target = series.target AND wanted.task = series.task
            AND wanted.band = series.band AND wanted.day >= series.day
        GROUP BY ALL ORDER BY ALL""",
        scope.values,
    )


# ---- data health ----


def freshness(export: Export, scope: Scope) -> pyarrow.Table:
    """Of each table: `report`, `newest` complete night, `stalest` (of its sites, the one whose newest complete night is oldest),
    `behind` (tasks that never were complete), `tasks`, `sites`, `finished_at`."""
    return export.ask(
        f"""WITH tasks AS (
            SELECT report, target, parameters, max(_snapshot_date) FILTER (status = 'complete') AS complete, max(finished_at) AS finished_at
            FROM coverage WHERE {SITE_OF_TASK} AND _snapshot_date <= $end GROUP BY ALL
        )
        SELECT report, max(complete) AS newest, min(complete) AS stalest, count(*) FILTER (complete IS NULL) AS behind,
            count(*) AS tasks, count(DISTINCT target) AS sites, max(finished_at) AS finished_at
        FROM tasks GROUP BY report ORDER BY report""",
        {"sites": scope.values["sites"], "end": scope.end},
    )


def freshness_of_sites(export: Export, scope: Scope) -> pyarrow.Table:
    """Of each site and table: `site`, `report`, `newest` complete night (null: never), stalest first."""
    return export.ask(
        f"""SELECT target AS site, report, max(_snapshot_date) FILTER (status = 'complete') AS newest,
            arg_max(status, _snapshot_date) AS last_status, max(_snapshot_date) AS last_tried
        FROM coverage WHERE {SITE_OF_TASK} AND _snapshot_date <= $end GROUP BY ALL
        ORDER BY newest NULLS FIRST, site, report""",
        {"sites": scope.values["sites"], "end": scope.end},
    )


def completeness(export: Export, scope: Scope) -> pyarrow.Table:
    """Tasks by night and table: `night`, `report`, `complete`, `capped`, `unfinished`, `tasks`, `share` complete."""
    return export.ask(
        f"""SELECT _snapshot_date AS night, report, count(*) FILTER (status = 'complete') AS complete,
            count(*) FILTER (status = 'capped') AS capped, count(*) FILTER (status NOT IN ('complete', 'capped')) AS unfinished,
            count(*) AS tasks, count(*) FILTER (status = 'complete') / count(*) AS share
        FROM coverage WHERE _snapshot_date BETWEEN $start AND $end AND {SITE_OF_TASK} GROUP BY ALL ORDER BY ALL""",
        scope.values,
    )


# `country us, device mobile` of the JSON in `coverage`.
PARAMETERS = """array_to_string(list_transform(json_keys(parameters),
    lambda name: name || ' ' || coalesce(json_extract_string(parameters, '$."' || name || '"'), '')), ', ')"""


def shortfalls(export: Export, scope: Scope, limit: int) -> pyarrow.Table:
    """Tasks of the range that are not complete, newest first, with why, and whether a later night made up for it."""
    return export.ask(
        f"""WITH complete AS (
            SELECT report, target, parameters, max(_snapshot_date) AS newest FROM coverage WHERE status = 'complete' GROUP BY ALL
        )
        SELECT _snapshot_date AS night, report, coverage.target AS site,
            {PARAMETERS} AS parameters,
            status, coalesce(reason, evidence ->> '$.status.capped') AS reason, rows, units,
            coalesce((SELECT bool_or(newest > _snapshot_date) FROM complete
                WHERE complete.report = coverage.report AND complete.target IS NOT DISTINCT FROM coverage.target
                    AND complete.parameters IS NOT DISTINCT FROM coverage.parameters), false) AS complete_since
        FROM coverage WHERE status <> 'complete' AND _snapshot_date BETWEEN $start AND $end AND {SITE_OF_TASK}
        ORDER BY night DESC, report, site, parameters LIMIT {limit}""",
        scope.values,
    )


def units(export: Export, scope: Scope) -> tuple[pyarrow.Table, str] | None:
    """Units by day and table, `day`, `report`, `units`, `requests`, and where that is known from: the ledger of requests, which also
    knows what brought no row, else `coverage`."""
    if spent := _ledger(export):
        sql = f"""SELECT day, coalesce(nullif(report, ''), '(probes)') AS report, sum(units)::BIGINT AS units,
                sum(requests)::BIGINT AS requests
            FROM (SELECT * REPLACE (nullif(target, '') AS target) FROM ({spent}))
            WHERE day BETWEEN $start AND $end AND {SITE_OF_TASK} GROUP BY ALL ORDER BY ALL"""
        return export.ask(sql, scope.values), "the ledger of requests"
    if COVERAGE not in export.tables:
        return None
    sql = f"""SELECT _snapshot_date AS day, report, coalesce(sum(units), 0)::BIGINT AS units,
            coalesce(sum(requests), 0)::BIGINT AS requests
        FROM coverage WHERE _snapshot_date BETWEEN $start AND $end AND {SITE_OF_TASK} GROUP BY ALL ORDER BY ALL"""
    return export.ask(sql, scope.values), "the table `coverage`"


def _ledger(export: Export) -> str | None:
    """SQL of what was spent, by `day`, `report` and `target`. Runs under way keep lines, runs that ended a list."""
    columns = "report: 'VARCHAR', target: 'VARCHAR', requests: 'BIGINT', units: 'BIGINT', units_unknown: 'BIGINT'"
    folder = f"{export.root}/_backhaul/units/spent"
    spent = "coalesce(units, 0) + coalesce(units_unknown, 0) AS units, coalesce(requests, 0) AS requests"
    parts = []
    if export.files(f"{folder}/*.json"):
        parts.append(
            f"""SELECT day::DATE AS day, report, target, {spent} FROM read_json({text(folder + "/*.json")}, format = 'array',
            ignore_errors = true, columns = {{day: 'VARCHAR', {columns}}})"""
        )
    if export.files(f"{folder}/*.jsonl"):
        parts.append(
            f"""SELECT make_timestamp("at")::DATE AS day, report, target, {spent}
            FROM read_json({text(folder + "/*.jsonl")}, format = 'newline_delimited', filename = true, ignore_errors = true,
            columns = {{"at": 'BIGINT', {columns}}})
            WHERE replace(filename, '.jsonl', '.json') NOT IN (SELECT file FROM glob({text(folder + "/*.json")}))"""
        )
    return " UNION ALL ".join(parts) or None


@dataclass(frozen=True)
class MonthBudget:
    """What the newest run that keeps a budget of the month said of it."""

    name: str
    limit: int
    left: int
    reset: str
    night: str


def month_budget(export: Export) -> MonthBudget | None:
    """The month's budget as the newest run left it; none where no run keeps one."""
    folder = f"{export.root}/_backhaul/runs"
    if not export.files(f"{folder}/*.json"):
        return None
    found = export.ask(
        f"""SELECT month.budget AS name, month."limit" AS "limit", month."left" AS "left", month.reset AS reset, night
        FROM read_json({text(folder + "/*.json")}, format = 'auto', ignore_errors = true, filename = true,
            columns = {{night: 'VARCHAR', month: 'STRUCT(budget VARCHAR, "limit" BIGINT, "left" BIGINT, reset VARCHAR)'}})
        WHERE month IS NOT NULL ORDER BY filename DESC LIMIT 1"""
    ).to_pylist()
    return MonthBudget(**found[0]) if found else None


# ---- any table ----


@dataclass(frozen=True)
class Rows:
    """A look into a table."""

    table: Table
    columns: tuple[str, ...]
    # Only this night; None: all of the range, or of a table without nights.
    night: date | None
    # Only rows in which some column contains this.
    contains: str


def nights(export: Export, table: Table, scope: Scope) -> list[date]:
    """The nights of the range that a table has rows of, the newest first."""
    if not table.has("_snapshot_date") or table.is_history:
        return []
    rows = export.ask(
        f"""SELECT DISTINCT {_night(table)} AS night FROM {quoted(table.name)}
        WHERE {_night(table)} BETWEEN $start AND $end ORDER BY night DESC""",
        {"start": scope.start, "end": scope.end},
    )
    return [night for night in rows["night"].to_pylist() if night]


def rows(export: Export, wanted: Rows, scope: Scope, limit: int) -> tuple[pyarrow.Table, int]:
    """Rows of a table, at most so many, and how many there are."""
    table = wanted.table
    conditions = []
    values: dict[str, Any] = {}
    site = next((name for name in ("_target", "target") if table.has(name)), None)
    if site and scope.sites is not None:
        conditions.append(f"{site} IN (SELECT unnest($sites::VARCHAR[]))")
        values["sites"] = list(scope.sites)
    day = "date" if table.is_history and table.has("date") else _night(table)
    if wanted.night and table.has(day):
        conditions.append(f"{day} = $night")
        values["night"] = wanted.night
    elif table.has(day):
        conditions.append(f"{day} BETWEEN $start AND $end")
        values |= {"start": scope.start, "end": scope.end}
    if wanted.contains:
        conditions.append("contains(lower(concat_ws(' ', COLUMNS(*))), lower($contains))".replace("COLUMNS(*)", "*COLUMNS(*)"))
        values["contains"] = wanted.contains
    where = f"WHERE {' AND '.join(conditions)}" if conditions else ""
    chosen = ", ".join(quoted(name) for name in wanted.columns)
    number: int = export.ask(f"SELECT count(*) AS number FROM {quoted(table.name)} {where}", values)["number"][0].as_py()
    return export.ask(f"SELECT {chosen} FROM {quoted(table.name)} {where} LIMIT {limit}", values), number
