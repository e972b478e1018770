"""What is exported: several tables of every kind for several targets, and the configuration that says so."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import product

# Columns that tell when and by which run a row was exported: the only ones that an attack may change.
MOMENT_COLUMNS = ("_exported_at", "_run_id")
TARGETS = {"acme": "acme.example", "birch": "birch.example", "cedar": "cedar.example", "dune": "dune.example"}
# Plans cut answers silently. Small, so that a task is many answers and there is much to lose.
ROW_CAP = 500
# Tasks that the program has under way at a time: so many answers may be in flight when it is killed.
TASKS_AT_A_TIME = 4
# The day from which a history is exported: a Monday, since weeks are asked for as a whole.
SINCE = "2024-01-01"


@dataclass(frozen=True)
class Table:
    """A table of the output and what fills it."""

    name: str
    endpoint: str
    # Lines of the report's configuration.
    settings: tuple[str, ...] = ()
    # The API's parameters that those lines come to, for whoever asks the API itself.
    query: dict[str, str] = field(default_factory=dict)
    # Parameters that vary over the tasks, with their values: `_<name>` columns of the table.
    varying: dict[str, tuple[str, ...]] = field(default_factory=dict)
    # Whether it has as many rows per task as the sandbox is told to have.
    is_list: bool = True

    @property
    def task_columns(self) -> list[str]:
        """The columns that tell one task's rows from another's."""
        return ["_target", *(f"_{name}" for name in self.varying)]

    def tasks(self) -> Iterator[tuple[str, dict[str, str]]]:
        """Each target with each combination of what varies."""
        for target, *values in product(TARGETS, *self.varying.values()):
            yield target, dict(zip(self.varying, values, strict=True))


LIVE = {"history": "live"}
TABLES = (
    Table(
        "links",
        "site-explorer/all-backlinks",
        ('columns = ["standard"]', 'aggregation = "all"'),
        {**LIVE, "aggregation": "all"},
    ),
    Table(
        "links_grouped",
        "site-explorer/all-backlinks",
        ('columns = ["minimal"]', 'aggregation = "similar_links"'),
        {**LIVE, "aggregation": "similar_links"},
    ),
    Table("domains", "site-explorer/refdomains", (), LIVE),
    Table("anchors", "site-explorer/anchors", (), LIVE),
    Table("keywords", "site-explorer/organic-keywords", ('countries = ["us", "gb"]',), varying={"country": ("us", "gb")}),
    Table(
        "rating_history",
        "site-explorer/domain-rating-history",
        (f'since = "{SINCE}"', 'history_grouping = "weekly"'),
        {"date_from": SINCE, "history_grouping": "weekly"},
        is_list=False,
    ),
    Table("metrics", "site-explorer/metrics", (), is_list=False),
)


# Tables that lie by year and are replaced by day, not by night.
HISTORIES = ("rating_history",)

# What the program tells of its own work, and the columns that an attack must not change.
BOOKS = {
    "coverage": ("_snapshot_date", "report", "target", "parameters", "status", "rows", "duplicate_rows"),
    "targets": ("target", "url", "mode"),
}


def expected_rows_at_least(rows: int) -> int:
    """Rows of one export when each list has that many: grouped lists have fewer, so they do not count."""
    lists = [table for table in TABLES if table.is_list and "similar_links" not in table.query.values()]
    return rows * sum(len(list(table.tasks())) for table in lists)


def configuration(base_url: str, destination: str, tables: Iterable[Table] = TABLES) -> str:
    """The configuration of an export; `destination`: what stands in the section of that name."""
    parts = [
        f'[source]\napi_key = {{ env = "AHREFS_API_KEY" }}\nbase_url = "{base_url}"\n',
        "[source.limits]\nrequests_per_minute = 60_000\n",
        "[budget]\nper_run = 1_000_000_000\n",
        f"[destination]\n{destination}",
        *(f'[[target]]\nname = "{name}"\nurl = "{url}"\n' for name, url in TARGETS.items()),
    ]
    for table in tables:
        lines = [f'name = "{table.name}"', f'endpoint = "{table.endpoint}"', *table.settings]
        parts.append("[[report]]\n" + "\n".join(lines) + "\n")
    return "\n".join(parts)
