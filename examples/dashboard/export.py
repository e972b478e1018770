"""Opens an output folder of backhaul: which tables lie in it, what each holds, and how to ask it.

Tables are known by their operation, which `_backhaul/tables/<table>.json` names; where that is missing, by their columns.
Names are the user's own. Nothing is written, and nothing but the folder is read.
"""

from __future__ import annotations

import json
import os
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import duckdb
import pyarrow

# Tables that backhaul writes about its own work.
COVERAGE = "coverage"
TARGETS = "targets"

# Pages ask the same questions again with every click. An answer is a few hundred rows.
ANSWERS_KEPT = 300

# Columns of every table that are no parameter of a task.
OWN_COLUMNS = frozenset({"_target", "_snapshot_date", "_exported_at", "_run_id", "_change"})

# The operations that pages ask for, and the columns that give each away, most telling first.
SIGNATURES: tuple[tuple[str, frozenset[str]], ...] = (
    ("site-explorer/domain-rating-history", frozenset({"date", "domain_rating"})),
    ("site-explorer/metrics-history", frozenset({"date", "org_traffic"})),
    ("site-explorer/refdomains-history", frozenset({"date", "refdomains"})),
    ("site-explorer/all-backlinks", frozenset({"url_from", "url_to"})),
    ("site-explorer/refdomains", frozenset({"domain", "links_to_target"})),
    ("site-explorer/organic-keywords", frozenset({"best_position", "keyword_merged"})),
    ("site-explorer/organic-keywords", frozenset({"best_position", "keyword"})),
    ("site-explorer/backlinks-stats", frozenset({"live", "live_refdomains"})),
    ("batch-analysis/batch-analysis", frozenset({"index", "domain_rating"})),
    ("site-explorer/metrics", frozenset({"org_traffic", "org_keywords", "paid_traffic"})),
    ("site-explorer/domain-rating", frozenset({"ahrefs_rank", "domain_rating"})),
)


class ExportError(Exception):
    """The folder cannot be shown; the text says why and what helps."""


@dataclass(frozen=True)
class Table:
    """One table of the export."""

    name: str
    endpoint: str
    columns: tuple[str, ...]

    @property
    def parameters(self) -> tuple[str, ...]:
        """Columns that, beside the site, tell one task's rows from another's."""
        return tuple(name for name in self.columns if name.startswith("_") and name not in OWN_COLUMNS)

    @property
    def is_history(self) -> bool:
        """Whether it is laid out by year, one row a date, instead of by night."""
        return "period" in self.columns

    @property
    def is_changes(self) -> bool:
        """Whether it holds what came and went instead of everything each night."""
        return "_change" in self.columns

    def has(self, *columns: str) -> bool:
        """Whether it has all of these columns."""
        return set(columns) <= set(self.columns)


def quoted(name: str) -> str:
    """A name as SQL writes it."""
    return '"' + name.replace('"', '""') + '"'


def text(value: str) -> str:
    """A string as SQL writes it."""
    return "'" + value.replace("'", "''") + "'"


