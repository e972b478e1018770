//! How fast it is: not run with the other tests, and without any claim on time.

use std::time::Instant;

use backhaul::decode::OnBadValue;
use backhaul::sink::{
    Output, PartitionWriter, SorterOptions, TaskColumns, TaskSorter, WriterOptions,
};
use backhaul::table::TableSchema;
use serde_json::{Value as Json, json};

use super::{decoder, endpoint, names};

const COLUMNS: [&str; 12] = [
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
    "first_seen",
    "last_seen",
];

fn body(num_rows: u32) -> String {
    let mut random = fastrand::Rng::with_seed(3);
    let row = |number: u32| {
        let host = random.u32(0..500);
        json!({
            "url_from": format!("https://host{host}.example.com/blog/{number}/some-article-about-things/"),
            "url_to": format!("https://acme.com/page/{}", number % 50),
            "anchor": format!("anchor \"{}\"", host % 40),
            "title": format!("A title of an article numbered {number} – with a dash"),
            "languages": ["en", "de"],
            "is_dofollow": number.is_multiple_of(3),
            "domain_rating_source": f64::from(host % 100),
            "http_code": 200,
            "links_external": number % 100,
            "traffic": random.u32(0..100_000),
            "first_seen": format!("2024-01-{:02}T10:{:02}:33Z", number % 28 + 1, number % 60),
            "last_seen": if number.is_multiple_of(2) { Json::Null } else { json!("2026-01-01T00:00:00Z") },
        })
    };
    json!({"backlinks": (0..num_rows).map(row).collect::<Vec<_>>()}).to_string()
}

#[test]
#[ignore = "a measurement"]
#[expect(clippy::print_stderr, reason = "a measurement is printed")]
fn rows_and_megabytes_a_second() {
    const PAGES: u32 = 40;
    let body = body(5_000);
    let endpoint = endpoint("site-explorer/all-backlinks");
    let mut decoder = decoder(&endpoint, &COLUMNS, &["first_seen"], OnBadValue::Fail);
    let rate = |start: Instant| {
        let seconds = start.elapsed().as_secs_f64();
        let megabytes = f64::from(PAGES) * f64::from(u32::try_from(body.len()).unwrap()) / 1e6;
        format!(
            "{:.0} MB/s, {:.0} rows/s",
            megabytes / seconds,
            f64::from(PAGES * 5_000) / seconds
        )
    };
    let start = Instant::now();
    let mut pages = Vec::new();
    for _ in 0..PAGES {
        pages.push(decoder.decode(body.as_bytes()).unwrap());
    }
    eprintln!("decode: {}", rate(start));

    let scratch = tempfile::tempdir().unwrap();
    let sort_key = names(&["first_seen", "url_from"]);
    let mut sorted = Vec::new();
    for memory_bytes in [8 << 20, 64 << 20, 512 << 20] {
        let start = Instant::now();
        let options = SorterOptions {
            memory_bytes,
            ..SorterOptions::new(scratch.path())
        };
        let mut sorter = TaskSorter::new(decoder.arrow(), &sort_key, options).unwrap();
        for page in &pages {
            sorter.push(&page.batch, &page.keys.digests).unwrap();
        }
        let spilled = sorter.has_spilled();
        sorted = sorter.finish().unwrap().map(Result::unwrap).collect();
        eprintln!(
            "sort in {} MiB (spilled: {spilled}): {}",
            memory_bytes >> 20,
            rate(start)
        );
    }

    let start = Instant::now();
    let schema = TableSchema::new("backlinks", &endpoint, &names(&COLUMNS), &[]).unwrap();
    let mut writer = PartitionWriter::new(
        Output::Folder(scratch.path().to_owned()),
        schema,
        WriterOptions::new("c1"),
    );
    writer
        .begin_task(TaskColumns {
            task: backhaul::model::TaskId("t1".to_owned()),
            folder: String::new(),
            target: "acme".to_owned(),
            snapshot_date: chrono::NaiveDate::default(),
            exported_at: chrono::DateTime::default(),
            run_id: "r1".to_owned(),
            parameters: std::collections::BTreeMap::new(),
        })
        .unwrap();
    for batch in &sorted {
        writer.write(batch).unwrap();
    }
    let files = writer.close().unwrap();
    eprintln!("write:  {}, {} bytes", rate(start), files[0].bytes);
    assert_eq!(files[0].rows, u64::from(PAGES) * 5_000);
}
