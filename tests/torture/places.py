"""Where an export goes, a folder or a bucket, behind one face: scenarios look at files and need not know which it is."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from pathlib import Path

from .checks.leftovers import leftovers
from .checks.readers import Reader
from .store import REGION, Mirror, Store
from .workload import TABLES, Table

BUCKET_READER = Path(__file__).resolve().parents[1] / "python" / "buckets.venv" / "bin" / "python"
# A dead process is waited for so long. A live one renews four times as often, also while a busy machine does other things.
LEASE_SECONDS = 3.0
# A bucket on a small machine is slow, and a query of it takes more than one look into a folder.
BUCKET_READER_PAUSE_SECONDS = 0.5


class Place:
    """A folder on a disk."""

    def __init__(self, folder: Path):
        # What lies there, as files.
        self.folder = folder
        # Small files, so that a partition is several.
        self.settings = f'url = "{folder}"\nfile_size = "512 KiB"\n'

    def refresh(self) -> None:
        """Makes `folder` what the destination is now, once nobody writes to it."""

    def environment(self) -> dict[str, str]:
        """What a process that is started needs to know besides."""
        return {}

    def reader(self, log: Path, tables: Iterable[Table] = TABLES, flags: tuple[str, ...] = ()) -> Reader:
        """Somebody who polls the tables from now on."""
        return Reader(str(self.folder), log, tables=tables, flags=flags)

    def replace(self, path: Path, content: bytes) -> None:
        """Damages a file."""
        path.write_bytes(content)

    def delete(self, path: Path) -> None:
        """Loses a file."""
        path.unlink()

    def leftovers(self, kills: int) -> list[str]:
        """What lies there that no later run will use or remove, after so many processes were killed."""
        del kills
        return leftovers(self.folder)

    def remove(self) -> None:
        """Lets go of everything that does not lie in the case's own folder."""


class BucketPlace(Place):
    """A folder of a bucket. Each process that is started finds a machine that no other one was on."""

    def __init__(self, store: Store, work: Path, endpoint: str | None = None):
        super().__init__(work / "mirror")
        self._store = store
        self._prefix = f"{work.name}/"
        self._mirror = Mirror(store, self._prefix, self.folder)
        self._lives = (work / "machines" / str(number) for number in itertools.count())
        self.url = f"s3://{store.bucket}/{work.name}"
        self.settings = "\n".join(
            [
                f'url = "{self.url}"',
                f'region = "{REGION}"',
                f'endpoint = "{endpoint or store.endpoint}"',
                "path_style = true\n",
            ]
        )

    def refresh(self) -> None:
        self._mirror.refresh()

    def environment(self) -> dict[str, str]:
        machine = next(self._lives)
        local = {"HOME": machine / "home", "TMPDIR": machine / "tmp", "XDG_CACHE_HOME": machine / "cache"}
        for folder in local.values():
            folder.mkdir(parents=True)
        lease = {"BACKHAUL_TEST_LEASE_MS": str(round(LEASE_SECONDS * 1000))}
        return {**self._store.environment, **lease, **{name: str(folder) for name, folder in local.items()}}

    def reader(self, log: Path, tables: Iterable[Table] = TABLES, flags: tuple[str, ...] = ()) -> Reader:
        environment = {**self._store.environment, "TORTURE_ENDPOINT": self._store.endpoint}
        flags = ("--pause", str(BUCKET_READER_PAUSE_SECONDS), *flags)
        return Reader(self.url, log, python=BUCKET_READER, environment=environment, tables=tables, flags=flags)

    def replace(self, path: Path, content: bytes) -> None:
        self._store.client.put_object(Bucket=self._store.bucket, Key=self._mirror.key(path), Body=content)
        self.refresh()

    def delete(self, path: Path) -> None:
        self._store.client.delete_object(Bucket=self._store.bucket, Key=self._mirror.key(path))
        self.refresh()

    def leftovers(self, kills: int) -> list[str]:
        found = leftovers(self.folder)
        # One that dies between saying what it will commit and taking the partition leaves a word about it, which the first
        # run after ten leases removes: nobody can tell it from that of a live process before.
        words = [line for line in found if line.startswith("left in staging: ") and line.endswith(".json")]
        if len(words) <= kills:
            found = [line for line in found if line not in words]
        # A process that dies between starting an upload and writing down that it did leaves one: it costs nothing, and is
        # aborted a day later.
        uploads = self._store.open_uploads(self._prefix)
        return found + ([f"{uploads} open uploads after {kills} kills"] if uploads > kills else [])

    def remove(self) -> None:
        self._store.delete_all(self._prefix)
