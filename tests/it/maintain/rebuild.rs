//! `rebuild` makes partitions of saved responses again, as long as they are kept.

use std::collections::BTreeSet;

use crate::run::support::{at_day, days_ahead, notes, partition};
use crate::support::{
    ANCHORS, LINKS, RATING, TWO_TARGETS, TestContext, parquet_files, read_rows, unlimited,
};

#[test]
fn old_saved_responses_are_deleted_and_rebuild_reports_what_it_kept() {
    let mut context = TestContext::new(days_ahead(600));
    context.configure(LINKS);
    context.edit_configuration("url = \"out\"", "url = \"out\"\nkeep_responses = \"2d\"");
    let first = at_day(&mut context, 0);
    context.run().expect(0);
    context.set_file_times(first);
    let second = at_day(&mut context, 1);
    assert!(!notes(&context.run().expect(0).json()).contains("keep_responses"));
    context.set_file_times(second);
    let rows = partition(&context, "links", first);
    assert!(
        context
            .backhaul(&["rebuild"])
            .expect(0)
            .stdout
            .contains("2 tasks from saved responses, 0 units")
    );
    at_day(&mut context, 4);
    let report = context.run().expect(0).json();
    assert!(
        notes(&report).contains("saved responses of 2 tasks were older"),
        "{report}"
    );
    let rebuilt = context.backhaul(&["rebuild"]).expect(0);
    assert!(
        rebuilt.stdout.contains("2 tasks without saved responses"),
        "{rebuilt:?}"
    );
    assert_eq!(partition(&context, "links", first), rows);
    // Without responses a lost file is lost, and nothing is made worse.
    let file = parquet_files(
        &context
            .destination()
            .join(format!("links/snapshot_date={}", first.date_naive())),
    );
    std::fs::remove_file(&file[0]).unwrap();
    let rebuilt = context.backhaul(&["rebuild"]).expect(3);
    assert!(
        rebuilt
            .stderr
            .contains("the saved responses of acme are gone"),
        "{rebuilt:?}"
    );
}

#[test]
fn rebuild_restores_every_row_of_a_lost_file_and_is_free() {
    let context = TestContext::new(unlimited(900));
    context.configure_with(TWO_TARGETS, &format!("{LINKS}{ANCHORS}{RATING}"));
    context.run().expect(0);
    // A second file in the same partition: one task more than in the first commit.
    context.configure_with(
        &format!("{TWO_TARGETS}\n[[target]]\nname = \"third\"\nurl = \"third.net\"\n"),
        LINKS,
    );
    context.run().expect(0);
    context.configure_with(
        &format!("{TWO_TARGETS}\n[[target]]\nname = \"third\"\nurl = \"third.net\"\n"),
        &format!("{LINKS}{ANCHORS}{RATING}"),
    );
    let units = context.stats();
    for table in ["links", "anchors", "rating"] {
        let folder = context.destination().join(table);
        let before = read_rows(&folder);
        for pick in [usize::MAX, 0] {
            let files = parquet_files(&folder);
            std::fs::remove_file(&files[pick.min(files.len() - 1)]).unwrap();
            context.backhaul(&["verify", "--report", table]).expect(1);
            context.backhaul(&["rebuild", "--report", table]).expect(0);
            assert_eq!(read_rows(&folder), before, "{table}");
            context.backhaul(&["verify"]).expect(0);
        }
    }
    assert_eq!(context.stats(), units);
}

#[test]
fn partitions_can_have_further_keys_and_rebuild_applies_a_new_layout() {
    let mut context = TestContext::new(days_ahead(700));
    context.configure_with(TWO_TARGETS, &format!("{LINKS}{RATING}"));
    at_day(&mut context, 0);
    context.run().expect(0);
    at_day(&mut context, 1);
    context.run().expect(0);
    let requests = context.stats().requests;
    let rows = read_rows(&context.destination().join("links"));
    context.partition_by("\"snapshot_date\", \"target\"");
    let refused = context.run().expect(2);
    assert!(
        refused.stderr.contains("backhaul rebuild --report links"),
        "{refused:?}"
    );
    context
        .backhaul(&["rebuild", "--date", "2026-01-01"])
        .expect(2);
    context.backhaul(&["rebuild"]).expect(0);
    let files = parquet_files(&context.destination().join("links"));
    let folders: BTreeSet<String> = files
        .iter()
        .map(|file| {
            file.parent()
                .unwrap()
                .file_name()
                .unwrap()
                .to_string_lossy()
                .into_owned()
        })
        .collect();
    assert_eq!(
        folders,
        ["target=acme", "target=rival"].map(str::to_owned).into()
    );
    assert_eq!(read_rows(&context.destination().join("links")), rows);
    assert_eq!(context.run().expect(0).json()["requests"].as_u64(), Some(0));
    at_day(&mut context, 2);
    context.run().expect(0);
    assert_eq!(parquet_files(&context.destination().join("links")).len(), 6);
    context.backhaul(&["verify"]).expect(0);
    context.edit_configuration("partition_by = [\"snapshot_date\", \"target\"]\n", "");
    let spent = context.stats().units;
    context
        .backhaul(&["rebuild", "--report", "links", "--report", "rating"])
        .expect(0);
    assert_eq!(parquet_files(&context.destination().join("links")).len(), 3);
    assert_eq!(context.stats().units, spent);
    assert!(context.stats().requests > requests);
    context.backhaul(&["verify"]).expect(0);
}
