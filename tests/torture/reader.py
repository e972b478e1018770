"""Polls every table of a folder with DuckDB, as a dashboard would, and writes down what it sees.

    python -m torture.reader FOLDER --log FILE --tables JSON      # until its input ends

One line of JSON for each state of a table that differs from the one before: the rows of each task by partition. Every few
rounds also a checksum over the values. A query that fails because a file was replaced while it ran is counted and asked
again; any other error is written down. The last line has the counts.
"""

from __future__ import annotations

import argparse
import json
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


def look(table: Path, task_columns: list[str], with_checksum: bool) -> list[list[Any]]:
    """The rows of each task by partition: [partition, task, rows, checksum]. A table that is not there has none."""
    connection = duckdb.connect(config={"threads": 1})
    moments = ", ".join(MOMENT_COLUMNS)
    task = ", ".join(f'"{name}"' for name in task_columns)
    files = "read_parquet(?, hive_partitioning = true, filename = true)"
    # The sum of the rows' hashes: the same for the same bag of rows, in whatever order and files.
    checksum = f"sum(hash(*COLUMNS(* EXCLUDE ({moments}, filename))))::VARCHAR" if with_checksum else "NULL"
    seen = f"parse_filename(parse_dirpath(filename)), {task}, count(*), {checksum}"
    query = f"SELECT {seen} FROM {files} GROUP BY ALL ORDER BY ALL"
    try:
        found = connection.execute(query, [str(table / "**" / "*.parquet")]).fetchall()
    except duckdb.IOException as error:
        if NOTHING_THERE in str(error):
            return []
        raise
    finally:
        connection.close()
    return [[partition, list(rest[:-2]), rest[-2], rest[-1]] for partition, *rest in found]


def poll(folder: Path, tables: dict[str, list[str]], log: TextIO) -> None:
    """Looks at each table in turn until the input ends."""
    started = time.monotonic()
    queries = failed = rounds = 0
    last: dict[tuple[str, bool], list[list[Any]]] = {}
    while not select.select([sys.stdin], [], [], PAUSE_SECONDS)[0]:
        rounds += 1
        with_checksum = rounds % CHECKSUM_EVERY == 0
        for name, task_columns in tables.items():
            queries += 1
            observation: dict[str, Any] = {"table": name, "at": time.monotonic() - started}
            try:
                tasks = look(folder / name, task_columns, with_checksum)
                if last.get((name, with_checksum)) == tasks:
                    continue
                last[name, with_checksum] = tasks
                observation["tasks"] = tasks
            except duckdb.IOException:
                failed += 1
                continue
            except duckdb.Error as error:
                observation["error"] = f"{type(error).__name__}: {error}"
            log.write(json.dumps(observation) + "\n")
            log.flush()
    log.write(json.dumps({"queries": queries, "failed_in_flight": failed}) + "\n")


def main() -> int:
    """Polls."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("folder", type=Path)
    arguments.add_argument("--log", type=Path, required=True)
    arguments.add_argument("--tables", type=json.loads, required=True, help="the task columns of each table, as JSON")
    options = arguments.parse_args()
    with options.log.open("w") as log:
        poll(options.folder, options.tables, log)
    return 0


if __name__ == "__main__":
    sys.exit(main())
