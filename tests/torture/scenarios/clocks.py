"""The clock: a run that crosses midnight, dies, and is started again on the next day."""

from __future__ import annotations

import time
from datetime import datetime, timedelta, timezone

from ..arena import Arena
from ..case import Case
from ..clock import CLOCK
from ..outcome import Outcome
from .processes import rounds
from .skip import Skipped

SHOWN = "%Y-%m-%dT%H:%M:%SZ"


def midnight(arena: Arena) -> Outcome:
    """Starts just before midnight and is killed: the old night is finished under its own date, then the new one is done."""
    outcome = Outcome("midnight")
    last_second = datetime.combine(arena.night, datetime.min.time(), timezone.utc) - timedelta(seconds=1)
    for _ in rounds(arena):
        nights = [arena.reference(arena.yesterday), arena.reference()]
        with Case(arena, "midnight", nights=nights, fixed_night=False) as case:
            case.environment[CLOCK] = last_second.strftime(SHOWN)
            refuse_without_clock(case)
            life = arena.random.uniform(0.05, min(arena.seconds * 0.7, 20))
            began = time.monotonic()
            running = case.start()
            ended = running.ended_within(life) or running.kill()
            case.settle(ended)
            # The next start comes on the next day, wherever the first one ended.
            passed = timedelta(seconds=2 + time.monotonic() - began)
            case.environment[CLOCK] = (last_second + passed).strftime(SHOWN)
            outcome.add(case.finish())
    return outcome


def refuse_without_clock(case: Case) -> None:
    """Skips where the program does not let its clock be set: a night in the future of that clock must be refused."""
    ended = case.run("--dry-run", "--date", str(case.arena.night))
    if ended.code == 0:
        raise Skipped(f"the program does not know {CLOCK}")
    case.expect(ended, 2)
