#!/usr/bin/env python3
"""Makes the virtual environment with the readers (DuckDB, pyarrow) that the tests use.

Standard library only. Distributions that split `ensurepip` off (Debian, Ubuntu) make `python3 -m venv` fail half way;
then other ways to the same environment are tried, and if none is there the message says what to install.
"""

import argparse
import os
import shutil
import subprocess
import sys
from pathlib import Path


def run(*command: str) -> bool:
    """Runs a command; its output goes to stderr. Tells whether it succeeded."""
    try:
        return subprocess.run(command, stdout=sys.stderr, check=False).returncode == 0
    except FileNotFoundError:
        return False


def make(folder: Path) -> bool:
    """Makes an environment that has pip, by the first way that works."""
    python = str(folder / "bin" / "python")
    ways = [
        [[sys.executable, "-m", "venv", str(folder)]],
        [[sys.executable, "-m", "virtualenv", str(folder)]],
        [["uv", "venv", "--seed", "--python", sys.executable, str(folder)]],
        [
            [sys.executable, "-m", "venv", "--without-pip", str(folder)],
            [sys.executable, "-m", "pip", "--python", python, "install", "pip"],
        ],
    ]
    if os.name == "posix" and hasattr(os, "geteuid") and os.geteuid() == 0 and os.environ.get("CI"):
        ways.append([
            ["apt-get", "update", "-qq"],
            ["apt-get", "install", "-y", "-qq", "--no-install-recommends", "python3-venv"],
            [sys.executable, "-m", "venv", str(folder)],
        ])
    for steps in ways:
        shutil.rmtree(folder, ignore_errors=True)
        if all(run(*step) for step in steps) and run(python, "-m", "pip", "--version"):
            return True
    return False


def main() -> int:
    """Makes the environment and installs the pinned packages, wheels only."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--requirements", type=Path, required=True)
    arguments.add_argument("--into", type=Path, required=True)
    options = arguments.parse_args()
    python = str(options.into / "bin" / "python")
    if not make(options.into):
        print("could not make a virtual environment; on Debian or Ubuntu: apt-get install python3-venv", file=sys.stderr)
        return 1
    if not run(python, "-m", "pip", "install", "--quiet", "--only-binary", ":all:", "--requirement", str(options.requirements)):
        print(f"could not install the packages of {options.requirements} for {sys.version.split()[0]}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
