"""What all scenarios share: the program, a sandbox on which everything goes wrong, and what an undisturbed export gives."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path

from .checks.leftovers import leftovers
from .checks.readers import Place as TaskPlace
from .checks.readers import Seen, look_once
from .checks.units import SavedAnswers
from .oracle import check_reference
from .places import BUCKET_READER, LEASE_SECONDS, BucketPlace, Place
from .program import Program, Sandbox, TortureError
from .store import Store
from .workload import ROW_CAP, configuration


# An export to the bucket takes so many times as long as one to a folder, more or less.
BUCKET_SLOWNESS = 4.0
# What an export to the bucket is made smaller by, and no smaller than that.
BUCKET_ROWS_SHARE, BUCKET_LEAST_ROWS = 5, 100
BUCKET_KILLS_SHARE, BUCKET_LEAST_KILLS = 20, 2


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
    # Rows of an answer at most.
    row_cap: int = ROW_CAP


@dataclass
class Reference:
    """One night as an undisturbed export leaves it."""

    night: date
    destination: Path
    # Units of all its answers, and of the dearest.
    units: int
    dearest: int
    # How a reader sees its tasks.
    tasks: dict[TaskPlace, Seen]
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

        def sandbox(*, row_cap: int | None = options.row_cap, faults: bool = False) -> Sandbox:
            """One with the data of this attack."""
            return Sandbox(options.program, rows=options.rows, seed=options.seed, log=log, row_cap=row_cap, faults=faults)

        self._clean, self._oracle, self.sandbox = sandbox(), sandbox(row_cap=None), sandbox(faults=True)
        self._references: dict[date, Reference] = {}
        self._numbers = itertools.count(1)
        # Where exports go; none: to folders.
        self.store: Store | None = None
        self._in_bucket: Arena | None = None

    def close(self) -> None:
        """Ends the sandboxes and the bucket."""
        for server in (self._clean, self._oracle, self.sandbox, self.store, self._in_bucket):
            if isinstance(server, Arena):
                server.close()
            elif server is not None:
                server.stop()

    def in_bucket(self) -> Arena:
        """An arena whose exports go to a bucket: smaller ones, as a bucket on a small machine is slow, and with fewer kills,
        as each dead process is waited for.
        """
        if not BUCKET_READER.exists():
            raise TortureError("there is no DuckDB that reads buckets; run: make readers")
        if self._in_bucket is None:
            options = replace(
                self.options,
                folder=self.options.folder / "bucket",
                rows=max(BUCKET_LEAST_ROWS, self.options.rows // BUCKET_ROWS_SHARE),
                row_cap=BUCKET_LEAST_ROWS if self.options.is_short else ROW_CAP,
                kills=max(BUCKET_LEAST_KILLS, self.options.kills // BUCKET_KILLS_SHARE),
            )
            options.folder.mkdir(exist_ok=True)
            self._in_bucket = Arena(options, self.night)
            self._in_bucket.store = Store()
        return self._in_bucket

    @property
    def patience(self) -> float:
        """Seconds until a dead process is known to be dead."""
        return 0.0 if self.store is None else LEASE_SECONDS + 1.0

    @property
    def seconds(self) -> float:
        """How long an undisturbed export takes: nowhere to be exact about, as a bucket is slower than a disk."""
        return self.reference().seconds * (1.0 if self.store is None else BUCKET_SLOWNESS)

    def place(self, work: Path, endpoint: str | None = None) -> Place:
        """Where an export goes that has a folder of its own to work in. `endpoint`: of something before the bucket."""
        return Place(work / "out") if self.store is None else BucketPlace(self.store, work, endpoint)

    def fresh_folder(self, name: str) -> Path:
        """A new folder for a case."""
        folder = self.options.folder / f"{next(self._numbers):04}-{name}"
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
        place, file = Place(folder / "out"), folder / "backhaul.toml"
        destination = place.folder
        file.write_text(configuration(self._clean.base_url, place.settings))
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
