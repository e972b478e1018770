"""Budgets: never one unit over by the source's own account, whatever is killed, lost or run side by side."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from ..arena import Arena
from ..outcome import Outcome
from ..places import Place
from ..program import Ended, Running, Sandbox
from ..workload import TARGETS

# Rows of each list; with such a cap a task is many answers.
ROWS, ROW_CAP = 900, 100
ROUNDS_SHORT, ROUNDS_LONG = 2, 25
# Of the workspace, where something must stay free of it.
WORKSPACE_UNITS = 40_000
# Done, failed, partly done, stopped by a budget, all is claimed by others.
CODES = (0, 1, 3, 4, 5)
LONGEST_LIFE_SECONDS = 0.9
LINKS, ANCHORS = "site-explorer/all-backlinks", "site-explorer/anchors"


@dataclass(frozen=True)
class Budget:
    """A line of `[budget]`, and what it holds."""

    line: str
    limit: int
    # Counted over all processes of the month, or for each run anew.
    is_shared: bool
    # The operation whose units it limits; none: all.
    endpoint: str | None = None
    # Targets of the configuration: where a target has a budget it is the only one, so that the source can tell its units.
    targets: int = len(TARGETS)
    workspace: int = 0


BUDGETS = (
    Budget("per_month = 9_000", 9_000, is_shared=True),
    Budget('keep_free = "70%"', WORKSPACE_UNITS * 3 // 10, is_shared=True, workspace=WORKSPACE_UNITS),
    Budget("per_report = { links = 3_000 }", 3_000, is_shared=False, endpoint=LINKS),
    Budget("per_target = { acme = 4_000 }", 4_000, is_shared=False, targets=1),
)


def budgets(arena: Arena) -> Outcome:
    """Runs that are killed, alone and in pairs, against a source on which everything goes wrong, under each budget."""
    outcome = Outcome("budgets")
    log = arena.options.folder / "sandbox.log"
    for budget in BUDGETS:
        folder = arena.fresh_folder("budgets")
        place = arena.place(folder)
        with Sandbox(
            arena.options.program,
            rows=ROWS,
            seed=arena.options.seed,
            log=log,
            row_cap=ROW_CAP,
            faults=True,
            units=budget.workspace,
        ) as sandbox:
            (folder / "backhaul.toml").write_text(configuration(sandbox.base_url, place.settings, budget))
            problems = attack(arena, budget, sandbox, place, folder, outcome)
        outcome.problems += [f"[{folder.name}] {budget.line}: {problem}" for problem in problems]
        outcome.exports += 1
        place.remove()
        if not problems and not arena.options.keep:
            shutil.rmtree(folder)
    return outcome


def attack(arena: Arena, budget: Budget, sandbox: Sandbox, place: Place, folder: Path, outcome: Outcome) -> list[str]:
    """Rounds of kills, and one that is left in peace. Gives what is wrong."""
    problems = []
    rounds = ROUNDS_SHORT if arena.options.is_short else ROUNDS_LONG
    for number in range(rounds + 1):
        before = charged(sandbox, budget)
        # A budget of each run is that of one process.
        processes = 2 if budget.is_shared else 1
        running = [start(arena, place, folder) for _ in range(processes)]
        kills = 0 if number == rounds else 1 + number % processes
        ends = [killed(arena, one) for one in running[:kills]] + [one.wait() for one in running[kills:]]
        outcome.kills += sum(end.was_killed for end in ends)
        now = charged(sandbox, budget)
        spent = now if budget.is_shared else now - before
        if spent > budget.limit:
            problems.append(f"{spent} units were charged, {budget.limit} are allowed")
        problems += [f"unexpected {end.told()}" for end in ends if not end.was_killed and end.code not in CODES]
    # What dead processes had promised counts as spent, so that far less than the budget may have been charged.
    if charged(sandbox, budget) < budget.limit // 20:
        problems.append(f"only {charged(sandbox, budget)} units were charged: the budget was never near")
    return problems


def start(arena: Arena, place: Place, folder: Path) -> Running:
    """A run that pays for the night again, so that there is always something to spend on."""
    arguments = ["-c", str(folder / "backhaul.toml"), "run", "--json", "--date", str(arena.night), "--refetch"]
    return arena.program.start(arguments, place.environment())


def killed(arena: Arena, running: Running) -> Ended:
    """Its end: by itself, or at a random moment."""
    life = arena.patience + arena.random.uniform(0.05, LONGEST_LIFE_SECONDS)
    return running.ended_within(life) or running.kill()


def charged(sandbox: Sandbox, budget: Budget) -> int:
    """Units that the source has charged against a budget, lost answers included."""
    sandbox.settled()
    told = sandbox.get(sandbox.base_url.removesuffix("/v3") + "/sandbox/stats")
    assert isinstance(told, dict)
    if budget.endpoint is None:
        return int(told["units"])
    return int(told["endpoints"].get(budget.endpoint, {"units": 0})["units"])


def configuration(base_url: str, destination: str, budget: Budget) -> str:
    """Two reports of a few targets under a budget."""
    # A budget of the run as well, where nothing else would allow a run at all.
    per_run = "" if budget.line.startswith("per_month") else "per_run = 1_000_000\n"
    targets = list(TARGETS.items())[: budget.targets]
    return "\n".join(
        [
            f'[source]\napi_key = {{ env = "AHREFS_API_KEY" }}\nbase_url = "{base_url}"\n',
            "[source.limits]\nrequests_per_minute = 60_000\n",
            f"[budget]\n{per_run}{budget.line}\n",
            f"[destination]\n{destination}",
            *(f'[[target]]\nname = "{name}"\nurl = "{url}"\n' for name, url in targets),
            f'[[report]]\nname = "links"\nendpoint = "{LINKS}"\naggregation = "all"\ncolumns = ["minimal"]\n',
            f'[[report]]\nname = "anchors"\nendpoint = "{ANCHORS}"\ncolumns = ["minimal"]\n',
        ]
    )
