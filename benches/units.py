#!/usr/bin/env python3
"""Exports 100,000 backlinks from the sandbox under each row cap and holds the bill to its ideal.

The ideal is the number of rows times the units of one row, the columns of the order key included. The bill is the
sandbox's own account (`GET /sandbox/stats`), not what the exporter says of itself, and both are compared. What is beyond
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

import smoke
from smoke import KEY, UNITS_PER_ROW, Failed

# Row cap of the plan (0: none), with the part of the ideal that may come on top.
LIMITS = {0: 0.001, 500: 0.005, 100: 0.02}
ENDPOINT = "site-explorer/all-backlinks"
CONFIGURATION = smoke.CONFIGURATION.replace("all_time", "live")


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
    log_path, output_path = folder / "log.txt", folder / "summary.json"
    options = ["--row-cap", str(cap)] if cap else []
    with log_path.open("w+") as log, output_path.open("w+") as output:
        sandbox, base_url = smoke.start_sandbox(program, rows, log, options)
        try:
            configuration = folder / "backhaul.toml"
            configuration.write_text(CONFIGURATION.format(base_url=base_url, destination=folder / "export"))
            status, _, _ = smoke.export(program, configuration, rows * UNITS_PER_ROW, output, log)
            account = stats(base_url)
        finally:
            smoke.stop(sandbox)
    if status != 0:
        raise Failed(f"`backhaul run` ended with {status}:\n{log_path.read_text()[-4000:]}{output_path.read_text()[-2000:]}")
    summary = smoke.last_object(output_path.read_text())
    if summary["rows"] != rows:
        raise Failed(f"{summary['rows']:,} rows came instead of {rows:,}: something else was measured")
    return summary, account


def main() -> int:
    """Measures, prints the table, and judges."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--program", type=Path, help="default: what `cargo build` made")
    arguments.add_argument("--rows", type=int, default=100_000)
    options = arguments.parse_args()
    kept = True
    try:
        program = options.program or smoke.built_program()
        price = units_per_row(program)
        ideal = options.rows * price
        print(f"{options.rows:,} rows of {price} units: {ideal:,} units")
        for cap, limit in LIMITS.items():
            with tempfile.TemporaryDirectory(prefix="backhaul-bench-") as folder:
                summary, account = measure(program, options.rows, cap, Path(folder))
            billed = account["units"]
            over = billed / ideal - 1
            is_kept = over <= limit and summary["units"] == billed
            kept = kept and is_kept
            wasted = ", ".join(f"{name} {units:,}" for name, units in summary["wasted"].items() if units)
            print(
                f"cap {cap or 'none':<5} {billed:>10,} units in {account['requests']:>5,} requests, {over:.3%} over the ideal"
                f"  at most {limit:.1%}: {'ok' if is_kept else 'BEYOND THE LIMIT'}  ({wasted})"
            )
            if summary["units"] != billed:
                print(f"  the exporter counts {summary['units']:,} units")
    except (Failed, KeyError, OSError, subprocess.CalledProcessError) as error:
        print(f"bench-units could not measure: {error}", file=sys.stderr)
        return 2
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
