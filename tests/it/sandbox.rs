//! The sandbox keeps the promises of the API it imitates, seen over real HTTP.

use std::collections::{BTreeMap, BTreeSet};

use backhaul::catalog::{Catalog, Shape};
use backhaul::sandbox::{Fault, Options, Quirk, Sandbox};
use serde_json::{Value, json};

use crate::support::start_sandbox;

const BACKLINKS: &str = "site-explorer/all-backlinks";

/// A sandbox with a client that holds its key.
struct Context {
    sandbox: Sandbox,
    client: reqwest::Client,
}

struct Reply {
    status: u16,
    headers: reqwest::header::HeaderMap,
    text: String,
}

impl Reply {
    fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error} in {}", self.text))
    }

    fn rows(&self) -> Vec<Value> {
        assert_eq!(self.status, 200, "{}", self.text);
        let body = self.json();
        let (_, rows) = body.as_object().unwrap().iter().next().unwrap();
        rows.as_array().unwrap().clone()
    }

    fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }
}

fn options() -> Options {
    Options {
        port: 0,
        rows: 2_000,
        units: None,
        requests_per_minute: None,
        ..Options::default()
    }
}

fn quirk(quirk: Quirk) -> Options {
    Options {
        quirks: vec![quirk],
        ..options()
    }
}

impl Context {
    async fn new(options: Options) -> Self {
        // Another test of this process may have installed it.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder()
            .no_proxy()
            .pool_max_idle_per_host(0)
            .build()
            .unwrap();
        Self {
            sandbox: start_sandbox(options).await,
            client,
        }
    }

    async fn send(
        &self,
        endpoint: &str,
        parameters: &[(&str, &str)],
        key: Option<&str>,
    ) -> reqwest::Result<Reply> {
        let query = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(parameters)
            .finish();
        let mut request = self
            .client
            .get(format!("{}/{endpoint}?{query}", self.sandbox.url()));
        if let Some(key) = key {
            request = request.header("authorization", format!("Bearer {key}"));
        }
        let response = request.send().await?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Ok(Reply {
            status,
            headers,
            text: response.text().await?,
        })
    }

    async fn get(&self, endpoint: &str, parameters: &[(&str, &str)]) -> Reply {
        self.send(endpoint, parameters, Some("sandbox-key"))
            .await
            .unwrap()
    }

    /// Backlinks of `acme.com`, all rows of `aggregation=all` unless overridden.
    async fn links(&self, select: &str, more: &[(&str, &str)]) -> Reply {
        let mut parameters = vec![
            ("target", "acme.com"),
            ("select", select),
            ("history", "live"),
        ];
        if !more.iter().any(|(name, _)| *name == "aggregation") {
            parameters.push(("aggregation", "all"));
        }
        if !more.iter().any(|(name, _)| *name == "limit") {
            parameters.push(("limit", "1000000"));
        }
        parameters.extend_from_slice(more);
        self.get(BACKLINKS, &parameters).await
    }
}

fn text<'a>(row: &'a Value, column: &str) -> &'a str {
    row[column]
        .as_str()
        .unwrap_or_else(|| panic!("{column} is no text in {row}"))
}

