//! One scenario for a folder and for a bucket: two nights of every kind of report, reruns, damage, repair, a client who
//! leaves. After each step the tables hold the same rows in both, for the same units.

use std::collections::BTreeMap;

use backhaul::sandbox::Options;
use chrono::{DateTime, Utc};
use serde_json::Value as Json;

use super::support::{
    ANCHORS, CHANGES, HISTORY, KEYWORDS, LINKS, Night, RATING, TARGETS, ended, only_file, targets,
    wait_until,
};
use crate::support::{noon, parquet_files, unlimited};

const TABLES: [&str; 8] = [
    "links",
    "anchors",
    "rating",
    "keywords",
    "metrics",
    "link_changes",
    "coverage",
    "targets",
];

/// What is observed after each step.
type Seen = Vec<(&'static str, BTreeMap<String, Vec<String>>, u64)>;

fn every_kind() -> String {
    format!("{LINKS}{ANCHORS}{RATING}{KEYWORDS}{HISTORY}{CHANGES}")
}

fn options() -> Options {
    Options {
        row_cap: Some(250),
        clock_offset: chrono::Duration::days(10),
        ..unlimited(300)
    }
}

fn names() -> Vec<&'static str> {
    TARGETS.map(|(name, _)| name).into()
}

fn story(mut night: Night, start: DateTime<Utc>) -> Seen {
    let mut seen = Seen::new();
    let mut look =
        |night: &Night, station| seen.push((station, night.tables(&TABLES), night.stats().units));
    night.configure(&targets(&names()), &every_kind());
    night.at(start);
    night.backhaul(&["check", "--live"]).expect(0);
    let estimate = night.backhaul(&["estimate", "--json"]).expect(0).json();
    assert!(estimate["units"].as_u64() > Some(0), "{estimate}");
    night.run().expect(0);
    look(&night, "the first night");
    let requests = night.stats().requests;
    let again = night.run().expect(0).json();
    assert_eq!(
        (again["requests"].as_u64(), again["units"].as_u64()),
        (Some(0), Some(0)),
        "{again}"
    );
    let estimate = night.backhaul(&["estimate", "--json"]).expect(0).json();
    assert_eq!(estimate["units"].as_u64(), Some(0), "{estimate}");
    assert_eq!(night.stats().requests, requests);
    night.backhaul(&["verify"]).expect(0);

    let before: Vec<_> = of_others(&night, "zebra");
    assert!(!before.is_empty());
    night
        .backhaul(&[
            "run",
            "--refetch",
            "--target",
            "zebra",
            "--report",
            "links",
            "--report",
            "anchors",
        ])
        .expect(0);
    assert_eq!(
        of_others(&night, "zebra"),
        before,
        "rows of other tasks, with the runs that brought them"
    );
    look(&night, "one target fetched again");
    night.at(start + chrono::Duration::days(1));
    night.run().expect(0);
    look(&night, "the second night");
    let usage = night.backhaul(&["usage", "--json"]).expect(0).json();
    assert_eq!(
        usage["workspace"]["used"].as_u64(),
        Some(night.stats().units),
        "{usage}"
    );

    let path = parquet_files(&night.root().join("keywords"))[0].clone();
    let whole = std::fs::read(&path).unwrap();
    let mut bytes = whole.clone();
    bytes[100] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    let found = night.backhaul(&["verify"]).expect(1);
    assert!(found.stdout.contains("checksum"), "{found:?}");
    std::fs::remove_file(&path).unwrap();
    let found = night
        .backhaul(&["verify", "--report", "keywords"])
        .expect(1);
    assert!(found.stdout.contains("is missing"), "{found:?}");
    let (units, requests) = (night.stats().units, night.stats().requests);
    night
        .backhaul(&["rebuild", "--report", "keywords"])
        .expect(0);
    night.backhaul(&["verify"]).expect(0);
    look(&night, "a lost file built again");
    night.backhaul(&["rebuild"]).expect(0);
    night.backhaul(&["compact"]).expect(0);
    night.backhaul(&["verify"]).expect(0);
    look(&night, "all built again and merged");

    // Every start sets the clock again: what was fetched before is forgotten.
    night.at(start + chrono::Duration::days(1) + chrono::Duration::minutes(10));
    night.configure(&targets(&["quokka", "yak", "ibex"]), &every_kind());
    let said = night.backhaul(&["forget", "--target", "zebra"]).expect(0);
    assert!(
        said.stdout
            .contains("DELETE FROM anchors WHERE _target = 'zebra';"),
        "{said:?}"
    );
    night.backhaul(&["verify"]).expect(0);
    look(&night, "a client forgotten");
    night.backhaul(&["rebuild"]).expect(0);
    night.backhaul(&["verify"]).expect(0);
    look(&night, "all built again without the client");
    assert_eq!(
        (night.stats().units, night.stats().requests),
        (units, requests),
        "nothing was bought for it"
    );
    assert_eq!(naming(&night, "zebra"), ["_backhaul/forgotten/zebra.json"]);
    assert_eq!(night.run().expect(0).json()["requests"].as_u64(), Some(0));
    assert_eq!(night.left_over(), Vec::<String>::new());
    seen
}

/// Rows of two tables that belong to other targets, whole.
fn of_others(night: &Night, target: &str) -> Vec<BTreeMap<String, String>> {
    let rows = ["links", "anchors"]
        .map(|table| night.told(table))
        .concat()
        .into_iter();
    let mut rows: Vec<_> = rows
        .filter(|row| !row["_target"].contains(target))
        .collect();
    rows.sort();
    rows
}

