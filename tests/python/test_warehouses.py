"""Engines run what `backhaul load` and `backhaul schema` print. Run by `make warehouses`.

Without the packages of warehouse-requirements.txt the tests are skipped, unless BACKHAUL_WAREHOUSES is set, as `make` does.
"""

import collections
import functools
import importlib.util
import json
import logging
import os
import re
import shutil
import stat
import subprocess
import sys
import tempfile
import time
import unittest
import warnings
from pathlib import Path

NEEDED = ("chdb", "datafusion", "duckdb", "fakesnow", "polars", "pyarrow", "pyspark", "sqlglot")
MISSING = [name for name in NEEDED if importlib.util.find_spec(name) is None]
if MISSING and not os.environ.get("BACKHAUL_WAREHOUSES"):
    raise unittest.SkipTest(f"not installed: {', '.join(MISSING)}; see: make warehouses")

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
# Python's times without a zone are the machine's; Spark gives such.
os.environ["TZ"] = "UTC"
time.tzset()

import duckdb  # noqa: E402
import pyarrow  # noqa: E402
import pyarrow.dataset  # noqa: E402
import sqlglot  # noqa: E402
from sqlglot import exp  # noqa: E402

import warehouse_lab as lab  # noqa: E402

FOLDER = None
NESTED = {}


def setUpModule():
    """Makes the export once for all."""
    global FOLDER
    warnings.simplefilter("ignore")
    # It tells of every comment that DuckDB's dialect cannot say, in fakesnow's name.
    logging.getLogger("sqlglot").setLevel(logging.CRITICAL)
    FOLDER = lab.make_states()
    NESTED.update(lab.nested(FOLDER / "second"))
    lab.backhaul("demo", "--out", FOLDER / "demo", into=FOLDER)


def load(engine, state, *options):
    """The script that is printed for a state of the export."""
    return lab.backhaul("load", engine, *options, config=FOLDER / f"{state}.toml")


@functools.cache
def endpoints():
    """Names of the catalog's endpoints."""
    return [endpoint["name"] for endpoint in json.loads(lab.backhaul("catalog", "--json"))]


@functools.cache
def schema(endpoint, form, *options):
    """What `schema` prints of an endpoint."""
    return lab.backhaul("schema", endpoint, "--format", form, *options)


def shown_name(column, columns):
    """Name in a view of a column of the table."""
    plain = column.lstrip("_")
    return column if plain != column and plain in columns else plain


def shown(rows):
    """Rows of a table under the names of its view."""
    return [{shown_name(name, row): value for name, value in row.items()} for row in rows]


def latest(state, table):
    """The rows that `<table>_latest` has to show: by reading the manifest's files, not the SQL."""
    folder = FOLDER / state
    rows = [{name: lab.plain(value) for name, value in row.items()} for row in lab.file_rows(folder, table)]
    coverage = [row for row in lab.file_rows(folder, "coverage") if row["report"] == table]
    if table == "history":
        newest = collections.defaultdict(str)
        for row in rows:
            newest[row["_target"]] = max(newest[row["_target"]], row["date"])
        return [row for row in rows if row["date"] == newest[row["_target"]]]
    nights = {}
    for status in ("capped", "complete"):
        of_status = collections.defaultdict(str)
        for row in coverage:
            if row["status"] == status:
                task = (row["target"], *sorted(json.loads(row["parameters"] or "{}").items()))
                of_status[task] = max(of_status[task], lab.plain(row["_snapshot_date"]))
        nights.update(of_status)
    keys = sorted({name for task in nights for name, _ in task[1:]})

    def task_of(row):
        return (row["_target"], *((key, row[f"_{key}"]) for key in keys))

    return [row for row in rows if nights.get(task_of(row)) == row["_snapshot_date"]]


