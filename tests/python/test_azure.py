"""An Azure container gives the same tables as a folder, on the emulator azurite. `make azurite` installs it (it needs Node and
npm) and runs this; without it the tests are skipped."""

import base64
import datetime
import hashlib
import hmac
import json
import os
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.error
import urllib.request
import xml.etree.ElementTree
from pathlib import Path
from urllib.parse import quote

HERE = Path(__file__).resolve().parent
AZURITE = HERE / "azurite" / "node_modules" / ".bin" / "azurite-blob"
sys.path.insert(0, str(HERE.parent))

from torture.__main__ import built_program  # noqa: E402
from torture.program import Program, Sandbox  # noqa: E402

# The emulator's own account, the same everywhere; its key is put together here, since it looks like a secret.
ACCOUNT = "devstoreaccount1"
KEY = "".join(["Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq", "/K1SZFPTOtr/KBHBeksoGMGw=="])

REPORTS = """
[[target]]
url = "acme.com"
[[target]]
url = "rival.org"
[[report]]
name = "backlinks"
endpoint = "site-explorer/all-backlinks"
[[report]]
name = "rating_history"
endpoint = "site-explorer/domain-rating-history"
since = "2025-01-01"
"""


class Container:
    """A container of an emulator of its own."""

    def __init__(self, folder):
        # Port 0 is a free one; the emulator says which.
        command = [str(AZURITE), "--blobHost", "127.0.0.1", "--blobPort", "0", "--location", str(folder), "--disableTelemetry"]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        for line in self.process.stdout:
            if "successfully listen" in line:
                self.endpoint = line.strip().rsplit(" ", 1)[1] + f"/{ACCOUNT}"
                break
        self.ask("PUT", "", {"restype": "container"})

    def stop(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    def ask(self, method, name, query):
        date = datetime.datetime.now(datetime.timezone.utc).strftime("%a, %d %b %Y %H:%M:%S GMT")
        headers = {"x-ms-date": date, "x-ms-version": "2021-08-06"}
        path = "/lake" + (f"/{quote(name)}" if name else "")
        signed = method + "\n" * 12 + "".join(f"{key}:{value}\n" for key, value in sorted(headers.items()))
        signed += f"/{ACCOUNT}/{ACCOUNT}{path}" + "".join(f"\n{key}:{value}" for key, value in sorted(query.items()))
        digest = hmac.new(base64.b64decode(KEY), signed.encode(), hashlib.sha256).digest()
        headers["Authorization"] = f"SharedKey {ACCOUNT}:{base64.b64encode(digest).decode()}"
        options = "&".join(f"{key}={quote(value)}" for key, value in query.items())
        request = urllib.request.Request(f"{self.endpoint}{path}?{options}", method=method, headers=headers)
        with urllib.request.urlopen(request) as answer:
            return answer.read()

    def names(self):
        listed = xml.etree.ElementTree.fromstring(self.ask("GET", "", {"comp": "list", "restype": "container"}))
        return [name.text for name in listed.iter("Name")]


@unittest.skipUnless(AZURITE.exists(), "azurite is not installed: make azurite")
class Azure(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        path = built_program()
        self.program = Program(path, self.folder / "output")
        self.sandbox = Sandbox(path, rows=600, seed=1, log=self.folder / "sandbox.log", row_cap=250)
        self.addCleanup(self.sandbox.stop)
        self.container = Container(self.folder / "azurite")
        self.addCleanup(self.container.stop)

    def configuration(self, name, place):
        file = self.folder / name / "backhaul.toml"
        file.parent.mkdir()
        source = f'[source]\nbase_url = "{self.sandbox.base_url}"\napi_key = {{ env = "AHREFS_API_KEY" }}\n'
        limits = "[source.limits]\nrequests_per_minute = 60000\n[budget]\nper_run = 1_000_000\n"
        file.write_text(f"{source}{limits}[destination]\n{place}\n{REPORTS}")
        return file

    def backhaul(self, file, *arguments, status=0, **environment):
        environment = {"AHREFS_API_KEY": "sandbox-key", "AZURE_STORAGE_ACCOUNT_KEY": KEY, **environment}
        ended = self.program.run(["-c", str(file), *arguments], environment)
        if status is not None:
            self.assertEqual(ended.code, status, ended.told())
        return ended

    def rows(self, read, names):
        """Rows of every table but the books, as text, without what tells of the run."""
        import pyarrow.parquet

        tables = {}
        for name in names:
            table = name.split("/")[0]
            if name.endswith(".parquet") and table in ("backlinks", "rating_history"):
                rows = pyarrow.parquet.read_table(read(name)).to_pylist()
                of_run = ("_exported_at", "_run_id")
                told = [json.dumps({k: v for k, v in row.items() if k not in of_run}, default=str) for row in rows]
                tables.setdefault(table, []).extend(told)
        return {table: sorted(rows) for table, rows in tables.items()}

    def test_a_container_gives_the_tables_of_a_folder_also_after_a_kill(self):
        import io

        disk = self.configuration("disk", 'url = "out"')
        place = f'url = "az://lake/seo"\naccount = "{ACCOUNT}"\nendpoint = "{self.container.endpoint}"'
        azure = self.configuration("azure", place)
        self.backhaul(disk, "run")
        self.assertIn("Azure", self.backhaul(azure, "check").stdout)
        killed = self.backhaul(
            azure, "run", status=None, BACKHAUL_TEST_CRASH_AT="landing.saved:2", BACKHAUL_TEST_LEASE_MS="1000"
        )
        self.assertNotEqual(killed.code, 0, killed.told())
        time.sleep(0.1)
        self.backhaul(azure, "run", BACKHAUL_TEST_LEASE_MS="1000")
        again = json.loads(self.backhaul(azure, "run", "--json").stdout.splitlines()[-1])
        self.assertEqual((again["requests"], again["units"]), (0, 0))
        for command in ("verify",), ("run", "--refetch", "--target", "rival.org"), ("rebuild",), ("verify",):
            self.backhaul(azure, *command)
        out = disk.parent / "out"
        on_disk = [str(path.relative_to(out)) for path in out.rglob("*.parquet")]
        wanted = self.rows(lambda name: out / name, on_disk)
        names = [name.removeprefix("seo/") for name in self.container.names()]
        got = self.rows(lambda name: io.BytesIO(self.container.ask("GET", f"seo/{name}", {})), names)
        self.assertEqual(sorted(got), ["backlinks", "rating_history"])
        self.assertEqual(got, wanted)
        self.backhaul(azure, "forget", "--target", "rival.org")
        self.backhaul(azure, "verify")


if __name__ == "__main__":
    unittest.main()
