"""Several processes at once, stopped, woken, and asked to end."""

from __future__ import annotations

import signal

from ..arena import Arena
from ..case import Case
from ..outcome import Outcome
from ..program import Ended, Running

# Done, or every due task is claimed by the other process.
SHARED = (0, 5)
ROUNDS = 6
# "Within seconds": an interrupted program still finishes the answers that are under way, slow ones included.
INTERRUPTED_SECONDS = 30.0
INTERRUPTED_TWICE_SECONDS = 5.0
# By then a process listens to signals, on a busy machine as well.
START_SECONDS = 0.3
# Longer than a commit takes, shorter than anybody who waits for the sleeper may give up.
SLEEP_SECONDS = 6.0


def rounds(arena: Arena, at_least: int = 1) -> range:
    """How often something is tried that is a matter of chance."""
    return range(at_least if arena.options.is_short else ROUNDS)


def moment(arena: Arena, share: float = 0.6) -> float:
    """A random moment of an export, in seconds from its start."""
    return arena.random.uniform(0.03, max(arena.seconds * share, 0.3))


def two_processes(arena: Arena) -> Outcome:
    """Two processes on one destination share the work; in turn neither, one, or both are killed."""
    outcome = Outcome("two_processes")
    for number in rounds(arena, 2):
        with Case(arena, "two_processes") as case:
            for _ in range(3):
                pair = [case.start(), case.start()]
                ends = end_both(pair, arena, kills=(number + 1) % 3)
                case.settle(*ends)
                for ended in ends:
                    if not ended.was_killed:
                        case.expect(ended, *SHARED)
            outcome.add(case.finish())
    return outcome


def end_both(pair: list[Running], arena: Arena, kills: int) -> list[Ended]:
    """Kills the first `kills` of two processes at moments of their own, and waits for the others."""
    ends = []
    for running in pair[:kills]:
        ends.append(running.ended_within(moment(arena, 0.4)) or running.kill())
    return ends + [running.wait() for running in pair[kills:]]


def sigstop(arena: Arena) -> Outcome:
    """Stops a process at a random moment, lets another work meanwhile, and wakes the first."""
    outcome = Outcome("sigstop")
    for _ in rounds(arena):
        with Case(arena, "sigstop") as case:
            sleeper = case.start()
            early = sleeper.ended_within(moment(arena))
            sleeper.send(signal.SIGSTOP)
            other = case.start()
            met = other.ended_within(SLEEP_SECONDS)
            sleeper.send(signal.SIGCONT)
            ends = [early or sleeper.wait(), met or other.wait()]
            # An answer that arrived while its process slept may have timed out by the time that it woke: paid, and not
            # saved. So one more of each task under way may be lost.
            case.settle(*ends, may_lose=0 if early else 4)
            for ended in ends:
                case.expect(ended, *SHARED)
            outcome.add(case.finish())
    return outcome


def interrupt(arena: Arena) -> Outcome:
    """Ctrl-C once: it ends within seconds and goes on later. Twice: it ends at once, and nothing that was saved is lost."""
    outcome = Outcome("interrupt")
    for number in rounds(arena, 2):
        with Case(arena, "interrupt") as case:
            interrupted(case, twice=number % 2 == 1)
            outcome.add(case.finish())
    return outcome


def interrupted(case: Case, *, twice: bool) -> None:
    """Interrupts a run at a random moment."""
    running = case.start()
    ended = running.ended_within(moment(case.arena))
    if ended is None:
        age = running.seconds()
        running.send(signal.SIGINT)
        if twice:
            running.ended_within(0.05)
            running.send(signal.SIGINT)
        ended = running.wait(INTERRUPTED_TWICE_SECONDS if twice else INTERRUPTED_SECONDS)
        # A process that was asked before it listened ends as every process does; a shell shows that as 130, too.
        case.expect(ended, 130, 0, *([-signal.SIGINT] if age < START_SECONDS else []))
    # Interrupted once, it waits for what is in flight; twice, it does not.
    case.settle(ended, may_lose=4 if twice else 0)
