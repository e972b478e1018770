"""Tests of the attack itself: each check is shown something wrong and must see it. Run by `make test`."""

import contextlib
import datetime
import json
import socket
import sys
import tempfile
import threading
import unittest
import zlib
from collections import Counter
from pathlib import Path

import pyarrow
import pyarrow.parquet

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from torture import oracle  # noqa: E402
from torture.checks.leftovers import leftovers  # noqa: E402
from torture.checks.readers import Reader, Seen, judge, judge_versions, places  # noqa: E402
from torture.checks.rows import compare, compare_books  # noqa: E402
from torture.checks.units import Ledger, SavedAnswers, read_saved  # noqa: E402
from torture.outcome import Outcome, Verdict, count_line, table  # noqa: E402
from torture.program import Stats  # noqa: E402
from torture.reader import look  # noqa: E402
from torture.relay import Relay  # noqa: E402
from torture.scenarios.steps import crash_points  # noqa: E402
from torture.store import Mirror, Store  # noqa: E402
from torture.workload import Table  # noqa: E402

ANCHORS = Table("anchors", "site-explorer/anchors")
NIGHT = "snapshot_date=2026-11-23"
ROWS = [("acme", "a", 1, "run-1"), ("acme", "b", 2, "run-1"), ("birch", "a", 1, "run-1"), ("birch", "a", 1, "run-1")]


