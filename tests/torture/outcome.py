"""What a scenario came to, and the table of all of them."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from enum import Enum
from typing import Any

from .checks.readers import ReaderCheck
from .checks.rows import RowCheck


class Verdict(str, Enum):
    """How a scenario ended. One that could not be carried out is never counted as passed."""

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass
class Outcome:
    """Counts of a scenario, over all its exports."""

    scenario: str
    exports: int = 0
    kills: int = 0
    # Answers that did not come, or not whole, and were asked for again, as the saved ones tell.
    faults: int = 0
    rows: RowCheck = field(default_factory=RowCheck)
    units_overpaid: int = 0
    units_in_flight: int = 0
    readers: ReaderCheck = field(default_factory=ReaderCheck)
    leftovers: int = 0
    seconds: float = 0.0
    problems: list[str] = field(default_factory=list)
    skipped: str | None = None

    @property
    def verdict(self) -> Verdict:
        """Failed if anything at all is wrong."""
        if self.problems or self.rows.problems or self.readers.problems or self.units_overpaid or self.leftovers:
            return Verdict.FAILED
        if self.rows.lost or self.rows.duplicated or self.readers.miscounts:
            return Verdict.FAILED
        return Verdict.SKIPPED if self.skipped is not None else Verdict.PASSED

    @property
    def all_problems(self) -> list[str]:
        """Everything that is wrong, as text."""
        return [*self.problems, *self.rows.problems, *self.readers.problems]

    def add(self, other: Outcome) -> None:
        """Adds the counts of another."""
        self.exports += other.exports
        self.kills += other.kills
        self.faults += other.faults
        self.rows.add(other.rows)
        self.units_overpaid += other.units_overpaid
        self.units_in_flight += other.units_in_flight
        self.readers.add(other.readers)
        self.leftovers += other.leftovers
        self.seconds += other.seconds
        self.problems += other.problems

    def as_json(self) -> dict[str, Any]:
        """For a program."""
        return {**asdict(self), "verdict": self.verdict.value}


COLUMNS = [
    *("scenario", "exports", "kills", "faults", "rows", "lost", "duplicated", "units-overpaid"),
    *("reader-queries", "miscounts", "in-flight-errors", "left-over", "seconds", "verdict"),
]


def cells(outcome: Outcome, verdict: str) -> list[str]:
    """One line of the table."""
    numbers = [
        outcome.exports,
        outcome.kills,
        outcome.faults,
        outcome.rows.expected,
        outcome.rows.lost,
        outcome.rows.duplicated,
        outcome.units_overpaid,
        outcome.readers.queries,
        outcome.readers.miscounts,
        outcome.readers.failed_in_flight,
        outcome.leftovers,
        round(outcome.seconds),
    ]
    return [outcome.scenario, *(f"{number:,}" for number in numbers), verdict]


def table(outcomes: list[Outcome]) -> str:
    """All scenarios with a total, in columns."""
    total = Outcome("total")
    for outcome in outcomes:
        total.add(outcome)
    lines = [COLUMNS, *(cells(outcome, outcome.verdict.value) for outcome in outcomes), cells(total, "")]
    widths = [max(len(line[index]) for line in lines) for index in range(len(COLUMNS))]

    def aligned(line: list[str]) -> str:
        """Names to the left, numbers to the right."""
        first, *numbers, last = line
        middle = [number.rjust(width) for number, width in zip(numbers, widths[1:-1], strict=True)]
        return "  ".join([first.ljust(widths[0]), *middle, last]).rstrip()

    return "\n".join(aligned(line) for line in lines)


def count_line(outcomes: list[Outcome]) -> str:
    """`N passed, N failed, N skipped`, counting scenarios."""
    verdicts = [outcome.verdict for outcome in outcomes]
    return ", ".join(f"{verdicts.count(verdict)} {verdict.value}" for verdict in Verdict)
