//! How fast a page is decoded, and its rows are digested, sorted and encoded: `cargo bench`, or `make bench-columnar`.
//!
//! The page has 5,000 backlinks of twelve columns, 1.9 MB of JSON. `serde_json` reads the same page for comparison:
//! once into a tree of values, which is what a decoder without a schema would start from, and once only to check the syntax.
#![expect(
    clippy::unwrap_used,
    reason = "a benchmark that fails should stop with the error"
)]

use std::collections::BTreeMap;

use arrow::array::RecordBatch;
use backhaul::catalog::{Catalog, Endpoint};
use backhaul::decode::{Decoder, OnBadValue, Page, PageSchema, row_digests};
use backhaul::model::TaskId;
use backhaul::sink::{
    Output, PartitionWriter, SorterOptions, TaskColumns, TaskSorter, WriterOptions,
};
use backhaul::table::TableSchema;
use divan::Bencher;
use divan::counter::{BytesCount, ItemsCount};
use serde_json::{Value as Json, json};

const ROWS: u32 = 5_000;
const PAGES: u32 = 20;
const MIB: usize = 1 << 20;

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

fn main() {
    divan::main();
}

#[divan::bench]
fn decode_page(bencher: Bencher<'_, '_>) {
    let body = body();
    let mut decoder = decoder();
    bencher
        .counter(BytesCount::of_str(&body))
        .counter(ItemsCount::new(ROWS))
        .bench_local(|| decoder.decode(body.as_bytes()).unwrap());
}

#[divan::bench]
fn serde_json_tree_of_page(bencher: Bencher<'_, '_>) {
    let body = body();
    bencher
        .counter(BytesCount::of_str(&body))
        .counter(ItemsCount::new(ROWS))
        .bench(|| serde_json::from_str::<Json>(&body).unwrap());
}

#[divan::bench]
fn serde_json_syntax_of_page(bencher: Bencher<'_, '_>) {
    let body = body();
    bencher
        .counter(BytesCount::of_str(&body))
        .counter(ItemsCount::new(ROWS))
        .bench(|| serde_json::from_str::<serde::de::IgnoredAny>(&body).unwrap());
}

#[divan::bench]
fn digest_rows(bencher: Bencher<'_, '_>) {
    let page = page();
    bencher
        .counter(ItemsCount::new(ROWS))
        .bench(|| row_digests(page.batch.columns(), page.batch.num_rows()).unwrap());
}

/// Of twenty pages, in the memory of so many MiB: 8 are spilled to disk, 512 hold all.
#[divan::bench(args = [8, 512], sample_count = 10)]
fn sort_rows(bencher: Bencher<'_, '_>, memory_mib: usize) {
    let page = page();
    bencher
        .counter(ItemsCount::new(ROWS * PAGES))
        .bench(|| sort(&page, memory_mib * MIB));
}

#[divan::bench(sample_count = 10)]
fn encode_rows(bencher: Bencher<'_, '_>) {
    let batches = sort(&page(), 512 * MIB);
    bencher
        .counter(ItemsCount::new(ROWS * PAGES))
        .bench(|| encode(&batches));
}

fn endpoint() -> &'static Endpoint {
    Catalog::embedded()
        .endpoint("site-explorer/all-backlinks")
        .unwrap()
}

fn names(columns: &[&str]) -> Vec<String> {
    columns.iter().map(|name| (*name).to_owned()).collect()
}

fn decoder() -> Decoder {
    let key = names(&["first_seen"]);
    Decoder::new(PageSchema::new(endpoint(), &names(&COLUMNS), &key, OnBadValue::Fail).unwrap())
}

fn page() -> Page {
    decoder().decode(body().as_bytes()).unwrap()
}

fn body() -> String {
    let mut random = fastrand::Rng::with_seed(3);
    let mut rows = Vec::new();
    for number in 0..ROWS {
        let host = random.u32(0..500);
        let last_seen = if number.is_multiple_of(2) {
            Json::Null
        } else {
            json!("2026-01-01T00:00:00Z")
        };
        rows.push(json!({
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
            "last_seen": last_seen,
        }));
    }
    json!({ "backlinks": rows }).to_string()
}

fn sort(page: &Page, memory_bytes: usize) -> Vec<RecordBatch> {
    let scratch = tempfile::tempdir().unwrap();
    let options = SorterOptions {
        memory_bytes,
        ..SorterOptions::new(scratch.path())
    };
    let sort_key = names(&["first_seen", "url_from"]);
    let mut sorter = TaskSorter::new(page.batch.schema_ref(), &sort_key, options).unwrap();
    for _ in 0..PAGES {
        sorter.push(&page.batch, &page.keys.digests).unwrap();
    }
    sorter.finish().unwrap().map(Result::unwrap).collect()
}

fn encode(batches: &[RecordBatch]) -> u64 {
    let folder = tempfile::tempdir().unwrap();
    let schema = TableSchema::new("backlinks", endpoint(), &names(&COLUMNS), &[]).unwrap();
    let output = Output::Folder(folder.path().to_owned());
    let mut writer = PartitionWriter::new(output, schema, WriterOptions::new("c1"));
    writer.begin_task(task()).unwrap();
    for batch in batches {
        writer.write(batch).unwrap();
    }
    writer.close().unwrap().iter().map(|file| file.bytes).sum()
}

fn task() -> TaskColumns {
    TaskColumns {
        task: TaskId::new("t1"),
        folder: String::new(),
        target: "acme".to_owned(),
        snapshot_date: chrono::NaiveDate::default(),
        exported_at: chrono::DateTime::default(),
        run_id: backhaul::model::RunId::new("r1"),
        parameters: BTreeMap::new(),
    }
}
