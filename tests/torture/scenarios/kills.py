"""SIGKILL at random moments, of a night and of one that is fetched again."""

from __future__ import annotations

import time

from ..arena import Arena
from ..case import Case
from ..outcome import Outcome
from .skip import refuse_if_later

# A process lives this share of an undisturbed export at most, and a third of that on average: most die young, some live
# long enough to pass what those before them had fetched, so that every export comes to its end.
LONGEST_LIFE = 0.4
SHORTEST_LIFE_SECONDS = 0.02
# A case that does not end after so many kills makes no progress.
KILLS_OF_A_CASE = 150


def random_kills(arena: Arena) -> Outcome:
    """Kills at random moments and starts again, export after export, until there were enough kills."""
    outcome = Outcome("random_kills")
    began = time.monotonic()
    longest = max(arena.seconds * LONGEST_LIFE, 0.3)
    while outcome.kills < arena.options.kills:
        if 0 < arena.options.seconds_budget < time.monotonic() - began:
            break
        with Case(arena, "random_kills") as case:
            kill_until_done(case, longest, arena.options.kills - outcome.kills)
            outcome.add(case.finish())
        so_far = f"{outcome.kills:,} kills, {outcome.exports} exports, {len(outcome.all_problems)} problems"
        arena.options.say(f"random_kills: {so_far}")
    return outcome


def life(arena: Arena, longest: float) -> float:
    """How long the next process lives, in seconds."""
    # Half of them die in mid-wait for the one that died before.
    waits = arena.patience * arena.random.choice((0.5, 1.0))
    return SHORTEST_LIFE_SECONDS + waits + longest * arena.random.random() ** 2


def kill_until_done(case: Case, longest: float, kills: int) -> None:
    """Kills one process after the other until one of them finishes, or there were enough kills."""
    for _ in range(min(kills, KILLS_OF_A_CASE)):
        running = case.start()
        ended = running.ended_within(life(case.arena, longest)) or running.kill()
        case.settle(ended)
        if not ended.was_killed:
            case.expect(ended, 0)
            return


def refetch_under_kills(arena: Arena) -> Outcome:
    """Fetches a night that is complete once more and kills that: readers see the old or the new rows, never neither."""
    outcome = Outcome("refetch_under_kills")
    wanted = max(1, arena.options.kills // 10)
    longest = max(arena.seconds * 2 * LONGEST_LIFE, 0.3)
    with Case(arena, "refetch_under_kills") as case:
        case.expect(case.run(), 0)
        case.settle()
        starts = 0
        while case.outcome.kills < wanted:
            running = case.start("--refetch")
            starts += 1
            ended = running.ended_within(life(arena, longest)) or running.kill()
            refuse_if_later(ended, "`run --refetch`")
            case.settle(ended)
            if not ended.was_killed:
                case.expect(ended, 0)
        last = case.run("--refetch")
        case.expect(last, 0)
        case.settle(last)
        # Every start was told to pay again, and none may pay for more than a whole night.
        received = arena.sandbox.settled().units_received - case.ledger.start.units_received
        case.outcome.units_overpaid += max(0, received - (starts + 2) * arena.reference().units)
        case.judge(with_units=False)
        outcome.add(case.outcome)
    return outcome
