"""What the tests of warehouses share: an export in three states, the manifest's word on it, and its rows in one spelling.

The export is made once, by the program against its own sandbox, under a clock that stands still:

* `first`: one night,
* `second`: the night fetched again from data that changed meanwhile, the backlinks with more columns than before, and a
  night before it that came late,
* `third`: one of the two targets forgotten.
"""

import atexit
import collections
import datetime
import decimal
import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pyarrow.parquet

ROOT = Path(__file__).resolve().parent.parent.parent
PROGRAM = Path(os.environ.get("BACKHAUL", Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "debug" / "backhaul"))
CLOCK = "2026-11-24T12:00:00Z"
NIGHT, LATE = "2026-11-24", "2026-11-23"
STATES = ("first", "second", "third")

CONFIGURATION = """
[source]
api_key = {{ env = "AHREFS_API_KEY" }}
base_url = "{address}"
[source.limits]
requests_per_minute = 60000
[destination]
{destination}
[[target]]
name = "acme"
url = "acme.example"
# One label has the name of a column, one is no word, and one's value wants to leave its quotes.
labels = {{ client = "Ac'me \\\\ Co", url_from = "own", "cost-center" = "A 1" }}
[[target]]
name = "rival"
url = "rival.example"
labels = {{ client = "Rival" }}
[[keyword_list]]
name = "shoes"
keywords = ["running shoes", "trail running shoes", "barefoot shoes"]
[[report]]
name = "backlinks"
endpoint = "site-explorer/all-backlinks"
columns = ["{backlinks}"]
# Booleans, lists, money, a parameter that varies; of one target.
[[report]]
name = "organic_keywords"
endpoint = "site-explorer/organic-keywords"
columns = ["full"]
countries = ["us", "gb"]
targets = ["acme"]
where = "keyword_difficulty <= 10"
# A struct, lists and timestamps; of no target.
[[report]]
name = "keywords"
endpoint = "keywords-explorer/overview"
countries = ["us"]
columns = ["full"]
# Years instead of nights.
[[report]]
name = "history"
endpoint = "site-explorer/metrics-history"
since = "2025-06-01"
columns = ["full"]
# Lists of structs.
[[report]]
name = "posts"
endpoint = "social-media/posts"
statuses = ["published"]
[[report]]
name = "answers"
endpoint = "brand-radar/ai-responses"
data_sources = ["chatgpt"]
columns = ["full"]
# Not one row.
[[report]]
name = "nothing"
endpoint = "site-explorer/refdomains"
where = "domain_rating > 1000"
columns = ["minimal"]
"""
# Reports that know the past: only they can have a night that comes late.
OF_THE_PAST = ("organic_keywords", "history", "nothing")


def backhaul(*arguments, config=None, status=0, path=None, into=None):
    """What the program prints; its exit status has to be the expected one."""
    test = {"BACKHAUL_TEST_CLOCK": CLOCK, "BACKHAUL_TEST_WAIT_SCALE": "0.01"}
    environment = {**os.environ, "AHREFS_API_KEY": "sandbox-key", **test}
    if path is not None:
        environment["PATH"] = path
    command = [str(PROGRAM), *(["-c", str(config)] if config else []), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=into, check=False)
    if done.returncode != status:
        raise AssertionError(f"{command} ended with {done.returncode}, not {status}:\n{done.stdout[-2000:]}\n{done.stderr}")
    return done.stdout if status == 0 else done.stdout + done.stderr


class Sandbox:
    """The imitation of the API; `with` ends it."""

    def __init__(self, *options):
        environment = {**os.environ, "BACKHAUL_TEST_CLOCK": CLOCK}
        command = [str(PROGRAM), "sandbox", "--port", "0", "--rpm", "0", "--units", "0", *options]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
        self.address = self.process.stdout.readline().removeprefix("listening on ").strip()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()
        self.process.stdout.close()


def configuration(folder, name, address, destination=None, backlinks="standard"):
    """Writes a configuration; its destination is a folder of its name unless another is given."""
    path = folder / f"{name}.toml"
    destination = destination or f'url = "{name}"'
    path.write_text(CONFIGURATION.format(address=address, destination=destination, backlinks=backlinks))
    return path


