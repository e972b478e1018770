"""Units: what was charged beside what lies saved, so that nothing is paid twice but what was in flight when a process died.

    charged = saved + lost by a fault + damaged by us + in flight when a process was killed

All but the last are known, so the last is what remains. It may grow only while processes die, and by no more than the
answers that they had in flight.
"""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass
from pathlib import Path

from ..program import Stats

MAGIC = b"backhaul-response-1 "


@dataclass(frozen=True)
class SavedAnswer:
    """What a saved answer's header tells."""

    units: int
    attempts: int


def read_saved(path: Path) -> SavedAnswer | None:
    """A saved answer; nothing if the file is damaged."""
    content = path.read_bytes()
    first, _, rest = content.partition(b"\n")
    if not first.startswith(MAGIC) or first[len(MAGIC) :] != b"%08x" % zlib.crc32(rest):
        return None
    header = json.loads(rest.partition(b"\n")[0])
    return SavedAnswer(int(header["units"]), int(header["attempts"]))


class SavedAnswers:
    """The saved answers of a destination. A file is never changed, so each is read once."""

    def __init__(self, destination: Path):
        self.folder = destination / "_backhaul" / "responses"
        self._known: dict[tuple[str, int, int], SavedAnswer | None] = {}

    def all(self) -> dict[Path, SavedAnswer]:
        """Every whole answer by its path."""
        answers = {}
        for path in self.folder.rglob("*.response"):
            status = path.stat()
            key = (str(path), status.st_mtime_ns, status.st_ino)
            if key not in self._known:
                self._known[key] = read_saved(path)
            answer = self._known[key]
            if answer is not None:
                answers[path] = answer
        return answers

    def units(self) -> int:
        """What they cost."""
        return sum(answer.units for answer in self.all().values())

    def failed_attempts(self) -> int:
        """How often one had to be asked for again before it came whole."""
        return sum(answer.attempts - 1 for answer in self.all().values())


@dataclass
class Ledger:
    """The units of one destination, from its first request on."""

    # What the sandbox had charged before.
    start: Stats
    # The dearest answer: what one request in flight may cost.
    dearest: int
    # What is neither saved nor lost to a fault nor damaged by us.
    unaccounted: int = 0
    # As much of it as may have been in flight when processes died.
    in_flight: int = 0
    # Price of saved answers that the attack damaged.
    damaged: int = 0

    def settle(self, now: Stats, saved: int, may_be_in_flight: int) -> list[str]:
        """Takes stock after processes ended: at most `may_be_in_flight` answers may have got lost since the last time."""
        charged = now.units_received - self.start.units_received
        before, self.unaccounted = self.unaccounted, charged - saved - self.damaged
        grown, allowed = self.unaccounted - before, may_be_in_flight * self.dearest
        self.in_flight += max(0, min(grown, allowed))
        if grown < 0:
            return [f"{-grown} units lie saved that were never charged"]
        if grown > allowed:
            excuse = f"{may_be_in_flight} answers of {self.dearest} may have been in flight"
            return [f"{grown} units were paid and not saved, where {excuse}"]
        return []

    def overpaid(self, now: Stats, undisturbed: int) -> int:
        """Units beyond an undisturbed run's, what was lost, and what was in flight. Positive: something was paid twice."""
        charged = now.units - self.start.units
        lost = now.units_lost - self.start.units_lost
        return charged - undisturbed - lost - self.in_flight - self.damaged