/// Files whose name or bytes hold a word, or that have it in a row.
fn naming(night: &Night, word: &str) -> Vec<String> {
    let holds = |name: &String| {
        let bytes = std::fs::read(night.root().join(name)).unwrap();
        name.contains(word)
            || bytes
                .windows(word.len())
                .any(|window| window == word.as_bytes())
    };
    let rows = TABLES
        .iter()
        .filter(|table| night.rows(table).iter().any(|row| row.contains(word)));
    rows.map(|table| (*table).to_owned())
        .chain(night.objects("").into_iter().filter(holds))
        .collect()
}

#[test]
fn a_bucket_holds_what_a_folder_holds_after_every_step_of_two_nights() {
    let start = noon();
    let bucket = std::thread::spawn(move || story(Night::in_bucket(options()), start));
    let disk = story(Night::on_disk(options()), start);
    let bucket = bucket.join().unwrap();
    assert_eq!(disk.len(), bucket.len());
    for ((station, on_disk, units), (_, in_bucket, units_there)) in disk.iter().zip(&bucket) {
        for table in TABLES {
            assert!(!on_disk[table].is_empty(), "{station}: {table} is empty");
            assert_eq!(on_disk[table], in_bucket[table], "{station}: {table}");
        }
        assert_eq!(units, units_there, "{station}");
    }
}

#[test]
fn readers_find_one_object_a_partition_in_a_bucket() {
    let night = Night::usual(300);
    night.run().expect(0);
    for table in ["links", "anchors", "rating", "coverage"] {
        let path = only_file(&night.root(), table);
        assert_eq!(path.file_name().unwrap(), "part-00000.parquet");
    }
    let own =
        |name: &String| !name.starts_with("_backhaul/") && !name.ends_with("/part-00000.parquet");
    assert_eq!(
        night
            .objects("")
            .into_iter()
            .filter(own)
            .collect::<Vec<_>>(),
        Vec::<String>::new()
    );
    assert_eq!(night.cloud().server.open_uploads(), Vec::<String>::new());
    assert_eq!(night.left_over(), Vec::<String>::new());
}

/// A second process takes the tasks that are left; both succeed, or the second finds everything claimed.
#[test]
fn two_processes_share_a_night_in_a_bucket_and_pay_once() {
    let options = || Options {
        row_cap: Some(250),
        ..unlimited(1_000)
    };
    let alone = Night::in_bucket(options());
    let night = Night::in_bucket(options());
    for night in [&alone, &night] {
        night.configure(&targets(&names()), &format!("{LINKS}{ANCHORS}{KEYWORDS}"));
        night.backhaul(&["check", "--live"]).expect(0);
    }
    alone.run().expect(0);
    let first = night.start(&["run", "--json"]);
    wait_until("an answer", || night.saved() > 0);
    let second = night.start(&["run", "--json"]);
    let codes = [first, second].map(ended).map(|ran| {
        assert!([0, 5].contains(&ran.code), "{ran:?}");
        ran.code
    });
    assert!(codes.contains(&0), "{codes:?}");
    assert_eq!(
        night.run().expect(0).json()["requests"].as_u64(),
        Some(0),
        "nothing was left undone"
    );
    let tables = ["links", "anchors", "keywords"];
    assert_eq!(night.tables(&tables), alone.tables(&tables));
    assert_eq!(night.stats(), alone.stats(), "nothing was asked twice");
    let usage = night.backhaul(&["usage", "--json"]).expect(0).json();
    assert_eq!(
        usage["here"]["units"].as_u64(),
        Some(night.stats().units),
        "{usage}"
    );
    night.backhaul(&["verify"]).expect(0);
    assert_eq!(night.left_over(), Vec::<String>::new());
}

/// The counter of the month is in the bucket, where no process can be kept waiting: reservations are made again until no
/// other was made meanwhile.
#[test]
fn processes_side_by_side_do_not_overspend_the_month() {
    let night = Night::in_bucket(Options {
        row_cap: Some(250),
        units: Some(1_000_000),
        ..unlimited(1_000)
    });
    let whole = format!("{LINKS}{ANCHORS}{KEYWORDS}");
    night.configure(&targets(&names()), &whole);
    night.backhaul(&["check", "--live"]).expect(0);
    let limit = 12_000;
    night.reconfigure(
        "[budget]\n",
        &format!("[budget]\nper_month = {limit}\npace = false\n"),
    );
    let mut codes = Vec::new();
    for _ in 0..2 {
        let running = ["links", "anchors", "keywords"]
            .map(|report| night.start(&["run", "--json", "--report", report]));
        codes.extend(running.map(ended).map(|ran| {
            assert!([0, 4, 5].contains(&ran.code), "{ran:?}");
            ran.code
        }));
        let units = night.stats().units;
        assert!(units <= limit, "{units} units of {limit}: {codes:?}");
    }
    assert!(
        codes.contains(&4),
        "the budget was small enough to matter: {codes:?}, {}",
        night.stats().units
    );
    assert!(
        night.stats().units > limit / 2,
        "it was used: {}",
        night.stats().units
    );
    let usage: Json = night.backhaul(&["usage", "--json"]).expect(0).json();
    assert_eq!(
        usage["here"]["units"].as_u64(),
        Some(night.stats().units),
        "{usage}"
    );
}
