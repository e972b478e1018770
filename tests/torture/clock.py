"""The date of all tests in Python, the same as in `tests/it/support/clock.rs`: tests have the same result on every day."""

from __future__ import annotations

import os
import time
from datetime import datetime, timedelta, timezone

# The time that the clock of the program, or of its sandbox, shows when it starts.
CLOCK = "BACKHAUL_TEST_CLOCK"
# Another time for all tests to begin at.
TODAY = "BACKHAUL_TEST_TODAY"
DEFAULT_TODAY = "2026-11-23T12:00:00Z"

_BEGAN = time.monotonic()


def now() -> datetime:
    """The time in these tests: it begins at their date and runs on."""
    first = datetime.fromisoformat(os.environ.get(TODAY, DEFAULT_TODAY).replace("Z", "+00:00"))
    return first.astimezone(timezone.utc) + timedelta(seconds=time.monotonic() - _BEGAN)


def as_variable() -> dict[str, str]:
    """The environment that sets the clock of a process which starts now."""
    return {CLOCK: now().isoformat()}
