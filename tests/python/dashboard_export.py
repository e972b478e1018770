"""Makes exports for the dashboard's tests: nights from the sandbox, and folders that no night would leave."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path

import pyarrow
import pyarrow.parquet

KEY = "sandbox-key"
# The night on which nothing ran, and the one that a budget stopped.
MISSING, STOPPED = 4, 7
NIGHTS = 10
FIRST = date(2026, 11, 18)

# The names are not the operations': the dashboard must find tables by what they hold.
CONFIGURATION = """
[source]
base_url = "{url}"
api_key = {{ env = "AHREFS_API_KEY" }}

[source.limits]
requests_per_minute = 60000

[budget]
per_run = 10_000_000
per_month = 20_000_000

[destination]
url = "{destination}"

[[target]]
name = "northwind"
url = "northwind.example"
labels = {{ client = "Northwind Traders", role = "own" }}

[[target]]
name = "contoso"
url = "contoso.example"
labels = {{ client = "Northwind Traders", role = "competitor" }}

[[target]]
name = "fabrikam"
url = "fabrikam.example"
labels = {{ client = "Fabrikam", role = "own" }}

[[target]]
name = "fabrikam-shop"
url = "shop.fabrikam.example"
labels = {{ client = "Fabrikam", role = "own" }}

[[target]]
name = "litware"
url = "litware.example"

[[report]]
name = "ratings"
endpoint = "site-explorer/domain-rating"

[[report]]
name = "link_counts"
endpoint = "site-explorer/backlinks-stats"

[[report]]
name = "all_links"
endpoint = "site-explorer/all-backlinks"
aggregation = "all"
columns = ["standard"]

[[report]]
name = "linking_sites"
endpoint = "site-explorer/refdomains"

[[report]]
name = "rankings"
endpoint = "site-explorer/organic-keywords"
countries = ["us", "gb"]
date_compared = "-7d"
columns = ["standard", "+best_position_prev"]

[[report]]
name = "traffic_by_week"
endpoint = "site-explorer/metrics-history"
since = "2026-01-01"
history_grouping = "weekly"

[[report]]
name = "some_pages"
endpoint = "site-explorer/top-pages"
max_rows = 50
every = "week"
"""


@contextmanager
def sandbox(program: Path, night: date, rows: int) -> Iterator[str]:
    """A living sandbox as it is on a night; its address."""
    command = [str(program), "sandbox", "--port", "0", "--rows", str(rows), "--units", "0", "--rpm", "0", "--living"]
    environment = {**os.environ, "BACKHAUL_TEST_CLOCK": f"{night}T02:00:00Z"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().split()[-1]
        finally:
            process.kill()


def export_nights(program: Path, folder: Path, *, rows: int = 300, nights: int = NIGHTS) -> Path:
    """Exports so many nights into a folder, with one missing and one stopped by a budget. Gives the destination."""
    destination = folder / "export"
    configuration = folder / "backhaul.toml"
    for number in range(nights):
        if number == MISSING:
            continue
        night = FIRST + timedelta(days=number)
        with sandbox(program, night, rows) as url:
            configuration.write_text(CONFIGURATION.format(url=url, destination=destination))
            command = [str(program), "-c", str(configuration), "-q", "run"]
            if number == STOPPED:
                command += ["--max-units", "40000"]
            environment = {**os.environ, "AHREFS_API_KEY": KEY, "BACKHAUL_TEST_CLOCK": f"{night}T02:30:00Z"}
            done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
            # What was stopped is finished by the next night within three days: only its coverage stays as it was.
            if done.returncode not in ((4,) if number == STOPPED else (0,)):
                raise AssertionError(f"night {night} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}")
    return destination


class Fabric:
    """An export made by hand: nights that are hard to come by."""

    def __init__(self, root: Path):
        self.root = root
        self.told: dict[date, list[dict[str, object]]] = {}

    def write(self, path: str, columns: dict[str, object]) -> None:
        """A Parquet file."""
        target = self.root / path / "part-00000-x.parquet"
        target.parent.mkdir(parents=True, exist_ok=True)
        pyarrow.parquet.write_table(pyarrow.table(columns), target)

    def rows(self, report: str, night: date, rows: list[dict[str, object]], schema: dict[str, pyarrow.DataType]) -> None:
        """A night's rows of a table, each with its `_target`."""
        own = {"_target": pyarrow.string(), "_snapshot_date": pyarrow.date32(), **schema}
        columns = {
            name: pyarrow.array([night if name == "_snapshot_date" else row.get(name) for row in rows], kind)
            for name, kind in own.items()
        }
        self.write(f"{report}/snapshot_date={night}", columns)

    def tell(self, report: str, night: date, target: str | None, status: str = "complete", **more: object) -> None:
        """A task's line in `coverage`."""
        line = {"_snapshot_date": night, "report": report, "target": target, "status": status, "parameters": "{}", **more}
        self.told.setdefault(night, []).append(line)
        schema = {
            "_snapshot_date": pyarrow.date32(), "report": pyarrow.string(), "target": pyarrow.string(), "parameters": pyarrow.string(),
            "status": pyarrow.string(), "reason": pyarrow.string(), "evidence": pyarrow.string(), "rows": pyarrow.int64(),
            "units": pyarrow.int64(), "requests": pyarrow.int64(), "finished_at": pyarrow.timestamp("us", tz="UTC"),
        }
        lines = self.told[night]
        columns = {name: pyarrow.array([line.get(name) for line in lines], kind) for name, kind in schema.items()}
        self.write(f"coverage/snapshot_date={night}", columns)

    def sites(self, labels: dict[str, dict[str, str]]) -> None:
        """The table of targets."""
        columns = {
            "target": list(labels), "url": [f"{name}.example" for name in labels], "labels": [json.dumps(of) for of in labels.values()],
        }
        self.write("targets", {name: pyarrow.array(values, pyarrow.string()) for name, values in columns.items()})

    def document(self, path: str, content: object) -> None:
        """A JSON file under `_backhaul/`."""
        target = self.root / "_backhaul" / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(content if isinstance(content, str) else json.dumps(content))
