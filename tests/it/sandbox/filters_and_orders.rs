//! Filters, groups, orders, and the pages that they make.

use std::collections::BTreeMap;

use backhaul::catalog::Catalog;
use backhaul::sandbox::{Options, Quirk};
use serde_json::{Value, json};

use super::client::{BACKLINKS, SandboxClient, options, quirk, text};
use super::json_order::json_order;

#[tokio::test]
async fn rows_are_ordered_by_every_column_with_desc_as_the_default() {
    let context = SandboxClient::new(options()).await;
    let rows = context
        .links(
            "last_visited,anchor",
            &[("order_by", "anchor,last_visited:asc")],
        )
        .await
        .rows();
    let pairs: Vec<_> = rows
        .iter()
        .map(|row| (text(row, "anchor"), text(row, "last_visited")))
        .collect();
    assert!(
        pairs.is_sorted_by(
            |left, right| left.0 > right.0 || (left.0 == right.0 && left.1 <= right.1)
        )
    );
    assert!(
        pairs.windows(2).any(|pair| pair[0].0 == pair[1].0),
        "ties prove the second column"
    );
}

#[tokio::test]
async fn nulls_are_first_ascending_and_last_descending() {
    let context = SandboxClient::new(options()).await;
    for (order, first_is_null) in [("last_seen:asc", true), ("last_seen:desc", false)] {
        let all = [
            ("target", "acme.com"),
            ("select", "last_seen"),
            ("aggregation", "all"),
            ("limit", "9999"),
            ("order_by", order),
        ];
        let rows = context.get(BACKLINKS, &all).await.rows();
        assert_eq!(rows.len(), 2_250);
        assert_eq!(rows[0]["last_seen"].is_null(), first_is_null);
        assert_eq!(rows[rows.len() - 1]["last_seen"].is_null(), !first_is_null);
    }
}

/// The same filter in Rust.
type Passes = fn(&Value) -> bool;

