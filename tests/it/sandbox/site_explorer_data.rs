//! The data of Site Explorer: types, determinism, and its resemblance to the web.

use std::collections::{BTreeMap, BTreeSet};

use backhaul::catalog::{Catalog, Shape};
use backhaul::sandbox::Options;
use serde_json::{Value, json};

use super::client::{SandboxClient, options, text};

#[tokio::test]
async fn every_site_explorer_operation_answers_with_the_types_of_the_catalog() {
    let context = SandboxClient::new(Options {
        rows: 300,
        ..options()
    })
    .await;
    let mut seen = 0;
    for endpoint in Catalog::embedded()
        .endpoints()
        .filter(|endpoint| endpoint.section() == "site-explorer")
    {
        let columns: Vec<_> = endpoint
            .columns
            .iter()
            .filter(|column| column.not_with.is_none())
            .collect();
        let select = columns
            .iter()
            .map(|column| column.name.as_str())
            .collect::<Vec<_>>()
            .join(",");
        let mut parameters = vec![("target", "acme.com")];
        for (name, value) in [
            ("select", select.as_str()),
            ("date", "2026-01-31"),
            ("date_from", "2024-01-01"),
            ("country", "us"),
        ] {
            if endpoint.parameter(name).is_some() {
                parameters.push((name, value));
            }
        }
        let reply = context.get(&endpoint.name, &parameters).await;
        assert_eq!(reply.status, 200, "{} {}", endpoint.name, reply.text);
        let body = reply.json();
        let content = &body[&endpoint.response_key];
        let rows = match endpoint.shape {
            Shape::Record => vec![content.clone()],
            _ => content.as_array().unwrap().clone(),
        };
        assert!(!rows.is_empty(), "{}", endpoint.name);
        for row in &rows {
            for column in &columns {
                let value = row
                    .get(&column.name)
                    .unwrap_or_else(|| panic!("{} lacks {}", endpoint.name, column.name));
                assert!(
                    fits(value, &column.kind, column.nullable),
                    "{} {} {value}",
                    endpoint.name,
                    column.name
                );
            }
        }
        seen += 1;
    }
    assert_eq!(seen, 28);
}

fn fits(value: &Value, kind: &backhaul::catalog::ColumnKind, nullable: bool) -> bool {
    use backhaul::catalog::ColumnKind as Kind;
    match (value, kind) {
        (Value::Null, _) => nullable,
        (Value::Number(number), Kind::Integer) => number.is_i64(),
        (Value::Number(_), Kind::Float)
        | (Value::Bool(_), Kind::Boolean)
        | (Value::String(_), Kind::Text)
        | (_, Kind::Json) => true,
        (Value::String(text), Kind::Date) => {
            text.parse::<chrono::NaiveDate>().is_ok() || text.ends_with("T00:00:00Z")
        }
        (Value::String(text), Kind::DateTime) => text.ends_with('Z') && text.len() == 20,
        (Value::Array(items), Kind::List(item)) => {
            items.iter().all(|value| fits(value, item, false))
        }
        (Value::Object(object), Kind::Struct(fields)) => {
            fields.iter().all(|(name, _)| object.contains_key(name))
        }
        _ => false,
    }
}

#[tokio::test]
async fn the_same_seed_gives_the_same_data_and_another_seed_gives_other_data() {
    let columns = "url_from,anchor,first_seen_link,domain_rating_source,languages,alt";
    let first = SandboxClient::new(options())
        .await
        .links(columns, &[("limit", "1000")])
        .await
        .text;
    assert_eq!(
        SandboxClient::new(options())
            .await
            .links(columns, &[("limit", "1000")])
            .await
            .text,
        first
    );
    assert_ne!(
        SandboxClient::new(Options {
            seed: 2,
            ..options()
        })
        .await
        .links(columns, &[("limit", "1000")])
        .await
        .text,
        first
    );
}

#[tokio::test]
async fn known_rows_never_change() {
    let context = SandboxClient::new(options()).await;
    let columns =
        "url_from,url_to,anchor,first_seen_link,domain_rating_source,is_dofollow,languages";
    insta::assert_snapshot!(
        "backlinks",
        context.links(columns, &[("limit", "3")]).await.text
    );
    let keywords = [
        ("target", "acme.com"),
        ("date", "2026-01-31"),
        ("country", "us"),
        ("limit", "2"),
        (
            "select",
            "keyword,keyword_merged,keyword_country,best_position,volume,last_update,serp_features,all_positions,cpc",
        ),
    ];
    insta::assert_snapshot!(
        "keywords",
        context
            .get("site-explorer/organic-keywords", &keywords)
            .await
            .text
    );
    let history = [
        ("target", "acme.com"),
        ("date_from", "2024-01-15"),
        ("date_to", "2024-04-15"),
    ];
    insta::assert_snapshot!(
        "history",
        context
            .get("site-explorer/domain-rating-history", &history)
            .await
            .text
    );
}

