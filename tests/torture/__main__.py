"""Attacks the program and prints what it came to.

    python -m torture [--program PATH] [--short] [--rows N] [--kills N] [--scenario NAME]... [--seed N] [--json FILE]

Exit status: 0 if everything was right (what could not be tried is shown as skipped), 1 if anything was wrong, 2 if the
attack itself could not be carried out. With `--keep` or after a fault the folders stay; the same `--seed` gives the same
data and faults, and the same moments as far as the machine is as fast.
"""

from __future__ import annotations

import argparse
import json
import random
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from contextlib import closing
from pathlib import Path

from . import clock
from .arena import Arena, Options
from .outcome import Outcome, Verdict, count_line, table
from .program import TortureError
from .scenarios import LONG_ONLY, SCENARIOS, Scenario
from .scenarios.skip import Skipped
from .workload import expected_rows_at_least

LONG_ROWS, LONG_KILLS = 10_000, 1_000
SHORT_ROWS, SHORT_KILLS = 700, 20
SHOWN_PROBLEMS = 12


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="torture", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", type=Path, help="the program to attack; default: what `cargo build` made")
    parser.add_argument("--short", action="store_true", help="each step once, few kills, small tables: for every test run")
    parser.add_argument("--rows", type=int, help=f"rows of each list of each target; default {LONG_ROWS}, short {SHORT_ROWS}")
    parser.add_argument("--kills", type=int, help=f"kills at random moments; default {LONG_KILLS}, short {SHORT_KILLS}")
    parser.add_argument("--seconds-budget", type=float, default=0, help="stop killing at random after so many seconds")
    parser.add_argument("--seed", type=int, help="default: a new one, which is printed; short: 1")
    parser.add_argument("--scenario", action="append", choices=list(SCENARIOS), help="may be repeated; default: all, short: without most of the bucket's")
    parser.add_argument("--keep", type=Path, help="work in this folder and leave it as it is")
    parser.add_argument("--json", type=Path, help="write all counts to this file as well")
    return parser.parse_args()


def built_program() -> Path:
    """The program as `cargo build` leaves it."""
    command = ["cargo", "metadata", "--format-version", "1", "--no-deps", "--offline", "--locked"]
    folder = Path(__file__).resolve().parents[2]
    metadata = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, cwd=folder).stdout)
    return Path(metadata["target_directory"]) / "debug" / "backhaul"


def attack(name: str, scenario: Scenario, arena: Arena) -> Outcome:
    """One scenario with its time; what it could not do, and what it fell over, becomes part of its outcome."""
    began = time.monotonic()
    try:
        outcome = scenario(arena)
    except Skipped as reason:
        outcome = Outcome(name, skipped=str(reason))
    except TortureError as error:
        outcome = Outcome(name, problems=[str(error)])
    except Exception:  # A defect of a scenario must not hide what the others find.
        outcome = Outcome(name, problems=[traceback.format_exc()])
    outcome.seconds = time.monotonic() - began
    return outcome


def report(outcomes: list[Outcome]) -> str:
    """The table, what is wrong, what was skipped, and the counts."""
    lines = ["", table(outcomes), ""]
    for outcome in outcomes:
        problems = outcome.all_problems
        lines += [f"FAILED   {outcome.scenario}: {problem}" for problem in problems[:SHOWN_PROBLEMS]]
        if len(problems) > SHOWN_PROBLEMS:
            lines.append(f"FAILED   {outcome.scenario}: and {len(problems) - SHOWN_PROBLEMS} more")
        if outcome.skipped is not None:
            lines.append(f"SKIPPED  {outcome.scenario}: {outcome.skipped}")
    return "\n".join([*lines, count_line(outcomes)])


def run(chosen: argparse.Namespace, folder: Path) -> list[Outcome]:
    """All scenarios that were chosen, one after the other."""
    rows = chosen.rows or (SHORT_ROWS if chosen.short else LONG_ROWS)
    kills = chosen.kills if chosen.kills is not None else (SHORT_KILLS if chosen.short else LONG_KILLS)
    seed = chosen.seed if chosen.seed is not None else 1 if chosen.short else random.randrange(1 << 31)
    began = time.monotonic()

    def say(text: str) -> None:
        """Progress, for whoever watches."""
        print(f"{time.monotonic() - began:6.0f} s  {text}", file=sys.stderr, flush=True)

    print(f"seed {seed}, at least {expected_rows_at_least(rows):,} rows an export", flush=True)
    keep = chosen.keep is not None
    program = (chosen.program or built_program()).resolve()
    if not program.is_file():
        raise TortureError(f"no program at {program}; run: cargo build")
    options = Options(program, folder, rows, kills, chosen.short, chosen.seconds_budget, seed, keep, say)
    outcomes = []
    with closing(Arena(options, clock.now().date())) as arena:
        arena.reference()
        for name in chosen.scenario or [name for name in SCENARIOS if not (chosen.short and name in LONG_ONLY)]:
            outcomes.append(attack(name, SCENARIOS[name], arena))
            say(f"{name}: {outcomes[-1].verdict.value}")
    return outcomes


def main() -> int:
    """Attacks, prints, judges."""
    chosen = arguments()
    # So that sandboxes and readers end with it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    folder = (chosen.keep or Path(tempfile.mkdtemp(prefix="backhaul-torture-"))).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    try:
        outcomes = run(chosen, folder)
    except TortureError as error:
        print(f"torture: {error}", file=sys.stderr)
        return 2
    if chosen.json is not None:
        chosen.json.write_text(json.dumps([outcome.as_json() for outcome in outcomes], indent=1))
    print(report(outcomes), flush=True)
    return 1 if any(outcome.verdict is Verdict.FAILED for outcome in outcomes) else 0


if __name__ == "__main__":
    sys.exit(main())