@dataclass
class Export:
    """An output folder, open for questions."""

    root: str
    tables: dict[str, Table] = field(default_factory=dict)
    # What is wrong with the folder and does not keep the rest from being shown.
    warnings: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.root = self.root.removeprefix("file://").rstrip("/") or "/"
        # Nothing is fetched from anywhere but what s3:// needs.
        self._connection = duckdb.connect(config={"autoinstall_known_extensions": False})
        self._connection.execute("SET GLOBAL TimeZone = 'UTC'")
        self._lock = threading.Lock()
        self._answers: OrderedDict[tuple[str, str], pyarrow.Table] = OrderedDict()
        if self.root.startswith("s3://"):
            _open_s3(self._connection)
        elif not os.path.isdir(self.root):
            raise ExportError(f"{self.root} is no folder. Give the folder that backhaul writes to: its `destination`.")
        self._discover()

    def ask(self, sql: str, values: Mapping[str, Any] | None = None) -> pyarrow.Table:
        """Rows of a question, with those of the named values that it mentions; the last answers are kept."""
        used = {name: value for name, value in (values or {}).items() if f"${name}" in sql}
        key = (sql, repr(used))
        with self._lock:
            if key in self._answers:
                self._answers.move_to_end(key)
                return self._answers[key]
            cursor = self._connection.cursor()
        try:
            answer = _asked(cursor, sql, used)
        finally:
            cursor.close()
        with self._lock:
            self._answers[key] = answer
            while len(self._answers) > ANSWERS_KEPT:
                self._answers.popitem(last=False)
        return answer

    def of(self, *endpoints: str) -> list[Table]:
        """Tables of these operations, in the order of the operations and their names."""
        return [table for name in endpoints for table in self.tables.values() if table.endpoint == name]

    def _discover(self) -> None:
        records = self._records()
        names = sorted(set(records) | self._folders())
        for name in names:
            # The record knows which partition holds no rows yet; a table without a file has no columns to show.
            files = f"{self.root}/{name}/**/*.parquet"
            source = f"read_parquet({text(files)}, union_by_name = true, hive_partitioning = true)"
            try:
                self._connection.execute(f"CREATE OR REPLACE VIEW {quoted(name)} AS SELECT * FROM {source}")
                described = self._connection.execute(f"DESCRIBE {quoted(name)}").fetchall()
            except duckdb.Error as error:
                if self.files(files):
                    self.warnings.append(f"`{name}` cannot be read: {str(error).splitlines()[0]}")
                continue
            columns = tuple(str(row[0]) for row in described)
            endpoint = records.get(name, "") or _endpoint_of(columns)
            self.tables[name] = Table(name, endpoint, columns)
        if not self.tables:
            raise ExportError(f"{self.root} holds no tables. Run `backhaul run` (or `backhaul demo`) first.")

    def files(self, pattern: str) -> list[str]:
        """Files whose path matches."""
        return [str(row[0]) for row in self._connection.execute("SELECT file FROM glob(?)", [pattern]).fetchall()]

    def _folders(self) -> set[str]:
        depth = len(self.root) + 1
        files = self.files(f"{self.root}/*/*.parquet") + self.files(f"{self.root}/*/*/*.parquet")
        return {file[depth:].split("/")[0] for file in files if not file[depth:].startswith(("_", "."))}

    def _records(self) -> dict[str, str]:
        """The operation of each table, as backhaul recorded it."""
        pattern = f"{self.root}/_backhaul/tables/*.json"
        if not self.files(pattern):
            return {}
        found = self._connection.execute("SELECT filename, content FROM read_text(?)", [pattern]).fetchall()
        endpoints = {}
        for path, content in found:
            name = str(path).rsplit("/", 1)[-1].removesuffix(".json")
            try:
                endpoints[name] = str(json.loads(content).get("endpoint") or "")
            except (ValueError, AttributeError):
                self.warnings.append(f"the record of `{name}` under _backhaul/tables cannot be read")
        return endpoints


def _asked(cursor: duckdb.DuckDBPyConnection, sql: str, values: dict[str, Any]) -> pyarrow.Table:
    try:
        return cursor.sql(sql, params=values).to_arrow_table()
    except (duckdb.IOException, duckdb.HTTPException):
        # A night was replaced between listing its files and reading them.
        return cursor.sql(sql, params=values).to_arrow_table()


def _endpoint_of(columns: Sequence[str]) -> str:
    known = set(columns)
    return next((endpoint for endpoint, telling in SIGNATURES if telling <= known), "")


def _open_s3(connection: duckdb.DuckDBPyConnection) -> None:
    try:
        connection.execute("INSTALL httpfs; LOAD httpfs;")
    except duckdb.Error as error:
        raise ExportError(f"s3:// needs DuckDB's extension httpfs, which cannot be loaded: {error}") from error
    options = ["TYPE s3"]
    # The names that AWS's own tools use; without a key in the environment, whatever chain they would follow.
    named = {"KEY_ID": "AWS_ACCESS_KEY_ID", "SECRET": "AWS_SECRET_ACCESS_KEY", "SESSION_TOKEN": "AWS_SESSION_TOKEN"}
    if os.environ.get("AWS_ACCESS_KEY_ID"):
        options += [f"{option} {text(os.environ[name])}" for option, name in named.items() if os.environ.get(name)]
    else:
        try:
            connection.execute("INSTALL aws; LOAD aws;")
        except duckdb.Error as error:
            raise ExportError(f"set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY: {error}") from error
        options.append("PROVIDER credential_chain")
    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    if region:
        options.append(f"REGION {text(region)}")
    endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
    if endpoint:
        scheme, _, host = endpoint.rpartition("://")
        options += [f"ENDPOINT {text(host.rstrip('/'))}", "URL_STYLE 'path'", f"USE_SSL {str(scheme != 'http').lower()}"]
    connection.execute(f"CREATE OR REPLACE SECRET ({', '.join(options)})")
