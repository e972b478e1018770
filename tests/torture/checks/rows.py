"""Rows: whether a destination holds exactly the reference's rows, seen through DuckDB as users see them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

import duckdb

from ..workload import HISTORIES, MOMENT_COLUMNS, Table


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
    # Of a history the last night's answer stands: what an earlier night was to fetch may come with it, under its date.
    is_overtaken = table.name in HISTORIES and len(wanted) > 1
    wanted = wanted[-1:] if is_overtaken else wanted
    with Sides([folder / table.name for folder in wanted], [got / table.name]) as sides:
        expected = sides.number(f"SELECT count(*) FROM {sides.wanted}")
        if not sides.got:
            return RowCheck(expected, expected, 0, [f"{table.name}: no data at all"])
        columns, others = sides.columns(sides.wanted), sides.columns(sides.got)
        if columns != others:
            return RowCheck(expected, expected, 0, [f"{table.name}: the columns are {others}, not {columns}"])
        ignored = {"_snapshot_date"} if is_overtaken else set()
        ignored |= set() if with_moments else set(MOMENT_COLUMNS)
        lost, duplicated = sides.differ([name for name, _ in columns if name not in ignored])
        check = RowCheck(expected, lost, duplicated)
        if lost or duplicated:
            where = sides.counts(["_snapshot_date", *table.task_columns])
            check.problems.append(f"{table.name}: {lost} rows lost, {duplicated} rows too many; {where}")
        return check


def compare_books(name: str, columns: tuple[str, ...], wanted: list[Path], got: Path) -> list[str]:
    """Holds some columns of a table that the program keeps about its own work to the reference's, as sets."""
    with Sides([folder / name for folder in wanted], [got / name]) as sides:
        if not sides.wanted:
            return []
        if not sides.got:
            return [f"the table `{name}` is missing"]
        if name == "coverage" and len(wanted) > 1:
            sides.leave_out(HISTORIES)
        lost, extra = sides.differ(list(columns), distinct=name == "targets")
        return [f"the table `{name}` is wrong: {lost} rows lost, {extra} too many"] if lost or extra else []


class Sides:
    """Two bags of rows, the reference's and another, as a reader sees them; empty text where there are no files."""

    def __init__(self, wanted: list[Path], got: list[Path]):
        self._connection = duckdb.connect()
        self._connection.execute("SET TimeZone = 'UTC'")
        self.wanted, self.got = source(wanted), source(got)

    def __enter__(self) -> Sides:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._connection.close()

    def leave_out(self, reports: tuple[str, ...]) -> None:
        """Leaves what is told of some reports out of both sides."""
        names = ", ".join(f"'{name}'" for name in reports)
        self.wanted, self.got = (f"(SELECT * FROM {side} WHERE report NOT IN ({names}))" for side in (self.wanted, self.got))

    def number(self, query: str) -> int:
        """The one number that a query gives."""
        row = self._connection.execute(query).fetchone()
        assert row is not None
        return int(row[0])

    def columns(self, side: str) -> list[tuple[str, str]]:
        """Names and types of one side's columns."""
        return [(name, kind) for name, kind, *_ in self._connection.execute(f"DESCRIBE SELECT * FROM {side}").fetchall()]

    def differ(self, names: list[str], *, distinct: bool = False) -> tuple[int, int]:
        """How many rows only the reference has, and how many only the other has, in some columns."""
        selected = ("DISTINCT " if distinct else "") + ", ".join(f'"{name}"' for name in names)
        wanted, got = (f"(SELECT {selected} FROM {side})" for side in (self.wanted, self.got))
        lost = self.number(f"SELECT count(*) FROM ({wanted} EXCEPT ALL {got})")
        return lost, self.number(f"SELECT count(*) FROM ({got} EXCEPT ALL {wanted})")

    def counts(self, names: list[str]) -> str:
        """Rows by some columns where the sides differ, as text."""
        keys = ", ".join(f'"{name}"' for name in names)
        queries = [f"SELECT {keys}, count(*) FROM {side} GROUP BY ALL" for side in (self.wanted, self.got)]
        counted = [self._connection.execute(query).fetchall() for query in queries]
        wanted, got = ({tuple(str(value) for value in row[:-1]): row[-1] for row in side} for side in counted)
        different = [key for key in sorted(wanted | got) if got.get(key) != wanted.get(key)]
        return "; ".join(f"{key}: {got.get(key, 0)} of {wanted.get(key, 0)}" for key in different) or "values differ"
