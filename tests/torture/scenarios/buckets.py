"""Exports to a bucket: the disasters of a disk, on a machine that is new each time, and those that only a bucket has."""

from __future__ import annotations

import signal
from collections.abc import Callable

from ..arena import Arena
from ..case import Case
from ..outcome import Outcome
from ..places import LEASE_SECONDS
from ..relay import Relay, address
from .budgets import budgets
from .clocks import midnight
from .disks import corrupt_last_answer
from .forgetting import forget_under_kills
from .kills import random_kills, refetch_under_kills
from .processes import interrupt, moment, rounds, two_processes
from .repair import rebuild
from .replacing import replaced_under_readers
from .steps import kill_at_every_step, kill_at_steps_of_compact, kill_at_steps_of_rebuild, kill_at_steps_of_refetch

Scenario = Callable[[Arena], Outcome]

# Of connections, how many are lost.
LOSS = 0.06
# Of a process that was away: its run is another's by now, or was over before.
WAS_AWAY = (0, 1, 3, 5)
# Of a process whose bucket was away.
WAS_ALONE = (0, 1, 3)


def taken_over(arena: Arena) -> Outcome:
    """A process sleeps for longer than its lease; another takes its run over and ends it; then the sleeper wakes."""
    outcome = Outcome("taken_over")
    for _ in rounds(arena):
        with Case(arena, "taken_over") as case:
            sleeper = case.start()
            early = sleeper.ended_within(moment(arena))
            sleeper.send(signal.SIGSTOP)
            other = case.start().wait()
            case.expect(other, 0)
            sleeper.send(signal.SIGCONT)
            woken = early or sleeper.wait()
            case.expect(woken, *WAS_AWAY)
            # What it had in flight when it fell asleep is bought again by the other, as after a kill.
            case.settle(other, woken, may_lose=0 if early else 4)
            outcome.add(case.finish())
    return outcome


def store_away(arena: Arena) -> Outcome:
    """The server stops to answer in mid-run, for less and for more than a lease, and comes back."""
    outcome = Outcome("store_away")
    assert arena.store is not None
    for number in rounds(arena):
        with Case(arena, "store_away") as case:
            running = case.start()
            early = running.ended_within(moment(arena))
            with arena.store.asleep():
                running.ended_within(LEASE_SECONDS * (0.5 if number % 2 else 2.0))
            ended = early or running.wait()
            case.expect(ended, *WAS_ALONE)
            # Each task may get an answer that it cannot save; none may buy another one after that.
            case.settle(ended, may_lose=4)
            outcome.add(case.finish())
    return outcome


def connections_lost(arena: Arena) -> Outcome:
    """Connections to the bucket die, before, in and after a request: what was asked for may have been done all the same."""
    outcome = Outcome("connections_lost")
    assert arena.store is not None
    for number in rounds(arena):
        with Relay(address(arena.store.endpoint), arena.options.seed + number) as relay:
            host, port = relay.address
            with Case(arena, "connections_lost", endpoint=f"http://{host}:{port}") as case:
                relay.loss = LOSS
                for flags in ([], ["--refetch"]):
                    ended = case.run(*flags)
                    case.expect(ended, *WAS_ALONE)
                    case.settle(ended, may_lose=4)
                relay.loss = 0.0
                last = case.run()
                case.expect(last, 0)
                case.settle(last)
                case.outcome.faults += relay.lost
                if not relay.lost:
                    case.problems(["no connection was lost: this proves nothing"])
                case.judge(with_units=False)
                outcome.add(case.outcome)
    return outcome


def in_bucket(scenario: Scenario) -> Scenario:
    """The same, in a bucket."""

    def run(arena: Arena) -> Outcome:
        outcome = scenario(arena.in_bucket())
        outcome.scenario = name
        return outcome

    name = f"bucket_{scenario.__name__}"
    run.__doc__ = scenario.__doc__
    return run


IN_BUCKET: dict[str, Scenario] = {
    f"bucket_{scenario.__name__}": in_bucket(scenario)
    for scenario in (
        random_kills,
        kill_at_every_step,
        kill_at_steps_of_refetch,
        kill_at_steps_of_rebuild,
        kill_at_steps_of_compact,
        refetch_under_kills,
        corrupt_last_answer,
        two_processes,
        taken_over,
        store_away,
        connections_lost,
        replaced_under_readers,
        interrupt,
        midnight,
        rebuild,
        forget_under_kills,
        budgets,
    )
}

SHORT_IN_BUCKET = {"bucket_random_kills", "bucket_taken_over", "bucket_replaced_under_readers"}
