//! The files of a partition, as readers find them.

use std::collections::BTreeMap;
use std::path::Path;

use arrow::array::RecordBatch;
use backhaul::catalog::Endpoint;
use backhaul::decode::OnBadValue;
use backhaul::error::{ErrorCode, Result};
use backhaul::model::TaskId;
use backhaul::sink::{
    Output, PartitionWriter, SorterOptions, TaskColumns, TaskSorter, WriterOptions, read_batches,
    read_footer,
};
use backhaul::table::manifest::FileEntry;
use backhaul::table::{RecordedColumn, TableSchema, render_arrow, render_json};
use chrono::{DateTime, NaiveDate};
use parquet::file::metadata::RowGroupMetaData;
use parquet::file::reader::{FileReader, SerializedFileReader};
use serde_json::{Value as Json, json};

use super::{EVERY_COLUMN, cells, decoder, endpoint, every_type, names};
use crate::support::size_and_hash;

fn task(target: &str, country: Option<&str>) -> TaskColumns {
    TaskColumns {
        task: TaskId::new(format!("{target}-{}", country.unwrap_or("-"))),
        folder: String::new(),
        target: target.to_owned(),
        snapshot_date: NaiveDate::from_ymd_opt(2026, 11, 23).unwrap(),
        exported_at: DateTime::parse_from_rfc3339("2026-11-24T00:10:00.5Z")
            .unwrap()
            .to_utc(),
        run_id: backhaul::model::RunId::new("r1"),
        parameters: country
            .map(|country| ("country".to_owned(), country.to_owned()))
            .into_iter()
            .collect(),
    }
}

fn batch(columns: &[&str], rows: &Json) -> RecordBatch {
    let body = json!({ "rows": rows }).to_string();
    decoder(&every_type(), columns, &[], OnBadValue::Fail)
        .decode(body.as_bytes())
        .unwrap()
        .batch
}

fn options() -> WriterOptions {
    WriterOptions {
        responses_hash: "h1".into(),
        base_generation: 4,
        run_id: backhaul::model::RunId::new("r1"),
        ..WriterOptions::new("c1")
    }
}

fn schema(endpoint: &Endpoint, columns: &[&str], parameters: &[&str]) -> TableSchema {
    TableSchema::new("backlinks", endpoint, &names(columns), &names(parameters)).unwrap()
}

fn write(
    directory: &Path,
    schema: &TableSchema,
    options: WriterOptions,
    tasks: &[(TaskColumns, Vec<RecordBatch>)],
) -> Result<Vec<FileEntry>> {
    let mut writer = PartitionWriter::new(
        Output::Folder(directory.to_owned()),
        schema.clone(),
        options,
    );
    for (task, batches) in tasks {
        writer.begin_task(task.clone())?;
        for batch in batches {
            writer.write(batch)?;
        }
    }
    writer.close()
}

fn read(directory: &Path, entries: &[FileEntry], columns: Option<&[&str]>) -> Vec<Vec<Json>> {
    let batches = entries
        .iter()
        .flat_map(|entry| read_batches(&directory.join(&entry.name), columns).unwrap());
    batches.flat_map(|batch| cells(&batch.unwrap())).collect()
}

fn parquet(directory: &Path, entry: &FileEntry) -> SerializedFileReader<std::fs::File> {
    SerializedFileReader::new(std::fs::File::open(directory.join(&entry.name)).unwrap()).unwrap()
}