class Folder(unittest.TestCase):
    """A destination to write into."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def write(self, destination, rows, *, name="part-00000-c1.parquet", night=NIGHT):
        """A file of the table `anchors` and a state that names it."""
        target, text, number, run = (list(column) for column in zip(*rows, strict=True))
        moment = datetime.datetime(2026, 11, 24, 1, 2, 3, tzinfo=datetime.timezone.utc)
        columns = {
            "_target": target,
            "_snapshot_date": [datetime.date(2026, 11, 23)] * len(rows),
            "_exported_at": pyarrow.array([moment] * len(rows), pyarrow.timestamp("us", tz="UTC")),
            "_run_id": run,
            "anchor": text,
            "refpages": number,
        }
        path = self.folder / destination / "anchors" / night / name
        path.parent.mkdir(parents=True, exist_ok=True)
        pyarrow.parquet.write_table(pyarrow.table(columns), path)
        self.state(destination, [file.name for file in path.parent.iterdir()], night)
        return path

    def state(self, destination, files, night=NIGHT, pending=None):
        """The state of a partition."""
        path = self.folder / destination / "_backhaul" / "tables" / "anchors" / f"{night}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"committed": {"files": [{"name": name} for name in files]}, "pending": pending}))

    def saved(self, destination, name, units, attempts=1):
        """A saved answer."""
        rest = json.dumps({"units": units, "attempts": attempts}).encode() + b"\nbody"
        path = self.folder / destination / "_backhaul" / "responses" / "2026-11-23" / "00ff" / f"{name}.response"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"backhaul-response-1 %08x\n" % zlib.crc32(rest) + rest)
        return path


class Rows(Folder):
    """The comparison with the reference."""

    def compared(self, rows, **options):
        """Rows lost and duplicated."""
        self.write("wanted", ROWS)
        self.write("got", rows)
        check = compare(ANCHORS, [self.folder / "wanted"], self.folder / "got", **options)
        self.assertEqual(bool(check.problems), bool(check.lost or check.duplicated))
        return check.lost, check.duplicated

    def test_equal_rows_in_another_order_and_of_another_run_pass(self):
        other = [(target, text, number, "run-2") for target, text, number, _ in reversed(ROWS)]
        self.assertEqual(self.compared(other), (0, 0))

    def test_the_moments_count_where_they_must(self):
        other = [(target, text, number, "run-2") for target, text, number, _ in ROWS]
        self.assertEqual(self.compared(other, with_moments=True), (4, 4))

    def test_a_lost_row_is_seen(self):
        self.assertEqual(self.compared(ROWS[1:]), (1, 0))

    def test_one_of_two_equal_rows_lost_is_seen(self):
        self.assertEqual(self.compared(ROWS[:-1]), (1, 0))

    def test_a_duplicated_row_is_seen(self):
        self.assertEqual(self.compared([*ROWS, ROWS[0]]), (0, 1))

    def test_a_changed_value_is_seen(self):
        self.assertEqual(self.compared([("acme", "a", 7, "run-1"), *ROWS[1:]]), (1, 1))

    def test_rows_of_another_night_are_seen(self):
        self.write("got", ROWS, night="snapshot_date=2026-11-22")
        self.assertEqual(self.compared(ROWS), (0, 4))

    def test_a_table_that_is_not_there_is_all_lost(self):
        self.write("wanted", ROWS)
        check = compare(ANCHORS, [self.folder / "wanted"], self.folder / "nowhere")
        self.assertEqual((check.lost, len(check.problems)), (4, 1))

    def test_other_columns_are_seen(self):
        self.write("wanted", ROWS)
        path = self.write("got", ROWS)
        pyarrow.parquet.write_table(pyarrow.parquet.read_table(path, partitioning=None).drop_columns(["refpages"]), path)
        check = compare(ANCHORS, [self.folder / "wanted"], self.folder / "got")
        self.assertEqual(len(check.problems), 1)


class Books(Folder):
    """What the program tells of its own work."""

    def found(self, *status):
        """Faults of a table `coverage` with these states, where one complete task is right."""
        for destination, states in (("wanted", ["complete"]), ("got", status)):
            path = self.folder / destination / "coverage" / "part-0.parquet"
            path.parent.mkdir(parents=True)
            if states:
                pyarrow.parquet.write_table(pyarrow.table({"status": list(states)}), path)
        return len(compare_books("coverage", ("status",), [self.folder / "wanted"], self.folder / "got"))

    def test_the_same_passes(self):
        self.assertEqual(self.found("complete"), 0)

    def test_another_state_is_seen(self):
        self.assertEqual(self.found("stopped"), 1)

    def test_a_task_that_is_told_twice_is_seen(self):
        self.assertEqual(self.found("complete", "complete"), 1)

    def test_a_missing_table_is_seen(self):
        self.assertEqual(self.found(), 1)


class Oracle(unittest.TestCase):
    """The canonical form that the source and a file are compared in."""

    def test_equal_values_meet_and_others_do_not(self):
        moment = datetime.datetime(2026, 1, 2, 3, 4, 5, 600000, tzinfo=datetime.timezone.utc)
        cases = [
            (pyarrow.timestamp("us", tz="UTC"), "2026-01-02T03:04:05.6Z", moment, "2026-01-02T03:04:05Z"),
            (pyarrow.date32(), "2026-01-02T00:00:00Z", datetime.date(2026, 1, 2), "2026-01-03"),
            (pyarrow.float64(), 1, 1.0, 1.5),
            (pyarrow.list_(pyarrow.string()), ["a"], ["a"], ["a", "b"]),
            (pyarrow.struct([("x", pyarrow.int64())]), {"x": 1, "y": 2}, {"x": 1}, {"x": 2}),
            (pyarrow.string(), "", "", None),
        ]
        for kind, source, file, other in cases:
            with self.subTest(str(kind)):
                self.assertEqual(oracle.from_json(source, kind), oracle.from_file(file, kind))
                self.assertNotEqual(oracle.from_json(other, kind), oracle.from_file(file, kind))

    def test_rows_are_told_apart_by_task(self):
        data = pyarrow.table({"_target": ["a", "b", "b"], "n": [1, 1, 1]})
        rows = oracle.rows_by_task(ANCHORS, data, [data.schema.field("n")])
        self.assertEqual(rows, {("a",): Counter({(1,): 1}), ("b",): Counter({(1,): 2})})


class Readers(Folder):
    """What a reader saw."""

    def setUp(self):
        super().setUp()
        self.write("out", ROWS)
        self.whole = self.look()
        self.wanted = places(self.whole)

    def look(self):
        """One observation of the destination as it is."""
        return {"table": "anchors", "at": 0.0, "tasks": look(self.folder / "out" / "anchors", ["_target"], True)}

    def miscounts(self, *observations):
        """How many of these are wrong."""
        check = judge(list(observations), self.wanted)
        self.assertEqual(bool(check.problems), bool(check.miscounts))
        return check.miscounts

    def test_whole_tasks_pass_in_any_number(self):
        nothing = {**self.whole, "tasks": []}
        one = {**self.whole, "tasks": self.whole["tasks"][:1]}
        self.assertEqual(self.miscounts(nothing, one, self.whole), 0)

    def test_a_half_visible_task_is_seen(self):
        self.write("out", ROWS[:-1])
        self.assertEqual(self.miscounts(self.look()), 1)

    def test_a_task_that_is_there_twice_is_seen(self):
        self.write("out", ROWS, name="part-00000-c2.parquet")
        self.assertEqual(self.miscounts(self.look()), 1)

    def test_a_changed_value_is_seen(self):
        self.write("out", [("acme", "z", 1, "run-1"), *ROWS[1:]])
        self.assertEqual(self.miscounts(self.look()), 1)

    def test_a_task_that_vanishes_is_seen(self):
        self.assertEqual(self.miscounts(self.whole, {**self.whole, "tasks": []}), 1)

    def test_a_task_that_nobody_asked_for_is_seen(self):
        self.write("out", [("zebra", "a", 1, "run-1"), *ROWS])
        self.assertEqual(self.miscounts(self.look()), 1)

    def test_a_file_that_is_no_parquet_is_seen(self):
        self.assertEqual(self.miscounts({"table": "anchors", "error": "no magic bytes"}), 1)

    def test_counts_are_added_up(self):
        check = judge([{"queries": 7, "failed_in_flight": 2}], {})
        self.assertEqual((check.queries, check.failed_in_flight), (7, 2))

    def test_a_running_reader_sees_a_half_written_table(self):
        reader = Reader(str(self.folder / "out"), self.folder / "log")
        (self.folder / "out" / "domains" / NIGHT).mkdir(parents=True)
        (self.folder / "out" / "domains" / NIGHT / "part-0.parquet").write_bytes(b"PAR1 half of a file")
        deadline = datetime.datetime.now() + datetime.timedelta(seconds=30)
        while "domains" not in (log.read_text() if (log := self.folder / "log").exists() else ""):
            self.assertLess(datetime.datetime.now(), deadline, "the reader sees nothing")
        check = judge(reader.stop(), self.wanted)
        self.assertGreater(check.miscounts, 0)
        self.assertGreater(check.queries, 0)


class Versions(unittest.TestCase):
    """What a reader saw while partitions went from one state to another and back."""

    OLD = [["day=1", ["acme"], 3, "11"], ["day=1", ["birch"], 4, "12"], ["day=2", ["acme"], 5, "13"]]
    NEW = [["day=1", ["acme"], 6, "21"], ["day=1", ["birch"], 7, "22"], ["day=2", ["acme"], 8, "23"]]

    def told(self, *seen, last=None):
        """Miscounts and all problems of queries that saw this."""
        observed = [{"table": "t", "at": 0.0, "tasks": tasks, "is_last": False} for tasks in seen]
        observed.append({"table": "t", "at": 1.0, "tasks": last or self.OLD, "is_last": True})
        versions = {name: places({"table": "t", "tasks": tasks}) for name, tasks in (("old", self.OLD), ("new", self.NEW))}
        check = judge_versions(observed, versions, "old")
        return check.miscounts, len(check.problems)

    def test_each_partition_may_be_old_or_new(self):
        self.assertEqual(self.told(self.OLD, self.NEW, [*self.OLD[:2], self.NEW[2]]), (0, 0))

    def test_a_partition_that_is_half_old_is_seen(self):
        self.assertEqual(self.told(self.NEW, [self.OLD[0], *self.NEW[1:]]), (1, 1))

    def test_a_partition_that_lacks_a_task_is_seen(self):
        self.assertEqual(self.told(self.NEW, self.NEW[1:]), (1, 1))

    def test_the_count_of_one_state_with_the_values_of_the_other_is_seen(self):
        mixed = [["day=2", ["acme"], 5, "23"]]
        self.assertEqual(self.told(self.NEW, [*self.OLD[:2], *mixed]), (1, 1))

    def test_an_old_state_after_all_is_over_is_seen(self):
        self.assertEqual(self.told(self.OLD, self.NEW, last=self.NEW), (1, 1))

    def test_what_proves_nothing_does_not_pass(self):
        self.assertEqual(self.told(self.OLD), (0, 1))
        old = {"old": places({"table": "t", "tasks": self.OLD})}
        nothing = judge_versions([{"queries": 9, "failed_in_flight": 9}], old, "old")
        self.assertEqual(len(nothing.problems), 2)


class Buckets(Folder):
    """A bucket as a folder."""

    def setUp(self):
        super().setUp()
        self.store = Store()
        self.addCleanup(self.store.stop)

    def put(self, key, body):
        """Writes an object."""
        self.store.client.put_object(Bucket=self.store.bucket, Key=key, Body=body)

    def test_the_mirror_follows(self):
        mirror = Mirror(self.store, "case/", self.folder / "mirror")

        def seen():
            """The files that the mirror has."""
            mirror.refresh()
            files = (path for path in mirror.folder.rglob("*") if path.is_file())
            return {path.relative_to(mirror.folder).as_posix(): path.read_bytes() for path in files}

        self.assertEqual(seen(), {})
        self.put("case/t/day=1/part-00000.parquet", b"1")
        self.put("case/_backhaul/x.json", b"{}")
        self.put("case-2/other", b"0")
        self.assertEqual(seen(), {"t/day=1/part-00000.parquet": b"1", "_backhaul/x.json": b"{}"})
        self.put("case/t/day=1/part-00000.parquet", b"2")
        self.store.client.delete_object(Bucket=self.store.bucket, Key="case/_backhaul/x.json")
        self.assertEqual(seen(), {"t/day=1/part-00000.parquet": b"2"})
        self.assertEqual(self.store.open_uploads("case/"), 0)
        self.store.client.create_multipart_upload(Bucket=self.store.bucket, Key="case/t/big")
        self.assertEqual(self.store.open_uploads("case/"), 1)
        self.store.delete_all("case/")
        self.assertEqual(seen(), {})
        self.assertEqual(list(self.store.list("")), ["case-2/other"])


class Relays(unittest.TestCase):
    """Connections that go elsewhere, or get lost."""

    def server(self, name):
        """A server that says its name and then what it hears."""
        listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listener.close)

        def serve():
            """One connection after the other."""
            while True:
                try:
                    one, _ = listener.accept()
                except OSError:
                    return
                # A connection that is lost is what some of these tests want.
                with one, contextlib.suppress(OSError):
                    one.sendall(name)
                    while heard := one.recv(1 << 16):
                        one.sendall(heard)

        threading.Thread(target=serve, daemon=True).start()
        return listener.getsockname()

    def talk(self, relay, said):
        """All that comes back."""
        with socket.create_connection(relay.address, 10) as one:
            one.sendall(said)
            one.shutdown(socket.SHUT_WR)
            heard = b""
            while more := one.recv(1 << 16):
                heard += more
            return heard

    def test_it_carries_both_ways_and_can_be_turned(self):
        with Relay(self.server(b"a"), 1) as relay:
            self.assertEqual(self.talk(relay, b"hello"), b"ahello")
            relay.turn_to(self.server(b"b"))
            self.assertEqual(self.talk(relay, b"hello"), b"bhello")
            self.assertEqual(relay.lost, 0)

    def test_a_lost_connection_ends_in_mid_way(self):
        with Relay(self.server(b"a"), 1) as relay:
            relay.loss = 1.0
            try:
                heard = self.talk(relay, bytes(1 << 20))
            except OSError:
                heard = b""
            self.assertLess(len(heard), 1 << 20)
            self.assertEqual(relay.lost, 1)


class Units(Folder):
    """What was paid."""

    def ledger(self):
        """A ledger that begins when 100 units had been charged; no answer costs more than 50."""
        return Ledger(start=Stats(10, 100, 20), dearest=50)

    def test_what_was_saved_or_lost_to_a_fault_is_accounted_for(self):
        ledger, now = self.ledger(), Stats(20, 400, 60)
        self.assertEqual(ledger.settle(now, saved=260, may_be_in_flight=0), [])
        self.assertEqual(ledger.overpaid(now, undisturbed=260), 0)

    def test_an_answer_that_vanished_without_a_kill_is_seen(self):
        ledger, now = self.ledger(), Stats(20, 400, 60)
        self.assertEqual(len(ledger.settle(now, saved=210, may_be_in_flight=0)), 1)
        self.assertEqual(ledger.overpaid(now, undisturbed=210), 50)

    def test_kills_excuse_what_was_in_flight_and_no_more(self):
        ledger = self.ledger()
        self.assertEqual(ledger.settle(Stats(20, 400, 60), saved=60, may_be_in_flight=4), [])
        self.assertEqual(len(ledger.settle(Stats(30, 600, 60), saved=59, may_be_in_flight=4)), 1)
        self.assertEqual(ledger.in_flight, 400)
        self.assertEqual(ledger.overpaid(Stats(30, 600, 60), undisturbed=59), 1)

    def test_one_overpaid_unit_is_seen(self):
        ledger, now = self.ledger(), Stats(20, 401, 60)
        self.assertEqual(ledger.settle(now, saved=261, may_be_in_flight=0), [])
        self.assertEqual(ledger.overpaid(now, undisturbed=260), 1)

    def test_saved_answers_that_nobody_paid_for_are_seen(self):
        self.assertEqual(len(self.ledger().settle(Stats(20, 400, 60), saved=300, may_be_in_flight=0)), 1)

    def test_damaged_answers_count_as_neither_saved_nor_lost(self):
        whole, damaged = self.saved("out", "000000", 50), self.saved("out", "000001", 50, attempts=3)
        answers = SavedAnswers(self.folder / "out")
        self.assertEqual((answers.units(), answers.failed_attempts()), (100, 2))
        damaged.write_bytes(damaged.read_bytes()[:-1])
        self.assertIsNone(read_saved(damaged))
        self.assertEqual(list(answers.all()), [whole])


class LeftOvers(Folder):
    """What no run will use or remove."""

    def test_a_clean_destination_passes(self):
        self.write("out", ROWS)
        self.assertEqual(leftovers(self.folder / "out"), [])

    def test_each_kind_is_seen(self):
        self.write("out", ROWS)
        for path in (
            "_backhaul/staging/run-1/rows.ipc",
            "_backhaul/responses/2026-11-23/00ff/.000001.response.77-1.tmp",
            "_backhaul/runs/x.parquet",
            f"anchors/{NIGHT}/part-00001-c0.parquet",
            f"anchors/{NIGHT}/notes.txt",
        ):
            with self.subTest(path):
                stray = self.folder / "out" / path
                stray.parent.mkdir(parents=True, exist_ok=True)
                stray.write_bytes(b"x")
                self.assertEqual(len(leftovers(self.folder / "out")), 1)
                stray.unlink()
                if "staging" in path:
                    stray.parent.rmdir()

    def test_a_missing_file_and_an_open_commit_are_seen(self):
        self.write("out", ROWS)
        self.state("out", ["part-00000-c1.parquet", "part-00001-c1.parquet"], pending={})
        self.assertEqual(len(leftovers(self.folder / "out")), 2)


class Outcomes(unittest.TestCase):
    """Verdicts: nothing wrong may pass, nothing untried may pass."""

    def test_every_kind_of_fault_fails(self):
        def wrong(change):
            outcome = Outcome("x")
            change(outcome)
            return outcome.verdict

        faults = {
            "lost": lambda outcome: setattr(outcome.rows, "lost", 1),
            "duplicated": lambda outcome: setattr(outcome.rows, "duplicated", 1),
            "overpaid": lambda outcome: setattr(outcome, "units_overpaid", 1),
            "miscounts": lambda outcome: setattr(outcome.readers, "miscounts", 1),
            "leftovers": lambda outcome: setattr(outcome, "leftovers", 1),
            "problems": lambda outcome: outcome.problems.append("x"),
        }
        for name, change in faults.items():
            self.assertIs(wrong(change), Verdict.FAILED, name)
        self.assertIs(wrong(lambda outcome: None), Verdict.PASSED)

    def test_a_skipped_scenario_is_counted_as_such(self):
        outcomes = [Outcome("a"), Outcome("b", skipped="no root"), Outcome("c", problems=["x"])]
        self.assertEqual(count_line(outcomes), "1 passed, 1 failed, 1 skipped")
        self.assertEqual([line.split()[-1] for line in table(outcomes).splitlines()[1:4]], ["passed", "skipped", "failed"])

    def test_a_step_is_died_at_early_and_late(self):
        passed = [*["saved"] * 9, "named"]
        self.assertEqual(crash_points(passed, is_short=True), ["saved", "named"])
        self.assertEqual(crash_points(passed, is_short=False), ["saved", "named", "saved:5"])

    def test_seen_values_compare_by_count_and_checksum(self):
        self.assertNotEqual(Seen(1, "2"), Seen(1, "3"))


if __name__ == "__main__":
    unittest.main()
