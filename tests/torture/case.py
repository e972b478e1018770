"""One export under attack: started and killed as often as a scenario likes, then finished in peace and judged."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import TracebackType

from .arena import Arena, Reference
from .checks.readers import Observation, judge
from .checks.rows import compare, compare_books
from .checks.units import Ledger, SavedAnswers
from .outcome import Outcome
from .places import Place
from .program import Ended, Running
from .workload import BOOKS, TABLES, TASKS_AT_A_TIME, configuration

SHOWN_LEFTOVERS = 5


class Case:
    """A destination of its own, with a reader that polls it from the first moment on."""

    def __init__(
        self,
        arena: Arena,
        name: str,
        *,
        folder: Path | None = None,
        endpoint: str | None = None,
        nights: list[Reference] | None = None,
        fixed_night: bool = True,
        with_reader: bool = True,
    ):
        self.arena = arena
        self.name = name
        self.folder = arena.fresh_folder(name)
        self.place = Place(folder) if folder is not None else arena.place(self.folder, endpoint)
        # What lies there, as files: up to date after `settle`.
        self.destination = self.place.folder
        self.nights = nights or [arena.reference()]
        self.outcome = Outcome(name, exports=1)
        # Set where the clock is the program's own business.
        self.environment: dict[str, str] = {}
        self._file = self.folder / "backhaul.toml"
        self._file.write_text(configuration(arena.sandbox.base_url, self.place.settings))
        self._night = ["--date", str(arena.night)] if fixed_night else []
        self._started: list[Running] = []
        self.saved = SavedAnswers(self.destination)
        self.ledger = Ledger(arena.sandbox.settled(), max(night.dearest for night in self.nights))
        self._reader = self.place.reader(self.folder / "reader.jsonl") if with_reader else None

    def start(self, *flags: str, command: str = "run", environment: dict[str, str] | None = None) -> Running:
        """Starts the program on this destination."""
        arguments = ["-c", str(self._file), command, *flags]
        if command == "run":
            arguments += ["--json", *self._night]
        whole = {**self.place.environment(), **self.environment, **(environment or {})}
        running = self.arena.program.start(arguments, whole)
        self._started.append(running)
        return running

    def run(self, *flags: str, command: str = "run", environment: dict[str, str] | None = None) -> Ended:
        """Runs the program on this destination to its end."""
        return self.start(*flags, command=command, environment=environment).wait()

    def settle(self, *ended: Ended, may_lose: int = 0) -> None:
        """Takes stock after processes ended: each that was killed may have lost what it had in flight.

        `may_lose`: answers that may have got lost for another reason.
        """
        kills = sum(end.was_killed for end in ended)
        self.outcome.kills += kills
        may_be_in_flight = kills * TASKS_AT_A_TIME + may_lose
        charged = self.arena.sandbox.settled()
        self.place.refresh()
        self.problems(self.ledger.settle(charged, self.saved.units(), may_be_in_flight))

    def expect(self, ended: Ended, *codes: int) -> None:
        """Holds a process to the exit codes that it may end with."""
        if ended.code not in codes:
            self.problems([f"expected exit {' or '.join(map(str, codes))}, got {ended.told()}"])

    def problems(self, problems: list[str]) -> None:
        """Writes down what is wrong, with where to look."""
        self.outcome.problems += [f"[{self.folder.name}] {problem}" for problem in problems]

    def finish(self) -> Outcome:
        """One more run that nobody disturbs, then every check."""
        ended = self.run()
        self.expect(ended, 0)
        self.settle(ended)
        self._check_that_nothing_is_due()
        self.judge()
        return self.outcome

    def _check_that_nothing_is_due(self) -> None:
        """A further run sends nothing, and the program's own check finds nothing."""
        before = self.arena.sandbox.stats()
        self.expect(self.run(), 0)
        sent = self.arena.sandbox.settled().requests - before.requests
        if sent:
            self.problems([f"all was done, and one more run sent {sent} requests"])
        self.expect(self.run(command="verify"), 0)

    def judge(self, *, with_units: bool = True) -> None:
        """Rows, readers, units and left-overs of a destination at rest."""
        self.place.refresh()
        outcome = self.outcome
        wanted = [night.destination for night in self.nights]
        for table in TABLES:
            outcome.rows.add(compare(table, wanted, self.destination))
        for name, columns in BOOKS.items():
            self.problems(compare_books(name, columns, wanted, self.destination))
        outcome.rows.problems = [f"[{self.folder.name}] {problem}" for problem in outcome.rows.problems]
        if self._reader is not None:
            tasks = {place: seen for night in self.nights for place, seen in night.tasks.items()}
            outcome.readers.add(judge(self._stop_reader(), tasks))
            outcome.readers.problems = [f"[{self.folder.name}] {problem}" for problem in outcome.readers.problems]
        if with_units:
            undisturbed = sum(night.units for night in self.nights)
            outcome.units_overpaid += max(0, self.ledger.overpaid(self.arena.sandbox.settled(), undisturbed))
            outcome.units_in_flight += self.ledger.in_flight
        outcome.faults += self.saved.failed_attempts()
        left = self.place.leftovers(outcome.kills)
        outcome.leftovers += len(left)
        self.problems(left[:SHOWN_LEFTOVERS])

    def _stop_reader(self) -> list[Observation]:
        reader, self._reader = self._reader, None
        return reader.stop() if reader is not None else []

    def __enter__(self) -> Case:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for running in self._started:
            if running.process.poll() is None:
                running.kill()
        self._stop_reader()
        self.place.remove()
        if error is None and not self.outcome.all_problems and not self.arena.options.keep:
            shutil.rmtree(self.folder)