#[tokio::test]
async fn where_returns_exactly_the_rows_that_pass() {
    let context = SandboxClient::new(options()).await;
    let columns = "anchor,is_dofollow,domain_rating_source,languages,url_from";
    let all = context.links(columns, &[]).await.rows();
    let cases: [(Value, Passes); 5] = [
        (json!({"field": "is_dofollow", "is": ["eq", true]}), |row| {
            row["is_dofollow"] == true
        }),
        (
            json!({"and": [{"field": "domain_rating_source", "is": ["gte", 30]}, {"not": {"field": "anchor", "is": "empty"}}]}),
            |row| row["domain_rating_source"].as_f64().unwrap() >= 30.0 && row["anchor"] != "",
        ),
        (
            json!({"field": "languages", "list_is": {"any": ["eq", "en"]}}),
            |row| {
                row["languages"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .any(|item| item == "en")
            },
        ),
        (
            json!({"field": "anchor", "modifier": "uppercase", "is": ["eq", "HOME"]}),
            |row| text(row, "anchor").to_uppercase() == "HOME",
        ),
        (
            json!({"or": [{"field": "url_from", "is": ["substring", "/Blog/"]}, {"field": "anchor", "is": ["regex", "^A|^здесь|подр"]}]}),
            |row| {
                text(row, "url_from").contains("/Blog/")
                    || text(row, "anchor").starts_with('A')
                    || text(row, "anchor").contains("подр")
            },
        ),
    ];
    for (filter, passes) in cases {
        let expected: Vec<_> = all.iter().filter(|row| passes(row)).cloned().collect();
        assert!(
            !expected.is_empty() && expected.len() < all.len(),
            "{filter} proves something"
        );
        let found = context
            .links(columns, &[("where", &filter.to_string())])
            .await
            .rows();
        assert_eq!(found, expected, "{filter}");
    }
    let only_there = json!({"field": "len_url_redirect", "is": ["gte", 0]}).to_string();
    assert_eq!(
        context
            .links("anchor", &[("where", &only_there)])
            .await
            .rows()
            .len(),
        all.len()
    );
}

#[tokio::test]
async fn grouping_shows_one_row_per_group_and_counts_what_passed_the_filter() {
    let context = SandboxClient::new(options()).await;
    let key = |row: &Value| {
        ["root_name_source", "anchor", "url_to"].map(|name| text(row, name).to_owned())
    };
    let columns = "root_name_source,anchor,url_to,is_dofollow";
    let filter = json!({"field": "http_code", "is": ["eq", 200]}).to_string();
    let mut counts: BTreeMap<[String; 3], i64> = BTreeMap::new();
    for row in context.links(columns, &[("where", &filter)]).await.rows() {
        *counts.entry(key(&row)).or_default() += 1;
    }
    let grouped = [("where", filter.as_str()), ("aggregation", "similar_links")];
    let groups = context
        .links(&format!("{columns},link_group_count"), &grouped)
        .await
        .rows();
    let found: BTreeMap<_, _> = groups
        .iter()
        .map(|row| (key(row), row["link_group_count"].as_i64().unwrap()))
        .collect();
    assert_eq!((found.len(), &found), (groups.len(), &counts));
    assert!(counts.values().any(|count| *count > 1));
    let mut per_root: BTreeMap<&str, usize> = BTreeMap::new();
    for group in &groups {
        *per_root.entry(text(group, "root_name_source")).or_default() += 1;
    }
    assert!(per_root.values().all(|count| *count < 100));
    let domains = context
        .links(
            "root_name_source",
            &[("where", &filter), ("aggregation", "1_per_domain")],
        )
        .await
        .rows();
    assert_eq!(domains.len(), per_root.len());
}

#[tokio::test]
async fn a_filter_after_grouping_drops_groups_whose_first_row_fails() {
    let filter =
        json!({"field": "first_seen_link", "is": ["gte", "2024-06-01T00:00:00Z"]}).to_string();
    let more = [("where", filter.as_str()), ("aggregation", "similar_links")];
    let before = SandboxClient::new(options())
        .await
        .links("anchor", &more)
        .await
        .rows()
        .len();
    let after = SandboxClient::new(quirk(Quirk::FilterBeforeGroup))
        .await
        .links("anchor", &more)
        .await
        .rows()
        .len();
    assert!(after < before, "{after} {before}");
}

/// `key >= bound`, column by column.
fn at_least(key: &[&str], bound: &[&Value]) -> Value {
    let mut pairs = key.iter().zip(bound).rev();
    let (column, value) = pairs.next().unwrap();
    let mut filter = json!({"field": column, "is": ["gte", value]});
    for (column, value) in pairs {
        let equal = json!({"field": column, "is": ["eq", value]});
        filter = json!({"or": [{"field": column, "is": ["gt", value]}, {"and": [equal, filter]}]});
    }
    filter
}

#[tokio::test]
async fn a_page_deep_in_any_list_is_a_slice_of_the_whole_list() {
    let context = SandboxClient::new(Options {
        rows: 400,
        ..options()
    })
    .await;
    let mut asked = 0;
    let named = ["limit", "where", "order_by"];
    let is_list = |endpoint: &&backhaul::catalog::Endpoint| {
        endpoint.section() == "site-explorer"
            && named.iter().all(|name| endpoint.parameter(name).is_some())
    };
    for endpoint in Catalog::embedded().endpoints().filter(is_list) {
        let mut chance = fastrand::Rng::with_seed(7);
        let usable =
            |name: &&str| endpoint.filterable(name).is_some() && endpoint.is_sortable(name);
        let key: Vec<&str> = endpoint
            .order_key
            .iter()
            .map(String::as_str)
            .filter(usable)
            .take(3)
            .collect();
        if key.is_empty() {
            continue;
        }
        let select = key.join(",");
        let mut parameters = vec![("target", "acme.com"), ("select", select.as_str())];
        for (name, value) in [
            ("date", "2026-01-31"),
            ("country", "us"),
            ("aggregation", "all"),
            ("history", "live"),
        ] {
            if endpoint.parameter(name).is_some() {
                parameters.push((name, value));
            }
        }
        let ask = async |more: &[(&str, &str)]| {
            context
                .get(&endpoint.name, &[&parameters, more].concat())
                .await
                .rows()
        };
        let mut all = ask(&[("limit", "1000")]).await;
        all.sort_by(|left, right| {
            let orders = key
                .iter()
                .map(|name| json_order(&left[*name], &right[*name]));
            orders.fold(std::cmp::Ordering::Equal, std::cmp::Ordering::then)
        });
        let order = key
            .iter()
            .map(|name| format!("{name}:asc"))
            .collect::<Vec<_>>()
            .join(",");
        for width in 1..=key.len() {
            let like = &all[chance.usize(..all.len())];
            let bound: Vec<&Value> = key[..width].iter().map(|name| &like[*name]).collect();
            if bound.iter().any(|value| value.is_null()) {
                continue;
            }
            let reaches = |row: &&Value| {
                let orders = key
                    .iter()
                    .zip(&bound)
                    .map(|(name, value)| json_order(&row[*name], value));
                orders
                    .fold(std::cmp::Ordering::Equal, std::cmp::Ordering::then)
                    .is_ge()
            };
            let expected: Vec<_> = all.iter().filter(reaches).take(50).cloned().collect();
            let filter = at_least(&key, &bound).to_string();
            let found = ask(&[("where", &filter), ("order_by", &order), ("limit", "50")]).await;
            assert_eq!(found, expected, "{} from {bound:?}", endpoint.name);
            asked += 1;
        }
    }
    assert!(asked > 20, "only {asked} pages were asked for");
}

#[tokio::test]
async fn a_page_deep_in_a_large_list_is_found_without_examining_the_whole_list() {
    let context = SandboxClient::new(Options {
        rows: 50_000,
        ..options()
    })
    .await;
    let base = json!({"field": "is_dofollow", "is": ["eq", true]});
    for (order, column, value) in [
        (
            "first_seen_link:asc",
            "first_seen_link",
            json!("2024-06-01T00:00:00Z"),
        ),
        ("url_from:asc,url_to:asc", "url_from", json!("https://m")),
        (
            "domain_rating_source:asc",
            "domain_rating_source",
            json!(40),
        ),
    ] {
        let filter = json!({"and": [base, {"field": column, "is": ["gte", value]}]}).to_string();
        let more = [
            ("where", filter.as_str()),
            ("order_by", order),
            ("limit", "100"),
        ];
        for (aggregation, most) in [("all", 300), ("similar_links", 3_000)] {
            let before = context.sandbox.stats().rows_examined;
            let more = [&more[..], &[("aggregation", aggregation)]].concat();
            assert_eq!(context.links("anchor", &more).await.rows().len(), 100);
            let examined = context.sandbox.stats().rows_examined - before;
            assert!(
                (100..most).contains(&examined),
                "{aggregation} {order}: {examined} rows"
            );
        }
    }
}