#[tokio::test]
async fn every_site_explorer_operation_answers_with_the_types_of_the_catalog() {
    let context = Context::new(Options {
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
async fn keys_are_checked_and_refused_as_the_api_refuses_them() {
    let context = Context::new(options()).await;
    let free = "subscription-info/limits-and-usage";
    let none = context.send(free, &[], None).await.unwrap();
    assert_eq!(
        (none.status, none.text.as_str()),
        (403, r#"["Error","Forbidden"]"#)
    );
    let wrong = context.send(free, &[], Some("other")).await.unwrap();
    assert_eq!(
        (wrong.status, wrong.text.as_str()),
        (401, r#"["Error","Unauthorized"]"#)
    );
    assert_eq!(context.get(free, &[]).await.status, 200);
}

#[tokio::test]
async fn wrong_requests_are_refused_with_the_api_s_words_and_cost_nothing() {
    let context = Context::new(options()).await;
    let links = |more: &[(&'static str, &'static str)]| {
        let mut all = vec![("target", "acme.com"), ("select", "anchor")];
        all.retain(|(name, _)| !more.iter().any(|(other, _)| other == name));
        all.extend_from_slice(more);
        all
    };
    for (endpoint, parameters, status, body) in [
        (
            "site-explorer/metrics",
            vec![("target", "acme.com")],
            400,
            json!({"error": "missing argument date"}),
        ),
        (
            BACKLINKS,
            links(&[("where", "")]),
            400,
            json!({"error": "bad where: invalid filter expression"}),
        ),
        (
            BACKLINKS,
            links(&[("where", "a = 1")]),
            400,
            json!({"error": "bad where: invalid filter expression"}),
        ),
        (
            BACKLINKS,
            links(&[("where", r#"{"field":"anchor","is":["like","x"]}"#)]),
            400,
            json!({"error": "bad where: invalid JSON syntax"}),
        ),
        (
            BACKLINKS,
            links(&[("select", "domain")]),
            400,
            json!({"error": "column 'domain' not found"}),
        ),
        (
            BACKLINKS,
            links(&[("order_by", "domain:asc")]),
            400,
            json!({"error": "column 'domain' not found"}),
        ),
        (
            BACKLINKS,
            links(&[("aggregation", "latest")]),
            400,
            json!({"error": "bad value latest for type enum"}),
        ),
        (
            BACKLINKS,
            links(&[("target", "not a site")]),
            400,
            json!({"error": "bad target: not a site"}),
        ),
        (
            BACKLINKS,
            links(&[("order_by", "link_group_count")]),
            400,
            json!({"error": "bad order_by: cannot sort by column 'link_group_count'"}),
        ),
        (
            "site-explorer/metrics",
            vec![("target", "acme.com"), ("date", "2999-01-01")],
            400,
            json!({"error": "bad date: 2999-01-01 is in the future"}),
        ),
        (
            "site-explorer/nothing",
            vec![],
            404,
            json!([
                "Error",
                [
                    "NotFound",
                    "this route does not exist /v3/site-explorer/nothing"
                ]
            ]),
        ),
        (
            "rank-tracker/overview",
            vec![],
            400,
            json!({"error": "missing argument select"}),
        ),
    ] {
        let reply = context.get(endpoint, &parameters).await;
        assert_eq!(
            (reply.status, reply.json()),
            (status, body),
            "{parameters:?}"
        );
    }
    let stats = context.sandbox.stats();
    assert_eq!((stats.requests, stats.units), (12, 0));
}

#[tokio::test]
async fn unknown_parameters_are_ignored_and_keys_come_in_select_order() {
    let context = Context::new(options()).await;
    let reply = context
        .links(
            "url_to,anchor,domain_rating_source",
            &[("limit", "3"), ("offset", "5")],
        )
        .await;
    assert_eq!(reply.rows().len(), 3);
    for row in reply.rows() {
        let keys: Vec<_> = row.as_object().unwrap().keys().cloned().collect();
        assert_eq!(keys, ["url_to", "anchor", "domain_rating_source"]);
    }
}

#[tokio::test]
async fn limit_defaults_to_1000_and_a_cap_cuts_silently_after_ordering() {
    let context = Context::new(options()).await;
    let parameters = [
        ("target", "acme.com"),
        ("select", "url_from"),
        ("aggregation", "all"),
    ];
    assert_eq!(context.get(BACKLINKS, &parameters).await.rows().len(), 1000);
    let order = [("order_by", "url_from:asc,first_seen_link:asc")];
    let whole = context
        .links("url_from,first_seen_link", &order)
        .await
        .rows();
    assert_eq!(whole.len(), 2_000);
    let capped = Context::new(Options {
        row_cap: Some(150),
        ..options()
    })
    .await;
    let cut = capped.links("url_from,first_seen_link", &order).await;
    assert_eq!(
        (cut.rows().as_slice(), cut.header("x-api-rows")),
        (&whole[..150], "150")
    );
}

#[tokio::test]
async fn operations_without_a_limit_answer_whole_behind_any_cap() {
    let parameters = [
        ("target", "acme.com"),
        ("date_from", "2024-01-01"),
        ("date_to", "2025-06-30"),
        ("history_grouping", "daily"),
    ];
    let capped = Context::new(Options {
        row_cap: Some(150),
        ..options()
    })
    .await;
    let rows = capped
        .get("site-explorer/domain-rating-history", &parameters)
        .await
        .rows();
    assert_eq!(rows.len(), 547);
}

#[tokio::test]
async fn rows_are_ordered_by_every_column_with_desc_as_the_default() {
    let context = Context::new(options()).await;
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
    let context = Context::new(options()).await;
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

#[tokio::test]
async fn history_shows_live_rows_all_rows_or_those_seen_since() {
    let context = Context::new(options()).await;
    let mut counts = Vec::new();
    for history in ["live", "since:2026-01-01", "since:2022-01-01", "all_time"] {
        let parameters = [
            ("target", "acme.com"),
            ("select", "last_seen,is_lost"),
            ("aggregation", "all"),
            ("limit", "9999"),
            ("history", history),
        ];
        let rows = context.get(BACKLINKS, &parameters).await.rows();
        assert!(
            rows.iter()
                .all(|row| row["last_seen"].is_null() != row["is_lost"].as_bool().unwrap())
        );
        if let Some(day) = history.strip_prefix("since:") {
            assert!(
                rows.iter()
                    .all(|row| row["last_seen"].is_null() || text(row, "last_seen") >= day)
            );
        }
        counts.push(rows.len());
    }
    assert!(
        counts[0] == 2_000 && counts.is_sorted() && counts[1] < counts[2] && counts[3] == 2_250,
        "{counts:?}"
    );
}

/// What a filter means, said in Rust.
type Passes = fn(&Value) -> bool;

#[tokio::test]
async fn where_returns_exactly_the_rows_that_pass() {
    let context = Context::new(options()).await;
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
    let context = Context::new(options()).await;
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
async fn a_filter_after_grouping_loses_groups_whose_first_row_fails() {
    let filter =
        json!({"field": "first_seen_link", "is": ["gte", "2024-06-01T00:00:00Z"]}).to_string();
    let more = [("where", filter.as_str()), ("aggregation", "similar_links")];
    let before = Context::new(options())
        .await
        .links("anchor", &more)
        .await
        .rows()
        .len();
    let after = Context::new(quirk(Quirk::FilterBeforeGroup))
        .await
        .links("anchor", &more)
        .await
        .rows()
        .len();
    assert!(after < before, "{after} {before}");
}

#[tokio::test]
async fn units_are_the_larger_of_50_and_the_columns_times_the_rows() {
    let context = Context::new(options()).await;
    let price = |reply: &Reply| {
        [
            "x-api-rows",
            "x-api-units-cost-row",
            "x-api-units-cost-total",
            "x-api-units-cost-total-actual",
            "x-api-cache",
        ]
        .map(|name| reply.header(name).to_owned())
    };
    let nine = "anchor,url_from,url_to,title,is_dofollow,is_ugc,http_code,positions,encoding";
    assert_eq!(
        price(&context.links(nine, &[("limit", "10")]).await),
        ["10", "9", "90", "90", "miss"]
    );
    // 10 (traffic) + 5 (class_c) + 1; the column that is filtered and ordered by counts once.
    let filter = json!({"field": "class_c", "is": ["gte", 0]}).to_string();
    let more = [
        ("limit", "4"),
        ("where", filter.as_str()),
        ("order_by", "class_c,traffic"),
    ];
    assert_eq!(
        price(&context.links("traffic,anchor", &more).await),
        ["4", "16", "64", "64", "miss"]
    );
    let nothing = json!({"field": "anchor", "is": ["eq", "no such anchor"]}).to_string();
    assert_eq!(
        price(&context.links("anchor", &[("where", &nothing)]).await)[..4],
        ["0", "1", "50", "50"]
    );
    assert_eq!(context.sandbox.stats().units, 90 + 64 + 50);
    // The same request again comes from the cache; free targets cost nothing and give 100 rows at most.
    assert_eq!(
        price(&context.links(nine, &[("limit", "10")]).await),
        ["10", "9", "90", "0", "hit"]
    );
    for target in [
        "ahrefs.com",
        "https://yep.com/some/page",
        "www.firehose.com",
    ] {
        let reply = context
            .get(
                BACKLINKS,
                &[("target", target), ("select", "anchor"), ("limit", "500")],
            )
            .await;
        assert_eq!(price(&reply)[..4], ["100", "1", "100", "0"]);
    }
    assert_eq!(context.sandbox.stats().units, 90 + 64 + 50);
}

#[tokio::test]
async fn used_up_units_are_refused_by_expected_cost_and_limits_and_usage_shows_the_meter() {
    let context = Context::new(Options {
        units: Some(100),
        ..options()
    })
    .await;
    context.links("anchor", &[("limit", "60")]).await.rows();
    let refused = context.links("anchor", &[("limit", "50")]).await;
    let expected =
        r#"{"error":"API units limit reached. Expected usage: 50, API units left: 40."}"#;
    assert_eq!((refused.status, refused.text.as_str()), (403, expected));
    let usage = context
        .get("subscription-info/limits-and-usage", &[])
        .await
        .json();
    let usage = &usage["limits_and_usage"];
    assert_eq!(
        (
            &usage["units_limit_workspace"],
            &usage["units_usage_workspace"]
        ),
        (&json!(100), &json!(60))
    );
    assert!(text(usage, "usage_reset_date").ends_with("-01T00:00:00Z"));
}

#[tokio::test]
async fn the_request_limit_is_a_real_one_and_says_when_to_come_back() {
    let context = Context::new(Options {
        requests_per_minute: Some(3),
        ..options()
    })
    .await;
    for _ in 0..3 {
        assert_eq!(
            context
                .get("subscription-info/limits-and-usage", &[])
                .await
                .status,
            200
        );
    }
    let refused = context.get("subscription-info/limits-and-usage", &[]).await;
    let wait: u64 = refused.header("retry-after").parse().unwrap();
    assert!(
        refused.status == 429 && (1..=60).contains(&wait),
        "{} {wait}",
        refused.status
    );
}

#[tokio::test]
async fn the_plan_quirk_refuses_billed_operations_only() {
    let context = Context::new(quirk(Quirk::Plan)).await;
    let refused = context.links("anchor", &[]).await;
    assert_eq!(
        (refused.status, refused.text.as_str()),
        (403, r#"{"error":"Insufficient plan"}"#)
    );
    assert_eq!(
        context
            .get("subscription-info/limits-and-usage", &[])
            .await
            .status,
        200
    );
}

#[tokio::test]
async fn the_same_seed_gives_the_same_data_and_another_seed_other_data() {
    let columns = "url_from,anchor,first_seen_link,domain_rating_source,languages,alt";
    let first = Context::new(options())
        .await
        .links(columns, &[("limit", "1000")])
        .await
        .text;
    assert_eq!(
        Context::new(options())
            .await
            .links(columns, &[("limit", "1000")])
            .await
            .text,
        first
    );
    assert_ne!(
        Context::new(Options {
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
    let context = Context::new(options()).await;
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
async fn data_looks_like_the_web() {
    let context = Context::new(Options {
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
async fn values_pass_two_to_the_31_and_countries_come_upper_case() {
    let context = Context::new(options()).await;
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
    let context = Context::new(options()).await;
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
    let context = Context::new(Options {
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
async fn big_answers_are_compressed_for_those_who_ask() {
    let context = Context::new(options()).await;
    let url = |limit: u32| {
        format!(
            "{}/{BACKLINKS}?target=acme.com&select=url_from,anchor&aggregation=all&limit={limit}",
            context.sandbox.url()
        )
    };
    for (limit, compressed) in [(1, false), (500, true)] {
        let request = context
            .client
            .get(url(limit))
            .header("authorization", "Bearer sandbox-key");
        let response = request
            .header("accept-encoding", "gzip")
            .send()
            .await
            .unwrap();
        assert_eq!(
            response.headers().contains_key("content-encoding"),
            compressed
        );
        let body = response.bytes().await.unwrap();
        if compressed {
            let mut text = String::new();
            std::io::Read::read_to_string(
                &mut flate2::read::GzDecoder::new(body.as_ref()),
                &mut text,
            )
            .unwrap();
            assert_eq!(
                serde_json::from_str::<Value>(&text).unwrap()["backlinks"]
                    .as_array()
                    .unwrap()
                    .len(),
                500
            );
        }
    }
}

#[tokio::test]
async fn each_fault_strikes_in_its_own_way_and_losses_are_counted() {
    for fault in Fault::ALL {
        let context = Context::new(Options {
            faults: format!("{}=1", fault.as_str()).parse().unwrap(),
            ..options()
        })
        .await;
        let links = [
            ("target", "acme.com"),
            ("select", "url_from,anchor"),
            ("limit", "500"),
        ];
        let patience = std::time::Duration::from_millis(300);
        let sent = context.send(BACKLINKS, &links, Some("sandbox-key"));
        if fault == Fault::Hang {
            assert!(tokio::time::timeout(patience, sent).await.is_err());
            continue;
        }
        let reply = sent.await;
        let status = reply.as_ref().map(|reply| reply.status).ok();
        let expected = match fault {
            Fault::TooManyRequests => Some(429),
            Fault::InternalError => Some(500),
            Fault::BadGateway | Fault::Html => Some(502),
            Fault::Unavailable => Some(503),
            Fault::Slow | Fault::Garbage => Some(200),
            Fault::Reset | Fault::Hang | Fault::Truncate | Fault::Lost => None,
        };
        assert_eq!(status, expected, "{}", fault.as_str());
        if let Ok(reply) = reply {
            let parses = serde_json::from_str::<Value>(&reply.text).is_ok();
            assert_eq!(
                parses,
                !matches!(fault, Fault::Garbage | Fault::Html | Fault::BadGateway),
                "{}",
                reply.text
            );
        }
        let stats = context.sandbox.stats();
        let lost = if fault.loses_units() { 1_000 } else { 0 };
        assert_eq!(stats.units_lost, lost, "{}", fault.as_str());
        assert_eq!(stats.units, if fault == Fault::Slow { 1_000 } else { lost });
    }
}

#[tokio::test]
async fn lost_answers_are_charged_again_when_asked_again() {
    let context = Context::new(Options {
        faults: "lost=1".parse().unwrap(),
        ..options()
    })
    .await;
    for _ in 0..2 {
        let links = [
            ("target", "acme.com"),
            ("select", "anchor"),
            ("limit", "70"),
        ];
        assert!(
            context
                .send(BACKLINKS, &links, Some("sandbox-key"))
                .await
                .is_err()
        );
    }
    assert_eq!(context.sandbox.stats().units_lost, 140);
}

#[tokio::test]
async fn stats_are_served_per_endpoint_and_reset() {
    let context = Context::new(options()).await;
    context.links("anchor", &[("limit", "70")]).await.rows();
    let base = context.sandbox.url().replace("/v3", "");
    let stats = context
        .client
        .get(format!("{base}/sandbox/stats"))
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    let stats: Value = serde_json::from_str(&stats).unwrap();
    let one = json!({"requests": 1, "rows": 70, "units": 70, "units_lost": 0});
    assert_eq!(stats["endpoints"][BACKLINKS], one);
    assert_eq!(
        (&stats["requests"], &stats["rows"], &stats["units"]),
        (&json!(1), &json!(70), &json!(70))
    );
    assert_eq!(
        context
            .client
            .post(format!("{base}/sandbox/reset"))
            .send()
            .await
            .unwrap()
            .status()
            .as_u16(),
        200
    );
    assert_eq!(context.sandbox.stats(), backhaul::sandbox::Stats::default());
}

#[tokio::test]
async fn churn_changes_data_between_requests_and_without_it_nothing_changes() {
    let columns = "url_from,first_seen_link";
    let still = Context::new(options()).await;
    assert_eq!(
        still.links(columns, &[]).await.text,
        still.links(columns, &[]).await.text
    );
    let moving = Context::new(Options {
        churn: 1.0,
        ..options()
    })
    .await;
    let (first, second) = (
        moving.links(columns, &[]).await,
        moving.links(columns, &[]).await,
    );
    assert_ne!(first.text, second.text);
    let rows: BTreeSet<_> = first.rows().iter().map(Value::to_string).collect();
    let kept = second
        .rows()
        .iter()
        .filter(|row| rows.contains(&row.to_string()))
        .count();
    assert!(kept > 1_950, "most rows stay: {kept}");
}

#[tokio::test]
async fn quirks_of_length_cut_answers_without_a_word() {
    let count = async |kind: Quirk| {
        let context = Context::new(quirk(kind)).await;
        let mut counts = Vec::new();
        for limit in ["1001", "1002", "1003"] {
            counts.push(
                context
                    .links("anchor", &[("limit", limit)])
                    .await
                    .rows()
                    .len(),
            );
        }
        counts
    };
    assert_eq!(count(Quirk::CapFloor100).await, [40; 3]);
    assert_eq!(count(Quirk::IntermittentCap).await, [1001, 1002, 100]);
    let short = count(Quirk::ShortAnswers).await;
    assert!(
        short.iter().all(|count| (100..1003).contains(count)) && short[0] != short[1],
        "{short:?}"
    );
}

#[tokio::test]
async fn quirks_of_order_and_filter_break_what_they_name() {
    let ordered = async |kind: Quirk| {
        let rows = Context::new(quirk(kind))
            .await
            .links("url_from", &[("order_by", "url_from:asc")])
            .await
            .rows();
        (
            rows.len(),
            rows.iter()
                .map(|row| text(row, "url_from").to_owned())
                .collect::<Vec<_>>(),
        )
    };
    let (count, all) = ordered(Quirk::WideGroups).await;
    assert!(count == 2_000 && all.is_sorted());
    assert!(!ordered(Quirk::IgnoredOrder).await.1.is_sorted());
    let (count, early) = ordered(Quirk::CapAfterOrder).await;
    assert!(count == 500 && early.is_sorted() && early != all[..500]);

    let filter = json!({"field": "anchor", "is": ["gte", "a"]}).to_string();
    let filtered = async |options: Options| {
        Context::new(options)
            .await
            .links("anchor", &[("where", &filter)])
            .await
            .rows()
            .len()
    };
    let honest = filtered(options()).await;
    assert!(honest < 2_000 && honest > 0);
    assert!(filtered(quirk(Quirk::FilterOrderIsByteOrder)).await > honest);
    assert_eq!(filtered(quirk(Quirk::WhereHonoured)).await, 0);
    assert_eq!(filtered(quirk(Quirk::WhereIgnored)).await, 2_000);

    let anchors =
        async |options: Options| Context::new(options).await.links("anchor", &[]).await.text;
    assert_eq!(
        anchors(quirk(Quirk::RoundTrip)).await,
        anchors(options()).await.to_lowercase()
    );
}

#[tokio::test]
async fn quirks_of_content_break_what_they_name() {
    let rows = async |kind: Quirk, columns: &str| {
        Context::new(quirk(kind))
            .await
            .links(columns, &[])
            .await
            .rows()
    };
    let nulls = |rows: &[Value], name: &str| rows.iter().filter(|row| row[name].is_null()).count();
    assert!((10..100).contains(&nulls(
        &rows(Quirk::NullKeys, "first_seen_link").await,
        "first_seen_link"
    )));
    assert!((50..200).contains(&nulls(
        &rows(Quirk::NullInNonNullable, "is_dofollow").await,
        "is_dofollow"
    )));
    assert!(
        rows(Quirk::UnknownColumn, "anchor")
            .await
            .iter()
            .all(|row| row["surprise"] == 1)
    );
    assert!(
        rows(Quirk::MissingColumn, "anchor,title")
            .await
            .iter()
            .all(|row| row.get("title").is_none())
    );
    let bad = rows(Quirk::BadValue, "anchor,http_code").await;
    assert_eq!(
        bad.iter().filter(|row| row["http_code"] == "n/a").count(),
        40
    );
    let refused = Context::new(quirk(Quirk::RemovedColumn))
        .await
        .links("is_dofollow", &[])
        .await;
    assert_eq!(
        (refused.status, refused.text.as_str()),
        (400, r#"{"error":"column 'is_dofollow' not found"}"#)
    );
    let mut per_root: BTreeMap<String, usize> = BTreeMap::new();
    let wide = Context::new(Options {
        rows: 20_000,
        ..quirk(Quirk::WideGroups)
    })
    .await;
    for row in wide
        .links("root_name_source", &[("aggregation", "similar_links")])
        .await
        .rows()
    {
        *per_root
            .entry(text(&row, "root_name_source").to_owned())
            .or_default() += 1;
    }
    assert!(per_root.values().any(|count| *count > 100));
}

/// Order of JSON values as the sandbox orders them: nulls first, text by its bytes.
fn json_order(left: &Value, right: &Value) -> std::cmp::Ordering {
    let rank = |value: &Value| match value {
        Value::Null => 0,
        Value::Bool(_) => 1,
        Value::Number(_) => 2,
        _ => 3,
    };
    match (left, right) {
        (Value::Bool(left), Value::Bool(right)) => left.cmp(right),
        (Value::Number(left), Value::Number(right)) => {
            left.as_f64().unwrap().total_cmp(&right.as_f64().unwrap())
        }
        (Value::String(left), Value::String(right)) => left.cmp(right),
        _ => rank(left).cmp(&rank(right)),
    }
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
    let context = Context::new(Options {
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
async fn a_page_deep_in_a_big_list_is_found_without_looking_at_the_whole_list() {
    let context = Context::new(Options {
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
            let before = context.sandbox.stats().rows_looked_at;
            let more = [&more[..], &[("aggregation", aggregation)]].concat();
            assert_eq!(context.links("anchor", &more).await.rows().len(), 100);
            let looked_at = context.sandbox.stats().rows_looked_at - before;
            assert!(
                (100..most).contains(&looked_at),
                "{aggregation} {order}: {looked_at} rows"
            );
        }
    }
}

#[tokio::test]
async fn stopping_frees_the_port() {
    let context = Context::new(options()).await;
    let url = context.sandbox.url();
    context.sandbox.stop().await;
    assert!(context.client.get(url).send().await.is_err());
}

#[tokio::test]
async fn overlapping_ranges_of_a_history_agree() {
    let context = Context::new(options()).await;
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
