"""What the benchmarks share: the program as it was built, a sandbox of its own process, an export that is measured.

Standard library only, Linux and macOS.
"""

import json
import os
import queue
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

KEY = "sandbox-key"
START_SECONDS = 60
# What a unit budget must at least be, so that it never decides: more than 200 units a row.
UNITS_PER_ROW = 500

SOURCE = """\
[source]
api_key = {{ env = "AHREFS_API_KEY" }}
base_url = "{base_url}"

[source.limits]
requests_per_minute = 60_000

[destination]
url = "{destination}"

[[report]]
name = "backlinks"
endpoint = "site-explorer/all-backlinks"
columns = ["{columns}"]
aggregation = "all"
history = "{history}"
"""

TARGET = """
[[target]]
name = "bench-{number}"
url = "bench-{number}.example"
"""


class Failed(Exception):
    """The measurement could not be made, for the reason in its text."""


@dataclass(frozen=True)
class Line:
    """One line of a result: what was measured, its value, its limit if it has one, and whether it is kept."""

    name: str
    value: str
    limit: str = ""
    kept: bool = True


@dataclass(frozen=True)
class Export:
    """What one run of the exporter took and made."""

    summary: dict
    seconds: float
    user_seconds: float
    system_seconds: float
    peak_mib: float
    file_bytes: int


def built_program(profile: str) -> Path:
    """The program as `cargo build` leaves it."""
    command = ["cargo", "metadata", "--format-version", "1", "--no-deps", "--offline", "--locked"]
    metadata = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    return Path(metadata["target_directory"]) / profile / "backhaul"


def program(given: Path | None, profile: str = "debug") -> Path:
    """The program to measure: the one that was passed, or the one that was built."""
    path = given or built_program(profile)
    if not path.is_file():
        raise Failed(f"no program at {path}; run: cargo build")
    return path


def first_line(process: subprocess.Popen) -> str:
    """The first line on the process's stdout; fails when it ends or is silent for too long."""
    lines: queue.Queue = queue.Queue()
    threading.Thread(target=lambda: lines.put(process.stdout.readline()), daemon=True).start()
    try:
        return lines.get(timeout=START_SECONDS)
    except queue.Empty:
        raise Failed(f"the program printed nothing for {START_SECONDS} s") from None


def start_sandbox(program: Path, rows: int, log, *more: str) -> tuple[subprocess.Popen, str]:
    """A sandbox without limits on a free port, and its base URL."""
    command = [str(program), "sandbox", "--port", "0", "--rows", str(rows), "--rpm", "0", "--units", "0", "--key", KEY, *more]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
    try:
        line = first_line(process)
        words = line.split()
        if words[:2] != ["listening", "on"] or len(words) != 3:
            raise Failed(f"expected `listening on URL` from the sandbox, got {line!r}")
        return process, words[2]
    except BaseException:
        stop(process)
        raise


def stop(process: subprocess.Popen) -> None:
    """Ends the process and waits for it."""
    process.terminate()
    try:
        process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def resident_mib(pid: int) -> float | None:
    """The greatest resident memory of a process so far; none where the system does not tell of another process."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return None
    return next(int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmHWM:"))


def configuration(base_url: str, destination: Path | str, targets: int, history: str, columns: str = "standard") -> str:
    """The text of a configuration that exports the backlinks of so many targets into one table."""
    source = SOURCE.format(base_url=base_url, destination=destination, history=history, columns=columns)
    return source + "".join(TARGET.format(number=number) for number in range(1, targets + 1))


def export(program: Path, text: str, units: int, folder: Path, log, is_local: bool = True) -> Export:
    """Runs the exporter with a configuration that writes into `folder / "export"`, or elsewhere, and measures it."""
    path = folder / "backhaul.toml"
    path.write_text(text)
    command = [str(program), "-c", str(path), "run", "--json", "--max-units", str(units)]
    environment = {**os.environ, "AHREFS_API_KEY": KEY}
    output_path = folder / "summary.json"
    with output_path.open("w+") as output:
        started = time.monotonic()
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=log, env=environment)
        try:
            _, status, usage = os.wait4(process.pid, 0)
        except BaseException:
            process.kill()
            raise
        seconds = time.monotonic() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        log.flush()
        log_tail = Path(log.name).read_text()[-4000:]
        raise Failed(f"`backhaul run` ended with {process.returncode}:\n{log_tail}{output_path.read_text()[-2000:]}")
    size = sum(file.stat().st_size for file in (folder / "export" / "backlinks").rglob("*.parquet"))
    if is_local and size == 0:
        raise Failed(f"no Parquet under {folder / 'export' / 'backlinks'}")
    return Export(
        summary=last_object(output_path.read_text()),
        seconds=seconds,
        user_seconds=usage.ru_utime,
        system_seconds=usage.ru_stime,
        # Linux counts in KiB, macOS in bytes.
        peak_mib=usage.ru_maxrss / (1024 * 1024 if sys.platform == "darwin" else 1024),
        file_bytes=size,
    )


def last_object(text: str) -> dict:
    """The JSON object that `run --json` ends with."""
    decoder = json.JSONDecoder()
    for start in (index for index, character in enumerate(text) if character == "{" and (index == 0 or text[index - 1] == "\n")):
        try:
            value, end = decoder.raw_decode(text, start)
        except json.JSONDecodeError:
            continue
        if not text[end:].strip():
            return value
    raise Failed(f"`run --json` did not end with an object: {text[-500:]!r}")


def report(lines: list[Line]) -> int:
    """Prints the lines with their verdicts; the exit status that they ask for."""
    width = max((len(line.name) for line in lines), default=0)
    for line in lines:
        verdict = f"  {line.limit}: {'ok' if line.kept else 'BEYOND THE LIMIT'}" if line.limit else ""
        print(f"{line.name:<{width}} {line.value}{verdict}")
    return 0 if all(line.kept for line in lines) else 1
