"""Thirty nights of an export with churn, and what the source itself said every night.

A sandbox is started anew for each day, since links, domains and anchors come and go with its clock; keywords change from
request to request, so that one sandbox answers for them all the time. Between the program and both stands a relay that
refuses what a night is to miss, and remembers the keywords that it passed on. Everything else is asked of the sandbox
directly, past the program.

    python tests/python/dbt_nights.py --out DIR     # leaves the export in DIR, to look at
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import subprocess
import sys
import threading
import urllib.error
import urllib.parse
import urllib.request
import zlib
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY / "tests"))

from torture import clock  # noqa: E402

KEY = "sandbox-key"
START_SECONDS = 60
NUM_NIGHTS = 30
KEYWORDS = "site-explorer/organic-keywords"
LINKS = "site-explorer/all-backlinks"
REFDOMAINS = "site-explorer/refdomains"
ANCHORS = "site-explorer/anchors"

TARGETS = {
    "acme": ("acme.example", "Acme", "own"),
    "rival": ("rival.example", "Acme", "competitor"),
    "birch": ("birch.example", "Acme", "competitor"),
    "cedar": ("cedar.example", "Dune", "own"),
    "elm": ("elm.example", "Dune", "competitor"),
    "fir": ("fir.example", "Dune", "competitor"),
}
COUNTRIES = ["us", "gb"]
IDENTITY = ["url_from", "url_to", "anchor", "link_type", "first_seen_link"]

# What goes wrong, by night. Nobody starts the program:
NOT_RUN = {7, 8}
# The source refuses: (part of the path, target; none: all).
REFUSED = {
    3: [(LINKS, "rival"), (REFDOMAINS, "rival")],
    12: [(KEYWORDS, "rival"), (REFDOMAINS, "elm"), (ANCHORS, "elm"), ("site-explorer/metrics", "cedar")],
    13: [(KEYWORDS, "rival")],
    21: [(LINKS, None)],
    NUM_NIGHTS - 1: [(KEYWORDS, "cedar")],
}
# A budget ends the run early; a fuse cuts lists of links.
STOPPED = {16}
CAPPED = {18}
# The source has no keyword of a target in a country.
EMPTY = {24: ("fir", "gb")}

REPORTS = """
[[report]]
name = "links"
endpoint = "site-explorer/all-backlinks"
aggregation = "all"
columns = ["minimal", "+link_type"]
{fuse}
[[report]]
name = "referring_domains"
endpoint = "site-explorer/refdomains"
columns = ["minimal"]
{fuse}
[[report]]
name = "link_changes"
endpoint = "site-explorer/all-backlinks"
mode = "changes"
columns = ["minimal"]

[[report]]
name = "organic_keywords"
endpoint = "site-explorer/organic-keywords"
countries = ["us", "gb"]
columns = ["standard"]

[[report]]
name = "anchors"
endpoint = "site-explorer/anchors"

[[report]]
name = "domain_rating"
endpoint = "site-explorer/domain-rating"

[[report]]
name = "metrics"
endpoint = "site-explorer/metrics"

[[report]]
name = "rating_history"
endpoint = "site-explorer/domain-rating-history"
history_grouping = "daily"
since = "{since}"