def make_states(rows=200):
    """Folder with the export's three states, each with a configuration beside it: `first.toml` is of `first/`."""
    folder = Path(tempfile.mkdtemp(prefix="backhaul-warehouses-")).resolve()
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    with Sandbox("--rows", str(rows), "--churn", "0.1") as sandbox:
        live = configuration(folder, "live", sandbox.address, backlinks="minimal")
        unlimited = ("--max-units", "100000000")
        backhaul("run", "--date", NIGHT, *unlimited, config=live)
        keep(folder, "first", sandbox.address, backlinks="minimal")
        configuration(folder, "live", sandbox.address)
        backhaul("run", "--date", NIGHT, "--refetch", *unlimited, config=live)
        past = [word for report in OF_THE_PAST for word in ("--report", report)]
        backhaul("run", "--date", LATE, *past, *unlimited, config=live)
        keep(folder, "second", sandbox.address)
        backhaul("forget", "--target", "rival", config=live)
        keep(folder, "third", sandbox.address)
    return folder


def keep(folder, state, address, **options):
    """Copies the export as it is now."""
    shutil.copytree(folder / "live", folder / state)
    configuration(folder, state, address, **options)


def manifest(folder):
    """Committed files with their rows: `{table: {partition: {file: rows}}}`."""
    tables = collections.defaultdict(dict)
    for path in (folder / "_backhaul" / "tables").glob("*/*.json"):
        committed = json.loads(path.read_text())["committed"]
        files = {} if committed is None else {file["name"]: file["rows"] for file in committed["files"]}
        tables[path.parent.name][path.stem] = files
    return dict(tables)


def counts(folder):
    """Rows of every partition that has any, as the manifest has it: `{table: {partition: rows}}`."""
    return {
        table: {partition: sum(files.values()) for partition, files in partitions.items() if sum(files.values())}
        for table, partitions in manifest(folder).items()
    }


def partition_of(table, row, partitions):
    """The partition that a row belongs to, by its own columns."""
    if list(partitions) == ["all"] or table == "targets":
        return "all"
    if any(name.startswith("period=") for name in partitions):
        return f"period={plain(row['date'])[:4]}"
    return f"snapshot_date={plain(row['_snapshot_date'])}"


def files(folder, table):
    """Paths of a table's committed files."""
    for partition, names in sorted(manifest(folder)[table].items()):
        for name in names:
            yield folder / table / name if partition == "all" else folder / table / partition / name


def file_rows(folder, table):
    """A table's rows as pyarrow reads them file by file, without anything that folders say."""
    rows = []
    for path in files(folder, table):
        rows.extend(pyarrow.parquet.ParquetFile(path).read().to_pylist())
    return rows


def plain(value):
    """A value in one spelling for all engines."""
    if isinstance(value, datetime.datetime):
        if value.tzinfo is None:
            value = value.replace(tzinfo=datetime.timezone.utc)
        return value.astimezone(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    if isinstance(value, datetime.date):
        return value.isoformat()
    if isinstance(value, decimal.Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, (list, tuple)) and not hasattr(value, "asDict"):
        return [plain(item) for item in value]
    if hasattr(value, "asDict"):
        value = value.asDict()
    if isinstance(value, dict):
        return {name.lower(): plain(item) for name, item in value.items()}
    if hasattr(value, "item"):
        return plain(value.item())
    return value


def nested(folder):
    """Columns of lists and structs, with their types."""
    types = {}
    for table in manifest(folder):
        for path in files(folder, table):
            for field in pyarrow.parquet.read_schema(path):
                if pyarrow.types.is_nested(field.type):
                    types[field.name] = field.type
    return types


def checksums(rows, bend=lambda row: row):
    """The rows as sorted texts: equal for two engines if and only if every value of every row is."""
    spelled = (bend({name.lower(): plain(value) for name, value in row.items()}) for row in rows)
    return sorted(json.dumps(row, sort_keys=True, ensure_ascii=False) for row in spelled)


def statements(script):
    """The statements of a script, without the comments between them."""
    found, lines = [], []
    for line in script.splitlines():
        if not lines and (not line.strip() or line.startswith("--")):
            continue
        lines.append(line)
        if line.endswith(";"):
            found.append("\n".join(lines).removesuffix(";"))
            lines = []
    if lines:
        raise AssertionError(f"a statement without its end: {lines}")
    return found
