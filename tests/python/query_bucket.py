#!/usr/bin/env python3
"""Asks a bucket with DuckDB and `httpfs`: one connection, one query after the other.

    buckets.venv/bin/python query_bucket.py < QUESTIONS

QUESTIONS are lines of JSON: first a list of settings, then a query each. The output has a line for each query: its rows, or
the name of the error that it met. The server and its keys stand in the environment, as for `torture.reader`.
"""

import json
import sys
from pathlib import Path

import duckdb

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from torture.reader import connect  # noqa: E402


def main() -> int:
    """Answers all questions."""
    connection = connect("s3://")
    connection.execute("SET TimeZone = 'UTC'")
    for setting in json.loads(sys.stdin.readline()):
        connection.execute(setting)
    for line in sys.stdin:
        query = json.loads(line)
        try:
            answer = [[str(value) for value in row] for row in connection.execute(query).fetchall()]
        except (duckdb.Error, UnicodeDecodeError) as error:
            print(f"{query}\n{error}", file=sys.stderr)
            answer = type(error).__name__
        print(json.dumps(answer), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