[[report]]
name = "traffic_history"
endpoint = "site-explorer/metrics-history"
columns = ["full"]
history_grouping = "daily"
since = "{since}"
"""

# The report names above that are not the package's own, and the reports that it does not expect.
VARIABLES = {
    "backhaul_backlinks_table": "links",
    "backhaul_refdomains_table": "referring_domains",
    "backhaul_metrics_history_table": "traffic_history",
    "backhaul_link_changes_enabled": True,
    "backhaul_rating_history_enabled": True,
    "backhaul_metrics_history_enabled": True,
    "backhaul_backlink_key": IDENTITY,
    "backhaul_market_label": "client",
    "backhaul_price_per_1000_units": 0.5,
}

OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def program() -> Path:
    """The program under test: the dev build, or what the environment names."""
    return Path(os.environ.get("BACKHAUL_BIN", Path(os.environ.get("CARGO_TARGET_DIR", REPOSITORY / "target")) / "debug" / "backhaul"))


class Sandbox:
    """A sandbox whose clock shows some time."""

    def __init__(self, time: datetime.datetime, *options: str):
        command = [str(program()), "sandbox", "--port", "0", "--rpm", "0", "--units", "0", "--key", KEY, *options]
        environment = {**os.environ, "BACKHAUL_TEST_CLOCK": time.isoformat()}
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True, env=environment)
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line.startswith("listening on "):
            self.stop()
            raise RuntimeError(f"expected `listening on URL` of the sandbox, got {line!r}")
        self.url = line.split()[-1]

    def rows(self, operation: str, **query: str) -> object:
        """The answer to a question, of one request without a cap: the only list in it, or the only record."""
        url = f"{self.url}/{operation}?{urllib.parse.urlencode(query)}"
        request = urllib.request.Request(url, headers={"authorization": f"Bearer {KEY}"})
        with OPENER.open(request, timeout=START_SECONDS) as response:
            (answer,) = json.load(response).values()
        return answer

    def stop(self) -> None:
        """Ends it and waits for that."""
        self._process.terminate()
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()


class Relay:
    """What the program takes for the API."""

    def __init__(self, keywords: Sandbox):
        self.keywords = keywords
        self.other = keywords
        self.night = 0
        # By night, target and country: the rows of keywords that the program was last told.
        self.told: dict[tuple[int, str, str], list[dict]] = {}
        self.told_twice = False
        relay = self

        class Handler(BaseHTTPRequestHandler):
            """One request: refused, or passed on."""

            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                """Passes it on."""
                status, headers, body = relay.answer(self.path, None)
                self.reply(status, headers, body)

            def do_POST(self) -> None:
                """Passes it on with its body."""
                sent = self.rfile.read(int(self.headers.get("content-length", 0)))
                self.reply(*relay.answer(self.path, sent))

            def reply(self, status: int, headers: dict[str, str], body: bytes) -> None:
                """Answers."""
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *arguments: object) -> None:
                """Says nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/v3"

    def answer(self, path: str, sent: bytes | None) -> tuple[int, dict[str, str], bytes]:
        """What the program is told."""
        operation, _, query = path.removeprefix("/v3/").partition("?")
        asked = dict(urllib.parse.parse_qsl(query))
        name = next((name for name, (url, _, _) in TARGETS.items() if url == asked.get("target")), "")
        for refused, target in REFUSED.get(self.night, []):
            if operation == refused and target in (None, name):
                return 400, {"content-type": "application/json"}, b'{"error":"not tonight"}'
        is_keywords = operation == KEYWORDS
        source = self.keywords if is_keywords else self.other
        url = source.url.removesuffix("/v3") + path
        headers = {"authorization": f"Bearer {KEY}", "content-type": "application/json"}
        try:
            with OPENER.open(urllib.request.Request(url, data=sent, headers=headers), timeout=START_SECONDS) as response:
                status, told, body = response.status, dict(response.headers), response.read()
        except urllib.error.HTTPError as error:
            status, told, body = error.code, dict(error.headers), error.read()
        told = {name: value for name, value in told.items() if name.lower().startswith(("x-", "content-type"))}
        if is_keywords and status == 200:
            body = json.dumps({"keywords": self.moved(name, asked["country"], json.loads(body)["keywords"])}).encode()
        return status, told, body

    def moved(self, target: str, country: str, rows: list[dict]) -> list[dict]:
        """Keywords of the night. The sandbox's come and go, but keep their places: a tenth of them are moved here."""
        if EMPTY.get(self.night) == (target, country):
            rows = []
        for row in rows:
            dice = zlib.crc32(f"{self.night} {target} {country} {row['keyword']}".encode())
            if dice % 100 == 0:
                row["best_position"] = None
            elif dice % 10 == 0 and row["best_position"] is not None:
                row["best_position"] = max(1, row["best_position"] + dice // 100 % 9 - 4)
        # They change from request to request: what two of them told of a night would not be one truth.
        self.told_twice |= (self.night, target, country) in self.told
        self.told[self.night, target, country] = rows
        return rows

    def stop(self) -> None:
        """Ends it."""
        self._server.shutdown()
        self._server.server_close()


@dataclass
class Truth:
    """What the source held, by night and target, asked past the program."""

    days: list[datetime.date]
    links: dict[tuple[int, str], set[tuple]] = field(default_factory=dict)
    refdomains: dict[tuple[int, str], set[str]] = field(default_factory=dict)
    anchors: dict[tuple[int, str], dict[str, int]] = field(default_factory=dict)
    ratings: dict[tuple[int, str], float] = field(default_factory=dict)
    metrics: dict[tuple[int, str], dict] = field(default_factory=dict)
    keywords: dict[tuple[int, str, str], list[dict]] = field(default_factory=dict)
    # What the runs themselves reported: units by night and report.
    units: dict[tuple[int, str], int] = field(default_factory=lambda: defaultdict(int))
    exits: dict[int, int] = field(default_factory=dict)

    def ask(self, night: int, sandbox: Sandbox) -> None:
        """Asks for everything of one night."""
        day = self.days[night].isoformat()

        def of(name: str) -> None:
            where = {"target": TARGETS[name][0], "mode": "subdomains"}
            live = {**where, "history": "live", "limit": "100000"}
            links = sandbox.rows(LINKS, **live, aggregation="all", select=",".join([*IDENTITY, "root_name_source"]))
            self.links[night, name] = {tuple(row[column] for column in [*IDENTITY, "root_name_source"]) for row in links}
            self.refdomains[night, name] = {row["domain"] for row in sandbox.rows(REFDOMAINS, **live, select="domain")}
            texts = sandbox.rows(ANCHORS, **live, select="anchor,links_to_target")
            self.anchors[night, name] = {row["anchor"]: row["links_to_target"] for row in texts}
            rating = sandbox.rows("site-explorer/domain-rating", target=where["target"], date=day)
            self.ratings[night, name] = rating["domain_rating"]
            self.metrics[night, name] = sandbox.rows("site-explorer/metrics", **where, date=day)

        with ThreadPoolExecutor(2) as pool:
            list(pool.map(of, TARGETS))


def configuration(base_url: str, since: datetime.date, *, is_capped: bool) -> str:
    """The configuration of a night."""
    targets = "".join(
        f'\n[[target]]\nname = "{name}"\nurl = "{url}"\nlabels = {{ client = "{client}", role = "{role}" }}\n'
        for name, (url, client, role) in TARGETS.items()
    )
    # What a night misses stays missed: it is not made up for on the next one.
    return (
        f'[source]\napi_key = {{ env = "AHREFS_API_KEY" }}\nbase_url = "{base_url}"\n'
        "[source.limits]\nrequests_per_minute = 60000\n"
        '[run]\nresume_within = "1s"\n'
        '[destination]\nurl = "export"\n'
        f"{targets}{REPORTS.format(fuse='max_rows = 40' if is_capped else '', since=since)}"
    )


def export(folder: Path, *, num_nights: int = NUM_NIGHTS, rows: int = 120) -> Truth:
    """Runs the nights, the last one being today; the export lies in `folder/export`."""
    now = clock.now().replace(microsecond=0)
    times = [now - datetime.timedelta(days=num_nights - 1 - night) for night in range(num_nights)]
    truth = Truth([time.date() for time in times])
    keywords = Sandbox(now, "--rows", str(rows // 3), "--churn", "1")
    relay = Relay(keywords)
    try:
        for night, time in enumerate(times):
            if night in NOT_RUN:
                continue
            sandbox = Sandbox(time, "--rows", str(rows), "--living")
            try:
                relay.night, relay.other = night, sandbox
                since = truth.days[0] - datetime.timedelta(days=60)
                text = configuration(relay.url, since, is_capped=night in CAPPED)
                (folder / "backhaul.toml").write_text(text, encoding="utf-8")
                truth.ask(night, sandbox)
                run(folder, night, time, truth)
            finally:
                sandbox.stop()
        if relay.told_twice:
            raise RuntimeError("keywords were asked for in more than one request: fewer rows would do")
        truth.keywords = relay.told
    finally:
        relay.stop()
        keywords.stop()
    return truth


def run(folder: Path, night: int, time: datetime.datetime, truth: Truth) -> None:
    """One night of the program."""
    command = [str(program()), "-q", "-c", str(folder / "backhaul.toml"), "run", "--json"]
    command += ["--max-units", "40000" if night in STOPPED else "100000000"]
    environment = {
        **os.environ,
        "AHREFS_API_KEY": KEY,
        "BACKHAUL_TEST_CLOCK": time.isoformat(),
        "BACKHAUL_TEST_WAIT_SCALE": "0",
        "NO_COLOR": "1",
    }
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=240, check=False)
    wanted = 4 if night in STOPPED else 3 if night in REFUSED else 0
    if done.returncode != wanted:
        raise RuntimeError(f"night {night} ended with {done.returncode}, not {wanted}:\n{done.stdout}\n{done.stderr}")
    truth.exits[night] = done.returncode
    for report in json.loads(done.stdout)["reports"]:
        truth.units[night, report["name"]] += report["units"]


def main() -> None:
    """Leaves an export to look at."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--out", type=Path, required=True)
    arguments.add_argument("--nights", type=int, default=NUM_NIGHTS)
    options = arguments.parse_args()
    options.out.mkdir(parents=True)
    truth = export(options.out, num_nights=options.nights)
    print(json.dumps(VARIABLES | {"backhaul_path": str((options.out / "export").resolve())}))
    print(truth.exits, file=sys.stderr)


if __name__ == "__main__":
    main()
