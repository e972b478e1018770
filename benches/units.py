#!/usr/bin/env python3
"""Exports 100,000 backlinks from the sandbox under each row cap and holds the units charged to their ideal.

The ideal is the number of rows times the units of one row, the columns of the order key included. The units
charged are those of the sandbox's account (`GET /sandbox/stats`), which are compared with the exporter's count. Units beyond
the ideal went into seams of pages, questions and minimums. Exit status: 0 within the limits, 1 beyond one of them, 2 when
the measurement itself failed. Standard library only, Linux and macOS.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path

import common
from common import UNITS_PER_ROW, Failed, Line

# Row cap of the plan (0: none), with the part of the ideal that may come on top.
LIMITS = {0: 0.001, 500: 0.005, 100: 0.02}
ENDPOINT = "site-explorer/all-backlinks"


def units_per_row(program: Path) -> int:
    """Units of one row of the preset, by the catalog; its columns hold what the order key starts with."""
    command = [str(program), "catalog", ENDPOINT, "--json"]
    catalog = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    standard = catalog["presets"]["standard"]
    if catalog["order_key"][0] not in standard["columns"]:
        raise Failed("the preset lacks the first column of the order key: the ideal would be too low")
    return standard["units_per_row"]


def stats(base_url: str) -> dict:
    """What the sandbox has charged."""
    with urllib.request.urlopen(base_url.removesuffix("/v3") + "/sandbox/stats", timeout=30) as answer:
        return json.load(answer)


def measure(program: Path, rows: int, cap: int, folder: Path) -> tuple[dict, dict]:
    """One export under a cap: the exporter's summary and the sandbox's account."""
    options = ["--row-cap", str(cap)] if cap else []
    with (folder / "log.txt").open("w+") as log:
        sandbox, base_url = common.start_sandbox(program, rows, log, *options)
        try:
            text = common.configuration(base_url, folder / "export", targets=1, history="live")
            summary = common.export(program, text, rows * UNITS_PER_ROW, folder, log).summary
            account = stats(base_url)
        finally:
            common.stop(sandbox)
    if summary["rows"] != rows:
        raise Failed(f"{summary['rows']:,} rows were exported instead of {rows:,}: something else was measured")
    return summary, account


def judged(cap: int, limit: float, ideal: int, summary: dict, account: dict) -> Line:
    """The units of one export beyond the ideal."""
    charged = account["units"]
    over = charged / ideal - 1
    wasted = ", ".join(f"{name} {units:,}" for name, units in summary["wasted"].items() if units)
    mismatch = "" if summary["units"] == charged else f", and the exporter counts {summary['units']:,}"
    value = f"{charged:,} units in {account['requests']:,} requests{mismatch}, {over:.3%} over the ideal ({wasted})"
    return Line(f"cap {cap or 'none'}", value, f"at most {limit:.1%}", over <= limit and not mismatch)


def main() -> int:
    """Measures, prints the table, and judges."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--program", type=Path, help="default: what `cargo build` made")
    arguments.add_argument("--rows", type=int, default=100_000)
    options = arguments.parse_args()
    try:
        program = common.program(options.program)
        price = units_per_row(program)
        ideal = options.rows * price
        lines = [Line("ideal", f"{options.rows:,} rows of {price} units: {ideal:,} units")]
        for cap, limit in LIMITS.items():
            with tempfile.TemporaryDirectory(prefix="backhaul-bench-") as folder:
                summary, account = measure(program, options.rows, cap, Path(folder))
            lines.append(judged(cap, limit, ideal, summary, account))
    except (Failed, KeyError, OSError, subprocess.CalledProcessError) as error:
        print(f"bench-units could not measure: {error}", file=sys.stderr)
        return 2
    return common.report(lines)


if __name__ == "__main__":
    sys.exit(main())