class Loads:
    """What holds of every engine that copies rows. Subclasses say how to run a statement and how to read an object."""

    engine = ""
    # Whether a partition's old rows are there again after its count was found wrong.
    keeps_old_rows = True

    def adapt(self, statement):
        """The statement as the test's engine runs it."""
        return [statement]

    def recover(self):
        """After an error."""

    def bend(self, row):
        """A row as the engine keeps it."""
        return row

    def before(self, state):
        """What a person does before the script of a state is run."""

    def run_script(self, script):
        for statement in lab.statements(script):
            for adapted in self.adapt(statement):
                self.execute(adapted)

    def assert_equals_files(self, state):
        """Every table has the rows of the manifest's files, value by value, and as many a partition as the manifest says."""
        folder = FOLDER / state
        for table, partitions in lab.counts(folder).items():
            rows, written = self.rows(f"raw_{table}"), lab.file_rows(folder, table)
            names = lab.manifest(folder)[table]
            found = collections.Counter(lab.partition_of(table, row, names) for row in rows)
            self.assertEqual(dict(found), partitions, f"{state}: {table}")
            # Columns that were deselected or not yet selected are null.
            names = {name for row in rows[:1] for name in row}
            written = [{**dict.fromkeys(names), **{key.lower(): value for key, value in row.items()}} for row in written]
            self.assertEqual(lab.checksums(rows, self.bend), lab.checksums(written, self.bend), f"{state}: {table}")

    def test_loads_repeats_and_follows(self):
        for state in ("first", "first", "second", "third", "third"):
            self.before(state)
            self.run_script(load(self.engine, state))
            self.assert_equals_files(state)
            self.check_views(state)

    def check_views(self, state):
        folder = FOLDER / state
        for table in lab.counts(folder):
            written = lab.file_rows(folder, table)
            view = self.rows(table)
            self.assertEqual(len(view), len(written), f"{state}: {table}")
            if table in ("coverage", "targets"):
                continue
            self.assert_shows(self.rows(f"{table}_latest"), latest(state, table), f"{state}: {table}_latest")
            self.assert_shows(view, written, f"{state}: {table}")
        labels = {row["target"]: json.loads(row["labels"]) for row in lab.file_rows(folder, "targets")}
        for row in self.rows("backlinks"):
            mine = labels[row["target"]]
            found = (row["client"], row["cost_center"], row["label_url_from"])
            self.assertEqual(found, (mine["client"], mine.get("cost-center"), mine.get("url_from")))
            self.assertTrue(row["url_from"].startswith("http"))
        for table, columns in (("history", ("org_cost", "paid_cost")), ("keywords", ("cpc",))):
            cents = sorted(([row[column] for column in columns] for row in lab.file_rows(folder, table)), key=str)
            dollars = [[row[f"{column}_usd"] for column in columns] for row in self.rows(f"{table}_money")]
            back = [[None if value is None else round(float(value) * 100) for value in row] for row in dollars]
            self.assertEqual(sorted(back, key=str), cents, f"{state}: {table}_money")
            self.assertTrue(any(float(value or 0) % 1 for row in dollars for value in row), "all dollars are whole")

    def assert_shows(self, view, rows, what):
        """A view shows these rows of the table, whatever else it shows."""
        rows = shown(rows)
        names = {name.lower() for row in rows[:1] for name in row}
        view = [{name: value for name, value in row.items() if name.lower() in names} for row in view]
        self.assertEqual(lab.checksums(view, self.bend), lab.checksums(rows, self.bend), what)

    def test_loads_the_demo(self):
        self.run_script(lab.backhaul("load", self.engine, config=FOLDER / "demo" / "backhaul.toml"))
        counts = lab.counts(FOLDER / "demo")
        self.assertIn("organic_keywords", counts)
        for table, partitions in counts.items():
            self.assertEqual(len(self.rows(table)), sum(partitions.values()), table)

    def test_makes_a_table_of_every_endpoint(self):
        kind = "DATABASE" if self.engine == "clickhouse" else "SCHEMA"
        self.execute(f"CREATE {kind} IF NOT EXISTS backhaul")
        for name in endpoints():
            script = schema(name, self.engine)
            self.run_script(script)
            # Two groups have an endpoint of the same last name.
            self.execute(f"DROP TABLE backhaul.{re.search(r'raw_[a-z0-9_]+', script)[0]}")

    def test_a_wrong_count_stops_the_script(self):
        self.before("first")
        script = load(self.engine, "first", "--report", "backlinks")
        self.run_script(script)
        rows = lab.counts(FOLDER / "first")["backlinks"][f"snapshot_date={lab.NIGHT}"]
        lines = script.splitlines()
        at = next(number for number, line in enumerate(lines) if f"backlinks/snapshot_date={lab.NIGHT}: expected" in line)
        self.assertIn(str(rows), lines[at])
        lines[at] = lines[at].replace(str(rows), str(rows + 1))
        with self.assertRaises(Exception) as caught:
            self.run_script("\n".join(lines))
        self.assertIn("backlinks/snapshot_date=", str(caught.exception))
        self.recover()
        if self.keeps_old_rows:
            written = lab.file_rows(FOLDER / "first", "backlinks")
            self.assertEqual(lab.checksums(self.rows("raw_backlinks"), self.bend), lab.checksums(written, self.bend))
        self.run_script(script)
        self.assertEqual(len(self.rows("raw_backlinks")), rows)


