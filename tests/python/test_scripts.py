"""Tests of the scripts that other tests and the benchmark rest on. Run by `make test`."""

import contextlib
import datetime
import io
import json
import stat
import sys
import tempfile
import unittest
from pathlib import Path
from unittest import mock

import pyarrow
import pyarrow.parquet

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent.parent / "benches")]

import read_tables  # noqa: E402
import smoke  # noqa: E402

FAKE_PROGRAM = """#!{python}
import json, pathlib, re, sys, time
if sys.argv[1] == "sandbox":
    print("listening on http://127.0.0.1:9/v3", flush=True)
    time.sleep(60)
text = pathlib.Path(sys.argv[2]).read_text()
folder = pathlib.Path(re.search(r'\\[destination\\]\\nurl = "(.*)"', text)[1]) / "backlinks" / "snapshot_date=2026-11-23"
folder.mkdir(parents=True)
(folder / "part-00000.parquet").write_bytes(bytes(5000))
print("a table for people")
print(json.dumps({{"status": "done", "rows": {rows}, "requests": 2}}, indent=1))
"""


class ReadTables(unittest.TestCase):
    """What the readers see."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def write(self, path, columns):
        """A Parquet file of the destination."""
        (self.folder / path).parent.mkdir(parents=True, exist_ok=True)
        pyarrow.parquet.write_table(pyarrow.table(columns), self.folder / path)

    def read(self, *arguments):
        """Exit status and what was printed."""
        out = io.StringIO()
        with mock.patch.object(sys, "argv", ["read_tables.py", str(self.folder), *arguments]):
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(io.StringIO()):
                status = read_tables.main()
        return status, json.loads(out.getvalue() or "{}")

    def test_both_readers_see_the_same_rows(self):
        moment = datetime.datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=datetime.timezone.utc)
        columns = {
            "_target": pyarrow.array(["b", "a"]),
            "seen": pyarrow.array([moment, None], pyarrow.timestamp("us", tz="UTC")),
            "languages": pyarrow.array([["de"], []], pyarrow.list_(pyarrow.string())),
        }
        self.write("backlinks/snapshot_date=2026-11-22/part-0.parquet", columns)
        self.write("_backhaul/staging/other.parquet", columns)
        status, seen = self.read("--rows")
        self.assertEqual(status, 0)
        self.assertEqual(list(seen["duckdb"]), ["backlinks"])
        for reader in ("duckdb", "pyarrow"):
            table = seen[reader]["backlinks"]
            self.assertEqual(table["rows"], 2)
            self.assertEqual(table["partitions"], {"snapshot_date=2026-11-22": 2})
            self.assertEqual(table["values"][1], ["b", "2026-01-02T03:04:05.000006+00:00", ["de"], "2026-11-22"])

    def test_a_night_without_rows_is_listed(self):
        for night, rows in (("2026-11-22", 3), ("2026-11-23", 0)):
            self.write(f"anchors/snapshot_date={night}/part-0.parquet", {"n": pyarrow.array(range(rows), pyarrow.int64())})
        _, seen = self.read()
        for reader in ("duckdb", "pyarrow"):
            self.assertEqual(seen[reader]["anchors"]["partitions"], {"snapshot_date=2026-11-22": 3, "snapshot_date=2026-11-23": 0})

    def test_a_type_that_drifts_is_refused(self):
        self.write("anchors/snapshot_date=2026-11-22/part-0.parquet", {"n": pyarrow.array([1])})
        self.write("anchors/snapshot_date=2026-11-23/part-0.parquet", {"n": pyarrow.array(["x"])})
        status, seen = self.read()
        self.assertEqual(status, 1)
        self.assertIn("n is string, elsewhere int64", seen["pyarrow"]["anchors"]["error"])

    def test_later_columns_are_read_only_as_growth(self):
        self.write("anchors/snapshot_date=2026-11-22/part-0.parquet", {"n": pyarrow.array([1])})
        self.write("anchors/snapshot_date=2026-11-23/part-0.parquet", {"n": pyarrow.array([2]), "m": pyarrow.array(["x"])})
        self.assertEqual(self.read()[0], 1)
        status, seen = self.read("--grown", "--rows", "--polars")
        self.assertEqual(status, 0, seen)
        self.assertEqual(seen["duckdb"]["anchors"]["values"], [[1, None, "2026-11-22"], [2, "x", "2026-11-23"]])
        self.assertEqual(seen["duckdb"]["anchors"]["values"], seen["pyarrow"]["anchors"]["values"])
        self.assertEqual(seen["duckdb"]["anchors"]["values"], seen["polars"]["anchors"]["values"])

    def test_a_missing_table_is_an_error(self):
        self.assertEqual(self.read("--table", "nowhere")[0], 2)


class Smoke(unittest.TestCase):
    """The benchmark's verdicts."""

    def run_with(self, rows, *arguments):
        """Exit status with a program that claims to have exported so many rows."""
        with tempfile.TemporaryDirectory() as folder:
            program = Path(folder) / "backhaul"
            program.write_text(FAKE_PROGRAM.format(python=sys.executable, rows=rows))
            program.chmod(program.stat().st_mode | stat.S_IXUSR)
            with mock.patch.object(sys, "argv", ["smoke.py", "--program", str(program), "--rows", "1000", *arguments]):
                with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.redirect_stderr(io.StringIO()):
                    return smoke.main(), out.getvalue()

    def test_keeps_to_its_limits(self):
        status, out = self.run_with(1000, "--min-rate", "1")
        self.assertEqual(status, 0, out)
        self.assertRegex(out, r"bytes per row +5\.0")

    def test_fails_beyond_a_limit(self):
        self.assertEqual(self.run_with(1000, "--min-rate", "1000000000")[0], 1)
        self.assertEqual(self.run_with(1000, "--min-rate", "1", "--max-memory", "1")[0], 1)

    def test_measures_nothing_when_rows_are_missing(self):
        self.assertEqual(self.run_with(10, "--min-rate", "1")[0], 2)


if __name__ == "__main__":
    unittest.main()
