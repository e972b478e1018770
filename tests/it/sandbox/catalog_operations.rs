//! Every operation of the catalog is served, refused and charged as the catalog has it.

use backhaul::catalog::{ColumnKind, MIN_UNITS_PER_REQUEST, ParameterKind, Pricing};
use backhaul::model::Method;
use backhaul::sandbox::Options;
use serde_json::{Value, json};

use super::catalog_client::{
    CatalogClient, Sent, endpoint, minimal, operations, options, selectable, texts, with, without,
};

fn fits(value: &Value, kind: &ColumnKind, nullable: bool) -> bool {
    match (value, kind) {
        (Value::Null, _) => nullable,
        (Value::Number(number), ColumnKind::Integer) => number.is_i64(),
        (Value::Number(_), ColumnKind::Float)
        | (Value::Bool(_), ColumnKind::Boolean)
        | (Value::String(_), ColumnKind::Text)
        | (_, ColumnKind::Json) => true,
        (Value::String(text), ColumnKind::Date) => {
            text.parse::<chrono::NaiveDate>().is_ok()
                || (text.len() == 20 && text.ends_with("T00:00:00Z"))
        }
        (Value::String(text), ColumnKind::DateTime) => {
            text.len() == 20 && chrono::DateTime::parse_from_rfc3339(text).is_ok()
        }
        // The catalog does not record whether items, or the fields of an object, may be null.
        (Value::Array(items), ColumnKind::List(item)) => {
            items.iter().all(|value| fits(value, item, true))
        }
        (Value::Object(object), ColumnKind::Struct(fields)) => {
            object.len() == fields.len()
                && fields.iter().all(|(name, kind)| {
                    object
                        .get(name)
                        .is_some_and(|value| fits(value, kind, true))
                })
        }
        _ => false,
    }
}

#[tokio::test]
async fn every_operation_answers_under_its_key_in_its_shape_with_the_types_of_the_catalog() {
    let context = CatalogClient::new(options()).await;
    let mut seen = 0;
    for endpoint in operations() {
        let rows = context
            .send(endpoint, &minimal(endpoint))
            .await
            .rows(endpoint);
        assert!(!rows.is_empty(), "{}", endpoint.name);
        let selected = if endpoint.has_select() || endpoint.method == Method::Post {
            minimal(endpoint)
                .iter()
                .find(|(name, _)| name == "select")
                .map_or_else(Vec::new, |_| selectable(endpoint))
        } else {
            Vec::new()
        };
        for row in &rows {
            let keys: Vec<&String> = row.as_object().unwrap().keys().collect();
            if !selected.is_empty() {
                assert_eq!(keys, selected, "{}", endpoint.name);
            }
            for (name, value) in row.as_object().unwrap() {
                let column = endpoint
                    .column(name)
                    .unwrap_or_else(|| panic!("{} has no {name}", endpoint.name));
                assert!(
                    fits(value, &column.kind, column.nullable),
                    "{} {name}: {value}",
                    endpoint.name
                );
            }
        }
        seen += 1;
    }
    assert_eq!(seen, 120);
}

#[tokio::test]
async fn every_answer_costs_what_the_documented_formula_gives() {
    let context = CatalogClient::new(options()).await;
    for endpoint in operations() {
        let sent = minimal(endpoint);
        let reply = context.send(endpoint, &sent).await.ok();
        let rows = u64::try_from(reply.rows(endpoint).len()).unwrap();
        let columns = if endpoint.has_select() {
            selectable(endpoint)
        } else {
            Vec::new()
        };
        let row = &reply.rows(endpoint)[0];
        let shown: Vec<&str> = row
            .as_object()
            .unwrap()
            .keys()
            .map(String::as_str)
            .collect();
        assert!(
            columns.is_empty() || sent.iter().all(|(name, _)| name != "select") || shown == columns
        );
        let of_columns: u64 = shown
            .iter()
            .map(|name| endpoint.column(name).unwrap().units)
            .sum();
        // 12 months at 2 units are less than the least, 50; three brands are compared where none are named.
        let by_request = match endpoint.name.as_str() {
            "keywords-explorer/overview" => 49,
            "brand-radar/sov-history" => 2,
            _ => 0,
        };
        let per_row = of_columns + by_request;
        let (expected, expected_per_row) = match endpoint.pricing {
            Pricing::Free => (0, 0),
            Pricing::Fixed(units) => (units, 0),
            Pricing::PerRow => (MIN_UNITS_PER_REQUEST.max(per_row * rows), per_row),
        };
        let name = &endpoint.name;
        assert_eq!(reply.header("x-api-rows"), rows, "{name}");
        assert_eq!(reply.header("x-api-units-cost-total"), expected, "{name}");
        assert_eq!(
            reply.header("x-api-units-cost-total-actual"),
            expected,
            "{name}"
        );
        assert_eq!(
            reply.header("x-api-units-cost-row"),
            expected_per_row,
            "{name}"
        );
    }
}