#[test]
fn rows_of_every_type_are_read_back_with_their_metadata() {
    let directory = tempfile::tempdir().unwrap();
    let schema = schema(&every_type(), &EVERY_COLUMN, &["country"]);
    let rows = json!([
        {"whole": 1, "real": 2.5, "flag": true, "day": "2024-01-29", "moment": "2024-01-29T10:00:00.25Z", "text": "ä",
         "json": [1], "list": ["a", null], "object": {"x": 7, "y": "z"}, "places": [["us", 1], null]},
        {"whole": null, "list": [], "object": null},
    ]);
    let tasks = [
        (task("acme", None), vec![batch(&EVERY_COLUMN, &rows)]),
        (
            task("acme", Some("us")),
            vec![batch(&EVERY_COLUMN, &json!([{"whole": 3}]))],
        ),
    ];
    let entries = write(directory.path(), &schema, options(), &tasks).unwrap();
    let written = "2026-11-24T00:10:00.500Z";
    let none = Json::Null;
    let wanted = json!([
        ["acme", "2026-11-23", written, "r1", none, 1, 2.5, true, "2024-01-29", "2024-01-29T10:00:00.250Z", "ä", "[1]",
         ["a", null], {"x": 7, "y": "z"}, [{"place": "us", "number": 1}, null]],
        ["acme", "2026-11-23", written, "r1", none, none, none, none, none, none, none, none, [], none, none],
        ["acme", "2026-11-23", written, "r1", "us", 3, none, none, none, none, none, none, none, none, none],
    ]);
    assert_eq!(json!(read(directory.path(), &entries, None)), wanted);
    let projected = read(directory.path(), &entries, Some(&["whole", "_target"]));
    assert_eq!(
        json!(projected),
        json!([["acme", 1], ["acme", null], ["acme", 3]])
    );
}

#[test]
fn entries_describe_the_files_on_disk_and_names_hold_number_and_commit() {
    let directory = tempfile::tempdir().unwrap();
    let schema = schema(&every_type(), &["whole", "text"], &[]);
    let mut random = fastrand::Rng::with_seed(1);
    let mut rows = |first: i64| -> RecordBatch {
        let row = |number| json!({"whole": number, "text": format!("{:032x}", random.u128(..))});
        batch(
            &["whole", "text"],
            &(first..first + 1_000).map(row).collect(),
        )
    };
    let batches: Vec<_> = (0..20).map(|number| rows(number * 1_000)).collect();
    let small = WriterOptions {
        file_bytes: 100_000,
        row_group_rows: 700,
        ..options()
    };
    let entries = write(
        directory.path(),
        &schema,
        small,
        &[(task("acme", None), batches)],
    )
    .unwrap();
    assert!(entries.len() > 3, "{}", entries.len());
    assert_eq!(entries.iter().map(|entry| entry.rows).sum::<u64>(), 20_000);
    for (number, entry) in entries.iter().enumerate() {
        assert_eq!(entry.name, format!("part-{number:05}-c1.parquet"));
        let (bytes, sha256) = size_and_hash(&directory.path().join(&entry.name));
        assert_eq!((entry.bytes, &entry.sha256), (bytes, &sha256));
        assert!(entry.bytes < 200_000, "{}", entry.bytes);
        let footer = read_footer(&directory.path().join(&entry.name)).unwrap();
        assert!(
            footer
                .row_groups
                .iter()
                .all(|rows| (1..=700).contains(rows)),
            "{:?}",
            footer.row_groups
        );
        assert_eq!(entry.rows, footer.rows);
    }
    let read = read(directory.path(), &entries, Some(&["whole"]));
    assert_eq!(
        read,
        (0..20_000)
            .map(|number| vec![json!(number)])
            .collect::<Vec<_>>()
    );
}

#[test]
fn row_groups_end_at_their_bytes_also_where_rows_are_large() {
    let directory = tempfile::tempdir().unwrap();
    let schema = schema(&every_type(), &["text"], &[]);
    let mut random = fastrand::Rng::with_seed(2);
    let mut row =
        |_| json!({"text": (0..1_000).map(|_| random.alphanumeric()).collect::<String>()});
    let batches: Vec<_> = (0..20)
        .map(|_| batch(&["text"], &(0..200).map(&mut row).collect()))
        .collect();
    let small = WriterOptions {
        row_group_bytes: 350_000,
        zstd_level: 1,
        ..options()
    };
    let entries = write(
        directory.path(),
        &schema,
        small,
        &[(task("acme", None), batches)],
    )
    .unwrap();
    let reader = parquet(directory.path(), &entries[0]);
    let sizes: Vec<_> = reader
        .metadata()
        .row_groups()
        .iter()
        .map(RowGroupMetaData::total_byte_size)
        .collect();
    assert!(
        sizes.len() >= 7 && sizes.iter().all(|size| *size < 1_000_000),
        "{sizes:?}"
    );
}

