#!/usr/bin/env python3
"""Compares exports into a bucket with exports of the same rows onto a disk, by the exporter's processor time.

Two shapes: few targets of many rows, and many targets of few rows. Each is exported several times onto a disk and into
a bucket in turns, each time into a new destination; of each the median of user + system time counts. Sandbox and S3
server are processes of their own. The requests to the bucket are counted too: those of a night, and those of the same
command once more, when everything is complete. Exit status: 0 within the limits, 1 beyond one of them, 2 when the
measurement itself failed. Standard library only, Linux and macOS.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import common
from common import UNITS_PER_ROW, Failed, Line

# As in tests/it/bucket/server.rs.
BUCKET, CREDENTIALS = "acme", {"AWS_ACCESS_KEY_ID": "tester", "AWS_SECRET_ACCESS_KEY": "hush-hush", "AWS_REGION": "us-east-1"}

REPORT = """
[[report]]
name = "{name}"
endpoint = "{endpoint}"
columns = ["standard"]
"""

# The reports of a target of the second shape, each small enough for one request.
SMALL = [
    ("referring_domains", "site-explorer/refdomains"),
    ("anchors", "site-explorer/anchors"),
    ("top_pages", "site-explorer/top-pages"),
]


@dataclass(frozen=True)
class Shape:
    """What is exported: number of targets, rows of each, and the tables beside the backlinks."""

    name: str
    targets: int
    rows: int
    limit: float
    reports: str = ""


class Server:
    """The S3 server: its address, and the requests that it got."""

    def __init__(self, program: Path, log):
        # In memory where possible: a slow disk under the server would only prolong the measurement.
        memory = {"TMPDIR": "/dev/shm"} if os.path.isdir("/dev/shm") else {}
        streams = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": log}
        self.process = subprocess.Popen([program], **streams, text=True, env={**os.environ, **memory})
        self.url = common.first_line(self.process).split()[-1]

    def requests(self) -> dict[str, int]:
        """The requests since the last time, by operation."""
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())


def server_program() -> Path:
    """The S3 server as `cargo build` leaves it."""
    command = ["cargo", "build", "--locked", "--example", "s3_server", "--message-format", "json"]
    messages = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    built = (json.loads(line) for line in messages.splitlines())
    return Path(next(one["executable"] for one in built if one.get("executable") and one["target"]["name"] == "s3_server"))


def configuration(base_url: str, shape: Shape, destination: str, endpoint: str | None) -> str:
    """The configuration of an export onto a disk, or into the bucket at an endpoint."""
    text = common.configuration(base_url, destination, shape.targets, "all_time")
    text += shape.reports
    return text if endpoint is None else text.replace("\n[[report]]", f'endpoint = "{endpoint}"\n\n[[report]]', 1)


def summary(requests: dict[str, int]) -> str:
    """`42: 7 list, 35 get`."""
    parts = ", ".join(f"{number:,} {name}" for name, number in sorted(requests.items(), key=lambda item: -item[1]))
    return f"{sum(requests.values()):,}: {parts}"


def measure(program: Path, server: Server, shape: Shape, runs: int, folder: Path) -> list[Line]:
    """Exports a shape onto the disk and into the bucket in turns."""
    seconds: dict[str, list[float]] = {"disk": [], "bucket": []}
    rows = set()
    tables = len(shape.reports.split("[[report]]"))
    with (folder / "log.txt").open("w+") as log:
        sandbox, base_url = common.start_sandbox(program, shape.rows, log)
        try:
            for number in range(runs):
                for kind, times in seconds.items():
                    own = folder / f"{kind}-{number}"
                    own.mkdir()
                    is_bucket = kind == "bucket"
                    place = f"s3://{BUCKET}/{folder.name}/{number}" if is_bucket else str(own / "export")
                    text = configuration(base_url, shape, place, server.url if is_bucket else None)
                    units = shape.targets * shape.rows * tables * UNITS_PER_ROW
                    server.requests()
                    export = common.export(program, text, units, own, log, is_local=not is_bucket)
                    night = server.requests()
                    rows.add(export.summary["rows"])
                    times.append(export.user_seconds + export.system_seconds)
            again = common.export(program, text, units, own, log, is_local=False)
            complete = server.requests()
        finally:
            common.stop(sandbox)
    if len(rows) != 1 or again.summary["requests"]:
        raise Failed(f"exports of the same rows brought {sorted(rows)}, and one again sent {again.summary['requests']}")
    medians = {kind: statistics.median(times) for kind, times in seconds.items()}
    ratio = medians["bucket"] / medians["disk"]
    spread = {kind: f"{medians[kind]:.2f} s ({min(times):.2f} to {max(times):.2f})" for kind, times in seconds.items()}
    return [
        Line(shape.name, f"{rows.pop():,} rows of {shape.targets} targets in {tables} tables, {runs} times each"),
        Line("  disk", spread["disk"]),
        Line("  bucket", spread["bucket"]),
        Line("  ratio", f"{ratio:.2f}", f"at most {shape.limit}", ratio <= shape.limit),
        Line("  requests", summary(night)),
        Line("  once more", summary(complete)),
    ]


def main() -> int:
    """Measures, prints the table, and judges."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--program", type=Path, help="default: what `cargo build --release` made")
    arguments.add_argument("--runs", type=int, default=5, help="exports of each kind")
    arguments.add_argument("--rows", type=int, default=100_000, help="rows of each of five targets")
    arguments.add_argument("--targets", type=int, default=300, help="targets of few rows")
    arguments.add_argument("--limit", type=float, default=1.3, help="processor time in a bucket over that on a disk")
    arguments.add_argument("--small-limit", type=float, default=1.3, help="the same of many targets of few rows")
    options = arguments.parse_args()
    small = "".join(REPORT.format(name=name, endpoint=endpoint) for name, endpoint in SMALL)
    # The six signed requests that keep a task safe are a large part of the cost of a task of few rows.
    small_shape = Shape("many small tasks", options.targets, 100, options.small_limit, small)
    shapes = [Shape("few large tasks", 5, options.rows, options.limit), small_shape]
    # The program takes the credentials of the bucket from its environment.
    os.environ.update(CREDENTIALS)
    lines: list[Line] = []
    try:
        program = common.program(options.program, "release")
        server_path = server_program()
        for shape in shapes:
            with tempfile.TemporaryDirectory(prefix="backhaul-bench-") as folder, (Path(folder) / "server.txt").open("w+") as log:
                server = Server(server_path, log)
                try:
                    lines += measure(program, server, shape, options.runs, Path(folder))
                finally:
                    common.stop(server.process)
    except (Failed, KeyError, OSError, subprocess.CalledProcessError, StopIteration) as error:
        print(f"bench-bucket could not measure: {error}", file=sys.stderr)
        return 2
    return common.report(lines)


if __name__ == "__main__":
    sys.exit(main())