#[tokio::test]
async fn months_of_history_and_free_requests_have_their_own_prices() {
    let context = CatalogClient::new(options()).await;
    let months = [
        ("select", "volume_monthly_history"),
        ("keywords", "river"),
        ("country", "us"),
        ("volume_monthly_date_from", "2021-01-01"),
        ("volume_monthly_date_to", "2024-12-31"),
    ];
    let reply = context
        .get("keywords-explorer/overview", &months)
        .await
        .ok();
    assert_eq!(reply.header("x-api-units-cost-row"), 48 * 2);
    assert_eq!(
        reply.json()["keywords"][0]["volume_monthly_history"]
            .as_array()
            .unwrap()
            .len(),
        48
    );
    let free = [
        ("select", "keyword,volume"),
        ("keywords", "ahrefs,Yep"),
        ("country", "us"),
        ("limit", "500"),
    ];
    let reply = context
        .get("keywords-explorer/matching-terms", &free)
        .await
        .ok();
    assert_eq!(
        (
            reply.header("x-api-rows"),
            reply.header("x-api-units-cost-total-actual")
        ),
        (60, 0)
    );
    let mixed = [
        ("select", "keyword,volume"),
        ("keywords", "ahrefs,other"),
        ("country", "us"),
    ];
    let reply = context
        .get("keywords-explorer/matching-terms", &mixed)
        .await
        .ok();
    assert_eq!(reply.header("x-api-units-cost-total-actual"), 11 * 60);
    for (prompts, units) in [("custom", 0), ("ahrefs", 120)] {
        let answers = [
            ("select", "question,country"),
            ("data_source", "chatgpt"),
            ("prompts", prompts),
        ];
        let reply = context.get("brand-radar/ai-responses", &answers).await.ok();
        assert_eq!(
            reply.header("x-api-units-cost-total-actual"),
            units,
            "{prompts}"
        );
    }
}

#[tokio::test]
async fn missing_parameters_and_unknown_values_are_refused_by_name() {
    let context = CatalogClient::new(options()).await;
    let mut asked = 0;
    for endpoint in operations() {
        let sent = minimal(endpoint);
        for (name, _) in &sent {
            let reply = context.send(endpoint, &without(&sent, name)).await;
            let missing = json!({"error": format!("missing argument {name}")});
            assert_eq!(
                (reply.status, reply.json()),
                (400, missing),
                "{} without {name}",
                endpoint.name
            );
            asked += 1;
        }
        let ignored = with(&sent, &[("no_such_parameter", json!("1"))]);
        assert_eq!(
            context.send(endpoint, &ignored).await.status,
            200,
            "{}",
            endpoint.name
        );
        if endpoint.has_select() {
            let reply = context
                .send(endpoint, &with(&sent, &[("select", json!("no_such"))]))
                .await;
            let refusal = json!({"error": "column 'no_such' not found"});
            assert_eq!(
                (reply.status, reply.json()),
                (400, refusal),
                "{}",
                endpoint.name
            );
        }
        for parameter in &endpoint.parameters {
            let (wrong, message) = match &parameter.kind {
                ParameterKind::Enum(_) if parameter.name == "output" => continue,
                ParameterKind::Enum(_) => ("latest", "bad value latest for type enum".to_owned()),
                ParameterKind::Date => (
                    "2999-01-01",
                    "bad date: 2999-01-01 is in the future".to_owned(),
                ),
                ParameterKind::DateTime => (
                    "2999-01-01T00:00:00Z",
                    "bad date: 2999-01-01T00:00:00Z is in the future".to_owned(),
                ),
                ParameterKind::Integer => {
                    ("many", format!("bad value many for {}", parameter.name))
                }
                ParameterKind::Boolean => ("yes", format!("bad value yes for {}", parameter.name)),
                _ => continue,
            };
            let reply = context
                .send(endpoint, &with(&sent, &[(&parameter.name, json!(wrong))]))
                .await;
            assert_eq!(
                (reply.status, reply.json()),
                (400, json!({"error": message})),
                "{}",
                endpoint.name
            );
            asked += 1;
        }
    }
    assert!(asked > 700, "{asked}");
}

