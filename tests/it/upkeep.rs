//! What keeps a destination in order: `verify` names every kind of damage, `compact` keeps rows bit for bit, `forget` leaves
//! nothing but a tombstone. Each is cut off at every step and run again.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch};
use arrow::compute::concat_batches;
use arrow::datatypes::Schema;
use arrow::row::{RowConverter, SortField};
use backhaul::sink::{read_batches, read_footer};
use chrono::{DateTime, Utc};
use parquet::arrow::ArrowWriter;
use serde_json::{Value as Json, json};

use crate::support::{TestContext, parquet_files, read_rows, size_and_hash, unlimited};

const ANCHORS: &str = "[[report]]\nname = \"anchors\"\nendpoint = \"site-explorer/anchors\"\ncolumns = [\"minimal\"]\n\n";
const KEYWORDS: &str = "[[report]]\nname = \"keywords\"\nendpoint = \"site-explorer/organic-keywords\"\n\
                        columns = [\"minimal\"]\ncountries = [\"us\", \"gb\"]\n\n";

/// Names that are part of no URL and no other word, so that they can be searched for.
const TARGETS: [(&str, &str); 3] = [
    ("zebra", "acme.com"),
    ("quokka", "rival.org"),
    ("yak", "third.net"),
];

fn targets(names: &[&str]) -> String {
    let table =
        |(name, url): &(&str, &str)| format!("[[target]]\nname = \"{name}\"\nurl = \"{url}\"\n\n");
    TARGETS
        .iter()
        .filter(|(name, _)| names.contains(name))
        .map(table)
        .collect()
}

fn at(context: &mut TestContext, time: DateTime<Utc>) {
    context.env("BACKHAUL_TEST_CLOCK", &time.to_rfc3339());
}

/// Three targets in two tables; keywords for two countries.
fn exported(rows: u64) -> TestContext {
    let context = TestContext::new(unlimited(rows));
    context.configure_with(
        &targets(&["zebra", "quokka", "yak"]),
        &format!("{ANCHORS}{KEYWORDS}"),
    );
    context.run().expect(0);
    context
}

fn tonight() -> String {
    format!("snapshot_date={}", Utc::now().date_naive())
}

fn state_path(context: &TestContext, table: &str) -> PathBuf {
    context
        .destination()
        .join(format!("_backhaul/tables/{table}/{}.json", tonight()))
}

fn change_json(path: &Path, change: impl FnOnce(&mut Json)) {
    let mut value: Json = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    change(&mut value);
    std::fs::write(path, serde_json::to_vec_pretty(&value).unwrap()).unwrap();
}

fn only_file(context: &TestContext, table: &str) -> PathBuf {
    let files = parquet_files(&context.destination().join(table));
    assert_eq!(files.len(), 1, "{files:?}");
    files[0].clone()
}

fn batches(path: &Path) -> RecordBatch {
    let batches: Vec<RecordBatch> = read_batches(path, None)
        .unwrap()
        .map(Result::unwrap)
        .collect();
    concat_batches(&batches[0].schema(), &batches).unwrap()
}

