"""Rows: whether a destination holds exactly the reference's rows, seen through DuckDB as users see them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from ..workload import MOMENT_COLUMNS, Table


@dataclass
class RowCheck:
    """What a comparison found."""

    expected: int = 0
    lost: int = 0
    # Rows that are there too often, or that the reference does not have at all.
    duplicated: int = 0
    problems: list[str] = field(default_factory=list)

    def add(self, other: RowCheck) -> None:
        """Adds another table's."""
        self.expected += other.expected
        self.lost += other.lost
        self.duplicated += other.duplicated
        self.problems += other.problems


def quoted(path: Path) -> str:
    """A pattern of all files of a table as SQL text."""
    return "'" + str(path / "**" / "*.parquet").replace("'", "''") + "'"


def source(folders: list[Path]) -> str:
    """All rows of tables, their partition keys included; empty folders hold none."""
    patterns = ", ".join(quoted(folder) for folder in folders if any(folder.rglob("*.parquet")))
    return f"read_parquet([{patterns}], hive_partitioning = true)" if patterns else ""


def compare(table: Table, wanted: list[Path], got: Path, *, with_moments: bool = False) -> RowCheck:
    """Compares a table with the reference's (`wanted`, one destination a night), as bags of rows.

    All columns count but those that tell the moment of the export; with `with_moments` these too.
    """
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    left, right = source([folder / table.name for folder in wanted]), source([got / table.name])

    def number(query: str) -> int:
        row = connection.execute(query).fetchone()
        assert row is not None
        return int(row[0])

    expected = number(f"SELECT count(*) FROM {left}")
    if not right:
        return RowCheck(expected, expected, 0, [f"{table.name}: no data at all"])
    described = [connection.execute(f"DESCRIBE SELECT * FROM {side}").fetchall() for side in (left, right)]
    columns = [[(name, kind) for name, kind, *_ in side] for side in described]
    if columns[0] != columns[1]:
        return RowCheck(expected, expected, 0, [f"{table.name}: the columns are {columns[1]}, not {columns[0]}"])

    names = [name for name, _ in columns[0] if with_moments or name not in MOMENT_COLUMNS]
    selected = ", ".join(f'"{name}"' for name in names)
    rows = [f"(SELECT {selected} FROM {side})" for side in (left, right)]
    lost = number(f"SELECT count(*) FROM ({rows[0]} EXCEPT ALL {rows[1]})")
    duplicated = number(f"SELECT count(*) FROM ({rows[1]} EXCEPT ALL {rows[0]})")
    check = RowCheck(expected, lost, duplicated)
    if lost or duplicated:
        where = counts(connection, table, left, right)
        check.problems.append(f"{table.name}: {lost} rows lost, {duplicated} rows too many; {where}")
    return check


def counts(connection: duckdb.DuckDBPyConnection, table: Table, left: str, right: str) -> str:
    """Rows by night and task where two sides differ, as text."""
    keys = ", ".join(f'"{name}"' for name in ["_snapshot_date", *table.task_columns])
    sides = [connection.execute(f"SELECT {keys}, count(*) FROM {side} GROUP BY ALL").fetchall() for side in (left, right)]
    wanted, got = ({tuple(str(value) for value in row[:-1]): row[-1] for row in side} for side in sides)
    different = [key for key in sorted(wanted | got) if got.get(key) != wanted.get(key)]
    return "; ".join(f"{key}: {got.get(key, 0)} of {wanted.get(key, 0)}" for key in different) or "the counts are right, values differ"
