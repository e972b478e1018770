#!/usr/bin/env python3
"""Evaluates SQL conditions over Parquet files with DuckDB and prints which rows pass.

    filter_rows.py < QUESTIONS

QUESTIONS is a JSON list of {"file": PATH, "where": SQL}. The output is a JSON list of the same length: for each question the
numbers of the rows of that file for which the condition is true, ascending, the first row being 0.
"""

import json
import sys

import duckdb


def main() -> int:
    """Answers all questions with one connection."""
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    answers = []
    tables = {}
    for question in json.load(sys.stdin):
        file = question["file"]
        if file not in tables:
            tables[file] = f"t{len(tables)}"
            source = "read_parquet(?, file_row_number = true)"
            connection.execute(f"CREATE TABLE {tables[file]} AS SELECT * FROM {source}", [file])
        query = f"SELECT file_row_number FROM {tables[file]} WHERE {question['where']} ORDER BY 1"
        try:
            answers.append([row[0] for row in connection.execute(query).fetchall()])
        except duckdb.Error as error:
            print(f"{question['where']}\n{error}", file=sys.stderr)
            return 1
    json.dump(answers, sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main())