#[test]
fn a_single_batch_of_large_values_is_spread_over_row_groups_too() {
    let directory = tempfile::tempdir().unwrap();
    let schema = schema(&every_type(), &["text"], &[]);
    // What zstd cannot compress to less than three quarters.
    let mut random = fastrand::Rng::with_seed(3);
    let mut row =
        |_| json!({"text": (0..1 << 20).map(|_| random.alphanumeric()).collect::<String>()});
    let large = batch(&["text"], &(0..40).map(&mut row).collect());
    let options = WriterOptions {
        row_group_bytes: 9 << 20,
        zstd_level: 1,
        ..options()
    };
    let entries = write(
        directory.path(),
        &schema,
        options,
        &[(task("acme", None), vec![large])],
    )
    .unwrap();
    let footer = read_footer(&directory.path().join(&entries[0].name)).unwrap();
    assert!(
        footer.row_groups.len() >= 3 && footer.row_groups.iter().all(|rows| *rows <= 20),
        "{:?}",
        footer.row_groups
    );
}

#[test]
fn footers_declare_commit_order_and_indexes() {
    let directory = tempfile::tempdir().unwrap();
    let schema = schema(
        &every_type(),
        &["object", "text", "whole", "list"],
        &["country"],
    );
    let rows: Json = (0..500)
        .map(|number| json!({"whole": number, "text": format!("t{}", number % 9)}))
        .collect();
    let looked_up = WriterOptions {
        bloom_columns: names(&["text", "list", "gone"]),
        ..options()
    };
    let tasks = [(
        task("acme", Some("us")),
        vec![batch(&["object", "text", "whole", "list"], &rows)],
    )];
    let entries = write(directory.path(), &schema, looked_up, &tasks).unwrap();
    let footer = read_footer(&directory.path().join(&entries[0].name)).unwrap();
    let pairs: BTreeMap<_, _> = footer.pairs.into_iter().collect();
    let wanted = json!({"commit_id": "c1", "responses_hash": "h1", "base_generation": "4", "layout_version": "1",
        "table": "backlinks", "run_id": "r1"});
    assert_eq!(json!(pairs), wanted);

    let reader = parquet(directory.path(), &entries[0]);
    let group = reader.metadata().row_group(0);
    let leaf = |number: i32| {
        group
            .column(usize::try_from(number).unwrap())
            .column_path()
            .string()
    };
    let sorted: Vec<_> = group
        .sorting_columns()
        .unwrap()
        .iter()
        .map(|column| leaf(column.column_idx))
        .collect();
    assert_eq!(sorted, ["_target", "_country", "whole", "text"]);
    for column in group.columns() {
        let path = column.column_path().string();
        assert_eq!(
            column.bloom_filter_offset().is_some(),
            path == "text",
            "{path}"
        );
        assert!(
            column.column_index_offset().is_some() && column.offset_index_offset().is_some(),
            "{path}"
        );
        assert!(column.statistics().is_some(), "{path}");
        let dictionary = column.dictionary_page_offset().is_some();
        assert_eq!(dictionary, path != "whole", "{path}");
    }
}

#[test]
fn a_partition_without_rows_has_one_file_with_the_whole_schema() {
    let directory = tempfile::tempdir().unwrap();
    let schema = schema(&every_type(), &EVERY_COLUMN, &[]);
    let staged = WriterOptions {
        staged_suffix: ".tmp".to_owned(),
        ..options()
    };
    let entries = write(
        directory.path(),
        &schema,
        staged,
        &[(task("acme", None), vec![])],
    )
    .unwrap();
    let path = directory.path().join("part-00000-c1.parquet.tmp");
    assert_eq!(
        (entries.len(), entries[0].rows, entries[0].name.as_str()),
        (1, 0, "part-00000-c1.parquet")
    );
    let footer = read_footer(&path).unwrap();
    assert_eq!((footer.rows, &footer.schema), (0, schema.arrow()));
}

