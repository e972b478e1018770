#!/usr/bin/env python3
"""Asks the sandbox for pages of tables of 1,000,000 rows and holds it to its memory and its speed.

For each list operation below and each of five targets: the first page (which makes the table and its order), then warm
pages at random depths, filtered and ordered as an exporter asks for them. Exit status: 0 within the limits, 1 beyond one
of them, 2 when the measurement itself failed. Standard library only; memory on Linux alone.
"""

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import common
from common import Failed, Line

STANDARD = (
    "first_seen_link,root_name_source,url_from,url_to,anchor,domain_rating_source,is_dofollow,first_seen,link_type,"
    "is_ugc,is_sponsored,is_content,is_spam,url_rating_source,links_external,http_code,last_seen"
)
DATE = {"date": "2026-01-31"}
IS_200 = {"field": "http_code", "is": ["eq", 200]}
RARE_LINK = {"and": [{"field": "http_code", "is": ["eq", 301]}, {"field": "languages", "list_is": {"any": ["eq", "ru"]}}]}
RATED = {"field": "domain_rating", "is": ["gte", 10]}


@dataclass(frozen=True)
class Question:
    """How one operation is paged through: its key, its columns, the filter beside the key, and other parameters."""

    name: str
    endpoint: str
    key: list[str]
    select: str
    base: dict | None
    more: dict


QUESTIONS = [
    Question("links by time", "all-backlinks", ["first_seen_link", "url_from"], STANDARD, IS_200, {"aggregation": "all"}),
    Question("links, rare ones", "all-backlinks", ["first_seen_link"], STANDARD, RARE_LINK, {"aggregation": "all"}),
    Question("links by URL", "all-backlinks", ["url_from", "url_to"], STANDARD, None, {"aggregation": "all"}),
    Question("similar links", "all-backlinks", ["first_seen_link"], STANDARD, IS_200, {"aggregation": "similar_links"}),
    Question("1 per domain", "all-backlinks", ["root_name_source"], STANDARD, IS_200, {"aggregation": "1_per_domain"}),
    Question("refdomains", "refdomains", ["first_seen", "domain"], "first_seen,domain,domain_rating,links_to_target", RATED, {}),
    Question("anchors", "anchors", ["first_seen", "anchor"], "first_seen,anchor,refdomains,links_to_target", None, {}),
    Question(
        "keywords",
        "organic-keywords",
        ["words_merged", "keyword_merged", "keyword_country"],
        "words_merged,keyword_merged,keyword_country,best_position,volume,last_update",
        {"field": "volume", "is": ["gte", 100]},
        {**DATE, "country": "us"},
    ),
]


def at_least(key: list[str], bound: list) -> dict:
    """`key >= bound`, column by column."""
    node = {"field": key[len(bound) - 1], "is": ["gte", bound[-1]]}
    for column, value in reversed(list(zip(key, bound[:-1]))):
        equal = {"field": column, "is": ["eq", value]}
        node = {"or": [{"field": column, "is": ["gt", value]}, {"and": [equal, node]}]}
    return node


def ask(base_url: str, question: Question, target: str, bound: list | None, limit: int) -> tuple[float, list]:
    """Seconds that a page took, and its rows."""
    parts = [part for part in (question.base, at_least(question.key, bound) if bound else None) if part]
    parameters = {
        "target": target,
        "select": question.select,
        "order_by": ",".join(f"{column}:asc" for column in question.key),
        "limit": limit,
        **({"history": "live"} if question.endpoint == "all-backlinks" else {}),
        **question.more,
    }
    if parts:
        parameters["where"] = json.dumps(parts[0] if len(parts) == 1 else {"and": parts})
    url = f"{base_url}/site-explorer/{question.endpoint}?{urllib.parse.urlencode(parameters)}"
    request = urllib.request.Request(url, headers={"authorization": f"Bearer {common.KEY}"})
    started = time.monotonic()
    with urllib.request.urlopen(request, timeout=600) as response:
        body = response.read()
    seconds = time.monotonic() - started
    return seconds, next(iter(json.loads(body).values()))


def measure(options: argparse.Namespace, folder: Path) -> list[Line]:
    """Asks all questions of one sandbox."""
    chance = random.Random(1)
    lines = []
    with (folder / "log.txt").open("w+") as log:
        sandbox, base_url = common.start_sandbox(common.program(options.program), options.rows, log, "--row-cap", str(options.limit))
        try:
            for question in (question for question in QUESTIONS if options.only in question.name):
                cold, warm, keys = [], [], []
                targets = [f"bench-{number}.example" for number in range(1, options.targets + 1)]
                for target in targets:
                    seconds, rows = ask(base_url, question, target, None, options.limit)
                    cold.append(seconds)
                    keys.append([rows[0][column] for column in question.key])
                # All targets in turn, as an exporter asks.
                for _ in range(options.pages):
                    for target, key in zip(targets, keys):
                        bound = [somewhere(chance, value) for value in key]
                        warm.append(ask(base_url, question, target, bound, options.limit)[0])
                name = question.name
                lines.append(Line(f"{name}, first page", f"{max(cold):.2f} s", f"at most {options.max_cold} s", max(cold) <= options.max_cold))
                lines.append(Line(f"{name}, warm page", f"{max(warm):.3f} s at worst, {sum(warm) / len(warm):.3f} s on average", f"at most {options.max_warm} s", max(warm) <= options.max_warm))
                memory = common.resident_mib(sandbox.pid)
                print(f"{lines[-2].name} {lines[-2].value}; {lines[-1].name} {lines[-1].value}; {memory:.0f} MiB" if memory else name, file=sys.stderr, flush=True)
            memory = common.resident_mib(sandbox.pid)
        finally:
            common.stop(sandbox)
    if memory is not None:
        lines.append(Line("peak memory", f"{memory:.0f} MiB", f"at most {options.max_memory} MiB", memory <= options.max_memory))
    return lines


def somewhere(chance: random.Random, like) -> str | int:
    """A value somewhere in the range of the column that holds `like`."""
    if isinstance(like, int):
        return chance.randint(1, 5)
    if like[4:5] == "-" and like.endswith("Z"):
        return f"{chance.randint(2022, 2026)}-{chance.randint(1, 9):02d}-{chance.randint(1, 28):02d}T00:00:00Z"
    start = chance.choice(["solar", "honey", "river", "camera", "window", "island"])
    return f"https://{start}" if like.startswith("https://") else start


def main() -> int:
    """Measures, prints the table, and judges."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--program", type=Path, help="default: what `cargo build` made")
    arguments.add_argument("--rows", type=int, default=1_000_000)
    arguments.add_argument("--targets", type=int, default=5)
    arguments.add_argument("--pages", type=int, default=4, help="warm pages of each table")
    arguments.add_argument("--limit", type=int, default=1_000, help="rows a page")
    arguments.add_argument("--only", default="", help="questions whose name contains this")
    arguments.add_argument("--max-cold", type=float, default=20, help="seconds")
    arguments.add_argument("--max-warm", type=float, default=0.5, help="seconds")
    arguments.add_argument("--max-memory", type=int, default=2048, help="MiB")
    options = arguments.parse_args()
    try:
        with tempfile.TemporaryDirectory(prefix="backhaul-bench-") as folder:
            lines = measure(options, Path(folder))
    except (Failed, KeyError, OSError, urllib.error.URLError, subprocess.CalledProcessError) as error:
        print(f"bench-sandbox could not measure: {error}", file=sys.stderr)
        return 2
    return common.report(lines)


if __name__ == "__main__":
    sys.exit(main())
