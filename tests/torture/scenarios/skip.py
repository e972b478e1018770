"""What cannot be carried out here."""

from __future__ import annotations

from ..program import Ended


class Skipped(Exception):
    """The text says why; the scenario counts as skipped, never as passed."""


def refuse_if_later(ended: Ended, what: str) -> None:
    """Skips a scenario that needs what the program does not do yet."""
    if ended.is_later:
        raise Skipped(f"the program does not do {what} yet")
