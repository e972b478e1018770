//! Every list of the catalog is filtered, ordered and cut as the catalog has it.

use backhaul::catalog::{ColumnKind, ParameterKind, Shape};
use backhaul::model::Method;
use backhaul::sandbox::Options;
use serde_json::{Value, json};

use super::catalog_client::{CatalogClient, endpoint, minimal, operations, options, with};
use super::json_order::json_order;

/// A condition that any value of this kind can be held to.
fn condition(kind: &ColumnKind) -> Option<Value> {
    Some(match kind {
        ColumnKind::Integer | ColumnKind::Float => json!({"is": ["gte", 3]}),
        ColumnKind::Boolean => json!({"is": ["eq", true]}),
        ColumnKind::Date | ColumnKind::DateTime => json!({"is": ["gte", "2020-01-01"]}),
        ColumnKind::Text => json!({"is": ["substring", "e"]}),
        ColumnKind::List(item) => {
            let inner = condition(item)?;
            json!({"list_is": {"any": inner["is"]}})
        }
        ColumnKind::Struct(_) | ColumnKind::Json => return None,
    })
}

#[tokio::test]
async fn where_accepts_every_filterable_column_and_no_other() {
    let context = CatalogClient::new(Options {
        rows: 12,
        ..options()
    })
    .await;
    let mut asked = 0;
    for endpoint in operations().filter(|endpoint| endpoint.parameter("where").is_some()) {
        // One selected column is enough, and page-explorer has hundreds.
        let one = endpoint
            .columns
            .iter()
            .find(|column| column.not_with.is_none())
            .unwrap();
        let sent = with(&minimal(endpoint), &[("select", json!(one.name))]);
        let parts: Vec<Value> = endpoint
            .filterable
            .iter()
            .filter_map(|column| {
                let mut part = condition(&column.kind)?;
                part["field"] = json!(column.name);
                Some(part)
            })
            .collect();
        // Thirty at once: a column that is refused refuses all.
        for parts in parts.chunks(30) {
            let filter = json!({"or": parts}).to_string();
            let reply = context
                .send(endpoint, &with(&sent, &[("where", json!(filter))]))
                .await;
            assert_eq!(
                reply.status, 200,
                "{} {filter} {}",
                endpoint.name, reply.text
            );
            asked += parts.len();
        }
        let unknown = json!({"field": "no_such", "is": ["eq", 1]}).to_string();
        let reply = context
            .send(endpoint, &with(&sent, &[("where", json!(unknown))]))
            .await;
        let refusal = json!({"error": "bad where: column 'no_such' not found"});
        assert_eq!(
            (reply.status, reply.json()),
            (400, refusal),
            "{}",
            endpoint.name
        );
        if endpoint.method == Method::Get {
            let reply = context
                .send(endpoint, &with(&sent, &[("where", json!(""))]))
                .await;
            assert_eq!(
                reply.json(),
                json!({"error": "bad where: invalid filter expression"}),
                "{}",
                endpoint.name
            );
        }
    }
    assert!(asked > 2_000, "{asked}");
}

#[tokio::test]
async fn rows_are_ordered_by_every_sortable_column_and_other_columns_are_refused() {
    let context = CatalogClient::new(Options {
        rows: 30,
        ..options()
    })
    .await;
    let mut asked = 0;
    for endpoint in operations() {
        let Some(ParameterKind::Text) = endpoint
            .parameter("order_by")
            .map(|parameter| &parameter.kind)
        else {
            continue;
        };
        for column in endpoint
            .columns
            .iter()
            .filter(|column| column.not_with.is_none())
        {
            // Hundreds of columns of a page do not differ here.
            if endpoint.columns.len() > 100 && asked % 7 != 0 && column.name != "url" {
                asked += 1;
                continue;
            }
            let plain = !matches!(
                column.kind,
                ColumnKind::List(_) | ColumnKind::Struct(_) | ColumnKind::Json
            );
            for (direction, reversed) in [("asc", false), ("desc", true)] {
                let order = format!("{}:{direction}", column.name);
                let more = [("order_by", json!(order)), ("select", json!(column.name))];
                let reply = context
                    .send(endpoint, &with(&minimal(endpoint), &more))
                    .await;
                if !endpoint.is_sortable(&column.name) || !plain {
                    assert_eq!(reply.status, 400, "{} {order}", endpoint.name);
                    continue;
                }
                let rows = reply.rows(endpoint);
                let values: Vec<&Value> = rows.iter().map(|row| &row[&column.name]).collect();
                let sorted = values.is_sorted_by(|left, right| {
                    let order = json_order(left, right);
                    if reversed {
                        order.is_ge()
                    } else {
                        order.is_le()
                    }
                });
                assert!(sorted, "{} {order}: {values:?}", endpoint.name);
            }
            asked += 1;
        }
    }
    assert!(asked > 400, "{asked}");
}

#[tokio::test]
async fn every_list_respects_limits_and_caps() {
    let context = CatalogClient::new(options()).await;
    let capped = CatalogClient::new(Options {
        row_cap: Some(2),
        ..options()
    })
    .await;
    for endpoint in operations().filter(|endpoint| endpoint.shape == Shape::Rows) {
        let sent = minimal(endpoint);
        let all = context.send(endpoint, &sent).await.rows(endpoint);
        let cut = capped.send(endpoint, &sent).await.rows(endpoint);
        if endpoint.parameter("limit").is_none() {
            assert_eq!(cut, all, "{}", endpoint.name);
            continue;
        }
        assert_eq!(cut, all[..2], "{}", endpoint.name);
        let three = context
            .send(endpoint, &with(&sent, &[("limit", json!(3))]))
            .await
            .rows(endpoint);
        assert_eq!(three, all[..3], "{}", endpoint.name);
    }
    let words = [
        ("select", "keyword"),
        ("country", "us"),
        ("keywords", "river"),
        ("limit", "150001"),
    ];
    let refused = context
        .get("keywords-explorer/matching-terms", &words)
        .await;
    assert_eq!(
        (refused.status, refused.json()),
        (400, json!({"error": "bad value 150001 for limit"}))
    );
}

#[tokio::test]
async fn offsets_skip_rows_where_they_exist_and_are_ignored_elsewhere() {
    let context = CatalogClient::new(options()).await;
    for name in ["site-audit/page-explorer", "social-media/posts"] {
        let endpoint = endpoint(name);
        let mut sent = minimal(endpoint);
        if endpoint.has_select() {
            sent = with(
                &sent,
                &[
                    ("select", json!("url,http_code")),
                    ("order_by", json!("url:desc")),
                ],
            );
        }
        let all = context
            .send(endpoint, &with(&sent, &[("limit", json!(1000))]))
            .await
            .rows(endpoint);
        let page = with(&sent, &[("limit", json!(5)), ("offset", json!(10))]);
        assert_eq!(
            context.send(endpoint, &page).await.rows(endpoint),
            all[10..15],
            "{name}"
        );
        let past = with(&sent, &[("offset", json!(5000))]);
        assert!(
            context
                .send(endpoint, &past)
                .await
                .rows(endpoint)
                .is_empty(),
            "{name}"
        );
    }
    let keywords = [
        ("select", "keyword"),
        ("country", "us"),
        ("keywords", "river"),
        ("offset", "10"),
    ];
    assert_eq!(
        context
            .rows("keywords-explorer/matching-terms", &keywords)
            .await
            .len(),
        60
    );
}