/// Writes a file of a table anew and makes the manifest agree with it in rows, size and checksum.
fn rewrite(context: &TestContext, table: &str, change: impl FnOnce(RecordBatch) -> RecordBatch) {
    let path = only_file(context, table);
    let batch = change(batches(&path));
    let mut writer =
        ArrowWriter::try_new(std::fs::File::create(&path).unwrap(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    let rows = read_footer(&path).unwrap().rows;
    let (bytes, sha256) = size_and_hash(&path);
    change_json(&state_path(context, table), |state| {
        let file = &mut state["committed"]["files"][0];
        file["bytes"] = json!(bytes);
        file["sha256"] = json!(sha256);
        file["rows"] = json!(rows);
    });
}

/// One attack on a destination, what `verify` must say of it, and what it must say that helps.
struct Attack {
    strike: fn(&TestContext),
    said: &'static str,
    helps: &'static str,
}

const REBUILD: &str = "backhaul rebuild --report anchors --date";

const ATTACKS: [Attack; 22] = [
    Attack {
        strike: |context| std::fs::remove_file(only_file(context, "anchors")).unwrap(),
        said: "parquet: is missing",
        helps: REBUILD,
    },
    Attack {
        strike: |context| {
            let path = only_file(context, "anchors");
            let length = std::fs::metadata(&path).unwrap().len();
            std::fs::File::options()
                .write(true)
                .open(&path)
                .unwrap()
                .set_len(length / 2)
                .unwrap();
        },
        said: "bytes, the manifest says",
        helps: REBUILD,
    },
    Attack {
        strike: |context| {
            let path = only_file(context, "anchors");
            let mut bytes = std::fs::read(&path).unwrap();
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
            std::fs::write(&path, bytes).unwrap();
        },
        said: "differs from its checksum in the manifest",
        helps: REBUILD,
    },
    Attack {
        strike: |context| {
            std::fs::write(
                context
                    .destination()
                    .join("anchors")
                    .join(tonight())
                    .join("theirs.parquet"),
                "x",
            )
            .unwrap();
        },
        said: "theirs.parquet: was not committed: a foreign file",
        helps: "move ",
    },
    Attack {
        strike: |context| {
            let path = only_file(context, "anchors");
            std::fs::copy(&path, path.with_file_name("again.parquet")).unwrap();
        },
        said: "again.parquet: is a copy of anchors/snapshot_date=",
        helps: "move ",
    },
    Attack {
        strike: |context| {
            let folder = context
                .destination()
                .join("anchors/snapshot_date=1999-01-01");
            std::fs::create_dir(&folder).unwrap();
            std::fs::copy(only_file(context, "anchors"), folder.join("part-0.parquet")).unwrap();
        },
        said: "anchors/snapshot_date=1999-01-01/part-0.parquet: is a copy of",
        helps: "move ",
    },
    Attack {
        strike: |context| std::fs::create_dir(context.destination().join("anchors/old")).unwrap(),
        said: "anchors/old: is a folder that no state names",
        helps: "move ",
    },
    Attack {
        strike: |context| {
            std::fs::write(context.destination().join("anchors/stray.parquet"), "x").unwrap();
        },
        said: "anchors/stray.parquet: was not committed",
        helps: "move ",
    },
    Attack {
        strike: |context| {
            std::fs::write(context.destination().join("_backhaul/runs/a.parquet"), "x").unwrap();
        },
        said: "_backhaul/runs/a.parquet: is named like data",
        helps: "move ",
    },
    Attack {
        strike: |context| {
            change_json(&state_path(context, "anchors"), |state| {
                state["committed"]["files"][0]["rows"] = json!(3);
            });
        },
        said: "rows, the manifest says 3",
        helps: REBUILD,
    },
    Attack {
        strike: |context| {
            change_json(&state_path(context, "anchors"), |state| {
                state["committed"]["tasks"][0]["rows"] = json!(3);
            });
        },
        said: "quokka has 300 rows, the manifest says 3",
        helps: REBUILD,
    },
    Attack {
        strike: |context| {
            change_json(&state_path(context, "anchors"), |state| {
                let tasks = state["committed"]["tasks"].as_array_mut().unwrap();
                let mut extra = tasks[0].clone();
                extra["task"] = json!("00ff");
                extra["target"] = json!("nobody");
                tasks.push(extra);
            });
        },
        said: "nobody has 0 rows, the manifest says 300",
        helps: "",
    },
    Attack {
        strike: |context| {
            change_json(&state_path(context, "anchors"), |state| {
                state["committed"]["tasks"]
                    .as_array_mut()
                    .unwrap()
                    .remove(0);
            });
        },
        said: "holds 300 rows of quokka, which no task brought",
        helps: "",
    },
    Attack {
        strike: |context| {
            change_json(&state_path(context, "anchors"), |state| {
                state["committed"]["files"][0]["tasks"]
                    .as_array_mut()
                    .unwrap()
                    .remove(0);
            });
        },
        said: "holds rows of quokka, the manifest does not say so",
        helps: REBUILD,
    },
    Attack {
        strike: |context| {
            change_json(&state_path(context, "anchors"), |state| {
                state["committed"]["tasks"][0]["duplicate_rows"] = json!(7);
            });
        },
        said: "quokka has 0 rows that repeat another, the source itself repeated 7",
        helps: REBUILD,
    },
    Attack {
        strike: |context| {
            change_json(
                &context.destination().join("_backhaul/tables/anchors.json"),
                |record| {
                    record["partitions"] = json!({});
                },
            );
        },
        said: "_backhaul/tables/anchors.json: lacks the partition snapshot_date=",
        helps: "backhaul rebuild --report anchors",
    },
    Attack {
        strike: |context| {
            change_json(
                &context.destination().join("_backhaul/tables/anchors.json"),
                |record| {
                    record["partitions"][&tonight()] = json!(9);
                },
            );
        },
        said: "changed last with commit 9, of 1 in all",
        helps: "backhaul rebuild --report anchors",
    },
    Attack {
        strike: |context| {
            change_json(
                &context.destination().join("_backhaul/tables/anchors.json"),
                |record| {
                    record["columns"].as_array_mut().unwrap().pop();
                },
            );
        },
        said: "_backhaul/tables/anchors.json: lacks the column `",
        helps: "backhaul rebuild --report anchors",
    },
    Attack {
        strike: |context| {
            rewrite(context, "anchors", |batch| {
                let mut columns: Vec<(String, ArrayRef)> = Vec::new();
                for (field, column) in batch.schema().fields().iter().zip(batch.columns()) {
                    columns.push((field.name().clone(), Arc::clone(column)));
                }
                let numbers: ArrayRef = Arc::new(Int64Array::from_value(1, batch.num_rows()));
                columns[4].1 = numbers;
                RecordBatch::try_from_iter(columns).unwrap()
            });
        },
        said: "is Int64 instead of timestamp",
        helps: REBUILD,
    },
    Attack {
        strike: |context| {
            rewrite(context, "anchors", |batch| {
                let mut fields: Vec<_> = batch.schema().fields().iter().cloned().collect();
                fields[5] = Arc::new(fields[5].as_ref().clone().with_name("renamed"));
                RecordBatch::try_new(Arc::new(Schema::new(fields)), batch.columns().to_vec())
                    .unwrap()
            });
        },
        said: "has column `renamed` where the manifest says",
        helps: REBUILD,
    },
    Attack {
        strike: |context| {
            let path = context.destination().join("coverage");
            std::fs::remove_file(&parquet_files(&path)[0]).unwrap();
        },
        said: "coverage/snapshot_date=",
        helps: "backhaul rebuild --date",
    },
    Attack {
        strike: |context| {
            std::fs::write(
                &parquet_files(&context.destination().join("targets"))[0],
                "not Parquet",
            )
            .unwrap();
        },
        said: "targets/part-",
        helps: "backhaul run",
    },
];

fn copy_tree(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let path = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_tree(&entry.path(), &path);
        } else {
            std::fs::copy(entry.path(), path).unwrap();
        }
    }
}

