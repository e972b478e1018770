//! The order of rows, and that it costs no more memory than was given.

use std::collections::HashSet;
use std::path::Path;

use backhaul::decode::{OnBadValue, Page};
use backhaul::sink::{SorterOptions, TaskSorter};
use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::{cells, decoder, every_type, names};

const COLUMNS: [&str; 4] = ["text", "whole", "moment", "list"];

fn page(rows: &[Json]) -> Page {
    let body = json!({ "rows": rows }).to_string();
    decoder(&every_type(), &COLUMNS, &[], OnBadValue::Fail)
        .decode(body.as_bytes())
        .unwrap()
}

struct Sorted {
    rows: Vec<Vec<Json>>,
    num_duplicates: u64,
    spilled: bool,
    files_left: usize,
}

/// Sorts by whole and text, in pages of so many rows.
fn sort(rows: &[Json], page_rows: usize, memory_bytes: usize) -> Sorted {
    let scratch = tempfile::tempdir().unwrap();
    let options = SorterOptions {
        memory_bytes,
        batch_rows: 64,
        ..SorterOptions::new(scratch.path())
    };
    let mut sorter = TaskSorter::new(
        page(&[]).batch.schema_ref(),
        &names(&["whole", "text"]),
        options,
    )
    .unwrap();
    for chunk in rows.chunks(page_rows) {
        let page = page(chunk);
        sorter.push(&page.batch, &page.keys.digests).unwrap();
    }
    let spilled = num_files(scratch.path()) > 0;
    let mut sorted = sorter.finish().unwrap();
    let mut all = Vec::new();
    for batch in sorted.by_ref() {
        let batch = batch.unwrap();
        assert!(batch.num_rows() <= 64);
        all.extend(cells(&batch));
    }
    let num_duplicates = sorted.num_duplicates();
    drop(sorted);
    Sorted {
        rows: all,
        num_duplicates,
        spilled,
        files_left: num_files(scratch.path()),
    }
}

fn num_files(folder: &Path) -> usize {
    std::fs::read_dir(folder).unwrap().count()
}

fn any_row() -> impl Strategy<Value = Json> {
    let text = prop::option::of(prop_oneof![
        Just("a"),
        Just("b"),
        Just("ä"),
        Just(""),
        Just("\u{0}")
    ]);
    let whole = prop::option::of(-2_i64..3);
    (text, whole, 0..3_u8).prop_map(|(text, whole, moment)| {
        json!({"text": text, "whole": whole, "moment": format!("2024-01-0{}", moment + 1), "list": [text]})
    })
}

fn key(row: &[Json]) -> (Option<i64>, Option<Vec<u8>>) {
    (
        row[1].as_i64(),
        row[0].as_str().map(|text| text.as_bytes().to_vec()),
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn a_sort_on_disk_gives_the_rows_and_order_of_a_sort_in_memory_however_rows_arrive(
        rows in prop::collection::vec(any_row(), 0..600),
        shuffled_by in any::<u64>(),
        page_rows in 1..40_usize,
        memory_bytes in 1..60_000_usize,
    ) {
        let in_memory = sort(&rows, 1_000, usize::MAX);
        prop_assert!(!in_memory.spilled);
        let mut shuffled = rows.clone();
        fastrand::Rng::with_seed(shuffled_by).shuffle(&mut shuffled);
        let on_disk = sort(&shuffled, page_rows, memory_bytes);
        prop_assert_eq!(&on_disk.rows, &in_memory.rows);
        prop_assert_eq!(on_disk.num_duplicates, in_memory.num_duplicates);
        prop_assert_eq!(on_disk.files_left, 0);

        let distinct: HashSet<String> = rows.iter().map(Json::to_string).collect();
        prop_assert_eq!(in_memory.num_duplicates, (rows.len() - distinct.len()) as u64);
        prop_assert_eq!(in_memory.rows.len(), rows.len());
        prop_assert!(in_memory.rows.is_sorted_by_key(|row| key(row)));
    }
}

#[test]
fn a_small_budget_merges_in_several_levels() {
    let rows: Vec<Json> = (0..3_000)
        .map(|number: i64| json!({"text": format!("{}", number * 7_919 % 3_000), "whole": null, "list": null}))
        .collect();
    let sorted = sort(&rows, 20, 1);
    assert!(sorted.spilled);
    assert_eq!(sorted.rows.len(), 3_000);
    assert!(sorted.rows.is_sorted_by_key(|row| key(row)));
    assert_eq!((sorted.num_duplicates, sorted.files_left), (0, 0));
}

#[test]
fn a_sorter_without_rows_gives_none() {
    let sorted = sort(&[], 10, 10);
    assert!(sorted.rows.is_empty() && !sorted.spilled);
}

#[test]
fn digests_must_come_with_their_rows() {
    let scratch = tempfile::tempdir().unwrap();
    let page = page(&[json!({"whole": 1})]);
    let mut sorter = TaskSorter::new(
        page.batch.schema_ref(),
        &names(&["whole"]),
        SorterOptions::new(scratch.path()),
    )
    .unwrap();
    assert!(sorter.push(&page.batch, &[]).is_err());
    assert!(
        TaskSorter::new(
            page.batch.schema_ref(),
            &names(&["nope"]),
            SorterOptions::new(scratch.path())
        )
        .is_err()
    );
}