class DuckDB(Loads, unittest.TestCase):
    """DuckDB, in a file."""

    engine = "duckdb"

    def setUp(self):
        self.connection = duckdb.connect()
        self.addCleanup(self.connection.close)

    def execute(self, statement):
        self.connection.execute(statement)

    def recover(self):
        self.connection.execute("ROLLBACK")

    def rows(self, name):
        return self.connection.sql(f"SELECT * FROM backhaul.{name}").to_arrow_table().to_pylist()

    def types(self, name):
        return {row[0]: row[1] for row in self.connection.sql(f"DESCRIBE backhaul.{name}").fetchall()}

    def test_types(self):
        self.run_script(load("duckdb", "second"))
        keywords, answers = self.types("raw_keywords"), self.types("raw_answers")
        self.assertEqual(keywords["_snapshot_date"], "DATE")
        self.assertEqual(keywords["first_seen"], "TIMESTAMP WITH TIME ZONE")
        self.assertEqual(keywords["serp_features"], "VARCHAR[]")
        self.assertTrue(keywords["intents"].startswith("STRUCT(informational BOOLEAN"), keywords["intents"])
        self.assertEqual(answers["links"].replace('"', ""), "STRUCT(url VARCHAR, title VARCHAR)[]")
        self.assertEqual(self.types("raw_nothing")["domain"], "VARCHAR")

    def test_external_views_show_the_files(self):
        self.run_script(load("duckdb", "second", "--external"))
        for table, partitions in lab.counts(FOLDER / "second").items():
            self.assertEqual(len(self.rows(f"raw_{table}")), sum(partitions.values()), table)
            self.assertEqual(
                lab.checksums(self.rows(f"raw_{table}")), lab.checksums(lab.file_rows(FOLDER / "second", table)), table
            )
        self.check_views("second")

    def test_further_partition_keys(self):
        with lab.Sandbox("--rows", "50") as sandbox:
            keys = 'url = "keys"\npartition_by = ["snapshot_date", "target"]'
            config = lab.configuration(FOLDER, "keys", sandbox.address, keys)
            lab.backhaul("run", "--date", lab.NIGHT, "--report", "backlinks", "--max-units", "1000000", config=config)
        written = lab.checksums(lab.file_rows(FOLDER / "keys", "backlinks"))
        self.assertGreater(len(written), 0)
        for options in (), ("--external", "--schema", "over"):
            self.run_script(lab.backhaul("load", "duckdb", *options, config=config))
            schema = options[-1] if options else "backhaul"
            rows = self.connection.sql(f"SELECT * FROM {schema}.raw_backlinks").to_arrow_table().to_pylist()
            self.assertEqual(lab.checksums(rows), written)
        # Snowflake's COPY finds a file below the folder that PUT put it in.
        put, copied = set(), set()
        for statement in lab.statements(lab.backhaul("load", "snowflake", config=config)):
            if match := re.match(r"PUT 'file://\S+/([^/]+)' @backhaul_stage/(\S+)", statement):
                put.add(match[2] + match[1])
            if match := re.match(r"COPY INTO \S+ FROM @backhaul_stage/(\S+)\s+FILES = \((.*?)\)\n", statement):
                copied.update(match[1] + name for name in re.findall(r"'([^']+)'", match[2]))
        self.assertEqual(put, copied)
        self.assertTrue(any("target=acme/" in name for name in put), put)