#[test]
fn tasks_out_of_order_are_refused_in_files_that_are_declared_sorted() {
    let directory = tempfile::tempdir().unwrap();
    let schema = schema(&every_type(), &["whole"], &["country"]);
    for (first, second) in [
        (task("b", None), task("a", None)),
        (task("a", Some("us")), task("a", Some("gb"))),
        (task("a", Some("us")), task("a", Some("us"))),
    ] {
        let tasks = [(first, vec![]), (second, vec![])];
        assert_eq!(
            write(directory.path(), &schema, options(), &tasks)
                .unwrap_err()
                .code(),
            ErrorCode::Internal
        );
    }
}

#[test]
fn later_columns_are_appended_and_dropped_ones_are_null_in_the_order_first_recorded() {
    let directory = tempfile::tempdir().unwrap();
    let first = schema(&every_type(), &["text", "whole"], &[]);
    let second = schema(&every_type(), &["list", "whole"], &["country"])
        .evolved_from(&first.recorded_columns())
        .unwrap();
    let columns: Vec<_> = second
        .columns()
        .iter()
        .map(|column| column.name.as_str())
        .collect();
    let wanted = [
        "_target",
        "_snapshot_date",
        "_exported_at",
        "_run_id",
        "text",
        "whole",
        "_country",
        "list",
    ];
    assert_eq!(columns, wanted);

    let old = write(
        directory.path(),
        &first,
        options(),
        &[(
            task("acme", None),
            vec![batch(
                &["text", "whole"],
                &json!([{"text": "a", "whole": 1}]),
            )],
        )],
    )
    .unwrap();
    // A new commit keeps the old rows, read back from the file, and adds a task.
    let kept: Vec<_> = read_batches(&directory.path().join(&old[0].name), None)
        .unwrap()
        .map(Result::unwrap)
        .collect();
    let newer = WriterOptions {
        commit_id: "c2".to_owned(),
        ..options()
    };
    let added = batch(&["list", "whole"], &json!([{"list": ["x"], "whole": 2}]));
    let tasks = [
        (task("acme", None), kept),
        (task("beta", Some("us")), vec![added]),
    ];
    let new = write(directory.path(), &second, newer, &tasks).unwrap();
    let rows = read(
        directory.path(),
        &new,
        Some(&["_target", "text", "whole", "_country", "list"]),
    );
    assert_eq!(
        json!(rows),
        json!([["acme", "a", 1, null, null], ["beta", null, 2, "us", ["x"]]])
    );
}

#[test]
fn a_column_never_changes_its_type_and_the_writer_drops_none() {
    let recorded = [RecordedColumn {
        name: "whole".into(),
        kind: "string".into(),
    }];
    let error = schema(&every_type(), &["whole"], &[])
        .evolved_from(&recorded)
        .unwrap_err();
    assert_eq!(error.code(), ErrorCode::Schema);
    assert!(error.hint().contains("new name"));

    let directory = tempfile::tempdir().unwrap();
    let narrow = schema(&every_type(), &["whole"], &[]);
    let tasks = [(
        task("acme", None),
        vec![batch(&["whole", "text"], &json!([{"text": "a"}]))],
    )];
    let error = write(directory.path(), &narrow, options(), &tasks).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the table backlinks has no column `text`"
    );
}

#[test]
fn an_unknown_or_repeated_column_is_refused() {
    let new = |columns: &[&str]| {
        TableSchema::new("t", &every_type(), &names(columns), &[])
            .unwrap_err()
            .code()
    };
    assert_eq!(new(&["nope"]), ErrorCode::Column);
    assert_eq!(new(&["whole", "whole"]), ErrorCode::Schema);
}

#[test]
fn a_truncated_or_foreign_file_is_reported_as_corrupt() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("x.parquet");
    std::fs::write(&path, b"PAR1 and nothing more").unwrap();
    assert_eq!(
        read_batches(&path, None).err().unwrap().code(),
        ErrorCode::Corrupt
    );
    assert_eq!(read_footer(&path).unwrap_err().code(), ErrorCode::Corrupt);
    assert_eq!(
        read_footer(&directory.path().join("gone"))
            .unwrap_err()
            .code(),
        ErrorCode::Destination
    );
}

