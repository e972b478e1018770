"""Forgetting a client, killed at any moment: in the end nothing names it, and the others' rows are as they were."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from ..arena import Arena
from ..case import Case
from ..checks.rows import Sides
from ..checks.units import MAGIC, read_saved
from ..outcome import Outcome
from ..workload import MOMENT_COLUMNS, TABLES
from .skip import refuse_if_later

FORGOTTEN = "birch"
KILLS_SHORT, KILLS_LONG = 4, 60
LONGEST_LIFE_SECONDS = 0.5
# The only place that names it: so that `rebuild` does not bring it back.
TOMBSTONES = "forgotten"


def forget_under_kills(arena: Arena) -> Outcome:
    """Kills `forget` again and again, lets it end, and looks for what is left of the target."""
    # Readers would rightly miss the rows that go.
    with Case(arena, "forget", with_reader=False) as case:
        case.expect(case.run(), 0)
        case.settle()
        before = case.folder / "before"
        shutil.copytree(case.destination, before, copy_function=os.link, ignore=shutil.ignore_patterns("_backhaul"))
        charged = arena.sandbox.settled()
        for _ in range(KILLS_SHORT if arena.options.is_short else KILLS_LONG):
            running = case.start("--target", FORGOTTEN, command="forget")
            ended = running.ended_within(arena.random.uniform(0.0, LONGEST_LIFE_SECONDS)) or running.kill()
            refuse_if_later(ended, "`forget`")
            case.outcome.kills += ended.was_killed
            if not ended.was_killed:
                case.expect(ended, 0)
        case.expect(case.run("--target", FORGOTTEN, command="forget"), 0)
        case.expect(case.run(command="rebuild"), 0)
        if arena.sandbox.settled() != charged:
            case.problems(["`forget` or `rebuild` asked the source"])
        case.place.refresh()
        case.problems(mentions(case.destination))
        for table in TABLES:
            case.problems(differences(table.name, before, case.destination))
        case.expect(case.run(command="verify"), 0)
    return case.outcome


def mentions(destination: Path) -> list[str]:
    """Files that still hold something of the target."""
    word, found = FORGOTTEN.encode(), []
    system = destination / "_backhaul"
    for path in sorted(path for path in destination.rglob("*") if path.is_file()):
        if path.suffix == ".parquet" or system / TOMBSTONES in path.parents:
            continue
        content = path.read_bytes()
        if path.suffix == ".response":
            # Bodies are compressed; what was asked stands in the header. One that is damaged tells nothing.
            content = content.split(b"\n", 2)[1] if content.startswith(MAGIC) and read_saved(path) else b""
        if word in content or FORGOTTEN in path.name:
            found.append(f"{path.relative_to(destination).as_posix()} still names {FORGOTTEN}")
    for table in sorted(path for path in destination.iterdir() if path.is_dir() and path != system):
        with Sides([], [table]) as sides:
            if not sides.got:
                continue
            names = [name for name, _ in sides.columns(sides.got) if name in ("_target", "target", "name")]
            for name in names:
                rows = sides.number(f"SELECT count(*) FROM {sides.got} WHERE \"{name}\" = '{FORGOTTEN}'")
                found += [f"{rows} rows of `{table.name}` are still {FORGOTTEN}'s"] if rows else []
    return found


def differences(table: str, before: Path, destination: Path) -> list[str]:
    """Rows of the other targets that came or went, by all columns."""
    with Sides([before / table], [destination / table]) as sides:
        if not sides.got:
            return [f"{table}: no data at all"]
        sides.wanted = f"(SELECT * FROM {sides.wanted} WHERE _target <> '{FORGOTTEN}')"
        names = [name for name, _ in sides.columns(sides.wanted)]
        assert set(MOMENT_COLUMNS) <= set(names)
        lost, extra = sides.differ(names)
        return [f"{table}: {lost} rows of others lost, {extra} too many"] if lost or extra else []
