"""What people see of the dashboard, in a headless Chromium: every page, over nights from the sandbox, over what `backhaul demo`
leaves, and over a folder that is hard to show. Run by `make dashboard-test`.

Figures are compared with SQL of this file's own over the Parquet files: nothing here uses the dashboard's questions.
"""

from __future__ import annotations

import glob
import json
import os
import queue
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import unittest
from datetime import date, timedelta
from pathlib import Path

import duckdb
import pyarrow

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path[:0] = [str(HERE)]

import dashboard_export  # noqa: E402

try:
    from playwright.sync_api import Page, expect, sync_playwright
except ImportError as error:
    raise unittest.SkipTest(f"needs playwright: {error}; `make dashboard-test` installs it") from error

APP = ROOT / "examples" / "dashboard" / "app.py"
PROGRAM = Path(os.environ.get("BACKHAUL", Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "debug" / "backhaul"))
CHROMIUM = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
# Where pictures of the pages go; without it they are taken and thrown away.
SHOTS = os.environ.get("DASHBOARD_SHOTS")
PAGES = ("Overview", "Links", "Keywords", "Tables", "Data health")
SECONDS = 90


class Dashboard:
    """The dashboard as a process, on a free port of this machine."""

    def __init__(self, folder: Path):
        # Port 0 is any free one; which, the program says.
        command = [sys.executable, "-B", "-m", "streamlit", "run", str(APP), "--server.port", "0", "--", str(folder)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=folder.parent)
        self.said: queue.Queue[str] = queue.Queue()
        threading.Thread(target=self._listen, daemon=True).start()
        self.url = self._url()

    def _listen(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.said.put(line)

    def _url(self) -> str:
        told = []
        while True:
            try:
                told.append(self.said.get(timeout=SECONDS))
            except queue.Empty:
                raise AssertionError(f"the dashboard did not start: {''.join(told)}") from None
            if found := re.search(r"started on (127\.0\.0\.1:\d+)", told[-1]):
                return f"http://{found[1]}"

    def close(self) -> str:
        """Ends it; what it said meanwhile."""
        self.process.terminate()
        self.process.wait()
        return "".join(iter(lambda: self.said.get_nowait() if not self.said.empty() else "", ""))


def setUpModule() -> None:
    """Says what is missing instead of failing for it."""
    if CHROMIUM is None:
        raise unittest.SkipTest("needs Chromium: apt-get install chromium, or set CHROMIUM to its path")
    if not PROGRAM.exists():
        raise unittest.SkipTest(f"needs {PROGRAM}: cargo build --locked --bin backhaul")


class Browsed(unittest.TestCase):
    """Pages of one export in one browser."""

    export: Path
    width = 1280

    @classmethod
    def make(cls, folder: Path) -> Path:
        """Makes the export in an empty folder."""
        raise NotImplementedError

    @classmethod
    def setUpClass(cls) -> None:
        if cls is Browsed:
            raise unittest.SkipTest("what the others share")
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.export = cls.make(Path(folder.name))
        cls.dashboard = Dashboard(cls.export)
        cls.addClassCleanup(cls.dashboard.close)
        playwright = sync_playwright().start()
        cls.addClassCleanup(playwright.stop)
        # Root may not use Chromium's sandbox; what is opened is ours alone.
        cls.browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        cls.addClassCleanup(cls.browser.close)

    def setUp(self) -> None:
        self.wrong: list[str] = []
        self.page = self.new_page(self.width)

    def new_page(self, width: int) -> Page:
        """A page that notes all that goes wrong on it, and whom it talks to."""
        page = self.browser.new_page(viewport={"width": width, "height": 1000})
        self.addCleanup(page.close)
        page.set_default_timeout(SECONDS * 1000)
        page.on("console", lambda message: self.wrong.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: self.wrong.append(str(error)))
        page.on("request", lambda request: self._asked(request.url))
        page.goto(self.dashboard.url)
        self.settled("Overview", page)
        return page

    def _asked(self, url: str) -> None:
        if not url.startswith((self.dashboard.url, "data:", "blob:")):
            self.wrong.append(f"asked {url}")

    def settled(self, title: str, page: Page | None = None) -> None:
        """Waits until a page is there as a whole, and looks for boxes that tell of errors."""
        page = page or self.page
        expect(page.get_by_role("heading", name=title, exact=True, level=2)).to_be_visible(timeout=SECONDS * 1000)
        expect(page.get_by_role("button", name="Read again")).to_be_visible(timeout=SECONDS * 1000)
        expect(page.locator('[data-testid="stApp"][data-test-script-state="notRunning"]')).to_be_visible(timeout=SECONDS * 1000)
        expect(page.locator('[data-stale="true"]')).to_have_count(0, timeout=SECONDS * 1000)
        self.assertEqual(page.locator('[data-testid="stException"]').all_inner_texts(), [], title)
        self.assertEqual(self.wrong, [], title)

    def go(self, title: str) -> None:
        """Opens a page by the navigation."""
        self.page.get_by_role("link", name=title, exact=True).first.click()
        self.settled(title)

    def choose(self, label: str, option: str, title: str, shown: str) -> None:
        """Chooses in a list above the page, and waits for the page to say so."""
        self.page.get_by_role("combobox", name=re.compile(label)).click()
        self.page.get_by_role("option", name=option, exact=True).click()
        expect(self.page.get_by_text(shown).first).to_be_visible()
        self.settled(title)

    def tiles(self) -> dict[str, tuple[str, str]]:
        """Figures on the page with what stands below them, by name."""
        found = {}
        for tile in self.page.locator('[data-testid="stMetric"]').all():
            parts = [tile.locator(f'[data-testid="stMetric{part}"]') for part in ("Label", "Value", "Delta")]
            label, value, delta = (part.first.inner_text().strip() if part.count() else "" for part in parts)
            found[label] = (value, delta)
        return found

    def shoot(self, name: str, page: Page | None = None) -> None:
        """Takes a picture of the whole page, which must not be wider than the window."""
        page = page or self.page
        width, height = page.evaluate("[document.documentElement.scrollWidth, document.querySelector('.stMainBlockContainer').scrollHeight]")
        size = page.viewport_size
        assert size is not None
        self.assertLessEqual(width, size["width"], name)
        page.set_viewport_size({"width": size["width"], "height": min(int(height) + 80, 4000)})
        # Charts are drawn again when the window changes.
        page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
        with tempfile.TemporaryDirectory() as folder:
            path = Path(SHOTS or folder) / f"{type(self).__name__.lower()}-{name}-{size['width']}.png"
            page.screenshot(path=path)
            self.assertGreater(path.stat().st_size, 10_000, "an empty picture")
        page.set_viewport_size(size)

    def sql(self, query: str) -> tuple[object, ...]:
        """The one row of a question to the files; `{name}` stands for a table."""
        files = re.sub(r"\{(\w+)\}", lambda name: f"read_parquet('{self.export}/{name[1]}/**/*.parquet', hive_partitioning = true)", query)
        row = duckdb.execute(files).fetchone()
        assert row is not None
        return row


def whole(number: object) -> str:
    """A count as the dashboard writes it."""
    value = int(float(str(number)))
    return f"{value / 1e6:.2f}M" if value >= 1_000_000 else f"{value:,}"


class Nights(Browsed):
    """Ten nights of five sites, one missing and one stopped by a budget."""

    NORTHWIND = "('northwind', 'contoso')"

    @classmethod
    def make(cls, folder: Path) -> Path:
        return dashboard_export.export_nights(PROGRAM, folder)

    def test_every_page_at_both_widths(self) -> None:
        for title in PAGES:
            self.go(title)
            self.shoot(title.split()[-1].lower())
        self.page = self.new_page(390)
        self.shoot("overview")

    def test_figures_of_a_client_are_those_of_the_files(self) -> None:
        self.choose("Client", "Northwind Traders", "Overview", "1 site ·")
        self.choose("Role", "All roles", "Overview", "2 sites ·")
        tiles = self.tiles()
        last, first = dashboard_export.FIRST + timedelta(days=dashboard_export.NIGHTS - 1), dashboard_export.FIRST
        for label, table, value in (("Referring domains", "link_counts", "sum(live_refdomains)"), ("Backlinks", "link_counts", "sum(live)")):
            newest, before = (
                int(str(self.sql(f"SELECT {value} FROM {{{table}}} WHERE _target IN {self.NORTHWIND} AND snapshot_date = '{day}'")[0]))
                for day in (last, first)
            )
            self.assertEqual(tiles[label][0], whole(newest))
            self.assertIn(f"{newest - before:+,}", tiles[label][1])
        (rating,) = self.sql(f"SELECT avg(domain_rating) FROM {{ratings}} WHERE _target IN {self.NORTHWIND} AND snapshot_date = '{last}'")
        self.assertEqual(tiles["Domain Rating"][0], f"{rating:.1f}")
        cost, traffic = self.sql(
            f"SELECT sum(org_cost), sum(org_traffic) FROM {{traffic_by_week}} WHERE _target IN {self.NORTHWIND} "
            f"AND date = (SELECT max(date) FROM {{traffic_by_week}})"
        )
        self.assertEqual(tiles["Traffic value"][0], f"${whole(int(str(cost)) / 100)}")
        self.assertEqual(tiles["Organic traffic"][0], whole(traffic))
        (keywords,) = self.sql(f"SELECT count(*) FROM {{rankings}} WHERE _target IN {self.NORTHWIND} AND snapshot_date = '{last}'")
        self.assertEqual(tiles["Organic keywords"][0], whole(keywords))
        self.shoot("client")

    def test_new_and_lost_are_told_over_a_missing_night(self) -> None:
        self.choose("Role", "All roles", "Overview", "5 sites ·")
        self.go("Links")
        nights = [str(row[0]) for row in duckdb.execute(f"FROM glob('{self.export}/linking_sites/*/*.parquet')").fetchall()]
        days = sorted({re.findall(r"snapshot_date=([\d-]+)", night)[0] for night in nights})
        self.assertEqual(len(days), dashboard_export.NIGHTS - 1)
        of = "SELECT DISTINCT _target, domain FROM {linking_sites} WHERE snapshot_date = "
        new = lost = 0
        for before, after in zip(days, days[1:]):
            new += int(str(self.sql(f"SELECT count(*) FROM ({of} '{after}' EXCEPT {of} '{before}')")[0]))
            lost += int(str(self.sql(f"SELECT count(*) FROM ({of} '{before}' EXCEPT {of} '{after}')")[0]))
        tiles = self.tiles()
        self.assertGreater(new * lost, 0)
        self.assertEqual((tiles["New in period"][0], tiles["Lost in period"][0]), (f"{new:,}", f"{lost:,}"))

    def test_keywords_that_moved_within_the_newest_night(self) -> None:
        self.go("Keywords")
        self.page.get_by_role("radio", name="Within the newest night").or_(
            self.page.get_by_role("button", name="Within the newest night")
        ).first.click()
        expect(self.page.get_by_text("comparison date").first).to_be_visible()
        self.settled("Keywords")
        grouped = """SELECT min(best_position) AS now, min(best_position_prev) AS before FROM {rankings}
            WHERE _target <> 'contoso' AND snapshot_date = (SELECT max(snapshot_date) FROM {rankings})
            GROUP BY _target, _country, keyword_country, coalesce(keyword, keyword_merged)"""
        expected = self.sql(
            f"""SELECT count(*) FILTER (now < before), count(*) FILTER (now > before), count(*) FILTER (before IS NULL),
            count(*) FILTER (now IS NULL) FROM ({grouped}) WHERE now IS NOT NULL OR before IS NOT NULL"""
        )
        tiles = self.tiles()
        self.assertGreater(int(str(expected[0])), 0)
        self.assertEqual([tiles[label][0] for label in ("Improved", "Declined", "New", "Lost")], [f"{number:,}" for number in expected])

    def test_health_tells_what_is_missing_and_what_it_cost(self) -> None:
        self.go("Data health")
        tiles = self.tiles()
        complete, tasks = self.sql(
            "SELECT count(*) FILTER (status = 'complete'), count(*) FROM {coverage} "
            "WHERE _snapshot_date = (SELECT max(_snapshot_date) FROM {coverage})"
        )
        self.assertEqual(tiles["Complete"][1], f"{complete} of {tasks} tasks")
        ledgers = [json.loads(Path(path).read_text()) for path in glob.glob(f"{self.export}/_backhaul/units/spent/*.json")]
        spent = sum(entry.get("units", 0) + entry.get("units_unknown", 0) for ledger in ledgers for entry in ledger)
        self.assertGreater(spent, 0)
        self.assertEqual(tiles["Units in period"][0], f"{spent:,}")
        runs = sorted(glob.glob(f"{self.export}/_backhaul/runs/*.json"))
        self.assertEqual(tiles["Month's budget"][0], f"{json.loads(Path(runs[-1]).read_text())['month']['left']:,}")
        (missing,) = self.sql("SELECT count(*) FROM {coverage} WHERE status <> 'complete'")
        self.assertGreater(int(str(missing)), 0)
        expect(self.page.get_by_text(re.compile(f"^{missing} tasks, "))).to_be_visible()

    def test_a_table_is_searched_and_taken_away(self) -> None:
        self.go("Tables")
        with self.page.expect_download() as downloaded:
            self.page.get_by_role("button", name="Download CSV").click()
        lines = Path(downloaded.value.path()).read_text().splitlines()
        (rows,) = self.sql("SELECT count(*) FROM {all_links} WHERE _target <> 'contoso' AND snapshot_date = (SELECT max(snapshot_date) FROM {all_links})")
        self.assertEqual(len(lines) - 1, rows)
        self.assertIn("url_from", lines[0])


class Demo(Browsed):
    """What `backhaul demo` leaves."""

    @classmethod
    def make(cls, folder: Path) -> Path:
        out = folder / "backhaul-demo"
        subprocess.run([str(PROGRAM), "demo", "--out", str(out)], check=True, capture_output=True)
        return out

    def test_it_is_filled_with_one_more_command(self) -> None:
        self.choose("Role", "All roles", "Overview", "2 sites ·")
        tiles = self.tiles()
        (domains,) = self.sql("SELECT count(*) FROM {refdomains} WHERE snapshot_date = (SELECT max(snapshot_date) FROM {refdomains})")
        (cost,) = self.sql("SELECT sum(cost) FROM (SELECT arg_max(org_cost, date) AS cost FROM {metrics_history} GROUP BY _target)")
        self.assertEqual(tiles["Referring domains"][0], whole(domains))
        # Half a dollar may be rounded either way.
        shown = int(tiles["Traffic value"][0].strip("$").replace(",", ""))
        self.assertLessEqual(abs(shown - int(str(cost)) / 100), 0.5)
        for title in PAGES:
            self.go(title)
            self.assertNotIn("no such report", self.page.inner_text("body"), title)
            self.shoot(title.split()[-1].lower())


class Crowd(Browsed):
    """Three hundred sites with names of every kind, an empty table, nulls, and a night that failed."""

    width = 390

    @classmethod
    def make(cls, folder: Path) -> Path:
        fabric = dashboard_export.Fabric(folder / "crowd")
        names = [f"site-{number:03}" for number in range(298)] + ["o'neill", 'a "quoted" <b>name</b>']
        fabric.sites({name: {"client": f"Client {place % 40}", "role": "own"} for place, name in enumerate(names)})
        rating = {"domain_rating": pyarrow.float64(), "ahrefs_rank": pyarrow.int64()}
        links = {"url_from": pyarrow.string(), "url_to": pyarrow.string(), "anchor": pyarrow.string()}
        keyword = {"keyword": pyarrow.string(), "best_position": pyarrow.int64()}
        for number in range(3):
            night = date(2026, 11, 20) + timedelta(days=number)
            rows: list[dict[str, object]] = [
                {"_target": name, "domain_rating": None if place % 9 == 0 else float(place % 100), "url_from": f"u{place % (7 + number)}"}
                for place, name in enumerate(names)
            ]
            fabric.rows("the \"dr\" table", night, rows, rating)
            fabric.rows("links", night, rows, links)
            fabric.rows("keywords", night, [], keyword)
            for name in names:
                fabric.tell('the "dr" table', night, name, "failed" if number == 1 and name.endswith("7") else "complete", reason="why not")
                fabric.tell("links", night, name)
                fabric.tell("keywords", night, name)
        return fabric.root

    def test_a_phone_shows_every_page_of_hundreds_of_sites(self) -> None:
        self.assertIn("300 sites", self.page.inner_text("body"))
        self.shoot("overview")
        for title in PAGES[1:]:
            # A phone's navigation is folded away.
            self.page.set_viewport_size({"width": 1280, "height": 1000})
            self.go(title)
            self.page.set_viewport_size({"width": self.width, "height": 1000})
            self.shoot(title.split()[-1].lower())


if __name__ == "__main__":
    unittest.main()