fn restore(context: &TestContext, from: &Path) {
    std::fs::remove_dir_all(context.destination()).unwrap();
    copy_tree(from, &context.destination());
}

#[test]
fn verify_names_every_kind_of_damage_and_what_helps_and_finds_none_where_there_is_none() {
    let context = exported(300);
    let kept = context.folder.path().join("kept");
    copy_tree(&context.destination(), &kept);
    let clean = context.backhaul(&["verify"]).expect(0);
    assert!(
        clean.stdout.contains("everything is as the manifest says"),
        "{clean:?}"
    );
    for (
        number,
        Attack {
            strike,
            said,
            helps,
        },
    ) in ATTACKS.iter().enumerate()
    {
        restore(&context, &kept);
        strike(&context);
        let ran = context.backhaul(&["verify"]).expect(1);
        assert!(ran.stdout.contains(said), "{number}: {said}: {ran:?}");
        assert!(
            ran.stderr.contains("error[BH-CORRUPT]") && ran.stderr.contains("\nnext: "),
            "{number}: {ran:?}"
        );
        assert!(
            format!("{}{}", ran.stdout, ran.stderr).contains(helps),
            "{number}: {helps}: {ran:?}"
        );
    }
}

#[test]
fn what_verify_names_as_a_remedy_helps() {
    let context = exported(300);
    let kept = context.folder.path().join("kept");
    copy_tree(&context.destination(), &kept);
    let whole = [
        read_rows(&kept.join("anchors")),
        read_rows(&kept.join("coverage")),
        read_rows(&kept.join("targets")),
    ];
    for (number, attack) in ATTACKS
        .iter()
        .enumerate()
        .filter(|(_, attack)| attack.helps.starts_with("backhaul"))
    {
        restore(&context, &kept);
        (attack.strike)(&context);
        let words: Vec<&str> = attack.helps.split(' ').skip(1).collect();
        let today = Utc::now().date_naive().to_string();
        let date = if attack.helps.ends_with("--date") {
            vec![today.as_str()]
        } else {
            Vec::new()
        };
        context.backhaul(&[words, date].concat()).expect(0);
        let after = context.backhaul(&["verify"]);
        assert_eq!(after.code, 0, "{number} {}: {after:?}", attack.said);
        let table = |name: &str| read_rows(&context.destination().join(name));
        assert_eq!(table("anchors"), whole[0], "{number}");
        assert_eq!(table("coverage").len(), whole[1].len(), "{number}");
        assert_eq!(table("targets"), whole[2], "{number}");
    }
}

#[test]
fn a_repeated_identity_is_found_though_the_manifest_agrees_in_everything_else() {
    let context = exported(300);
    rewrite(&context, "anchors", |batch| {
        // The first row once more, with another number of links: no duplicate row, and the same anchor.
        let mut again: Vec<ArrayRef> = batch.slice(0, 1).columns().to_vec();
        let links = batch
            .schema()
            .fields()
            .iter()
            .position(|field| field.name() == "links_to_target")
            .unwrap();
        again[links] = Arc::new(Int64Array::from(vec![123_456_789]));
        let again = RecordBatch::try_new(batch.schema(), again).unwrap();
        concat_batches(
            &batch.schema(),
            [
                &batch.slice(0, 1),
                &again,
                &batch.slice(1, batch.num_rows() - 1),
            ],
        )
        .unwrap()
    });
    change_json(&state_path(&context, "anchors"), |state| {
        assert_eq!(state["committed"]["tasks"][0]["duplicate_identities"], 0);
        state["committed"]["tasks"][0]["rows"] = json!(301);
    });
    let ran = context.backhaul(&["verify"]).expect(1);
    let said =
        "quokka has 1 rows that repeat another's identity (anchor), the source itself repeated 0";
    assert!(ran.stdout.contains(said), "{ran:?}");
    assert!(ran.stdout.lines().count() == 2, "one finding: {ran:?}");
}

