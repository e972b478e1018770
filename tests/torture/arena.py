"""What all scenarios share: the program, a sandbox on which everything goes wrong, and what an undisturbed export gives."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from .checks.leftovers import leftovers
from .checks.readers import Place, Seen, look_once
from .checks.units import SavedAnswers
from .oracle import check_reference
from .program import Program, Sandbox, TortureError
from .workload import ROW_CAP, configuration


@dataclass
class Options:
    """How hard the attack is."""

    program: Path
    folder: Path
    # Rows of each list of each target.
    rows: int
    # Kills at random moments.
    kills: int
    # The short version: each step once, one round of what is tried several times.
    is_short: bool
    # No new export begins after so many seconds; 0: no end.
    seconds_budget: float
    seed: int
    # Whether destinations stay for a look when all was right.
    keep: bool
    say: Callable[[str], None]


@dataclass
class Reference:
    """One night as an undisturbed export leaves it."""

    night: date
    destination: Path
    # Units of all its answers, and of the dearest.
    units: int
    dearest: int
    # How a reader sees its tasks.
    tasks: dict[Place, Seen]
    # Bytes that it occupies.
    size: int
    # Seconds that it took.
    seconds: float


class Arena:
    """Opened once; scenarios make their cases in it."""

    def __init__(self, options: Options, night: date):
        self.options = options
        self.night = night
        self.random = random.Random(options.seed)
        self.program = Program(options.program, options.folder / "output")
        log = options.folder / "sandbox.log"

        def sandbox(*, row_cap: int | None = ROW_CAP, faults: bool = False) -> Sandbox:
            """One with the data of this attack."""
            return Sandbox(options.program, rows=options.rows, seed=options.seed, log=log, row_cap=row_cap, faults=faults)

        self._clean, self._oracle, self.sandbox = sandbox(), sandbox(row_cap=None), sandbox(faults=True)
        self._references: dict[date, Reference] = {}
        self._number = 0

    def close(self) -> None:
        """Ends the sandboxes."""
        for sandbox in (self._clean, self._oracle, self.sandbox):
            sandbox.stop()

    def fresh_folder(self, name: str) -> Path:
        """A new folder for a case."""
        self._number += 1
        folder = self.options.folder / f"{self._number:04}-{name}"
        folder.mkdir(parents=True)
        return folder

    @property
    def yesterday(self) -> date:
        """The night before."""
        return self.night - timedelta(days=1)

    def reference(self, night: date | None = None) -> Reference:
        """The undisturbed export of a night, made and checked against the source when first asked for."""
        night = night or self.night
        if night not in self._references:
            self._references[night] = self._make_reference(night)
        return self._references[night]

    def _make_reference(self, night: date) -> Reference:
        folder = self.fresh_folder(f"reference-{night}")
        destination, file = folder / "out", folder / "backhaul.toml"
        file.write_text(configuration(self._clean.base_url, destination))
        running = self.program.start(["-c", str(file), "run", "--json", "--date", str(night)])
        ended = running.wait()
        seconds = max(running.seconds(), 0.001)
        if ended.code != 0:
            raise TortureError(f"the undisturbed export failed: {ended.told()}")
        problems = check_reference(destination, self._oracle, night) + leftovers(destination)
        if problems:
            raise TortureError("the undisturbed export is wrong: " + "; ".join(problems))
        saved = SavedAnswers(destination).all().values()
        charged = self._clean.stats()
        units, dearest = sum(answer.units for answer in saved), max(answer.units for answer in saved)
        already = sum(reference.units for reference in self._references.values())
        if charged.units - already != units:
            raise TortureError(f"the undisturbed export paid {charged.units - already} units and saved answers of {units}")
        tasks = look_once(destination)
        size = sum(path.stat().st_size for path in destination.rglob("*") if path.is_file())
        self.options.say(
            f"undisturbed night {night}: {sum(seen.rows for seen in tasks.values()):,} rows of {len(tasks)} tasks, "
            f"{len(saved)} answers, {units:,} units, {size / 1e6:.0f} MB, {seconds:.1f} s; every row equals the source's"
        )
        return Reference(night, destination, units, dearest, tasks, size, seconds)
