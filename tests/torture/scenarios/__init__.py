"""What is done to an export, by name. Each scenario takes the arena and returns its counts."""

from __future__ import annotations

from collections.abc import Callable

from ..arena import Arena
from ..outcome import Outcome
from .budgets import budgets
from .buckets import IN_BUCKET, SHORT_IN_BUCKET
from .clocks import midnight
from .disks import corrupt_last_answer, disk_full, read_only_remount
from .forgetting import forget_under_kills
from .kills import random_kills, refetch_under_kills
from .processes import interrupt, sigstop, two_processes
from .repair import rebuild
from .steps import kill_at_every_step, kill_at_steps_of_compact, kill_at_steps_of_rebuild, kill_at_steps_of_refetch

Scenario = Callable[[Arena], Outcome]

SCENARIOS: dict[str, Scenario] = {
    scenario.__name__: scenario
    for scenario in (
        random_kills,
        kill_at_every_step,
        kill_at_steps_of_refetch,
        kill_at_steps_of_rebuild,
        kill_at_steps_of_compact,
        refetch_under_kills,
        corrupt_last_answer,
        disk_full,
        read_only_remount,
        two_processes,
        sigstop,
        interrupt,
        midnight,
        rebuild,
        forget_under_kills,
        budgets,
    )
} | IN_BUCKET

# What the short version leaves out: a bucket on a small machine is slow, and each death in it is waited for.
LONG_ONLY = IN_BUCKET.keys() - SHORT_IN_BUCKET
