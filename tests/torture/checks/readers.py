"""Readers: whether a process that polled the tables all the while ever saw anything but whole tasks.

Every commit of a night adds whole tasks, and a replacement with the same data has the same rows. So each task's rows must
be absent or exactly the reference's, by count and by checksum, and a task that was seen must never be gone again. That
holds for whatever moment the reader came at: nobody needs to know when commits happened.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..workload import TABLES, Table

STOP_SECONDS = 60.0
PACKAGE_PARENT = Path(__file__).resolve().parents[2]

# Table, partition and the task's columns, as text; and the rows that were seen of it.
Place = tuple[str, str, str]
# One line of a reader's log.
Observation = dict[str, Any]


@dataclass(frozen=True)
class Seen:
    """The rows of one task at one moment. A query that only counts leaves the checksum out."""

    rows: int
    checksum: str | None


@dataclass
class ReaderCheck:
    """What a reader saw."""

    queries: int = 0
    failed_in_flight: int = 0
    miscounts: int = 0
    problems: list[str] = field(default_factory=list)

    def add(self, other: ReaderCheck) -> None:
        """Adds another reader's."""
        self.queries += other.queries
        self.failed_in_flight += other.failed_in_flight
        self.miscounts += other.miscounts
        self.problems += other.problems


def places(observation: Observation) -> dict[Place, Seen]:
    """What one query saw, by task."""
    table = observation["table"]
    return {
        (table, partition, json.dumps(task)): Seen(rows, checksum)
        for partition, task, rows, checksum in observation["tasks"]
    }


def judge(observations: list[Observation], wanted: dict[Place, Seen]) -> ReaderCheck:
    """Holds what was seen, in order, to the reference."""
    check = ReaderCheck()
    present: dict[str, set[Place]] = {}
    for observation in observations:
        if "queries" in observation:
            check.queries += observation["queries"]
            check.failed_in_flight += observation["failed_in_flight"]
            continue
        if "error" in observation:
            check.miscounts += 1
            check.problems.append(f"{observation['table']}: a reader met {observation['error']}")
            continue
        seen = places(observation)
        faults = [fault for place, rows in seen.items() if (fault := fault_of(place, rows, wanted))]
        gone = present.get(observation["table"], set()) - seen.keys()
        faults += [f"{place}: seen before, gone now" for place in sorted(gone)]
        check.miscounts += bool(faults)
        check.problems += [f"a reader saw {fault}, {observation['at']:.2f} s after its start" for fault in faults[:3]]
        present.setdefault(observation["table"], set()).update(seen)
    return check


def judge_versions(
    observations: list[Observation], versions: dict[str, dict[Place, Seen]], last: str
) -> ReaderCheck:
    """Holds what was seen to several states of the tables, one of which every partition must be in, in every query: with all
    rows of all its tasks. The last query of each table must find the `last` state, and each state must have been seen.
    """
    check = ReaderCheck()
    states = {name: by_partition(tasks) for name, tasks in versions.items()}
    ended: set[str] = set()
    met: set[str] = set()
    for observation in observations:
        if "queries" in observation:
            check.queries += observation["queries"]
            check.failed_in_flight += observation["failed_in_flight"]
            continue
        faults = [observation["error"]] if "error" in observation else []
        seen = by_partition(places(observation)) if "tasks" in observation else {}
        if observation.get("is_last"):
            ended.add(observation["table"])
            wanted = {key: tasks for key, tasks in states[last].items() if key[0] == observation["table"]}
            faults += [] if seen == wanted else ["something else than the last state when all was over"]
        for partition, tasks in seen.items():
            same = [name for name, state in states.items() if state.get(partition) == tasks]
            met.update(same)
            rows = {place[2]: held.rows for place, held in tasks.items()}
            faults += [] if same else [f"{partition} in no state that it ever was in: {rows}"]
        check.miscounts += bool(faults)
        check.problems += [f"a reader saw {fault}" for fault in faults[:3]]
    tables = {place[0] for tasks in versions.values() for place in tasks}
    check.problems += [f"the last query of {table} failed although nobody wrote" for table in sorted(tables - ended)]
    check.problems += [f"nobody saw the state {name}: this proves nothing" for name in sorted(states.keys() - met)]
    return check


def by_partition(tasks: dict[Place, Seen]) -> dict[tuple[str, str], dict[Place, Seen]]:
    """Tasks by table and partition."""
    found: dict[tuple[str, str], dict[Place, Seen]] = {}
    for place, seen in tasks.items():
        found.setdefault(place[:2], {})[place] = seen
    return found


def fault_of(place: Place, seen: Seen, wanted: dict[Place, Seen]) -> str | None:
    """What is wrong with a task's rows, if anything is."""
    right = wanted.get(place)
    if right is None:
        return f"{place}: {seen.rows} rows of no task"
    if seen.rows != right.rows:
        return f"{place}: {seen.rows} rows of {right.rows}"
    if seen.checksum is not None and seen.checksum != right.checksum:
        return f"{place}: other values"
    return None


class Reader:
    """A process that polls every table of a destination until it is stopped."""

    def __init__(
        self,
        destination: str,
        log: Path,
        *,
        python: Path | str = sys.executable,
        environment: dict[str, str] | None = None,
        flags: tuple[str, ...] = (),
        tables: Iterable[Table] = TABLES,
    ):
        self._log = log
        columns = json.dumps({table.name: table.task_columns for table in tables})
        command = [str(python), "-B", "-m", "torture.reader", destination, "--log", str(log), "--tables", columns, *flags]
        self._errors = log.with_suffix(".err")
        with self._errors.open("wb") as errors:
            self._process = subprocess.Popen(
                command,
                cwd=PACKAGE_PARENT,
                env={**os.environ, **(environment or {})},
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=errors,
            )

    def stop(self) -> list[Observation]:
        """Ends it and gives everything that it saw, in order."""
        try:
            # The end of its input tells it to finish.
            self._process.communicate(timeout=STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        observations = [json.loads(line) for line in self._log.read_text().splitlines()] if self._log.exists() else []
        if self._process.returncode != 0:
            observations.append({"table": "-", "error": f"its own end: {self._errors.read_text()[-500:]}"})
        return observations


def look_once(destination: Path, tables: Iterable[Table] = TABLES) -> dict[Place, Seen]:
    """What a reader sees of a destination at rest, with checksums: the reference for [`judge`]."""
    from .. import reader  # DuckDB is loaded by those who look.

    seen: dict[Place, Seen] = {}
    for table in tables:
        seen |= places({"table": table.name, "tasks": reader.look(destination / table.name, table.task_columns, True)})
    return seen