class ClickHouse(Loads, unittest.TestCase):
    """ClickHouse inside this process (chdb)."""

    engine = "clickhouse"

    @classmethod
    def setUpClass(cls):
        from chdb import session

        cls.folder = tempfile.mkdtemp(prefix="backhaul-chdb-")
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        cls.session = session.Session(cls.folder)
        cls.addClassCleanup(cls.session.close)

    def setUp(self):
        self.session.query("DROP DATABASE IF EXISTS backhaul")

    def execute(self, statement):
        self.session.query(statement)

    def rows(self, name):
        found = self.session.query(f"SELECT * FROM backhaul.{name}", "ArrowStream").bytes()
        return pyarrow.ipc.open_stream(found).read_all().to_pylist() if found else []

    def bend(self, row):
        """It has no null lists and tuples: they are empty, and of nulls."""
        for name, kind in NESTED.items():
            if name in row and row[name] is None:
                row[name] = {field.name: None for field in kind} if pyarrow.types.is_struct(kind) else []
        return row

    def types(self, name):
        found = json.loads(str(self.session.query(f"DESCRIBE TABLE backhaul.{name}", "JSON")))
        return {row["name"]: row["type"] for row in found["data"]}

    def test_types(self):
        self.run_script(load("clickhouse", "second"))
        keywords, answers = self.types("raw_keywords"), self.types("raw_answers")
        self.assertEqual(keywords["_snapshot_date"], "Date32")
        self.assertEqual(keywords["first_seen"], "Nullable(DateTime64(6, 'UTC'))")
        self.assertEqual(keywords["serp_features"], "Array(Nullable(String))")
        self.assertRegex(keywords["intents"], r"^Tuple\(\s*informational Nullable\(Bool\)")
        self.assertEqual(re.sub(r"\s+", "", answers["links"]), "Array(Tuple(urlNullable(String),titleNullable(String)))")

    def test_external_views_show_the_files(self):
        self.run_script(load("clickhouse", "second", "--external"))
        for table, partitions in lab.counts(FOLDER / "second").items():
            self.assertEqual(len(self.rows(f"raw_{table}")), sum(partitions.values()), table)
        self.check_views("second")

    def test_a_filter_on_the_folder_reads_one_file(self):
        folder = FOLDER / "second" / "organic_keywords"
        source = f"file('{folder}/*/*.parquet', 'Parquet')"
        before = self.files_read()
        night = f"SELECT count() FROM {source} WHERE snapshot_date = '{lab.LATE}' AND _target != ''"
        count = int(str(self.session.query(night)))
        self.assertEqual(count, lab.counts(FOLDER / "second")["organic_keywords"][f"snapshot_date={lab.LATE}"])
        self.assertEqual(self.files_read() - before, 1)

    def files_read(self):
        """Files that were opened so far, but for those whose schema was looked at."""
        found = str(self.session.query("SELECT sum(value) FROM system.events WHERE event = 'EngineFileLikeReadFiles'"))
        return int(found or 0)


class Spark(Loads, unittest.TestCase):
    """Spark in one thread, with tables of its own catalog."""

    engine = "spark"
    # A Parquet table of Spark has no transactions: a wrong count is loud, but the new rows are there.
    keeps_old_rows = False

    @classmethod
    def setUpClass(cls):
        from pyspark.sql import SparkSession

        folder = tempfile.mkdtemp(prefix="backhaul-spark-")
        cls.addClassCleanup(shutil.rmtree, folder, ignore_errors=True)
        settings = {
            "spark.sql.warehouse.dir": f"{folder}/warehouse",
            "spark.sql.session.timeZone": "UTC",
            "spark.ui.enabled": "false",
            "spark.ui.showConsoleProgress": "false",
            "spark.driver.host": "127.0.0.1",
            "spark.driver.bindAddress": "127.0.0.1",
            "spark.sql.shuffle.partitions": "1",
        }
        builder = SparkSession.builder.master("local[1]")
        for name, value in settings.items():
            builder = builder.config(name, value)
        cls.spark = builder.getOrCreate()
        cls.addClassCleanup(cls.spark.stop)
        cls.spark.sparkContext.setLogLevel("OFF")

    def setUp(self):
        self.spark.sql("DROP SCHEMA IF EXISTS backhaul CASCADE")

    def execute(self, statement):
        self.spark.sql(statement).collect()

    def before(self, state):
        """Columns that the script says an older table may lack: those that it lacks are added, as the script asks."""
        if not self.spark.catalog.tableExists("backhaul.raw_backlinks"):
            return
        told = "--   ALTER TABLE backhaul.`raw_backlinks` "
        line = next(line for line in load("spark", state).splitlines() if line.startswith(told))
        head, columns = line.removeprefix("--   ").removesuffix(");").split(" (", 1)
        has = self.spark.table("backhaul.raw_backlinks").columns
        lacking = [column for column in columns.split(", ") if column.split("`")[1] not in has]
        if lacking:
            self.execute(f"{head} ({', '.join(lacking)})")

    def rows(self, name):
        table = self.spark.table(f"backhaul.{name}")
        # Years are told apart by a column that the files do not have.
        rows = [row.asDict(True) for row in table.collect()]
        return [{key: value for key, value in row.items() if key != "period"} for row in rows]

    def test_types(self):
        self.run_script(load("spark", "second"))
        types = dict(self.spark.table("backhaul.raw_keywords").dtypes)
        self.assertEqual(types["_snapshot_date"], "date")
        self.assertEqual(types["first_seen"], "timestamp")
        self.assertEqual(types["serp_features"], "array<string>")
        self.assertTrue(types["intents"].startswith("struct<informational:boolean"), types["intents"])
        answers = dict(self.spark.table("backhaul.raw_answers").dtypes)
        self.assertEqual(answers["links"], "array<struct<url:string,title:string>>")

    def test_external_tables_show_the_files(self):
        self.run_script(load("spark", "second", "--external"))
        for table, partitions in lab.counts(FOLDER / "second").items():
            self.assertEqual(self.spark.table(f"backhaul.raw_{table}").count(), sum(partitions.values()), table)
        one = self.spark.sql(f"SELECT * FROM backhaul.raw_organic_keywords WHERE snapshot_date = DATE '{lab.LATE}'")
        self.assertEqual(len(one.inputFiles()), 1)
        self.assertEqual(one.count(), lab.counts(FOLDER / "second")["organic_keywords"][f"snapshot_date={lab.LATE}"])


