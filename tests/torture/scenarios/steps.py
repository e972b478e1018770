"""SIGKILL at every named step of saving and commit: the program ends itself there, so that no step is missed by chance."""

from __future__ import annotations

import signal
from collections import Counter
from pathlib import Path

from ..arena import Arena
from ..case import Case
from ..outcome import Outcome
from ..program import Ended
from .skip import Skipped, refuse_if_later

CRASH_AT, STEPS = "BACKHAUL_TEST_CRASH_AT", "BACKHAUL_TEST_STEPS"
# Steps of publishing a partition on a disk and in a bucket: dying there may leave something to settle.
COMMIT = ("commit.", "bucket.")
# The two kinds of death in mid-commit, for the short version: one is rolled back, the other is rolled forward.
BEFORE_AND_AFTER = ("commit.pending", "commit.exchanged", "bucket.pending", "bucket.commit_point")


def kill_at_every_step(arena: Arena) -> Outcome:
    """Dies at each step of a night, early and late, starts again, and dies while it settles what the death before left."""
    outcome = Outcome("kill_at_every_step")
    log = arena.fresh_folder("steps") / "steps.txt"
    with Case(arena, "steps-of-run", with_reader=False) as case:
        passed = passed_steps(case, "run", [])
    points = crash_points(passed, arena.options.is_short)
    steps = list(dict.fromkeys(passed))
    arena.options.say(f"{outcome.scenario}: {len(points)} places to die at, of {len(steps)} steps: {', '.join(steps)}")
    outcome.add(crash_exports(arena, [(point,) for point in points], log))
    recovery = sorted(set(read_steps(log)) - set(passed))
    arena.options.say(f"{outcome.scenario}: steps of settling a death: {', '.join(recovery) or 'none'}")
    commits = [step for step in steps if step in BEFORE_AND_AFTER or (not arena.options.is_short and step.startswith(COMMIT))]
    outcome.add(crash_exports(arena, [(before, step) for step in recovery for before in commits], log))
    return outcome


def crash_exports(arena: Arena, deaths: list[tuple[str, ...]], log: Path) -> Outcome:
    """As many exports as it takes to die every death, several in one where they fit."""
    outcome = Outcome("kill_at_every_step")
    while deaths:
        with Case(arena, outcome.scenario) as case:
            deaths = crash_in_turn(case, deaths, log)
            outcome.add(case.finish())
    return outcome


def kill_at_steps_of_refetch(arena: Arena) -> Outcome:
    """Dies at each step of fetching a complete night again."""
    return kill_a_repeatable(arena, "kill_at_steps_of_refetch", "run", ["--refetch"])


def kill_at_steps_of_rebuild(arena: Arena) -> Outcome:
    """Dies at each step of building a complete night again from saved answers."""
    return kill_a_repeatable(arena, "kill_at_steps_of_rebuild", "rebuild", [])


def kill_at_steps_of_compact(arena: Arena) -> Outcome:
    """Dies at each step of merging the files of a complete night."""
    return kill_a_repeatable(arena, "kill_at_steps_of_compact", "compact", [])


def kill_a_repeatable(arena: Arena, name: str, command: str, flags: list[str]) -> Outcome:
    """A command that leaves a complete night as it is, killed at each of its steps, then left alone."""
    pays = command == "run"
    with Case(arena, name) as case:
        case.expect(case.run(), 0)
        case.settle()
        for point in crash_points(passed_steps(case, command, flags), arena.options.is_short):
            ended = case.run(*flags, command=command, environment={CRASH_AT: point})
            case.settle(ended)
            case.expect(ended, -signal.SIGKILL, *([0] if ":" in point else []))
        last = case.run(*flags, command=command)
        case.expect(last, 0)
        case.settle(last)
        case.judge(with_units=not pays)
    return case.outcome


def passed_steps(case: Case, command: str, flags: list[str]) -> list[str]:
    """The steps that an undisturbed command passes, in order."""
    log = case.folder / "steps.txt"
    ended = case.run(*flags, command=command, environment={STEPS: str(log)})
    refuse_if_later(ended, f"`{' '.join([command, *flags])}`")
    case.expect(ended, 0)
    return read_steps(log)


def read_steps(log: Path) -> list[str]:
    """The steps in the file that the program wrote."""
    if not log.exists():
        raise Skipped(f"the program does not know {STEPS}")
    return log.read_text().split()


def crash_points(passed: list[str], is_short: bool) -> list[str]:
    """Where to die: at each step the first time, in the order of the run so that one export can die many deaths; in the
    long version then also half-way through each step's times, which takes an export each.
    """
    times = Counter(passed)
    points = list(times)
    if not is_short:
        points += [f"{name}:{(number + 1) // 2}" for name, number in times.items() if number > 2]
    return points


def crash_in_turn(case: Case, deaths: list[tuple[str, ...]], log: Path) -> list[tuple[str, ...]]:
    """Dies one death after the other in one export, as far as it comes to them; returns those still to be died.

    A death is one point, or several, one after the other. The first of them meets an export that has not begun, so its
    first point comes, and every round shortens the list.
    """
    for index, (first, *then) in enumerate(deaths):
        ended = crash(case, first, log)
        if not ended.was_killed:
            if index > 0:
                return deaths[index:]
            # How often a step is passed may differ by a few; that it is passed at all may not.
            if ":" not in first:
                case.problems([f"the program was to die at the step {first} and did not come to it"])
            return deaths[1:]
        # Whether settling comes to these depends on what the first death left.
        for point in then:
            if not crash(case, point, log).was_killed:
                return deaths[index + 1 :]
    return []


def crash(case: Case, point: str, log: Path) -> Ended:
    """One run that is to die at a point."""
    ended = case.run(environment={CRASH_AT: point, STEPS: str(log)})
    case.settle(ended)
    case.expect(ended, 0, -signal.SIGKILL)
    return ended