const BACKLINKS: [&str; 14] = [
    "url_from",
    "url_to",
    "anchor",
    "title",
    "languages",
    "is_dofollow",
    "domain_rating_source",
    "http_code",
    "links_external",
    "traffic",
    "root_name_source",
    "first_seen",
    "last_seen",
    "positions",
];

#[test]
fn pages_of_several_tasks_become_files_in_the_order_that_they_declare() {
    let directory = tempfile::tempdir().unwrap();
    let columns = ["text", "whole", "list"];
    let schema = schema(&every_type(), &columns, &["country"]);
    let mut tasks = [
        task("b", None),
        task("a", Some("us")),
        task("b", Some("gb")),
        task("a", None),
    ];
    tasks.sort_by_key(|task| task.sort_position(&schema));
    let mut writer = PartitionWriter::new(
        Output::Folder(directory.path().to_owned()),
        schema.clone(),
        WriterOptions {
            file_bytes: 30_000,
            row_group_rows: 500,
            ..options()
        },
    );
    let mut random = fastrand::Rng::with_seed(5);
    let mut decoder = decoder(&every_type(), &columns, &[], OnBadValue::Fail);
    let mut wanted = Vec::new();
    for task in tasks {
        let scratch = tempfile::tempdir().unwrap();
        let options = SorterOptions {
            memory_bytes: 40_000,
            ..SorterOptions::new(scratch.path())
        };
        let mut sorter = TaskSorter::new(decoder.arrow(), schema.sort_key(), options).unwrap();
        for _ in 0..10 {
            let mut row = |_| json!({"text": random.u16(..).to_string(), "whole": random.u8(0..9), "list": ["x"]});
            let page = decoder.decode(
                json!({"rows": (0..300).map(&mut row).collect::<Json>()})
                    .to_string()
                    .as_bytes(),
            );
            let page = page.unwrap();
            let country = task.parameters.get("country");
            wanted.extend(
                cells(&page.batch)
                    .into_iter()
                    .map(|row| json!([task.target, country, row[1], row[0]])),
            );
            sorter.push(&page.batch, &page.keys.digests).unwrap();
        }
        writer.begin_task(task).unwrap();
        for batch in sorter.finish().unwrap() {
            writer.write(&batch.unwrap()).unwrap();
        }
    }
    let entries = writer.close().unwrap();
    assert!(entries.len() > 1);
    let read = read(
        directory.path(),
        &entries,
        Some(&["_target", "_country", "whole", "text"]),
    );
    let read: Vec<Json> = read
        .iter()
        .map(|row| json!([row[0], row[1], row[3], row[2]]))
        .collect();
    let key = |row: &Json| {
        let text = |place: usize| row[place].as_str().map(str::to_owned);
        (text(0), text(1), row[2].as_i64(), text(3))
    };
    wanted.sort_by_key(key);
    assert_eq!(read, wanted);
    assert_eq!(
        schema.file_order(),
        ["_target", "_country", "whole", "text"]
    );
}

#[test]
fn the_parquet_schema_of_backlinks_is_pinned() {
    let directory = tempfile::tempdir().unwrap();
    let schema = schema(
        &endpoint("site-explorer/all-backlinks"),
        &BACKLINKS,
        &["country"],
    );
    let entries = write(directory.path(), &schema, options(), &[]).unwrap();
    let reader = parquet(directory.path(), &entries[0]);
    let mut printed = Vec::new();
    parquet::schema::printer::print_schema(
        &mut printed,
        reader.metadata().file_metadata().schema(),
    );
    insta::assert_snapshot!(
        "parquet_schema_of_backlinks",
        String::from_utf8(printed).unwrap()
    );
}

#[test]
fn the_rendered_schemas_are_pinned() {
    insta::assert_snapshot!(
        "schema_as_arrow",
        render_arrow(&schema(&every_type(), &EVERY_COLUMN, &["country"]))
    );
    let stats = endpoint("site-explorer/domain-rating");
    insta::assert_snapshot!(
        "schema_as_json",
        render_json(&schema(&stats, &["domain_rating"], &[]))
    );
}