class Snowflake(Loads, unittest.TestCase):
    """Snowflake as far as fakesnow plays it, over DuckDB."""

    engine = "snowflake"

    def setUp(self):
        import fakesnow
        import snowflake.connector

        fake = fakesnow.patch()
        fake.__enter__()
        self.addCleanup(fake.__exit__, None, None, None)
        self.cursor = snowflake.connector.connect(database="db", schema="public").cursor()

    def adapt(self, statement):
        """What fakesnow 0.12 lacks of Snowflake's documented syntax; all else is run as it is printed.

        * ALTER SESSION SET TIMEZONE: its session is in UTC already.
        * COPY … FILES from an internal stage: each file is named behind the stage's name instead, which is documented too.
        """
        if statement.startswith("ALTER SESSION SET TIMEZONE"):
            return []
        match = re.match(r"COPY INTO (\S+) FROM (\S+)\s+FILES = \((.*?)\)\n(.*)", statement, re.DOTALL)
        if match is None:
            return [statement]
        table, folder, names, rest = match.groups()
        return [f"COPY INTO {table} FROM {folder}{name}\n{rest}" for name in re.findall(r"'([^']+)'", names)]

    def execute(self, statement):
        self.cursor.execute(statement)

    def recover(self):
        self.cursor.execute("ROLLBACK")

    def rows(self, name):
        self.cursor.execute(f"SELECT * FROM backhaul.{name}")
        names = [column[0].lower() for column in self.cursor.description]
        return [dict(zip(names, row)) for row in self.cursor.fetchall()]

    def bend(self, row):
        """The connector hands lists and objects over as JSON."""
        opened = (name for name in NESTED if isinstance(row.get(name), str))
        return {**row, **{name: json.loads(row[name]) for name in opened}}

    def test_tables_over_files_need_a_bucket(self):
        for option in "--external", "--direct":
            said = lab.backhaul("load", "snowflake", option, config=FOLDER / "second.toml", status=2)
            self.assertIn("buckets only", said)


