#!/usr/bin/env python3
"""Exports five large targets into one table and holds the exporter's memory to its limits.

The sandbox is a process of its own; measured is the exporter's greatest resident memory, at pages of 1,000 rows (the
sandbox's row cap) and of up to 50,000 (no cap), for each of two sizes of target. Memory must stay within a limit for
each kind of page, and must not grow with the rows. Exit status: 0 within the limits, 1 beyond one of them, 2 when the
measurement itself failed. Standard library only, Linux and macOS.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import common
from common import Export, Failed, Line

MIB = 1 << 20


def measure(options: argparse.Namespace, rows: int, cap: int | None, folder: Path) -> tuple[Export, float | None]:
    """One export, and the greatest resident memory of the sandbox where the system tells it."""
    program = common.program(options.program)
    with (folder / "log.txt").open("w+") as log:
        more = [] if cap is None else ["--row-cap", str(cap)]
        sandbox, base_url = common.start_sandbox(program, rows, log, *more)
        try:
            text = common.configuration(base_url, folder / "export", options.targets, "live", options.columns)
            units = rows * options.targets * common.UNITS_PER_ROW
            export = common.export(program, text, units, folder, log)
            served = common.resident_mib(sandbox.pid)
        finally:
            common.stop(sandbox)
    found = export.summary["rows"]
    if found != rows * options.targets:
        raise Failed(f"{found:,} of {rows * options.targets:,} rows were exported: something else was measured")
    return export, served


def lines_of(options: argparse.Namespace, cap: int | None, limit: int) -> list[Line]:
    """The lines of one kind of page: each size against the limit, and the sizes against each other."""
    name = "50,000-row pages" if cap is None else f"{cap:,}-row pages"
    lines, peaks = [], []
    for rows in sorted(options.rows):
        with tempfile.TemporaryDirectory(prefix="backhaul-bench-", dir=options.folder) as folder:
            export, served = measure(options, rows, cap, Path(folder))
        peaks.append(export.peak_mib)
        reported = export.summary["peak_memory_bytes"] / MIB
        took = f"{export.summary['requests']:,} requests, {export.seconds:.0f} s, {export.user_seconds + export.system_seconds:.0f} s of processor"
        sandbox = "" if served is None else f", sandbox {served:.0f} MiB"
        value = f"{export.peak_mib:.0f} MiB ({reported:.0f} by its report; {took}{sandbox})"
        lines.append(Line(f"{name}, {options.targets} x {rows:,} rows", value, f"at most {limit} MiB", export.peak_mib <= limit))
        print(f"{lines[-1].name}: {value}", file=sys.stderr, flush=True)
    growth = peaks[-1] / peaks[0] - 1
    if len(peaks) > 1:
        most = options.max_growth
        lines.append(Line(f"{name}, growth with rows", f"{growth:+.0%}", f"at most {most:.0%}", growth <= most))
    return lines


def main() -> int:
    """Measures, prints the table, and judges."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--program", type=Path, help="default: what `cargo build` made")
    arguments.add_argument("--rows", type=int, nargs="+", default=[500_000, 1_000_000], help="rows a target, in each size")
    arguments.add_argument("--targets", type=int, default=5)
    arguments.add_argument("--columns", default="standard", help="preset of columns: minimal, standard or full")
    arguments.add_argument("--pages", choices=["small", "large", "both"], default="both", help="1,000 rows, 50,000, or both")
    arguments.add_argument("--max-small", type=int, default=300, help="MiB at 1,000-row pages")
    arguments.add_argument("--max-large", type=int, default=400, help="MiB at 50,000-row pages")
    arguments.add_argument("--max-growth", type=float, default=0.2, help="from the smallest to the largest size; below half a million rows a target has too few large pages to compare")
    arguments.add_argument("--folder", type=Path, help="where the exports are written, on a disk with room; they are deleted")
    options = arguments.parse_args()
    lines: list[Line] = []
    try:
        if options.pages != "large":
            lines += lines_of(options, 1_000, options.max_small)
        if options.pages != "small":
            lines += lines_of(options, None, options.max_large)
    except (Failed, KeyError, OSError, subprocess.CalledProcessError) as error:
        print(f"bench-memory could not measure: {error}", file=sys.stderr)
        return 2
    return common.report(lines)


if __name__ == "__main__":
    sys.exit(main())
