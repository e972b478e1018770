"""The disk: full, read-only, or with a damaged answer on it. What needs a file system of its own needs root."""

from __future__ import annotations

import contextlib
import os
import subprocess
import zlib
from collections.abc import Iterator
from pathlib import Path

from ..arena import Arena
from ..case import Case
from ..checks.units import read_saved
from ..outcome import Outcome
from ..workload import TASKS_AT_A_TIME
from .processes import moment, rounds
from .skip import Skipped

# Room for an export, a second copy of it on its way, and some.
DISK_SIZE_FACTOR = 4
DISK_SPARE_BYTES = 32 << 20
# Shares of what an export needs at which the disk is full: among the first answers, in mid-way, and while it commits.
FULL_AT = (0.03, 0.3, 0.6, 0.8, 0.9, 0.97)


def mount(*arguments: str) -> None:
    """Mounts; the text of a refusal is an error."""
    done = subprocess.run(["mount", *arguments], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise OSError(f"mount {' '.join(arguments)}: {done.stderr.strip().splitlines()[0]}")


def unmount(folder: Path) -> None:
    """Takes away the mount on top of a folder; processes that still use it do not hold that up."""
    subprocess.run(["umount", "--lazy", str(folder)], capture_output=True, check=True)


@contextlib.contextmanager
def small_disk(arena: Arena) -> Iterator[Path]:
    """A folder on a file system of its own, in memory."""
    folder = arena.fresh_folder("disk")
    size = arena.reference().size * DISK_SIZE_FACTOR + DISK_SPARE_BYTES
    try:
        mount("-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder))
    except OSError as error:
        raise Skipped(f"a file system of its own cannot be mounted here: {error}") from None
    try:
        yield folder
    finally:
        unmount(folder)


@contextlib.contextmanager
def read_only(disk: Path, aside: Path) -> Iterator[None]:
    """A disk as if remounted read-only, from one moment to the next, under the feet of whoever works on it.

    A file system with files open for writing, which locks are, cannot be remounted itself: a read-only view of it is made
    aside and then laid on top.
    """
    mount("--bind", str(disk), str(aside))
    try:
        mount("-o", "remount,bind,ro", str(aside))
        mount("--bind", str(aside), str(disk))
        try:
            yield
        finally:
            unmount(disk)
    finally:
        unmount(aside)


def fill(disk: Path, free_bytes: int) -> Path:
    """Fills a disk up to so many bytes; returns the file that does."""
    status = os.statvfs(disk)
    ballast = disk / "ballast"
    with ballast.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, max(status.f_bavail * status.f_frsize - free_bytes, 1))
    return ballast


def disk_full(arena: Arena) -> Outcome:
    """The disk fills up in mid-run; it is freed, and the next run goes on."""
    outcome = Outcome("disk_full")
    shares = FULL_AT[1::2] if arena.options.is_short else FULL_AT
    for share in shares:
        with small_disk(arena) as disk, Case(arena, "disk_full", folder=disk / "out") as case:
            ballast = fill(disk, int(arena.reference().size * share))
            ended = case.run()
            case.expect(ended, 1, 3)
            # Every task under way may get an answer that it cannot save; none may buy another one after that.
            case.settle(ended, may_lose=TASKS_AT_A_TIME)
            ballast.unlink()
            outcome.add(case.finish())
    return outcome


def read_only_remount(arena: Arena) -> Outcome:
    """The disk turns read-only in mid-run, as it does on a device error; it is repaired, and the next run goes on."""
    outcome = Outcome("read_only_remount")
    for _ in rounds(arena):
        with small_disk(arena) as disk, Case(arena, "read_only_remount", folder=disk / "out") as case:
            running = case.start()
            ended = running.ended_within(moment(arena))
            if ended is None:
                with read_only(disk, arena.fresh_folder("read-only")):
                    ended = running.wait()
                    case.expect(ended, 0, 1, 3)
                    case.settle(ended, may_lose=TASKS_AT_A_TIME)
                    again = case.run()
                    case.expect(again, *([0, 1] if ended.code == 0 else [1]))
                    case.settle(again)
            outcome.add(case.finish())
    return outcome


def corrupt_last_answer(arena: Arena) -> Outcome:
    """After a kill the answer that was saved last is damaged: it is bought again, and nothing else is."""
    outcome = Outcome("corrupt_last_answer")
    for number in rounds(arena):
        with Case(arena, "corrupt_last_answer") as case:
            for attempt in range(4):
                running = case.start()
                ended = running.ended_within(moment(arena, 0.4)) or running.kill()
                case.settle(ended)
                damage_last(case, truncate=(number + attempt) % 2 == 1)
            outcome.add(case.finish())
    return outcome


def damage_last(case: Case, *, truncate: bool) -> None:
    """Flips a bit of the newest saved answer or cuts it, and writes its price off."""
    answers = case.saved.all()
    if not answers:
        return
    newest = max(answers, key=lambda path: (path.stat().st_mtime_ns, path.name))
    content = bytearray(newest.read_bytes())
    place = case.arena.random.randrange(len(content))
    if truncate:
        del content[place:]
    else:
        content[place] ^= 1 << case.arena.random.randrange(8)
    case.place.replace(newest, bytes(content))
    if read_saved(newest) is not None:
        raise AssertionError(f"the damage at byte {place} of {newest} does not show in its CRC-32 {zlib.crc32(content):08x}")
    case.ledger.damaged += answers[newest].units