class Files(unittest.TestCase):
    """Readers over the files where they lie: types, nulls, counts, one file for one night."""

    def setUp(self):
        self.folder = FOLDER / "second"
        self.night = lab.counts(self.folder)["organic_keywords"][f"snapshot_date={lab.LATE}"]

    def test_pyarrow(self):
        for table, partitions in lab.counts(self.folder).items():
            dataset = pyarrow.dataset.dataset(self.folder / table, format="parquet", partitioning="hive")
            self.assertEqual(dataset.count_rows(), sum(partitions.values()), table)
        dataset = pyarrow.dataset.dataset(self.folder / "organic_keywords", format="parquet", partitioning="hive")
        night = pyarrow.dataset.field("snapshot_date") == lab.LATE
        self.assertEqual(len(list(dataset.get_fragments(night))), 1)
        self.assertEqual(dataset.count_rows(filter=night), self.night)
        schema = pyarrow.dataset.dataset(self.folder / "keywords", format="parquet", partitioning="hive").schema
        self.assertEqual(schema.field("first_seen").type, pyarrow.timestamp("us", "UTC"))
        self.assertEqual(schema.field("serp_features").type.value_type, pyarrow.string())
        self.assertEqual(schema.field("intents").type.field("local").type, pyarrow.bool_())
        self.assertEqual(schema.field("volume").type, pyarrow.int64())

    def test_polars(self):
        import polars

        for table, partitions in lab.counts(self.folder).items():
            count = polars.scan_parquet(self.folder / table).select(polars.len()).collect().item()
            self.assertEqual(count, sum(partitions.values()), table)
            rows = polars.read_parquet(self.folder / table, hive_partitioning=False).to_dicts()
            self.assertEqual(lab.checksums(rows), lab.checksums(lab.file_rows(self.folder, table)), table)
        schema = polars.scan_parquet(self.folder / "keywords").collect_schema()
        self.assertEqual(schema["first_seen"], polars.Datetime("us", "UTC"))
        self.assertEqual(schema["serp_features"], polars.List(polars.String))
        self.assertEqual(schema["intents"].fields[0], polars.Field("informational", polars.Boolean))
        scan = polars.scan_parquet(self.folder / "organic_keywords", hive_partitioning=True, include_file_paths="path")
        paths = scan.filter(polars.col("snapshot_date") == polars.lit(lab.LATE).str.to_date()).collect()
        self.assertEqual((paths["path"].n_unique(), len(paths)), (1, self.night))

    def test_datafusion(self):
        import datafusion

        context = datafusion.SessionContext()
        for table, partitions in lab.counts(self.folder).items():
            night, year = [("snapshot_date", pyarrow.date32())], [("period", pyarrow.int32())]
            keys = {"targets": [], "history": year}.get(table, night)
            context.register_listing_table(table, str(self.folder / table), keys)
            found = context.sql(f"SELECT count(*) AS n FROM {table}").to_pydict()["n"][0]
            self.assertEqual(found, sum(partitions.values()), table)
            names = ", ".join(f'"{name}"' for name in lab.file_rows(self.folder, table)[0]) if found else '"domain"'
            rows = context.sql(f"SELECT {names} FROM {table}").to_pylist()
            self.assertEqual(lab.checksums(rows), lab.checksums(lab.file_rows(self.folder, table)), table)
        night = f"SELECT _target FROM organic_keywords WHERE snapshot_date = DATE '{lab.LATE}'"
        self.assertEqual(context.sql(night).count(), self.night)
        plan = str(context.sql(f"EXPLAIN {night}").to_pydict()["plan"])
        self.assertEqual(len(set(re.findall(r"snapshot_date=[^,\]\s]*?\.parquet", plan))), 1, plan)

    def test_duckdb(self):
        connection = duckdb.connect()
        self.addCleanup(connection.close)
        files = f"read_parquet('{self.folder}/organic_keywords/*/*.parquet', hive_partitioning = true)"
        night = f"SELECT _target FROM {files} WHERE snapshot_date = DATE '{lab.LATE}'"
        found = connection.sql(f"EXPLAIN ANALYZE {night}").fetchall()
        text = " ".join(str(part) for row in found for part in row)
        self.assertRegex(text, r"Total Files Read:\s*1\b")


