"""What DuckDB makes of an object that is replaced in mid-query, with the settings that users have. Run by `make test`.

The README rests on this: a query that meets a replacement fails or tells of one version, unless a setting that is named
`unsafe` is on.
"""

import http.server
import itertools
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import unittest
from pathlib import Path
from xml.sax.saxutils import escape

import pyarrow
import pyarrow.parquet

HERE = Path(__file__).resolve().parent
READER = HERE / "buckets.venv" / "bin" / "python"
KEY = "t/snapshot_date=2026-11-23/part-00000.parquet"
ROWS = 30_000
QUERY = (
    "SELECT count(*), min(version), max(version), sum(hash(number, word)) "
    "FROM read_parquet('s3://acme/t/*/*.parquet', hive_partitioning = true)"
)
# More requests than a query sends.
ENOUGH = 40


def parquet(version):
    """A file whose every value tells its version. All versions are of the same size, so that no size gives one away."""
    numbers = range(ROWS * version, ROWS * (version + 1))
    columns = {
        "version": pyarrow.array([version] * ROWS, pyarrow.int64()),
        "number": pyarrow.array(numbers, pyarrow.int64()),
        "word": [f"{number * 7919 % 1_000_003:010}" for number in numbers],
    }
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.parquet"
        options = {"row_group_size": ROWS // 3, "use_dictionary": False, "compression": "none"}
        pyarrow.parquet.write_table(pyarrow.table(columns), path, **options)
        return path.read_bytes()


class Server(http.server.ThreadingHTTPServer):
    """A bucket with one object, which becomes another one before its n-th reading."""

    def __init__(self, versions):
        super().__init__(("127.0.0.1", 0), Handler)
        self.versions = versions
        self.now, self.readings, self.swap_before = 0, 0, None
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def read(self):
        """The object as it is for one more reading: its body and its ETag."""
        self.readings += 1
        if self.readings == self.swap_before:
            self.now = 1 - self.now
        return self.versions[self.now], f'"{self.now}"'


class Handler(http.server.BaseHTTPRequestHandler):
    """Lists, and readings of ranges."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        """Says nothing."""

    def do_HEAD(self):
        """As a reading, without its body."""
        self.do_GET()

    def do_GET(self):
        """Answers."""
        if "list-type=2" in self.path:
            self.answer(200, self.listing(), {"Content-Type": "application/xml"})
            return
        body, etag = self.server.read()
        span = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range") or "")
        first, last = (int(span[1]), min(int(span[2]), len(body) - 1)) if span else (0, len(body) - 1)
        headers = {"ETag": etag, "Last-Modified": "Mon, 23 Nov 2026 04:00:00 GMT", "Accept-Ranges": "bytes"}
        if span:
            headers["Content-Range"] = f"bytes {first}-{last}/{len(body)}"
        self.answer(206 if span else 200, body[first : last + 1], headers)

    def listing(self):
        """The one object."""
        size, etag = len(self.server.versions[self.server.now]), escape(f'"{self.server.now}"', {'"': "&quot;"})
        item = f"<Key>{KEY}</Key><LastModified>2026-11-23T04:00:00.000Z</LastModified><ETag>{etag}</ETag><Size>{size}</Size>"
        head = "<Name>acme</Name><IsTruncated>false</IsTruncated>"
        return f"<ListBucketResult>{head}<Contents>{item}</Contents></ListBucketResult>".encode()

    def answer(self, status, body, headers):
        """Sends it."""
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


class Replaced(unittest.TestCase):
    """One object, replaced by another under the same name."""

    @classmethod
    def setUpClass(cls):
        cls.server = Server([parquet(0), parquet(1)])
        cls.addClassCleanup(cls.server.server_close)
        cls.addClassCleanup(cls.server.shutdown)
        cls.whole = [cls.ask([version])[0] for version in (0, 1)]
        assert len(cls.server.versions[0]) == len(cls.server.versions[1])
        assert [answer[0][:3] for answer in cls.whole] == [[str(ROWS), f"{n}", f"{n}"] for n in (0, 1)], cls.whole

    @classmethod
    def ask(cls, turns, *settings):
        """The answers of one connection to the same query, while the object turns into these versions."""
        host, port = cls.server.server_address
        server = {
            "TORTURE_ENDPOINT": f"http://{host}:{port}",
            "AWS_ACCESS_KEY_ID": "k",
            "AWS_SECRET_ACCESS_KEY": "s",
            "AWS_REGION": "us-east-1",
        }
        command = [str(READER), "-B", str(HERE / "query_bucket.py")]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        answers = []
        with subprocess.Popen(command, text=True, env={**os.environ, **server}, **pipes) as asked:
            print(json.dumps(settings), file=asked.stdin)
            for version in turns:
                cls.server.now = version
                print(json.dumps(QUERY), file=asked.stdin, flush=True)
                line = asked.stdout.readline()
                if not line:
                    raise AssertionError(asked.stderr.read())
                answers.append(json.loads(line))
        return answers

    def swapped(self, *settings):
        """What a query tells when the object is replaced before its first reading, its second, and so on: by version, or
        `failed`, or `mixed`.
        """
        told = []
        for reading in itertools.count(1):
            self.assertLess(reading, ENOUGH)
            self.server.readings, self.server.swap_before = 0, reading
            (answer,) = self.ask([0], *settings)
            self.server.swap_before = None
            if self.server.readings < reading:
                return told
            if isinstance(answer, str):
                told.append("failed")
            else:
                told.append("old" if answer == self.whole[0] else "new" if answer == self.whole[1] else "mixed")

    def test_a_query_that_meets_a_replacement_fails_and_never_mixes(self):
        for settings in ([], ["SET enable_external_file_cache = false"], ["SET force_download = true"]):
            told = self.swapped(*settings)
            self.assertTrue(told, settings)
            self.assertNotIn("mixed", told, settings)
        self.assertIn("failed", self.swapped())

    def test_without_the_check_of_etags_it_mixes_in_silence(self):
        self.assertIn("mixed", self.swapped("SET unsafe_disable_etag_checks = true"))

    def test_a_connection_that_is_kept_sees_each_new_object(self):
        self.assertEqual(self.ask([0, 1, 0]), [self.whole[0], self.whole[1], self.whole[0]])

    def test_with_metadata_cached_it_goes_on_with_the_old(self):
        for setting in ("SET enable_http_metadata_cache = true", "SET validate_external_file_cache = 'NO_VALIDATION'"):
            with self.subTest(setting):
                self.assertEqual(self.ask([0, 1, 0], setting), [self.whole[0]] * 3)


if __name__ == "__main__":
    sys.exit(unittest.main())
