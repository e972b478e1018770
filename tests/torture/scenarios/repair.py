"""Repair: a data file that is gone comes back from saved answers, row for row, for nothing."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from ..arena import Arena
from ..case import Case
from ..checks.rows import compare
from ..outcome import Outcome
from ..workload import TABLES
from .skip import refuse_if_later


def rebuild(arena: Arena) -> Outcome:
    """Deletes each data file in turn; `rebuild` restores its rows with the moments of their export, at no cost."""
    # Readers would rightly miss the rows of a deleted file.
    with Case(arena, "rebuild", with_reader=False) as case:
        case.expect(case.run(), 0)
        case.settle()
        before = case.folder / "before"
        shutil.copytree(case.destination, before, copy_function=os.link, ignore=shutil.ignore_patterns("_backhaul"))
        charged = arena.sandbox.settled()
        for table in arena.random.sample(TABLES, 3) if arena.options.is_short else TABLES:
            for number in range(len(data_files(case.destination / table.name))):
                # Rebuilding may cut the rows into files anew: by number, as far as there are so many.
                files = data_files(case.destination / table.name)
                if number < len(files):
                    case.place.delete(files[number])
                    ended = case.run(command="rebuild")
                    refuse_if_later(ended, "`rebuild`")
                    case.expect(ended, 0)
                    case.place.refresh()
                    case.outcome.rows.add(compare(table, [before], case.destination, with_moments=True))
                if arena.options.is_short:
                    break
        if arena.sandbox.settled() != charged:
            case.problems(["`rebuild` asked the source"])
        case.judge()
    return case.outcome


def data_files(table: Path) -> list[Path]:
    """The data files of a table, in order."""
    return sorted(table.rglob("*.parquet"))
