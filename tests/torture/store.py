"""A bucket on this machine: an S3 server in a process of its own, and what lies in it, copied into a folder to be judged."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import botocore.config

from .program import TortureError

SCRIPT = Path(__file__).resolve().parents[1] / "python" / "moto_store.py"
REGION = "us-east-1"
REST_SECONDS = 0.1
# The server works on a request for milliseconds; a bucket that goes on changing has a writer.
REST_ATTEMPTS = 200
DELETE_AT_A_TIME = 1000

# Keys of objects and what tells one content from another.
Listing = dict[str, str]


class Store:
    """The server. It keeps everything in memory, so it may be stopped for a while and never be killed."""

    def __init__(self) -> None:
        command = [sys.executable, "-B", str(SCRIPT)]
        # A server that logs into a pipe that nobody reads stands still.
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        stdout = self._process.stdout
        assert stdout is not None
        line = stdout.readline()
        if not line:
            self.stop()
            raise TortureError("the S3 server did not start: is moto installed? make readers")
        account = json.loads(line)
        self.endpoint: str = account["endpoint"]
        self.bucket: str = account["bucket"]
        admin = account["users"]["admin"]
        # Only this account's, and nothing that may lie about on the machine.
        self.environment = {
            "AWS_ACCESS_KEY_ID": admin["key"],
            "AWS_SECRET_ACCESS_KEY": admin["secret"],
            "AWS_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
        }
        self.client: Any = boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            region_name=REGION,
            aws_access_key_id=admin["key"],
            aws_secret_access_key=admin["secret"],
            config=botocore.config.Config(retries={"total_max_attempts": 1}, proxies={}),
        )

    def list(self, prefix: str) -> Listing:
        """All objects below a prefix."""
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix)
        return {item["Key"]: item["ETag"] for page in pages for item in page.get("Contents", [])}

    def list_at_rest(self, prefix: str) -> Listing:
        """The same, once the server is done with what dead processes had sent."""
        before = self.list(prefix)
        for _ in range(REST_ATTEMPTS):
            time.sleep(REST_SECONDS)
            now = self.list(prefix)
            if now == before:
                return now
            before = now
        raise TortureError(f"the bucket goes on changing below {prefix} although nobody writes")

    def open_uploads(self, prefix: str) -> int:
        """Multipart uploads that were neither completed nor aborted."""
        told = self.client.list_multipart_uploads(Bucket=self.bucket)
        return sum(upload["Key"].startswith(prefix) for upload in told.get("Uploads", []))

    def delete_all(self, prefix: str) -> None:
        """Removes everything below a prefix: it is memory."""
        keys = [{"Key": key} for key in self.list(prefix)]
        for start in range(0, len(keys), DELETE_AT_A_TIME):
            self.client.delete_objects(Bucket=self.bucket, Delete={"Objects": keys[start : start + DELETE_AT_A_TIME]})

    @contextlib.contextmanager
    def asleep(self) -> Iterator[None]:
        """The server as if its machine hung: connections are accepted and nothing is answered."""
        self._process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)

    def stop(self) -> None:
        """Ends it: it ends with its input."""
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


class Mirror:
    """What lies below a prefix, as files of a folder. An object that did not change is fetched once."""

    def __init__(self, store: Store, prefix: str, folder: Path):
        self._store = store
        self._prefix = prefix
        self.folder = folder
        self._known: Listing = {}

    def refresh(self) -> None:
        """Makes the folder what the bucket is."""
        self.folder.mkdir(parents=True, exist_ok=True)
        now = self._store.list_at_rest(self._prefix)
        for key in self._known.keys() - now.keys():
            self.path(key).unlink()
        for key, version in now.items():
            if self._known.get(key) != version:
                self._fetch(key)
        self._known = now

    def _fetch(self, key: str) -> None:
        body = self._store.client.get_object(Bucket=self._store.bucket, Key=key)["Body"].read()
        path = self.path(key)
        path.parent.mkdir(parents=True, exist_ok=True)
        # A new file each time: whoever remembers the old one sees that this is another, and links to it stay as they were.
        beside = path.with_name(path.name + ".new")
        beside.write_bytes(body)
        os.replace(beside, path)

    def path(self, key: str) -> Path:
        """The file of an object."""
        return self.folder / key.removeprefix(self._prefix)

    def key(self, path: Path) -> str:
        """The object of a file."""
        return self._prefix + path.relative_to(self.folder).as_posix()
