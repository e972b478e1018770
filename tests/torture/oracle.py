"""The oracle: every row that the source holds, asked for in one uncapped answer and read by code of its own.

Nothing of the program stands between the source and these rows but the sandbox's JSON. They are held against the
reference once; every attacked destination is then held against the reference.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pyarrow
import pyarrow.dataset

from .program import Sandbox
from .workload import TABLES, TARGETS, Table

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
ALL_ROWS = 100_000_000

# A row, or the columns that tell its task.
Row = tuple[Any, ...]


def check_reference(destination: Path, sandbox: Sandbox, night: date) -> list[str]:
    """Compares a destination with the source, table by table and task by task."""
    problems = []
    for table in TABLES:
        data = pyarrow.dataset.dataset(destination / table.name, format="parquet").to_table()
        columns = [field for field in data.schema if not field.name.startswith("_")]
        got = rows_by_task(table, data, columns)
        for target, parameters in table.tasks():
            wanted = Counter(source_rows(sandbox, table, target, parameters, night, columns))
            held = got.pop((target, *parameters.values()), Counter())
            if held != wanted:
                lost, extra = (wanted - held).total(), (held - wanted).total()
                which = f"{table.name} of {target} {parameters}"
                problems.append(f"{which}: {lost} rows of the source are missing, {extra} are not the source's")
        problems += [f"{table.name}: rows of a task that nobody asked for: {task}" for task in got]
    return problems


def rows_by_task(table: Table, data: pyarrow.Table, columns: list[pyarrow.Field]) -> dict[Row, Counter[Row]]:
    """The rows of a table, canonical, by target and parameters."""
    tasks = zip(*(data.column(name).to_pylist() for name in table.task_columns), strict=True)
    cells = ([from_file(value, field.type) for value in data.column(field.name).to_pylist()] for field in columns)
    values = zip(*cells, strict=True)
    rows: dict[Row, Counter[Row]] = {}
    for task, row in zip(tasks, values, strict=True):
        rows.setdefault(task, Counter())[row] += 1
    return rows


def source_rows(
    sandbox: Sandbox, table: Table, target: str, parameters: dict[str, str], night: date, columns: list[pyarrow.Field]
) -> Iterator[Row]:
    """The rows that the source holds for a task, canonical."""
    query = {"target": TARGETS[target], "date": str(night), "date_to": str(night), **table.query, **parameters}
    if table.is_list:
        query |= {"limit": str(ALL_ROWS), "mode": "subdomains"}
        del query["date_to"]
    if table.name != "rating_history":
        query |= {"select": ",".join(field.name for field in columns)}
    body = sandbox.get(f"{sandbox.base_url}/{table.endpoint}?{urlencode(query)}")
    assert isinstance(body, dict) and len(body) == 1
    (answer,) = body.values()
    for row in answer if isinstance(answer, list) else [answer]:
        yield tuple(from_json(row.get(field.name), field.type) for field in columns)


def from_json(value: object, kind: pyarrow.DataType) -> object:
    """A value of the source as its column's type sees it."""
    if value is None:
        return None
    if pyarrow.types.is_timestamp(kind):
        return microseconds(datetime.fromisoformat(str(value).replace("Z", "+00:00")))
    if pyarrow.types.is_date(kind):
        return str(value)[:10]
    if pyarrow.types.is_floating(kind):
        return float(str(value))
    if pyarrow.types.is_integer(kind):
        return int(str(value))
    if pyarrow.types.is_list(kind):
        assert isinstance(value, list)
        return tuple(from_json(item, kind.value_type) for item in value)
    if pyarrow.types.is_struct(kind):
        assert isinstance(value, dict)
        return tuple(from_json(value.get(field.name), field.type) for field in kind)
    if pyarrow.types.is_string(kind) and not isinstance(value, str):
        return json.dumps(value, sort_keys=True)
    return value


def from_file(value: object, kind: pyarrow.DataType) -> object:
    """A value of a file in the same form."""
    if value is None:
        return None
    if pyarrow.types.is_timestamp(kind):
        assert isinstance(value, datetime)
        return microseconds(value)
    if pyarrow.types.is_date(kind):
        return str(value)
    if pyarrow.types.is_list(kind):
        assert isinstance(value, list)
        return tuple(from_file(item, kind.value_type) for item in value)
    if pyarrow.types.is_struct(kind):
        assert isinstance(value, dict)
        return tuple(from_file(value.get(field.name), field.type) for field in kind)
    return value


def microseconds(moment: datetime) -> int:
    """Microseconds since 1970."""
    return (moment - EPOCH) // timedelta(microseconds=1)
