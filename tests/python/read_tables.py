#!/usr/bin/env python3
"""Reads every table of a destination as its users do, with DuckDB, pyarrow and, if asked for, Polars, and prints what they
see as JSON.

    read_tables.py FOLDER [--table NAME]... [--rows] [--grown] [--polars]

Output:
    {"duckdb": {TABLE: SEEN}, "pyarrow": {TABLE: SEEN}}
    SEEN = {"rows": N, "columns": [[NAME, TYPE], ...], "partitions": {"snapshot_date=2026-11-23": N, ...}}
With --rows each SEEN also has "values": every row as a list in the order of "columns", sorted by their JSON text: equal rows
from all readers are equal JSON. With --grown older files may lack columns that later ones have.

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


def values(data: pyarrow.Table) -> list[list[object]]:
    """Every row as a list, in an order that does not depend on the reader."""
    rows = [[plain(value) for value in row.values()] for row in data.to_pylist()]
    return sorted(rows, key=lambda row: json.dumps(row, ensure_ascii=False))


def labels(table: Path, files: list[Path]) -> list[str]:
    """The partitions as their paths name them, also those without rows."""
    return sorted({file.relative_to(table).parent.as_posix() for file in files} - {"."})


def with_duckdb(table: Path, files: list[Path], options: argparse.Namespace) -> dict:
    """What DuckDB sees."""
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    source = f"read_parquet(?, hive_partitioning = true, union_by_name = {str(options.grown).lower()})"
    pattern = [str(table / "**" / "*.parquet")]
    seen = {
        "rows": connection.execute(f"SELECT count(*) FROM {source}", pattern).fetchone()[0],
        "columns": [[row[0], row[1]] for row in connection.execute(f"DESCRIBE SELECT * FROM {source}", pattern).fetchall()],
        "partitions": dict.fromkeys(labels(table, files), 0),
    }
    keys = hive_keys(table, files)
    if keys:
        names = ", ".join(f'"{key}"' for key in keys)
        for *held, rows in connection.execute(f"SELECT {names}, count(*) FROM {source} GROUP BY ALL", pattern).fetchall():
            seen["partitions"]["/".join(f"{key}={value}" for key, value in zip(keys, held))] = rows
    if options.rows:
        # By way of Arrow: DuckDB's own conversion of zoned timestamps needs a further package.
        seen["values"] = values(connection.sql(f"SELECT * FROM {source}", params=pattern).to_arrow_table())
    return seen


def with_pyarrow(table: Path, files: list[Path], options: argparse.Namespace) -> dict:
    """What pyarrow sees. A column's type must be the same in every file, and so must the columns unless the table grew."""
    keys = hive_keys(table, files)
    # The keys as text: pyarrow's own guess would read a date as text and a year as a number.
    partitioning = pyarrow.dataset.partitioning(pyarrow.schema([(key, pyarrow.string()) for key in keys]), flavor="hive")
    data = pyarrow.dataset.dataset(table, format="parquet", partitioning=partitioning, exclude_invalid_files=False)
    fragments = list(data.get_fragments())
    if options.grown:
        own = [fragment.physical_schema for fragment in fragments]
        data = data.replace_schema(pyarrow.unify_schemas([*own, data.schema]))
    seen = {
        "rows": data.count_rows(),
        "columns": [[field.name, str(field.type)] for field in data.schema],
        "partitions": dict.fromkeys(labels(table, files), 0),
    }
    expected = {field.name: field.type for field in data.schema}
    for fragment in fragments:
        held = pyarrow.dataset.get_partition_keys(fragment.partition_expression)
        if keys:
            seen["partitions"]["/".join(f"{key}={held[key]}" for key in keys)] += fragment.count_rows()
        names = fragment.physical_schema.names
        if not options.grown and names != [name for name in expected if name not in keys]:
            raise ValueError(f"{fragment.path} has the columns {names}, others have {list(expected)}")
        for field in fragment.physical_schema:
            if expected[field.name] != field.type:
                raise ValueError(f"{fragment.path}: {field.name} is {field.type}, elsewhere {expected[field.name]}")
    if options.rows:
        seen["values"] = values(data.to_table())
    return seen


def with_polars(table: Path, files: list[Path], options: argparse.Namespace) -> dict:
    """What Polars sees. Without --grown a file that lacks a column is an error, as it is for pyarrow."""
    import polars  # Only where it is asked for: it is no part of older environments.

    keys = hive_keys(table, files)
    try:
        frames = [polars.scan_parquet(file, hive_partitioning=False) for file in files]
        names = list(dict.fromkeys(name for frame in frames for name in frame.collect_schema().names()))
        schema = {name: kind for frame in frames for name, kind in frame.collect_schema().items()}
        data = polars.scan_parquet(
            str(table / "**" / "*.parquet"),
            hive_partitioning=bool(keys),
            hive_schema=dict.fromkeys(keys, polars.String) if keys else None,
            schema={name: schema[name] for name in names} | dict.fromkeys(keys, polars.String) if options.grown else None,
            missing_columns="insert" if options.grown else "raise",
        ).collect()
    except polars.exceptions.PolarsError as error:
        raise ValueError(str(error)) from error
    seen = {
        "rows": data.height,
        "columns": [[name, str(kind)] for name, kind in data.schema.items()],
        "partitions": dict.fromkeys(labels(table, files), 0),
    }
    if keys:
        for *held, rows in data.group_by(keys).len().iter_rows():
            seen["partitions"]["/".join(f"{key}={value}" for key, value in zip(keys, held))] = rows
    if options.rows:
        seen["values"] = values(data.to_arrow())
    return seen


def main() -> int:
    """Prints what the readers see."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("folder", type=Path)
    arguments.add_argument("--table", action="append", default=[], help="only this table; may be repeated")
    arguments.add_argument("--rows", action="store_true", help="also print every row")
    arguments.add_argument("--grown", action="store_true", help="older files may lack later columns")
    arguments.add_argument("--polars", action="store_true", help="read with Polars as well")
    options = arguments.parse_args()
    if not options.folder.is_dir():
        print(f"{options.folder} is no folder", file=sys.stderr)
        return 2

    found = tables(options.folder)
    missing = [name for name in options.table if name not in found]
    if missing:
        print(f"no such table: {', '.join(missing)}; there are: {', '.join(found) or 'none'}", file=sys.stderr)
        return 2
    readers = {"duckdb": with_duckdb, "pyarrow": with_pyarrow}
    if options.polars:
        readers["polars"] = with_polars
    result = {reader: {} for reader in readers}
    refused = False
    for name, files in found.items():
        if options.table and name not in options.table:
            continue
        for reader, read in readers.items():
            try:
                result[reader][name] = read(options.folder / name, files, options)
            except (duckdb.Error, pyarrow.ArrowException, ValueError, KeyError, OSError) as error:
                result[reader][name] = {"error": str(error)}
                refused = True
    json.dump(result, sys.stdout, ensure_ascii=False, indent=1)
    print()
    return 1 if refused else 0


if __name__ == "__main__":
    sys.exit(main())
