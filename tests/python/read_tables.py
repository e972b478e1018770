#!/usr/bin/env python3
"""Reads every table of a destination as its users do, with DuckDB and with pyarrow, and prints what they see as JSON.

    read_tables.py FOLDER [--table NAME]... [--rows]

Output:
    {"duckdb": {TABLE: SEEN}, "pyarrow": {TABLE: SEEN}}
    SEEN = {"rows": N, "columns": [[NAME, TYPE], ...], "partitions": {"snapshot_date=2026-11-23": N, ...}}
With --rows each SEEN also has "values": every row as a list in the order of "columns", sorted by their JSON text.

A table is a folder of FOLDER that does not start with `_` and holds at least one *.parquet. A table that one reader refuses
has {"error": TEXT} instead, and the exit status is 1. Hive keys are part of the columns.
"""

import argparse
import json
import sys
from pathlib import Path

import duckdb
import pyarrow
import pyarrow.dataset


def tables(folder: Path) -> dict[str, list[Path]]:
    """The data files of each table."""
    found = {}
    for entry in sorted(folder.iterdir()):
        if entry.is_dir() and not entry.name.startswith("_"):
            files = sorted(entry.rglob("*.parquet"))
            if files:
                found[entry.name] = files
    return found


def hive_keys(table: Path, files: list[Path]) -> list[str]:
    """The partition keys in the order of the path, outermost first. They must be the same for every file."""
    keys = {tuple(part.split("=", 1)[0] for part in file.relative_to(table).parts[:-1] if "=" in part) for file in files}
    if len(keys) != 1:
        raise ValueError(f"files of {table.name} lie under different partition keys: {sorted(keys)}")
    return list(keys.pop())


def plain(value: object) -> object:
    """A value as JSON can carry it; dates, times and others as text."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, dict):
        return {str(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(inner) for inner in value]
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def ordered(rows: list[list[object]]) -> list[list[object]]:
    """Rows in an order that does not depend on the reader."""
    return sorted(rows, key=lambda row: json.dumps(row, ensure_ascii=False))


def with_duckdb(table: Path, files: list[Path], with_rows: bool) -> dict:
    """What DuckDB sees."""
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    source = "read_parquet(?, hive_partitioning = true)"
    pattern = [str(table / "**" / "*.parquet")]
    columns = [[row[0], row[1]] for row in connection.execute(f"DESCRIBE SELECT * FROM {source}", pattern).fetchall()]
    keys = hive_keys(table, files)
    seen = {
        "rows": connection.execute(f"SELECT count(*) FROM {source}", pattern).fetchone()[0],
        "columns": columns,
        "partitions": {},
    }
    if keys:
        names = ", ".join(f'"{key}"' for key in keys)
        groups = connection.execute(f"SELECT {names}, count(*) FROM {source} GROUP BY ALL", pattern).fetchall()
        labelled = ("/".join(f"{key}={value}" for key, value in zip(keys, group)) for group in groups)
        seen["partitions"] = dict(sorted(zip(labelled, (group[-1] for group in groups))))
    if with_rows:
        seen["values"] = ordered([[plain(value) for value in row] for row in connection.execute(f"SELECT * FROM {source}", pattern).fetchall()])
    return seen


def with_pyarrow(table: Path, files: list[Path], with_rows: bool) -> dict:
    """What pyarrow sees. Every file's own schema must agree with the first one's, since readers take the first."""
    keys = hive_keys(table, files)
    # The keys as text: pyarrow's own guess would read a date as text and a year as a number.
    partitioning = pyarrow.dataset.partitioning(pyarrow.schema([(key, pyarrow.string()) for key in keys]), flavor="hive")
    data = pyarrow.dataset.dataset(table, format="parquet", partitioning=partitioning, exclude_invalid_files=False)
    seen = {
        "rows": data.count_rows(),
        "columns": [[field.name, str(field.type)] for field in data.schema],
        "partitions": {},
    }
    for fragment in data.get_fragments():
        held = pyarrow.dataset.get_partition_keys(fragment.partition_expression)
        label = "/".join(f"{key}={held[key]}" for key in keys)
        if label:
            seen["partitions"][label] = seen["partitions"].get(label, 0) + fragment.count_rows()
        own = fragment.physical_schema
        for field in own:
            if data.schema.field(field.name).type != field.type:
                raise ValueError(f"{fragment.path}: {field.name} is {field.type}, elsewhere {data.schema.field(field.name).type}")
    seen["partitions"] = dict(sorted(seen["partitions"].items()))
    if with_rows:
        seen["values"] = ordered([[plain(value) for value in row.values()] for row in data.to_table().to_pylist()])
    return seen


def main() -> int:
    """Prints what both readers see."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("folder", type=Path)
    arguments.add_argument("--table", action="append", default=[], help="only this table; may be repeated")
    arguments.add_argument("--rows", action="store_true", help="also print every row")
    options = arguments.parse_args()
    if not options.folder.is_dir():
        print(f"{options.folder} is no folder", file=sys.stderr)
        return 2

    found = tables(options.folder)
    missing = [name for name in options.table if name not in found]
    if missing:
        print(f"no such table: {', '.join(missing)}; there are: {', '.join(found) or 'none'}", file=sys.stderr)
        return 2
    result = {"duckdb": {}, "pyarrow": {}}
    refused = False
    for name, files in found.items():
        if options.table and name not in options.table:
            continue
        for reader, read in (("duckdb", with_duckdb), ("pyarrow", with_pyarrow)):
            try:
                result[reader][name] = read(options.folder / name, files, options.rows)
            except (duckdb.Error, pyarrow.ArrowException, ValueError, KeyError, OSError) as error:
                result[reader][name] = {"error": str(error)}
                refused = True
    json.dump(result, sys.stdout, ensure_ascii=False, indent=1)
    print()
    return 1 if refused else 0


if __name__ == "__main__":
    sys.exit(main())
