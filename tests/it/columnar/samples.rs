//! Every body that was captured or published, decoded into the table of its operation.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use backhaul::catalog::{Catalog, Endpoint};
use backhaul::decode::{DecodeError, Decoder, OnBadValue, Page, PageSchema};
use backhaul::error::{Error, ErrorCode};
use backhaul::table::ColumnType;
use serde_json::Value as Json;

use super::{cell, decode, wanted};

fn samples() -> BTreeMap<String, String> {
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/samples");
    let mut named = BTreeMap::new();
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path
            .extension()
            .is_some_and(|extension| extension == "json")
        {
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            named.insert(name, std::fs::read_to_string(&path).unwrap());
        }
    }
    named
}

/// The samples of answers, each with its operation.
fn answers() -> impl Iterator<Item = (String, String, &'static Endpoint)> {
    samples()
        .into_iter()
        .filter(|(name, _)| !name.starts_with("error-"))
        .map(|(name, body)| {
            let operation = name.split("--").next().unwrap().trim_end_matches("-POST");
            let endpoint = Catalog::embedded()
                .endpoints()
                .find(|endpoint| endpoint.name.replace('/', "-") == operation);
            let endpoint =
                endpoint.unwrap_or_else(|| panic!("{name} is not named after its endpoint"));
            (name, body, endpoint)
        })
}

fn page(endpoint: &Endpoint, columns: &[String], body: &str) -> Page {
    let schema = PageSchema::new(endpoint, columns, &[], OnBadValue::Fail).unwrap();
    Decoder::new(schema).decode(body.as_bytes()).unwrap()
}

#[test]
fn every_sample_body_decodes_value_for_value() {
    let mut num_values = 0;
    for (name, body, endpoint) in answers() {
        let parsed: Json = serde_json::from_str(&body).unwrap();
        let content = &parsed[&endpoint.response_key];
        let rows = content
            .as_array()
            .cloned()
            .unwrap_or_else(|| vec![content.clone()]);
        let columns: Vec<String> = endpoint
            .columns
            .iter()
            .map(|column| column.name.clone())
            .collect();
        let page = page(endpoint, &columns, &body);
        assert_eq!(page.batch.num_rows(), rows.len(), "{name}");
        for (place, column) in endpoint.columns.iter().enumerate() {
            let kind = ColumnType::from(&column.kind);
            for (row, object) in rows.iter().enumerate() {
                let value = object.get(&column.name).unwrap_or(&Json::Null);
                assert_eq!(
                    cell(page.batch.column(place), row),
                    wanted(&kind, value),
                    "{name}: {}",
                    column.name
                );
                num_values += usize::from(!value.is_null());
            }
        }
    }
    assert!(num_values > 150, "{num_values}");
}

/// What stands in the body is pinned as the table holds it, with all that was unusual.
#[test]
fn the_tables_of_all_samples_are_these() {
    let mut text = String::new();
    let mut num_samples = 0;
    for (name, body, endpoint) in answers() {
        let sent: Json =
            serde_json::from_str::<Json>(&body).unwrap()[&endpoint.response_key].take();
        let first = sent.get(0).unwrap_or(&sent).as_object().unwrap();
        let known = endpoint
            .columns
            .iter()
            .filter(|column| first.contains_key(&column.name));
        let columns: Vec<String> = known.map(|column| column.name.clone()).collect();
        let page = page(endpoint, &columns, &body);
        writeln!(text, "{name}").unwrap();
        for row in 0..page.batch.num_rows() {
            for (place, field) in page.batch.schema().fields().iter().enumerate() {
                let kind = ColumnType::from(&endpoint.column(field.name()).unwrap().kind);
                let before = if place == 0 { "-" } else { " " };
                writeln!(
                    text,
                    "  {before} {}: {kind} = {}",
                    field.name(),
                    cell(page.batch.column(place), row)
                )
                .unwrap();
            }
        }
        if !page.notes.is_empty() {
            let notes = format!("{:?}", page.notes);
            let unusual = notes
                .trim_start_matches("DecodeNotes { ")
                .trim_end_matches(" }");
            writeln!(text, "  ! {unusual}").unwrap();
        }
        num_samples += 1;
    }
    assert_eq!(num_samples, 29);
    insta::assert_snapshot!("tables_of_all_samples", text);
}

#[test]
fn bodies_of_errors_in_a_200_say_what_the_api_said() {
    let mut num_errors = 0;
    for (name, body) in samples()
        .into_iter()
        .filter(|(name, _)| name.starts_with("error-"))
    {
        let error = decode(&["whole"], &body).unwrap_err();
        let said =
            matches!(&error, DecodeError::ErrorAnswer { text } if body.contains(text.as_str()));
        assert!(said, "{name}: {error}");
        assert_eq!(Error::from(error).code(), ErrorCode::Body);
        num_errors += 1;
    }
    assert_eq!(num_errors, 5);
}