class Pending(unittest.TestCase):
    """`--pending`, `--done` and `--apply`."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name).resolve()
        self.config = self.folder / "now.toml"
        self.become("first")

    def become(self, state):
        """The destination as it is in a state, with what the program knows of warehouses."""
        kept = self.folder / "now" / "_backhaul" / "warehouses"
        if kept.exists():
            shutil.move(kept, self.folder / "kept")
        shutil.rmtree(self.folder / "now", ignore_errors=True)
        shutil.copytree(FOLDER / state, self.folder / "now")
        if (self.folder / "kept").exists():
            shutil.move(self.folder / "kept", kept)
        text = (FOLDER / f"{state}.toml").read_text()
        self.config.write_text(text.replace(f'url = "{state}"', 'url = "now"'))

    def pending(self, *options, engine="duckdb"):
        """Partitions that are printed, and the number to acknowledge."""
        script = lab.backhaul("load", engine, "--pending", *options, config=self.config)
        partitions = set(re.findall(r"^-- ([a-z_]+/\S+): [\d]+ rows$", script, re.MULTILINE))
        number = re.search(r"^-- then: backhaul load \S+(?: --\S+ \S+)* --done (\d+)$", script, re.MULTILINE)
        return partitions, number and number[1], script

    def done(self, number, *options, **more):
        return lab.backhaul("load", "duckdb", *options, "--done", number, config=self.config, **more)

    def everything(self, state):
        return {f"{table}/{name}" for table, names in lab.manifest(FOLDER / state).items() for name in names}

    def test_only_what_changed_is_pending(self):
        found, number, _ = self.pending()
        self.assertEqual(found, self.everything("first"))
        self.assertEqual(self.pending()[0], found, "printing is not acknowledging")
        self.done(number)
        found, nothing, script = self.pending()
        self.assertEqual((found, nothing), (set(), None), script)
        self.become("second")
        found, number, script = self.pending()
        self.assertIn(f"backlinks/snapshot_date={lab.NIGHT}", found)
        for table in "organic_keywords", "coverage":
            self.assertIn(f"{table}/snapshot_date={lab.LATE}", found)
        # Another engine was given nothing.
        self.assertEqual(self.pending(engine="clickhouse")[0], self.everything("second"))
        self.done(number)
        self.assertEqual(self.pending()[0], set())
        self.become("third")
        found, number, script = self.pending()
        self.assertIn(f"backlinks/snapshot_date={lab.NIGHT}", found)
        self.assertIn("history/period=2025", found)
        self.assertIn("targets/all", found)
        self.assertNotIn(f"keywords/snapshot_date={lab.NIGHT}", found, "it has no target: nothing of it was forgotten")
        self.done(number)
        self.assertEqual(self.pending()[0], set())

    def test_what_is_pending_brings_a_warehouse_up_to_date(self):
        connection = duckdb.connect()
        self.addCleanup(connection.close)
        for state in lab.STATES:
            self.become(state)
            _, number, script = self.pending()
            for statement in lab.statements(script):
                connection.execute(statement)
            self.done(number)
            for table in lab.counts(FOLDER / state):
                rows = connection.sql(f"SELECT * FROM backhaul.raw_{table}").to_arrow_table().to_pylist()
                written = lab.file_rows(FOLDER / state, table)
                self.assertEqual(lab.checksums(rows), lab.checksums(written), f"{state}: {table}")

    def test_reports_are_acknowledged_by_themselves(self):
        found, number, _ = self.pending("--report", "backlinks")
        self.assertIn(f"backlinks/snapshot_date={lab.NIGHT}", found)
        self.assertFalse(any(name.startswith("keywords/") for name in found), found)
        self.done(number, "--report", "backlinks")
        self.assertFalse(self.pending("--report", "backlinks")[0] & found)
        rest = self.pending()[0]
        self.assertNotIn(f"backlinks/snapshot_date={lab.NIGHT}", rest)
        self.assertIn(f"keywords/snapshot_date={lab.NIGHT}", rest)

    def test_a_number_that_was_never_printed(self):
        said = self.done("4711", status=2)
        self.assertEqual(said.count("error["), 1, said)
        self.assertIn("4711", said)
        self.assertIn("next: backhaul load duckdb --pending", said)

    def client(self, name, status=0):
        """A client that keeps its arguments and its input, and ends with a status."""
        folder = self.folder / f"bin-{name}-{status}"
        folder.mkdir()
        program = folder / name
        program.write_text(
            f"#!{sys.executable}\nimport json, pathlib, sys\n"
            f"pathlib.Path({str(self.folder / 'heard.json')!r}).write_text(json.dumps([sys.argv[1:], sys.stdin.read()]))\n"
            f"print('the client has its say', file=sys.stderr)\nsys.exit({status})\n"
        )
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
        return str(folder)

    def heard(self):
        return json.loads((self.folder / "heard.json").read_text())

    def test_apply_with_duckdb(self):
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        file = self.folder / "seo.duckdb"
        for state in lab.STATES:
            self.become(state)
            lab.backhaul("load", "duckdb", "--pending", "--apply", "--database", file, config=self.config, path=path)
            self.assertEqual(self.pending()[0], set())
            connection = duckdb.connect(str(file), read_only=True)
            for table, partitions in lab.counts(FOLDER / state).items():
                found = connection.sql(f"SELECT count(*) FROM backhaul.raw_{table}").fetchall()[0][0]
                self.assertEqual(found, sum(partitions.values()), f"{state}: {table}")
            connection.close()

    def test_a_client_that_fails_or_is_missing(self):
        failing = {"path": self.client("duckdb", 3), "status": 1}
        said = lab.backhaul("load", "duckdb", "--pending", "--apply", config=self.config, **failing)
        self.assertIn("`duckdb` failed", said)
        self.assertIn("the client has its say", said)
        self.assertEqual(self.pending()[0], self.everything("first"), "nothing was acknowledged")
        for engine, client in (("duckdb", "duckdb"), ("snowflake", "snow")):
            said = lab.backhaul("load", engine, "--apply", config=self.config, path=str(self.folder), status=2)
            self.assertIn(f"cannot start `{client}`", said)
            self.assertIn("pip install", said)
        said = lab.backhaul("load", "spark", "--apply", config=self.config, status=2)
        self.assertIn("there is no such client of Spark", said)

    def test_snow_gets_the_script_on_its_standard_input(self):
        lab.backhaul("load", "snowflake", "--apply", "--database", "seo", config=self.config, path=self.client("snow"))
        arguments, script = self.heard()
        self.assertEqual(arguments, ["sql", "--stdin", "--database", "seo"])
        self.assertEqual(lab.statements(script), lab.statements(load_of(self.config, "snowflake")))
        self.assertNotIn("sandbox-key", script + " ".join(arguments))
        self.assertEqual(self.pending(engine="snowflake")[0], set())


def load_of(config, engine, *options):
    """The script of a configuration."""
    return lab.backhaul("load", engine, *options, config=config)


# Statements that sqlglot 30.22 does not parse but passes through as a command, though their engines document them.
PASSED_THROUGH = {
    "duckdb": ("LOAD httpfs", "LOAD aws", "CREATE OR REPLACE SECRET"),
    "snowflake": ("ALTER EXTERNAL TABLE", "ALTER ICEBERG TABLE", "CREATE CATALOG INTEGRATION"),
    "spark": ("MSCK REPAIR TABLE",),
    "databricks": ("MSCK REPAIR TABLE",),
}
ENGINES = ("duckdb", "snowflake", "bigquery", "redshift", "databricks", "spark", "clickhouse", "athena")


class Grammar(unittest.TestCase):
    """Every statement is one of its engine's dialect, as sqlglot knows it."""

    def parse(self, engine, script, what):
        for statement in lab.statements(script):
            if engine == "bigquery":
                # sqlglot knows all of the statement but this clause, which BigQuery documents.
                statement = re.sub(r"\nWITH PARTITION COLUMNS \(`\w+` (DATE|INT64)\)$", "", statement, flags=re.MULTILINE)
            try:
                parsed = sqlglot.parse(statement, dialect=engine)
            except sqlglot.errors.SqlglotError as error:
                self.fail(f"{engine}, {what}: {error}\n{statement}")
            self.assertEqual(len(parsed), 1, f"{engine}, {what}: {statement}")
            if engine == "duckdb":
                # Its own parser is at hand.
                self.assertEqual(len(duckdb.extract_statements(statement)), 1)
            if isinstance(parsed[0], exp.Command):
                known = PASSED_THROUGH.get(engine, ())
                self.assertTrue(known and statement.startswith(known), f"{engine}, {what}: {statement}")

    def test_load_from_a_folder(self):
        for engine in "duckdb", "snowflake", "spark", "clickhouse":
            for state in lab.STATES:
                self.parse(engine, load(engine, state), state)
            if engine != "snowflake":
                self.parse(engine, load(engine, "second", "--external"), "external")

    def test_load_from_a_bucket(self):
        pipe = subprocess.PIPE
        command = [sys.executable, HERE / "moto_store.py"]
        moto = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True)
        self.addCleanup(moto.wait)
        self.addCleanup(moto.stdin.close)
        self.addCleanup(moto.stdout.close)
        told = json.loads(moto.stdout.readline())
        key, secret = told["users"]["admin"]["key"], told["users"]["admin"]["secret"]
        with lab.Sandbox("--rows", "50") as sandbox:
            place = f'url = "s3://{told["bucket"]}/seo"\nendpoint = "{told["endpoint"]}"\nregion = "us-east-1"'
            config = lab.configuration(FOLDER, "bucket", sandbox.address, place)
            os.environ.update(AWS_ACCESS_KEY_ID=key, AWS_SECRET_ACCESS_KEY=secret)
            for name in "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY":
                self.addCleanup(os.environ.pop, name, None)
            lab.backhaul("run", "--date", lab.NIGHT, "--max-units", "100000000", config=config)
        for engine in ENGINES:
            if engine == "bigquery":
                self.assertIn("gs:// only", lab.backhaul("load", engine, config=config, status=2))
                continue
            external = [("--external",)] * (engine != "redshift")
            for options in [(), *external] + [("--direct",)] * (engine == "snowflake"):
                script = load_of(config, engine, *options)
                self.assertIn("raw_backlinks", script)
                self.assertNotIn(secret, script)
                self.parse(engine, script, " ".join(options))

    def test_ddl_of_every_endpoint(self):
        self.assertGreater(len(endpoints()), 100)
        for name in endpoints():
            for engine in ENGINES:
                for options in (), ("--external",):
                    script = schema(name, engine, *options)
                    self.assertTrue(lab.statements(script), f"{name}, {engine}")
                    self.parse(engine, script, f"{name} {options}")
            fields = [field["name"] for field in json.loads(schema(name, "bigquery-json"))]
            self.assertEqual(fields, list(dict.fromkeys(fields)))
            self.assertIn("_snapshot_date", fields, name)
            self.assertTrue(json.loads(schema(name, "json")), name)
            for field in fields:
                self.assertRegex(schema(name, "arrow"), rf"(?m)^{field}: ")


if __name__ == "__main__":
    unittest.main()