#[test]
fn identities_are_counted_where_all_their_columns_are_fetched_and_only_there() {
    let context = exported(300);
    let counted = |table: &str| {
        let state: Json =
            serde_json::from_slice(&std::fs::read(state_path(&context, table)).unwrap()).unwrap();
        state["committed"]["tasks"][0]["duplicate_identities"].clone()
    };
    assert_eq!(counted("anchors"), 0);
    assert_eq!(counted("keywords"), Json::Null, "`language` is not fetched");
}

#[test]
fn verify_takes_the_whole_selection_also_of_targets_that_the_configuration_lost() {
    let context = exported(100);
    let read = |arguments: &[&str]| {
        let ran = context
            .backhaul(&[&["verify"], arguments].concat())
            .expect(0);
        ran.stdout.lines().next().unwrap().to_owned()
    };
    let today = Utc::now().date_naive().to_string();
    // 300 anchors, 600 keywords, 9 tasks and 3 targets.
    assert_eq!(read(&[]), "read 912 rows in 4 files of 4 partitions");
    assert_eq!(
        read(&["--report", "anchors"]),
        "read 300 rows in 1 files of 1 partitions"
    );
    assert_eq!(
        read(&["--target", "zebra"]),
        read(&["--target", "acme.com"])
    );
    assert_eq!(
        read(&["--from", &today, "--to", &today, "--report", "keywords"]),
        read(&["--report", "keywords"])
    );
    assert!(read(&["--date", "1999-01-01"]).starts_with("read 0 rows"));
    context.configure_with(&targets(&["quokka"]), ANCHORS);
    for name in ["zebra", "acme.com"] {
        assert!(
            context
                .backhaul(&["verify", "--target", name])
                .expect(0)
                .stdout
                .starts_with("read 900 rows")
        );
    }
    let unknown = context.backhaul(&["verify", "--target", "zebro"]).expect(2);
    assert!(
        unknown.stderr.contains("error[BH-TARGET]") && unknown.stderr.contains("--target zebra"),
        "{unknown:?}"
    );
    let unknown = context
        .backhaul(&["verify", "--report", "anchor"])
        .expect(2);
    assert!(unknown.stderr.contains("--report anchors"), "{unknown:?}");
}

