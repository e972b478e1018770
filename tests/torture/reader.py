"""Polls every table of a folder with DuckDB, as a dashboard would, and writes down what it sees.

    python -m torture.reader FOLDER|s3://… --log FILE --tables JSON      # until its input ends

One line of JSON for each state of a table that differs from the one before: the rows of each task by partition. Every few
rounds also a checksum over the values. A query that fails because a file was replaced while it ran is counted and asked
again; any other error is written down. The last line has the counts.

A bucket is read with `httpfs` at its default settings, by turns through a connection that is new, as a script has it, and
one that is kept, as a dashboard has it. Its server is told in the environment.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import select
import sys
import time
from pathlib import Path
from typing import Any, TextIO

import duckdb

from .workload import MOMENT_COLUMNS

# A checksum reads every value, a count only two columns: on a small machine the program needs the processor, too.
CHECKSUM_EVERY = 6
PAUSE_SECONDS = 0.02
# What DuckDB says of a table that does not exist yet.
NOTHING_THERE = "No files found that match the pattern"
BUCKET = "s3://"


def connect(place: str) -> duckdb.DuckDBPyConnection:
    """A connection that can read a place."""
    connection = duckdb.connect(config={"threads": 1})
    if place.startswith(BUCKET):
        # As a package of PyPI: nothing is asked of the network.
        package = importlib.import_module("duckdb_extension_httpfs").__path__[0]
        extension = f"{package}/extensions/v{duckdb.__version__}/httpfs.duckdb_extension"
        connection.execute(f"LOAD '{extension}'")
        host = os.environ["TORTURE_ENDPOINT"].removeprefix("http://")
        key, secret, region = (os.environ[f"AWS_{name}"] for name in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "REGION"))
        connection.execute(
            f"CREATE SECRET (TYPE s3, KEY_ID '{key}', SECRET '{secret}', REGION '{region}', ENDPOINT '{host}', "
            "URL_STYLE 'path', USE_SSL false)"
        )
    return connection


def look(table: Path, task_columns: list[str], with_checksum: bool) -> list[list[Any]]:
    """What lies in a folder's table now."""
    connection = connect(str(table))
    try:
        return query_table(connection, str(table), task_columns, with_checksum)
    finally:
        connection.close()


def query_table(
    connection: duckdb.DuckDBPyConnection, table: str, task_columns: list[str], with_checksum: bool
) -> list[list[Any]]:
    """The rows of each task by partition: [partition, task, rows, checksum]. A table that is not there has none."""
    moments = ", ".join(MOMENT_COLUMNS)
    task = ", ".join(f'"{name}"' for name in task_columns)
    files = "read_parquet(?, hive_partitioning = true, filename = true)"
    # The sum of the rows' hashes: the same for the same bag of rows, in whatever order and files.
    checksum = f"sum(hash(*COLUMNS(* EXCLUDE ({moments}, filename))))::VARCHAR" if with_checksum else "NULL"
    seen = f"parse_filename(parse_dirpath(filename)), {task}, count(*), {checksum}"
    query = f"SELECT {seen} FROM {files} GROUP BY ALL ORDER BY ALL"
    try:
        found = connection.execute(query, [f"{table}/**/*.parquet"]).fetchall()
    except duckdb.IOException as error:
        if NOTHING_THERE in str(error):
            return []
        raise
    return [[partition, list(rest[:-2]), rest[-2], rest[-1]] for partition, *rest in found]


def poll(folder: str, tables: dict[str, list[str]], log: TextIO, *, pause: float, checksum_every: int) -> None:
    """Looks at each table in turn until the input ends, and once more then."""
    started = time.monotonic()
    kept = connect(folder)
    queries = failed = rounds = 0
    last: dict[tuple[str, bool], list[list[Any]]] = {}
    is_over = False
    while not is_over:
        is_over = bool(select.select([sys.stdin], [], [], pause)[0])
        rounds += 1
        with_checksum = is_over or rounds % checksum_every == 0
        # The kept one has old contents in its caches: in the last round it must show that it does not believe them.
        is_kept = is_over or (folder.startswith(BUCKET) and rounds % 2 == 0)
        for name, task_columns in tables.items():
            queries += 1
            observation: dict[str, Any] = {"table": name, "at": time.monotonic() - started}
            connection = kept if is_kept else connect(folder)
            try:
                tasks = query_table(connection, f"{folder}/{name}", task_columns, with_checksum)
                if last.get((name, with_checksum)) == tasks and not is_over:
                    continue
                last[name, with_checksum] = tasks
                observation["tasks"] = tasks
                observation["is_last"] = is_over
            except duckdb.IOException:
                failed += 1
                continue
            except UnicodeDecodeError:
                # How DuckDB's Python client shows an HTTP error whose body is no text: an object that was replaced.
                failed += 1
                continue
            except duckdb.Error as error:
                observation["error"] = f"{type(error).__name__}: {error}"
            finally:
                if not is_kept:
                    connection.close()
            log.write(json.dumps(observation) + "\n")
            log.flush()
    log.write(json.dumps({"queries": queries, "failed_in_flight": failed}) + "\n")


def main() -> int:
    """Polls."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("folder", help="a folder of a disk, or s3://…")
    arguments.add_argument("--log", type=Path, required=True)
    arguments.add_argument("--tables", type=json.loads, required=True, help="the task columns of each table, as JSON")
    arguments.add_argument("--pause", type=float, default=PAUSE_SECONDS, help="seconds between two rounds")
    arguments.add_argument("--checksum-every", type=int, default=CHECKSUM_EVERY, help="so many rounds")
    options = arguments.parse_args()
    with options.log.open("w") as log:
        poll(options.folder, options.tables, log, pause=options.pause, checksum_every=options.checksum_every)
    return 0


if __name__ == "__main__":
    sys.exit(main())
