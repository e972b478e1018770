"""Partitions that are replaced, again and again, under the eyes of readers: old rows or new rows, never anything else."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from ..arena import Arena
from ..checks.readers import Place as TaskPlace
from ..checks.readers import Seen, judge_versions, look_once
from ..outcome import Outcome
from ..places import Place
from ..program import Sandbox
from ..relay import Relay, address
from ..workload import TABLES, configuration

ROUNDS_SHORT, ROUNDS_LONG = 1, 24
# Lists: a partition of theirs is all targets, so that a replacement changes much at once.
REPLACED = tuple(table for table in TABLES if table.name in ("links", "domains", "anchors", "keywords"))
# A second source whose answers differ in every row, in number and in size.
OTHER_ROWS = 1.3
LEAST_QUERIES = 20


@dataclass
class Version:
    """A source, and what an export of it looks like."""

    name: str
    sandbox: Sandbox
    tasks: dict[TaskPlace, Seen]


def replaced_under_readers(arena: Arena) -> Outcome:
    """Fetches a night again from a source that changed, rebuilds and compacts it, while readers count."""
    outcome = Outcome("replaced_under_readers", exports=1)
    work = arena.fresh_folder("replaced")
    log = arena.options.folder / "sandbox.log"
    rows = {"old": arena.options.rows, "new": int(arena.options.rows * OTHER_ROWS)}
    sandboxes: list[Sandbox] = []
    place = arena.place(work)
    try:
        versions = []
        for number, (name, count) in enumerate(rows.items()):
            seed = arena.options.seed + 7 * number
            sandboxes.append(Sandbox(arena.options.program, rows=count, seed=seed, log=log, row_cap=arena.options.row_cap))
            versions.append(make_version(arena, name, sandboxes[-1], work / name))
        with Relay(address(versions[0].sandbox.base_url), arena.options.seed) as relay:
            replace_all(arena, place, relay, versions, work, outcome)
    finally:
        for sandbox in sandboxes:
            sandbox.stop()
        place.remove()
    if not outcome.all_problems and not arena.options.keep:
        shutil.rmtree(work)
    return outcome


def make_version(arena: Arena, name: str, sandbox: Sandbox, work: Path) -> Version:
    """What an undisturbed export of a source to a folder holds."""
    place, file = Place(work / "out"), work / "backhaul.toml"
    work.mkdir()
    file.write_text(configuration(sandbox.base_url, place.settings, REPLACED))
    ended = arena.program.run(["-c", str(file), "run", "--date", str(arena.night)])
    assert ended.code == 0, ended.told()
    return Version(name, sandbox, look_once(place.folder, REPLACED))


def replace_all(arena: Arena, place: Place, relay: Relay, versions: list[Version], work: Path, outcome: Outcome) -> None:
    """The first source, then by turns the other and the first, under the eyes of a reader."""
    host, port = relay.address
    file = work / "backhaul.toml"
    file.write_text(configuration(f"http://{host}:{port}/v3", place.settings, REPLACED))

    def run(*arguments: str) -> None:
        """Runs a command that must end well."""
        ended = arena.program.run(["-c", str(file), *arguments], place.environment())
        if ended.code != 0:
            outcome.problems.append(f"[{work.name}] {' '.join(arguments)}: {ended.told()}")

    night = ["--date", str(arena.night)]
    run("run", *night)
    # One that looks at every value, without a rest.
    reader = place.reader(work / "reader.jsonl", REPLACED, ("--pause", "0.02", "--checksum-every", "1"))
    try:
        rounds = ROUNDS_SHORT if arena.options.is_short else ROUNDS_LONG
        for number in range(rounds):
            relay.turn_to(address(versions[(number + 1) % 2].sandbox.base_url))
            run("run", "--refetch", *night)
            run("rebuild")
            run("compact")
    finally:
        observations = reader.stop()
    check = judge_versions(observations, {version.name: version.tasks for version in versions}, versions[rounds % 2].name)
    if check.queries < LEAST_QUERIES:
        check.problems.append(f"only {check.queries} queries: this proves nothing")
    check.problems = [f"[{work.name}] {problem}" for problem in check.problems]
    outcome.readers.add(check)