/// A night of which every target and country came in a run of its own: six commits, and as many files.
fn crumbled(partition_by: &str) -> TestContext {
    let context = TestContext::new(unlimited(200));
    context.configure_with(
        &targets(&["zebra", "quokka", "yak"]),
        &format!("{ANCHORS}{KEYWORDS}"),
    );
    let path = context.folder.path().join("backhaul.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    let url = "url = \"out\"\n";
    context.write_configuration(&text.replacen(
        url,
        &format!("{url}partition_by = [{partition_by}]\n"),
        1,
    ));
    for target in ["zebra", "yak", "quokka"] {
        context.backhaul(&["run", "--target", target]).expect(0);
    }
    context
}

fn files_of(context: &TestContext, table: &str) -> usize {
    parquet_files(&context.destination().join(table)).len()
}

/// Holds a file to what it says of its order.
fn assert_sorted_as_it_says(path: &Path) {
    let claim = read_footer(path).unwrap().sorted_by;
    let batch = batches(path);
    let columns: Vec<ArrayRef> = claim
        .iter()
        .map(|name| batch.column_by_name(name).unwrap().clone())
        .collect();
    let fields = columns
        .iter()
        .map(|column| SortField::new(column.data_type().clone()))
        .collect();
    let rows = RowConverter::new(fields)
        .unwrap()
        .convert_columns(&columns)
        .unwrap();
    let rows: Vec<_> = rows.iter().collect();
    assert!(
        rows.is_sorted(),
        "{} is not sorted by {claim:?}",
        path.display()
    );
}

#[test]
fn rows_that_are_taken_over_stay_sorted_as_their_file_says_also_where_the_report_now_sorts_otherwise()
 {
    let links = |columns: &str| {
        format!(
            "[[report]]\nname = \"links\"\nendpoint = \"site-explorer/all-backlinks\"\naggregation = \"all\"\n\
             columns = [{columns}]\n\n"
        )
    };
    let context = TestContext::new(unlimited(400));
    let all = targets(&["zebra", "quokka", "yak"]);
    context.configure_with(
        &all,
        &links("\"root_name_source\", \"url_from\", \"url_to\", \"link_type\""),
    );
    context.run().expect(0);
    let rows = || read_rows(&context.destination().join("links"));
    let before = rows();
    context.configure_with(&all, &links("\"url_from\", \"url_to\""));
    context
        .backhaul(&["run", "--refetch", "--target", "quokka"])
        .expect(0);
    let files = || parquet_files(&context.destination().join("links"));
    let claims = || -> BTreeSet<Vec<String>> {
        files()
            .iter()
            .map(|file| read_footer(file).unwrap().sorted_by)
            .collect()
    };
    assert_eq!((files().len(), claims().len()), (2, 2), "{:?}", claims());
    for file in files() {
        assert_sorted_as_it_says(&file);
    }
    // Files that are sorted by different columns become one that says nothing of its order.
    context.backhaul(&["compact"]).expect(0);
    assert_eq!((files().len(), claims()), (1, BTreeSet::from([Vec::new()])));
    assert_eq!(rows().len(), before.len());
    context.backhaul(&["verify"]).expect(0);
}

#[test]
fn rows_of_a_parameter_that_the_report_no_longer_has_are_taken_over_by_a_new_layout() {
    let pages = |line: &str| {
        format!(
            "[[report]]\nname = \"pages\"\nendpoint = \"site-explorer/top-pages\"\ncolumns = [\"minimal\"]\n{line}\n\n"
        )
    };
    let context = TestContext::new(unlimited(100));
    let all = targets(&["zebra", "yak"]);
    context.configure_with(&all, &pages("countries = [\"us\", \"gb\"]"));
    context.run().expect(0);
    let rows = || read_rows(&context.destination().join("pages"));
    let before = rows();
    assert_eq!(before.len(), 400);
    context.configure_with(&all, &pages(""));
    let text = std::fs::read_to_string(context.folder.path().join("backhaul.toml")).unwrap();
    let url = "url = \"out\"\n";
    let layout = format!("{url}partition_by = [\"snapshot_date\", \"target\"]\n");
    context.write_configuration(&text.replacen(url, &layout, 1));
    context.backhaul(&["rebuild"]).expect(0);
    assert_eq!(rows(), before);
    assert_eq!(files_of(&context, "pages"), 2);
    context.backhaul(&["verify"]).expect(0);
}

#[test]
fn compact_keeps_every_row_with_its_metadata_and_the_order_of_tasks() {
    let context = crumbled("\"snapshot_date\"");
    let rows = |table: &str| read_rows(&context.destination().join(table));
    let before = [rows("anchors"), rows("keywords")];
    assert_eq!(
        (
            files_of(&context, "anchors"),
            files_of(&context, "keywords")
        ),
        (3, 3)
    );
    let tasks = |table: &str| -> Json {
        let state: Json =
            serde_json::from_slice(&std::fs::read(state_path(&context, table)).unwrap()).unwrap();
        state["committed"]["tasks"].clone()
    };
    let entries = tasks("keywords");
    let ran = context
        .backhaul(&["compact", "--report", "anchors"])
        .expect(0);
    assert!(
        ran.stdout.contains("3 files, ") && ran.stdout.contains("-> 1 files, "),
        "{ran:?}"
    );
    assert_eq!(
        (
            files_of(&context, "anchors"),
            files_of(&context, "keywords")
        ),
        (1, 3)
    );
    context
        .backhaul(&["compact", "--target", "zebra"])
        .expect(0);
    assert_eq!(files_of(&context, "keywords"), 1);
    assert_eq!([rows("anchors"), rows("keywords")], before);
    assert_eq!(tasks("keywords"), entries);
    for (table, order) in [
        ("anchors", "_target anchor"),
        ("keywords", "_target _country keyword"),
    ] {
        let path = only_file(&context, table);
        let facts = read_footer(&path).unwrap();
        assert!(
            facts.sorted_by.join(" ").starts_with(order),
            "{:?}",
            facts.sorted_by
        );
        assert_sorted_as_it_says(&path);
    }
    context.backhaul(&["verify"]).expect(0);
    let again = context.backhaul(&["compact"]).expect(0);
    assert!(again.stdout.contains("nothing to do"), "{again:?}");
    // What was compacted is as good a base as any.
    context
        .backhaul(&["run", "--refetch", "--target", "yak", "--report", "anchors"])
        .expect(0);
    assert_eq!(rows("anchors").len(), before[0].len());
    context.backhaul(&["verify"]).expect(0);
}

#[test]
fn compact_merges_within_the_folders_of_further_keys() {
    let context = crumbled("\"snapshot_date\", \"country\"");
    let rows = |table: &str| read_rows(&context.destination().join(table));
    let before = [rows("anchors"), rows("keywords")];
    assert_eq!(files_of(&context, "keywords"), 6);
    context.backhaul(&["compact"]).expect(0);
    let folders: BTreeSet<PathBuf> = parquet_files(&context.destination().join("keywords"))
        .iter()
        .map(|path| path.parent().unwrap().file_name().unwrap().into())
        .collect();
    assert_eq!(
        folders,
        BTreeSet::from(["country=gb".into(), "country=us".into()])
    );
    assert_eq!(
        (
            files_of(&context, "keywords"),
            files_of(&context, "anchors")
        ),
        (2, 1)
    );
    assert_eq!([rows("anchors"), rows("keywords")], before);
    context.backhaul(&["verify"]).expect(0);
}

#[test]
fn nothing_is_copied_out_of_a_damaged_file() {
    let context = crumbled("\"snapshot_date\"");
    let path = parquet_files(&context.destination().join("anchors"))[1].clone();
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[100] ^= 1;
    std::fs::write(&path, &bytes).unwrap();
    let ran = context.backhaul(&["compact"]).expect(3);
    assert!(
        ran.stderr.contains("error[BH-CORRUPT]") && ran.stderr.contains("checksum"),
        "{ran:?}"
    );
    assert_eq!(
        (
            files_of(&context, "anchors"),
            files_of(&context, "keywords")
        ),
        (3, 1)
    );
    assert_eq!(std::fs::read(&path).unwrap(), bytes);
}

/// Where a name stands: paths, and rows of tables.
fn mentions(context: &TestContext, name: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![context.destination()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let bytes = if path.is_dir() {
                Vec::new()
            } else {
                std::fs::read(&path).unwrap()
            };
            let is_in_rows = path
                .extension()
                .is_some_and(|extension| extension == "parquet")
                && read_rows_of(&path).iter().any(|row| row.contains(name));
            let is_in_bytes = bytes
                .windows(name.len())
                .any(|window| window == name.as_bytes());
            if is_in_rows
                || is_in_bytes
                || path.file_name().unwrap().to_string_lossy().contains(name)
            {
                found.push(
                    path.strip_prefix(context.destination())
                        .unwrap()
                        .display()
                        .to_string(),
                );
            }
            if path.is_dir() {
                folders.push(path);
            }
        }
    }
    found.sort();
    found
}

