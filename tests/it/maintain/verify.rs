//! `verify` names every kind of damage with its remedy.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch};
use arrow::compute::concat_batches;
use arrow::datatypes::Schema;
use serde_json::{Value as Json, json};

use super::support::{
    change_json, copy_tree, exported, only_file, restore, rewrite, state_path, targets, tonight,
};
use crate::support::{ANCHORS, TestContext, parquet_files, read_rows, today};

/// One attack on a destination, what `verify` must report, and the remedy that it must name.
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

#[test]
fn verify_names_every_kind_of_damage_and_what_helps_and_finds_none_where_there_is_none() {
    let context = exported(300);
    let kept = context.folder.path().join("kept");
    copy_tree(&context.destination(), &kept);
    let clean = context.backhaul(&["verify"]).expect(0);
    assert!(
        clean.stdout.contains("everything matches the manifest"),
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
        let today = today().to_string();
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
    let today = today().to_string();
    // 300 anchors, 600 keywords, 9 tasks and 3 targets.
    assert_eq!(read(&[]), "read 912 rows in 4 files of 4 partitions");
    assert_eq!(
        read(&["--report", "anchors"]),
        "read 300 rows in 1 file of 1 partition"
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