#[tokio::test]
async fn only_public_lists_need_no_key() {
    let context = CatalogClient::new(options()).await;
    for endpoint in operations() {
        let path = endpoint.path.strip_prefix("/v3").unwrap();
        let url = format!("{}{path}", context.sandbox.url());
        let request = if endpoint.method == Method::Post {
            context.client.post(url)
        } else {
            context.client.get(url)
        };
        let status = request.send().await.unwrap().status().as_u16();
        assert_eq!(
            status,
            if endpoint.needs_key { 403 } else { 200 },
            "{}",
            endpoint.name
        );
    }
}

/// The seed alone decides, and the order of requests does not.
#[tokio::test]
async fn the_same_seed_gives_the_same_answers_in_any_order() {
    let (first, second) = (
        CatalogClient::new(options()).await,
        CatalogClient::new(options()).await,
    );
    let other = CatalogClient::new(Options {
        seed: 2,
        ..options()
    })
    .await;
    let mut texts = Vec::new();
    for endpoint in
        operations().filter(|endpoint| endpoint.name != "subscription-info/limits-and-usage")
    {
        texts.push((
            endpoint,
            first.send(endpoint, &minimal(endpoint)).await.text,
        ));
    }
    let mut same = 0;
    for (endpoint, text) in texts.iter().rev() {
        assert_eq!(
            second.send(endpoint, &minimal(endpoint)).await.text,
            *text,
            "{}",
            endpoint.name
        );
        same += usize::from(other.send(endpoint, &minimal(endpoint)).await.text == *text);
    }
    assert!(same < 10, "{same} operations do not depend on the seed");
}

#[tokio::test]
async fn bodies_are_checked_like_queries() {
    let context = CatalogClient::new(options()).await;
    let overview = endpoint("brand-radar/citations-overview");
    let sent = |fields: Value| {
        fields
            .as_object()
            .unwrap()
            .clone()
            .into_iter()
            .collect::<Sent>()
    };
    let good = json!({
        "select": ["brand", "total"], "data_source": ["chatgpt", "grok"], "country": ["us", "de"],
        "brands": [{"names": ["Acme", "ACME Inc"]}], "competitors": [{"names": ["Globex"]}],
        "where": {"field": "topic", "is": ["substring", "shoes"]},
    });
    let rows = context.send(overview, &sent(good)).await.rows(overview);
    assert_eq!(texts(&rows, "brand"), ["Acme", "Globex"]);
    for (wrong, message) in [
        (json!({"select": ["brand"]}), "missing argument data_source"),
        (
            json!({"select": ["brand"], "data_source": ["altavista"]}),
            "bad value altavista for type enum",
        ),
        (
            json!({"select": ["nothing"], "data_source": ["grok"]}),
            "column 'nothing' not found",
        ),
        (
            json!({"select": 7, "data_source": ["grok"]}),
            "bad value 7 for select",
        ),
        (
            json!({"select": ["brand"], "data_source": ["grok"], "where": {"field": "x", "is": ["eq", "y"]}}),
            "bad where: column 'x' not found",
        ),
    ] {
        let reply = context.send(overview, &sent(wrong)).await;
        assert_eq!(
            (reply.status, reply.json()),
            (400, json!({"error": message}))
        );
    }
}