fn read_rows_of(path: &Path) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    std::fs::copy(path, folder.path().join("one.parquet")).unwrap();
    read_rows(folder.path())
}

const TOMBSTONE: &str = "_backhaul/forgotten/zebra.json";

fn others(rows: Vec<String>) -> Vec<String> {
    rows.into_iter()
        .filter(|row| !row.contains("zebra"))
        .collect()
}

/// Two nights, of which the second one failed for one target and left notes, records and saved responses.
fn with_a_past(partition_by: &str) -> TestContext {
    let mut context = TestContext::new(unlimited(200));
    let partitioned = |context: &TestContext| {
        let path = context.folder.path().join("backhaul.toml");
        let text = std::fs::read_to_string(&path).unwrap();
        let url = "url = \"out\"\n";
        context.write_configuration(&text.replacen(
            url,
            &format!("{url}partition_by = [{partition_by}]\n"),
            1,
        ));
    };
    context.configure_with(
        &targets(&["zebra", "quokka", "yak"]),
        &format!("{ANCHORS}{KEYWORDS}"),
    );
    partitioned(&context);
    context.run().expect(0);
    at(&mut context, Utc::now() + chrono::Duration::minutes(1));
    context.backhaul(&[
        "run",
        "--refetch",
        "--report",
        "anchors",
        "--max-units",
        "1600",
    ]);
    context
}

#[test]
fn forget_leaves_nothing_but_the_tombstone_and_rebuild_brings_nothing_back() {
    for partition_by in ["\"snapshot_date\"", "\"snapshot_date\", \"target\""] {
        let context = with_a_past(partition_by);
        let tables = ["anchors", "keywords", "coverage", "targets"];
        let rows = |table: &str| read_rows(&context.destination().join(table));
        let kept = tables.map(|table| others(rows(table)));
        let spent = context.stats().units;
        assert!(mentions(&context, "zebra").len() > 5);
        context.configure_with(
            &targets(&["quokka", "yak"]),
            &format!("{ANCHORS}{KEYWORDS}"),
        );
        let text = std::fs::read_to_string(context.folder.path().join("backhaul.toml")).unwrap();
        let url = "url = \"out\"\n";
        context.write_configuration(&text.replacen(
            url,
            &format!("{url}partition_by = [{partition_by}]\n"),
            1,
        ));
        let ran = context.backhaul(&["forget", "--target", "zebra"]).expect(0);
        assert!(
            ran.stdout
                .contains("forgot zebra: 600 rows in 2 partitions, "),
            "{ran:?}"
        );
        assert!(
            !ran.stdout.contains(" 0 saved responses") && ran.stderr.is_empty(),
            "{ran:?}"
        );
        for table in ["anchors", "keywords"] {
            assert!(
                ran.stdout
                    .contains(&format!("DELETE FROM {table} WHERE _target = 'zebra';\n")),
                "{ran:?}"
            );
        }
        for table in ["coverage", "targets"] {
            assert!(
                ran.stdout
                    .contains(&format!("DELETE FROM {table} WHERE target = 'zebra';\n")),
                "{ran:?}"
            );
        }
        let check = || {
            assert_eq!(mentions(&context, "zebra"), [TOMBSTONE]);
            assert_eq!(tables.map(rows), kept);
            context.backhaul(&["verify"]).expect(0);
        };
        check();
        let again = context.backhaul(&["forget", "--target", "zebra"]).expect(0);
        assert!(
            again
                .stdout
                .contains("0 rows in 0 partitions, 0 saved responses"),
            "{again:?}"
        );
        assert!(
            again.stdout.contains("DELETE FROM anchors"),
            "a warehouse may still hold it: {again:?}"
        );
        check();
        context.backhaul(&["rebuild"]).expect(0);
        check();
        assert_eq!(context.stats().units, spent, "nothing was bought");
    }
}

