"""The program and its sandbox as processes. Every process is ended by its own handle, never by name."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import subprocess
import threading
import time
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

from . import clock

KEY = "sandbox-key"
START_SECONDS = 60.0
# A whole run must end within this time, or it hangs.
RUN_SECONDS = 240.0
LATER = "BH-LATER"

# What goes wrong between the API and the program: every kind, each rarely.
FAULTS = {
    "429": 0.004,
    "500": 0.01,
    "502": 0.01,
    "503": 0.01,
    "html": 0.01,
    "reset": 0.01,
    "hang": 0.0005,
    "slow": 0.001,
    "truncate": 0.01,
    "garbage": 0.01,
    "lost": 0.01,
}

# So that a test does not wait as long as a night may. A time-out far above what an answer takes, even on a busy machine:
# an answer that is given up in mid-way was paid for.
SWITCHES = {"BACKHAUL_TEST_WAIT_SCALE": "0.02", "BACKHAUL_TEST_TIMEOUT_MS": "6000"}


class TortureError(Exception):
    """The attack itself could not be carried out; the text says why."""


@dataclass(frozen=True)
class Stats:
    """What a sandbox has served since its start."""

    requests: int
    units: int
    units_lost: int

    @property
    def units_received(self) -> int:
        """Units charged for answers that left the sandbox whole."""
        return self.units - self.units_lost


class Sandbox:
    """A sandbox on a free port of this machine."""

    def __init__(
        self,
        program: Path,
        *,
        rows: int,
        seed: int,
        log: Path,
        row_cap: int | None = None,
        faults: bool = False,
        units: int = 0,
    ):
        command = [str(program), "sandbox", "--port", "0", "--rows", str(rows), "--seed", str(seed), "--key", KEY]
        # A churn so small that it never happens: it turns off the sandbox's cache of answers, which would give away for
        # free what the program asks for twice.
        command += ["--rpm", "0", "--units", str(units), "--churn", "1e-300"]
        if row_cap is not None:
            command += ["--row-cap", str(row_cap)]
        if faults:
            command += ["--faults", ",".join(f"{kind}={chance}" for kind, chance in FAULTS.items())]
        self._log = log.open("ab")
        environment = {**os.environ, **clock.as_variable()}
        self._process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=self._log, text=True, env=environment
        )
        # Never through a proxy: the sandbox is on this machine.
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            self.base_url = self._listening()
        except BaseException:
            self.stop()
            raise

    def _listening(self) -> str:
        """The base URL that it announces on its first line."""
        lines: queue.Queue[str] = queue.Queue()
        stdout = self._process.stdout
        assert stdout is not None
        threading.Thread(target=lambda: lines.put(stdout.readline()), daemon=True).start()
        try:
            words = lines.get(timeout=START_SECONDS).split()
        except queue.Empty:
            raise TortureError(f"the sandbox said nothing for {START_SECONDS:.0f} s") from None
        if words[:2] != ["listening", "on"] or len(words) != 3:
            raise TortureError(f"expected `listening on URL` from the sandbox, got {words}")
        return words[2]

    def get(self, url: str) -> object:
        """The JSON that a URL answers with."""
        request = urllib.request.Request(url, headers={"authorization": f"Bearer {KEY}"})
        with self._opener.open(request, timeout=START_SECONDS) as response:
            return json.load(response)

    def stats(self) -> Stats:
        """What it has served so far."""
        told = self.get(self.base_url.removesuffix("/v3") + "/sandbox/stats")
        assert isinstance(told, dict)
        return Stats(told["requests"], told["units"], told["units_lost"])

    def settled(self) -> Stats:
        """What it has served, once it stopped working on answers for processes that are gone."""
        before = self.stats()
        for _ in range(100):
            time.sleep(0.03)
            now = self.stats()
            if now == before:
                return now
            before = now
        raise TortureError("the sandbox is busy although nobody asks it")

    def stop(self) -> None:
        """Ends it and waits for that."""
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()
        self._log.close()

    def __enter__(self) -> Sandbox:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()


@dataclass
class Ended:
    """How a process of the program ended."""

    # The exit code; minus the signal's number if a signal ended it.
    code: int
    stdout: str
    stderr: str

    @property
    def was_killed(self) -> bool:
        """Whether SIGKILL ended it, ours or its own."""
        return self.code == -signal.SIGKILL

    @property
    def is_later(self) -> bool:
        """Whether the program says that it cannot do this yet."""
        return self.code == 2 and LATER in self.stderr

    def told(self) -> str:
        """Its end in a few lines, for a report of what went wrong."""
        return f"exit {self.code}: {self.stderr.strip()[-900:]} {self.stdout.strip()[-300:]}"


@dataclass
class Running:
    """A process of the program."""

    process: subprocess.Popen[bytes]
    stdout: Path
    stderr: Path
    started: float = field(default_factory=time.monotonic)

    def seconds(self) -> float:
        """Time since its start."""
        return time.monotonic() - self.started

    def wait(self, seconds: float = RUN_SECONDS) -> Ended:
        """Waits for its end; one that takes too long is killed and reported."""
        try:
            self.process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise TortureError(f"the program did not end within {seconds:.0f} s: {self._ended().told()}") from None
        return self._ended()

    def ended_within(self, seconds: float) -> Ended | None:
        """Its end, or nothing if it is still at work after that time."""
        try:
            self.process.wait(timeout=max(seconds, 0))
        except subprocess.TimeoutExpired:
            return None
        return self._ended()

    def kill(self) -> Ended:
        """SIGKILL: the process gets no chance to do anything. Whether it had ended by itself shows in the code."""
        self.process.kill()
        self.process.wait()
        return self._ended()

    def send(self, number: signal.Signals) -> None:
        """Sends a signal, if the process is still there."""
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(number)

    def _ended(self) -> Ended:
        code = self.process.returncode
        assert code is not None
        return Ended(code, self.stdout.read_text(errors="replace"), self.stderr.read_text(errors="replace"))


class Program:
    """Starts the program. What it prints goes to files, so that nothing it prints can block it."""

    def __init__(self, path: Path, folder: Path):
        self.path = path
        self._folder = folder
        self._number = 0
        folder.mkdir(parents=True, exist_ok=True)

    def start(self, arguments: list[str], environment: dict[str, str] | None = None) -> Running:
        """Starts it with arguments and more environment."""
        self._number = (self._number + 1) % 50
        stdout, stderr = self._folder / f"{self._number}.out", self._folder / f"{self._number}.err"
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("BACKHAUL_", "AHREFS_"))}
        whole = {**inherited, **SWITCHES, **clock.as_variable(), "AHREFS_API_KEY": KEY, **(environment or {})}
        with stdout.open("wb") as out, stderr.open("wb") as err:
            command = [str(self.path), *arguments]
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=err, env=whole)
        return Running(process, stdout, stderr)

    def run(self, arguments: list[str], environment: dict[str, str] | None = None) -> Ended:
        """Runs it to its end."""
        return self.start(arguments, environment).wait()