#[tokio::test]
async fn data_has_the_long_tails_and_scripts_of_the_web() {
    let context = SandboxClient::new(Options {
        rows: 20_000,
        ..options()
    })
    .await;
    let columns = "url_from,url_to,anchor,name_source,root_name_source,first_seen_link,languages,alt,domain_rating_source,is_dofollow,is_nofollow,title";
    let reply = context.links(columns, &[]).await;
    let rows = reply.rows();
    assert_eq!(rows.len(), 20_000);
    let count = |name: &str| {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for row in &rows {
            *counts.entry(text(row, name)).or_default() += 1;
        }
        counts
    };
    let hosts = count("root_name_source");
    assert!(
        hosts.values().any(|count| *count > 300)
            && hosts.values().filter(|count| **count < 5).count() > 500
    );
    let anchors = count("anchor");
    assert!(anchors["acme.com"] > 2_000 && anchors.len() > 200 && anchors.contains_key(""));
    assert!(count("first_seen_link").values().any(|count| *count > 1));
    assert!(count("first_seen_link").values().all(|count| *count < 100));
    let whole: Vec<_> = rows.iter().map(Value::to_string).collect();
    let unique: BTreeSet<_> = whole.iter().collect();
    assert!(
        (19_000..20_000).contains(&unique.len()),
        "true duplicates: {}",
        unique.len()
    );
    assert!(
        rows.iter()
            .all(|row| text(row, "url_from").contains(text(row, "name_source")))
    );
    assert!(
        rows.iter()
            .all(|row| text(row, "name_source").ends_with(text(row, "root_name_source")))
    );
    assert!(
        rows.iter()
            .all(|row| row["is_dofollow"] != row["is_nofollow"])
    );
    assert!(
        rows.iter()
            .any(|row| text(row, "name_source").starts_with("xn--"))
    );
    assert!(rows.iter().any(|row| !text(row, "title").is_ascii()));
    assert!(
        rows.iter().any(|row| row["alt"].is_null()) && rows.iter().any(|row| !row["alt"].is_null())
    );
    assert!(rows.iter().any(|row| row["languages"] == json!([])));
    assert!(
        reply.text.contains(r#""domain_rating_source":0.0"#),
        "floats keep their fraction"
    );
    assert!(
        rows.iter().any(|row| row["domain_rating_source"].is_i64()),
        "now and then a bare number"
    );
}

#[tokio::test]
async fn values_exceed_two_to_the_31_and_countries_are_upper_case() {
    let context = SandboxClient::new(options()).await;
    let pages = [
        ("target", "acme.com"),
        ("date", "2026-01-31"),
        ("select", "url,value"),
        ("limit", "2000"),
    ];
    let rows = context.get("site-explorer/top-pages", &pages).await.rows();
    assert!(
        rows.iter()
            .any(|row| row["value"].as_i64().is_some_and(|value| value > 1 << 31))
    );
    let countries = [("target", "acme.com"), ("date", "2026-01-31")];
    let rows = context
        .get("site-explorer/metrics-by-country", &countries)
        .await
        .rows();
    let names: BTreeSet<_> = rows.iter().map(|row| text(row, "country")).collect();
    assert!(names.len() == 150 && rows.len() == 150 && names.contains("OTHER"));
    assert!(names.iter().all(|name| name.to_uppercase() == **name));
}

#[tokio::test]
async fn lost_keywords_have_null_columns_and_empty_arrays_only_with_a_compared_date() {
    let context = SandboxClient::new(options()).await;
    let plain = vec![
        ("target", "acme.com"),
        ("date", "2026-01-31"),
        (
            "select",
            "keyword,keyword_merged,keyword_prev,volume,serp_features,status",
        ),
        ("limit", "2000"),
    ];
    let rows = context
        .get("site-explorer/organic-keywords", &plain)
        .await
        .rows();
    assert!(
        rows.iter()
            .all(|row| row["keyword"] == row["keyword_merged"] && row["keyword_prev"].is_null())
    );
    let identities: BTreeSet<_> = rows.iter().map(|row| text(row, "keyword_merged")).collect();
    assert_eq!(identities.len(), rows.len());
    let compared = [plain, vec![("date_compared", "2025-01-31")]].concat();
    let rows = context
        .get("site-explorer/organic-keywords", &compared)
        .await
        .rows();
    let lost: Vec<_> = rows.iter().filter(|row| row["keyword"].is_null()).collect();
    assert!(!lost.is_empty() && lost.len() < rows.len() / 2);
    assert!(lost.iter().all(|row| row["volume"].is_null()
        && row["serp_features"] == json!([])
        && row["status"] == "right"));
    assert!(
        lost.iter()
            .all(|row| row["keyword_prev"] == row["keyword_merged"])
    );
}

#[tokio::test]
async fn ties_share_each_leading_key_while_pages_stay_distinct() {
    let context = SandboxClient::new(Options {
        ties: Some(400),
        ..options()
    })
    .await;
    let mut times: BTreeMap<String, usize> = BTreeMap::new();
    let mut keys: BTreeMap<String, usize> = BTreeMap::new();
    for row in context
        .links("first_seen_link,url_from,url_to", &[])
        .await
        .rows()
    {
        *times
            .entry(text(&row, "first_seen_link").to_owned())
            .or_default() += 1;
        *keys.entry(row.to_string()).or_default() += 1;
    }
    assert_eq!(times.values().copied().collect::<Vec<_>>(), [400; 5]);
    assert!(keys.values().all(|count| *count < 100) && keys.len() > 1_800);
}

#[tokio::test]
async fn overlapping_ranges_of_a_history_agree() {
    let context = SandboxClient::new(options()).await;
    let range = async |from: &str, to: &str, grouping: &str| {
        let parameters = [
            ("target", "acme.com"),
            ("date_from", from),
            ("date_to", to),
            ("history_grouping", grouping),
        ];
        context
            .get("site-explorer/refdomains-history", &parameters)
            .await
            .rows()
    };
    let year = range("2024-01-01", "2024-12-31", "monthly").await;
    assert_eq!(year.len(), 12);
    assert_eq!(
        range("2024-06-01", "2024-08-31", "monthly").await,
        year[5..8]
    );
    assert_eq!(range("2024-02-01", "2024-02-29", "daily").await.len(), 29);
    assert_eq!(
        text(
            &range("2024-01-01", "2024-01-31", "weekly").await[4],
            "date"
        ),
        "2024-01-29T00:00:00Z"
    );
}