#[test]
fn a_target_of_a_run_that_was_cut_off_is_forgotten_in_its_ledger_too() {
    let mut context = TestContext::new(unlimited(200));
    context.configure_with(
        &targets(&["zebra", "quokka"]),
        &format!("{ANCHORS}{KEYWORDS}"),
    );
    context.env("BACKHAUL_TEST_CRASH_AT", "landing.saved:4");
    assert_eq!(context.backhaul(&["run"]).code, -1);
    context.unset("BACKHAUL_TEST_CRASH_AT");
    let told = mentions(&context, "zebra");
    assert!(
        told.iter().any(|path| path.contains("units/spent")),
        "{told:?}"
    );
    let spent = context.stats().units;
    context.configure_with(&targets(&["quokka"]), &format!("{ANCHORS}{KEYWORDS}"));
    context.backhaul(&["forget", "--target", "zebra"]).expect(0);
    assert_eq!(mentions(&context, "zebra"), [TOMBSTONE]);
    let usage = context.backhaul(&["usage", "--json"]).expect(0).json();
    let told = usage["here"]["units"]
        .as_u64()
        .zip(usage["difference"]["set_aside"].as_u64());
    assert_eq!(
        told.map(|(known, in_flight)| known + in_flight),
        Some(spent),
        "what it cost stays: {usage}"
    );
    context.run().expect(0);
    assert_eq!(mentions(&context, "zebra"), [TOMBSTONE]);
}

#[test]
fn a_target_that_is_still_configured_is_forgotten_with_a_warning_and_comes_back_only_when_it_is_paid_for()
 {
    let context = exported(100);
    let saved = context.destination().join("_backhaul/responses");
    let kept = context.folder.path().join("kept");
    copy_tree(&saved, &kept);
    let ran = context.backhaul(&["forget", "--target", "zebra"]).expect(0);
    assert!(
        ran.stderr
            .contains("still names zebra: the next run fetches it again and pays for it"),
        "{ran:?}"
    );
    // Saved responses that come back from a backup are not built on, neither by `rebuild` nor by a run.
    std::fs::remove_dir_all(&saved).unwrap();
    copy_tree(&kept, &saved);
    context.backhaul(&["rebuild"]).expect(0);
    let tables = || {
        ["anchors", "keywords", "coverage", "targets"]
            .map(|table| read_rows(&context.destination().join(table)))
    };
    assert!(!tables().concat().iter().any(|row| row.contains("zebra")));
    let asked = context.stats().requests;
    let report = context.run().expect(0).json();
    assert_eq!(
        context.stats().requests,
        asked + 3,
        "it was fetched again: {report}"
    );
    assert!(
        tables()
            .iter()
            .all(|rows| rows.iter().any(|row| row.contains("zebra")))
    );
    // What was bought since may be built on.
    let all = tables();
    context.backhaul(&["rebuild"]).expect(0);
    assert_eq!(tables()[..2], all[..2]);
}

#[test]
fn a_client_that_was_the_only_one_leaves_empty_tables_that_can_be_read() {
    for partition_by in ["\"snapshot_date\"", "\"snapshot_date\", \"target\""] {
        let context = TestContext::new(unlimited(50));
        context.configure_with(&targets(&["zebra"]), ANCHORS);
        let text = std::fs::read_to_string(context.folder.path().join("backhaul.toml")).unwrap();
        let url = "url = \"out\"\n";
        context.write_configuration(&text.replacen(
            url,
            &format!("{url}partition_by = [{partition_by}]\n"),
            1,
        ));
        context.run().expect(0);
        let schema = read_footer(&only_file(&context, "anchors")).unwrap().schema;
        context.backhaul(&["forget", "--target", "zebra"]).expect(0);
        let facts = read_footer(&only_file(&context, "anchors")).unwrap();
        assert_eq!((facts.rows, facts.schema), (0, schema));
        assert_eq!(mentions(&context, "zebra"), [TOMBSTONE]);
        context.backhaul(&["verify"]).expect(0);
    }
}

