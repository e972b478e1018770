"""A bucket gives the same tables as a folder, read by DuckDB where they lie. Run by `make test`."""

import json
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
READER = HERE / "buckets.venv" / "bin" / "python"
sys.path.insert(0, str(HERE.parent))

from torture import clock  # noqa: E402
from torture.__main__ import built_program  # noqa: E402
from torture.program import Program, Sandbox  # noqa: E402
from torture.store import REGION, Store  # noqa: E402
from torture.workload import BOOKS, MOMENT_COLUMNS  # noqa: E402

ROWS = 900


class Demo(unittest.TestCase):
    """The configuration of `backhaul demo`, with a folder and with a bucket as its destination."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        # One night for both, on whichever side of midnight they run.
        self.night = str(clock.now().date())
        path = built_program()
        self.program = Program(path, self.folder / "output")
        self.sandbox = Sandbox(path, rows=ROWS, seed=1, log=self.folder / "sandbox.log", row_cap=500)
        self.addCleanup(self.sandbox.stop)
        self.store = Store()
        self.addCleanup(self.store.stop)

    def configuration(self):
        """As the demo leaves it, with our sandbox as its source."""
        ended = self.program.run(["demo", "--out", str(self.folder / "demo")])
        self.assertEqual(ended.code, 0, ended.told())
        lines = (self.folder / "demo" / "backhaul.toml").read_text().splitlines()
        bases = [line for line in lines if line.startswith("base_url = ")]
        self.assertEqual((len(bases), lines.count('url = "."')), (1, 1))
        return "\n".join(lines).replace(bases[0], f'base_url = "{self.sandbox.base_url}"') + "\n"

    def export(self, name, text):
        """Runs one night; gives what it reports."""
        file = self.folder / name / "backhaul.toml"
        file.parent.mkdir()
        file.write_text(text)
        ended = self.program.run(["-c", str(file), "run", "--json", "--date", self.night], self.store.environment)
        self.assertEqual(ended.code, 0, ended.told())
        verified = self.program.run(["-c", str(file), "verify"], self.store.environment)
        self.assertEqual(verified.code, 0, verified.told())
        return json.loads(ended.stdout)

    def ask(self, queries):
        """Answers of DuckDB, from folder and bucket."""
        lines = "".join(json.dumps(line) + "\n" for line in ([], *queries))
        environment = {**os.environ, **self.store.environment, "TORTURE_ENDPOINT": self.store.endpoint}
        command = [str(READER), "-B", str(HERE / "query_bucket.py")]
        ended = subprocess.run(command, input=lines, capture_output=True, text=True, env=environment, check=False)
        self.assertEqual((ended.returncode, ended.stderr), (0, ""))
        return [json.loads(line) for line in ended.stdout.splitlines()]

    def test_a_bucket_gives_the_tables_of_a_folder_row_for_row(self):
        text = self.configuration()
        on_disk = self.export("disk", text)
        url = f"s3://{self.store.bucket}/lake"
        place = f'url = "{url}"\nregion = "{REGION}"\nendpoint = "{self.store.endpoint}"\npath_style = true'
        in_bucket = self.export("bucket", text.replace('url = "."', place))
        # Not the units: how much is asked for at a time follows how fast answers come.
        for key in ("status", "rows"):
            self.assertEqual(in_bucket[key], on_disk[key], key)
        tables = sorted(path.name for path in (self.folder / "disk").iterdir() if path.is_dir() and path.name[0] != "_")
        keys = {key.split("/")[1] for key in self.store.list("lake/")} - {"_backhaul"}
        self.assertEqual(keys, set(tables))
        self.assertLessEqual({"backlinks", "coverage", "metrics_history", "targets"}, keys)
        for table in tables:
            with self.subTest(table):
                self.compare(self.folder / "disk" / table, f"{url}/{table}")

    def compare(self, folder, url):
        """Columns with their types, and rows as bags, both ways."""
        # Tables without partitions lie in one folder.
        depth = "*/*.parquet" if any(path.is_dir() for path in folder.iterdir()) else "*.parquet"
        sides = [f"read_parquet('{place}/{depth}', hive_partitioning = true)" for place in (folder, url)]
        wanted, got = self.ask([f"DESCRIBE SELECT * FROM {side}" for side in sides])
        self.assertEqual(got, wanted)
        self.assertGreater(len(wanted), 2, wanted)
        # Of what the program tells of its own work some is another each time.
        of_work = BOOKS.get(folder.name)
        names = ", ".join(
            f'"{name}"' for name, *_ in wanted if name not in MOMENT_COLUMNS and (of_work is None or name in of_work)
        )
        rows = [f"(SELECT {names} FROM {side})" for side in sides]
        lost, extra, ((number,),) = self.ask(
            [
                f"SELECT COLUMNS(*)::VARCHAR FROM ({rows[0]} EXCEPT ALL {rows[1]}) LIMIT 3",
                f"SELECT COLUMNS(*)::VARCHAR FROM ({rows[1]} EXCEPT ALL {rows[0]}) LIMIT 3",
                f"SELECT count(*) FROM {rows[1]}",
            ]
        )
        self.assertEqual((lost, extra), ([], []))
        self.assertGreater(int(number), 0)


if __name__ == "__main__":
    unittest.main()
