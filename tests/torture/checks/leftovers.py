"""Left-overs: what lies in a destination that no later run will use or remove."""

from __future__ import annotations

import json
from pathlib import Path


def leftovers(destination: Path) -> list[str]:
    """Files that must not be there once a run has ended well, each with the reason."""
    system = destination / "_backhaul"
    found = [f"left in staging: {path.name}" for path in sorted((system / "staging").glob("*"))]
    for path in sorted(destination.rglob("*")):
        shown = path.relative_to(destination).as_posix()
        if path.name.endswith(".tmp"):
            found.append(f"temporary file: {shown}")
        elif path.suffix == ".parquet" and system in path.parents:
            found.append(f"Parquet where only the program looks: {shown}")
    for table in sorted(path for path in destination.iterdir() if path.is_dir() and path != system):
        found += strangers(table, system / "tables" / table.name)
    return found


def strangers(table: Path, states: Path) -> list[str]:
    """Files of a table that its partitions' states do not name, and files that they name and that are not there."""
    found = []
    named: set[Path] = set()
    for path in sorted(states.glob("*.json")):
        state = json.loads(path.read_text())
        if state.get("pending") is not None:
            found.append(f"a commit that nobody settled: {path.stem} of {table.name}")
        committed = state.get("committed") or {"files": []}
        # A table without partition keys has its files in its own folder.
        folder = table / path.stem if "=" in path.stem else table
        named |= {folder / entry["name"] for entry in committed["files"]}
    held = {path for path in table.rglob("*") if path.is_file()}
    found += [f"no state names {path.relative_to(table.parent).as_posix()}" for path in sorted(held - named)]
    found += [f"missing: {path.relative_to(table.parent).as_posix()}" for path in sorted(named - held)]
    return found