#[test]
fn names_that_nobody_knows_are_refused_and_nothing_is_written() {
    let context = exported(50);
    let before = mentions(&context, "zebra");
    let ran = context.backhaul(&["forget", "--target", "zebre"]).expect(2);
    assert!(
        ran.stderr.contains("error[BH-TARGET]") && ran.stderr.contains("--target zebra"),
        "{ran:?}"
    );
    assert_eq!(mentions(&context, "zebra"), before);
    assert!(mentions(&context, "zebre").is_empty());
}

#[test]
fn a_target_that_is_being_fetched_is_not_forgotten() {
    let context = exported(50);
    let claims = context
        .destination()
        .join("_backhaul/claims")
        .join(Utc::now().date_naive().to_string());
    let before = mentions(&context, "zebra");
    let state: Json =
        serde_json::from_slice(&std::fs::read(state_path(&context, "anchors")).unwrap()).unwrap();
    let entries = state["committed"]["tasks"].as_array().unwrap().clone();
    let entry = entries
        .iter()
        .find(|entry| entry["target"] == "zebra")
        .unwrap();
    let path = claims.join(entry["task"].as_str().unwrap());
    let held = backhaul::store::FileLock::try_acquire(&path, "run 7")
        .unwrap()
        .unwrap();
    let ran = context.backhaul(&["forget", "--target", "zebra"]).expect(5);
    assert!(
        ran.stderr.contains("a task of zebra is being fetched") && ran.stderr.contains("run 7"),
        "{ran:?}"
    );
    assert_eq!(mentions(&context, "zebra"), before);
    drop(held);
    context.backhaul(&["forget", "--target", "zebra"]).expect(0);
    assert_eq!(mentions(&context, "zebra"), [TOMBSTONE]);
}

/// Runs a command, killed at every step that it passes, each time on a fresh copy; then again, and looks at the outcome.
fn cut_off_everywhere(
    context: &mut TestContext,
    arguments: &[&str],
    check: impl Fn(&TestContext, &str),
) -> usize {
    let kept = context.folder.path().join("kept");
    copy_tree(&context.destination(), &kept);
    let log = context.folder.path().join("steps");
    context.env("BACKHAUL_TEST_STEPS", &log.display().to_string());
    context.backhaul(arguments).expect(0);
    context.unset("BACKHAUL_TEST_STEPS");
    let steps = std::fs::read_to_string(&log).unwrap();
    let mut passed: std::collections::BTreeMap<&str, u64> = std::collections::BTreeMap::new();
    let mut crashes = 0;
    for step in steps.lines() {
        let number = passed.entry(step).or_default();
        *number += 1;
        // The first and the second time tell all that can go differently.
        if *number > 2 {
            continue;
        }
        restore(context, &kept);
        let crash = format!("{step}:{number}");
        context.env("BACKHAUL_TEST_CRASH_AT", &crash);
        let ran = context.backhaul(arguments);
        assert_eq!(ran.code, -1, "{crash}: {ran:?}");
        context.unset("BACKHAUL_TEST_CRASH_AT");
        context.backhaul(arguments).expect(0);
        check(context, &crash);
        crashes += 1;
    }
    crashes
}

#[test]
fn forget_that_is_killed_at_any_step_ends_the_same_when_it_is_run_again() {
    let mut context = with_a_past("\"snapshot_date\"");
    context.configure_with(
        &targets(&["quokka", "yak"]),
        &format!("{ANCHORS}{KEYWORDS}"),
    );
    let tables = ["anchors", "keywords", "coverage", "targets"];
    let kept = tables.map(|table| others(read_rows(&context.destination().join(table))));
    let crashes = cut_off_everywhere(
        &mut context,
        &["forget", "--target", "zebra"],
        |context, crash| {
            assert_eq!(mentions(context, "zebra"), [TOMBSTONE], "{crash}");
            assert_eq!(
                tables.map(|table| read_rows(&context.destination().join(table))),
                kept,
                "{crash}"
            );
            let verified = context.backhaul(&["verify"]);
            assert_eq!(verified.code, 0, "{crash}: {verified:?}");
        },
    );
    assert!(crashes > 25, "{crashes} crashes");
}

#[test]
fn compact_that_is_killed_at_any_step_loses_no_row() {
    let mut context = crumbled("\"snapshot_date\"");
    let tables = ["anchors", "keywords"];
    let kept = tables.map(|table| read_rows(&context.destination().join(table)));
    let crashes = cut_off_everywhere(&mut context, &["compact"], |context, crash| {
        assert_eq!(
            tables.map(|table| files_of(context, table)),
            [1, 1],
            "{crash}"
        );
        assert_eq!(
            tables.map(|table| read_rows(&context.destination().join(table))),
            kept,
            "{crash}"
        );
        let verified = context.backhaul(&["verify"]);
        assert_eq!(verified.code, 0, "{crash}: {verified:?}");
    });
    assert!(crashes > 10, "{crashes} crashes");
}
