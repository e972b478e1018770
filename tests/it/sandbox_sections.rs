//! Every operation of the catalog is served as the catalog says, and the numbers of one thing agree wherever it is shown.

use std::collections::BTreeSet;

use backhaul::catalog::{
    Catalog, ColumnKind, Endpoint, MIN_UNITS_PER_REQUEST, Parameter, ParameterKind, Pricing, Shape,
};
use backhaul::model::Method;
use backhaul::sandbox::{Options, Sandbox};
use serde_json::{Map, Value, json};

use crate::support::{now, start_sandbox};

const BATCH: &str = "batch-analysis/batch-analysis";
const TODAY: &str = "2026-10-02";

/// A sandbox whose clock stands at [`TODAY`], or a day near it.
struct Context {
    sandbox: Sandbox,
    client: reqwest::Client,
}

struct Reply {
    status: u16,
    headers: reqwest::header::HeaderMap,
    text: String,
}

type Sent = Vec<(String, Value)>;

impl Reply {
    #[track_caller]
    fn ok(self) -> Self {
        assert_eq!(self.status, 200, "{}", self.text);
        self
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error} in {}", self.text))
    }

    #[track_caller]
    fn rows(&self, endpoint: &Endpoint) -> Vec<Value> {
        assert_eq!(self.status, 200, "{} {}", endpoint.name, self.text);
        let body = self.json();
        assert_eq!(
            body.as_object().unwrap().len(),
            1,
            "{} has one key",
            endpoint.name
        );
        match (&endpoint.shape, &body[&endpoint.response_key]) {
            (Shape::Record, record @ Value::Object(_)) => vec![record.clone()],
            (Shape::Rows | Shape::Scalars, Value::Array(rows)) => rows.clone(),
            (_, other) => panic!("{}: {other}", endpoint.name),
        }
    }

    fn header(&self, name: &str) -> u64 {
        self.headers[name].to_str().unwrap().parse().unwrap()
    }
}

fn options() -> Options {
    Options {
        port: 0,
        rows: 60,
        units: None,
        requests_per_minute: None,
        ..Options::default()
    }
}

impl Context {
    async fn new(options: Options) -> Self {
        Self::on(TODAY, options).await
    }

    async fn on(day: &str, options: Options) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let noon = day
            .parse::<chrono::NaiveDate>()
            .unwrap()
            .and_hms_opt(12, 0, 0)
            .unwrap()
            .and_utc();
        let clock_offset = noon - now();
        Self {
            sandbox: start_sandbox(Options {
                clock_offset,
                ..options
            })
            .await,
            client,
        }
    }

    async fn send(&self, endpoint: &Endpoint, sent: &Sent) -> Reply {
        let path = endpoint.path.strip_prefix("/v3").unwrap();
        let url = format!("{}{path}", self.sandbox.url());
        let request = if endpoint.method == Method::Post {
            let body: Map<String, Value> = sent.iter().cloned().map(of_body).collect();
            self.client.post(url).body(Value::Object(body).to_string())
        } else {
            let text = |value: &Value| {
                value
                    .as_str()
                    .map_or_else(|| value.to_string(), str::to_owned)
            };
            let pairs = sent
                .iter()
                .map(|(name, value)| (name.as_str(), text(value)));
            let query = url::form_urlencoded::Serializer::new(String::new())
                .extend_pairs(pairs)
                .finish();
            self.client.get(format!("{url}?{query}"))
        };
        let response = request
            .header("authorization", "Bearer sandbox-key")
            .send()
            .await
            .unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Reply {
            status,
            headers,
            text: response.text().await.unwrap(),
        }
    }

    async fn get(&self, name: &str, parameters: &[(&str, &str)]) -> Reply {
        let sent = parameters
            .iter()
            .map(|(name, value)| ((*name).to_owned(), json!(value)))
            .collect();
        self.send(endpoint(name), &sent).await
    }

    async fn rows(&self, name: &str, parameters: &[(&str, &str)]) -> Vec<Value> {
        self.get(name, parameters).await.rows(endpoint(name))
    }
}

/// A value as a body has it: columns in an array, a filter as an object.
fn of_body((name, value): (String, Value)) -> (String, Value) {
    let value = match (name.as_str(), value.as_str()) {
        ("select", Some(columns)) => json!(columns.split(',').collect::<Vec<_>>()),
        ("where", Some(filter)) => serde_json::from_str(filter).unwrap_or(value),
        _ => value,
    };
    (name, value)
}

fn endpoint(name: &str) -> &'static Endpoint {
    Catalog::embedded()
        .endpoint(name)
        .unwrap_or_else(|| panic!("no {name}"))
}

/// Every operation but Batch Analysis, which has tests of its own.
fn operations() -> impl Iterator<Item = &'static Endpoint> {
    Catalog::embedded()
        .endpoints()
        .filter(|endpoint| endpoint.name != BATCH)
}

/// Columns that can be selected together.
fn selectable(endpoint: &Endpoint) -> Vec<&str> {
    let columns = endpoint
        .columns
        .iter()
        .filter(|column| column.not_with.is_none());
    columns.map(|column| column.name.as_str()).collect()
}

/// A value for a required parameter.
fn value_of(endpoint: &Endpoint, parameter: &Parameter) -> Value {
    match (parameter.name.as_str(), &parameter.kind) {
        ("select", _) => json!(selectable(endpoint).join(",")),
        ("target" | "target_url", _) => json!("https://acme.com/"),
        ("keyword" | "keywords", _) => json!("running shoes"),
        ("country" | "country_code", _) => json!("us"),
        ("brand", _) => json!("Acme"),
        ("project_id", _) => json!(1001),
        ("post_id", _) => json!(50_001),
        ("report_id", _) => json!("6f1d8c1e-0001"),
        ("channel_id", _) => json!("ch-1"),
        ("external_post_id", _) => json!("x12kx"),
        ("date", _) => json!("2026-09-30"),
        ("date_from", _) => json!("2026-06-01"),
        (_, ParameterKind::Enum(values)) => json!(values[0]),
        (_, ParameterKind::Integer) => json!(7),
        (name, kind) => panic!("{}: no value for {name}: {kind:?}", endpoint.name),
    }
}

/// The least that the operation answers to.
fn minimal(endpoint: &Endpoint) -> Sent {
    let mut sent: Sent = match endpoint.name.as_str() {
        "brand-radar/citations-overview" => {
            vec![
                ("select".to_owned(), json!(selectable(endpoint))),
                ("data_source".to_owned(), json!(["chatgpt"])),
            ]
        }
        "brand-radar/citations-history" => {
            vec![
                ("date_from".to_owned(), json!("2026-09-01")),
                ("data_source".to_owned(), json!(["gemini"])),
            ]
        }
        _ => {
            let required = endpoint
                .parameters
                .iter()
                .filter(|parameter| parameter.required);
            required
                .map(|parameter| (parameter.name.clone(), value_of(endpoint, parameter)))
                .collect()
        }
    };
    let takes = |name: &str| endpoint.parameter(name).is_some();
    if takes("portfolio_id") {
        sent.push(("project_id".to_owned(), json!(1001)));
    }
    if endpoint.section() == "keywords-explorer" && takes("keywords") {
        sent.push(("keywords".to_owned(), json!("running shoes,river,ahrefs")));
    }
    sent
}

fn with(sent: &Sent, more: &[(&str, Value)]) -> Sent {
    let mut all: Sent = sent
        .iter()
        .filter(|(name, _)| !more.iter().any(|(other, _)| other == name))
        .cloned()
        .collect();
    all.extend(
        more.iter()
            .map(|(name, value)| ((*name).to_owned(), value.clone())),
    );
    all
}

fn without(sent: &Sent, name: &str) -> Sent {
    sent.iter()
        .filter(|(known, _)| known != name)
        .cloned()
        .collect()
}

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
        // The catalog does not tell whether items, or the fields of an object, may be null.
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
    let context = Context::new(options()).await;
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
async fn every_answer_costs_what_the_documented_formula_says() {
    let context = Context::new(options()).await;
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
        // 12 months at 2 units come to less than the least, 50; three brands are compared where none are named.
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
    let context = Context::new(options()).await;
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
async fn required_parameters_and_known_values_are_asked_for_by_name() {
    let context = Context::new(options()).await;
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
async fn every_filterable_column_is_known_to_where_and_no_other() {
    let context = Context::new(Options {
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
        // Thirty at once: what one column is refused for, all are.
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

#[tokio::test]
async fn rows_come_in_the_order_of_every_sortable_column_and_the_others_are_refused() {
    let context = Context::new(Options {
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
            // Hundreds of columns of a page differ in nothing that matters here.
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
async fn limits_and_caps_are_kept_by_every_list() {
    let context = Context::new(options()).await;
    let capped = Context::new(Options {
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
    let context = Context::new(options()).await;
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

#[tokio::test]
async fn public_lists_need_no_key_and_everything_else_does() {
    let context = Context::new(options()).await;
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
    let (first, second) = (Context::new(options()).await, Context::new(options()).await);
    let other = Context::new(Options {
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
    assert!(same < 10, "{same} operations do not hang on the seed");
}

fn texts(rows: &[Value], column: &str) -> Vec<String> {
    rows.iter()
        .map(|row| {
            row[column]
                .as_str()
                .unwrap_or_else(|| panic!("{column} in {row}"))
                .to_owned()
        })
        .collect()
}

#[tokio::test]
async fn overview_answers_the_asked_keywords_once_and_in_their_order() {
    let context = Context::new(options()).await;
    let overview = async |keywords: &str, more: &[(&str, &str)]| {
        let select = "keyword,volume,intents,serp_features,difficulty,volume_monthly_history,global_volume,first_seen";
        let all = [
            &[
                ("select", select),
                ("country", "us"),
                ("keywords", keywords),
            ],
            more,
        ]
        .concat();
        context.rows("keywords-explorer/overview", &all).await
    };
    let rows = overview("river,ahrefs,river,Zebra Crossing,a", &[]).await;
    assert_eq!(
        texts(&rows, "keyword"),
        ["river", "ahrefs", "Zebra Crossing", "a"]
    );
    let many: Vec<String> = (0..200).map(|number| format!("word {number}")).collect();
    let rows = overview(&many.join(","), &[]).await;
    assert_eq!(texts(&rows, "keyword"), many);
    let (unknown, known): (Vec<&Value>, Vec<&Value>) =
        rows.iter().partition(|row| row["global_volume"].is_null());
    assert!(unknown.len() > 5 && known.len() > 150, "{}", unknown.len());
    for row in &unknown {
        assert_eq!(row["serp_features"], json!([]));
        assert!(
            row["volume"].is_null() && row["intents"].is_null() && row["first_seen"].is_null(),
            "{row}"
        );
    }
    let objects: Vec<&Value> = known
        .iter()
        .map(|row| &row["intents"])
        .filter(|intents| !intents.is_null())
        .collect();
    assert!(objects.len() < known.len());
    for intents in objects {
        let names: Vec<&String> = intents.as_object().unwrap().keys().collect();
        assert_eq!(
            names,
            [
                "informational",
                "navigational",
                "commercial",
                "transactional",
                "branded",
                "local"
            ]
        );
        assert!(intents.as_object().unwrap().values().all(Value::is_boolean));
    }
    let local = json!({"field": "intents.local", "is": ["eq", true]}).to_string();
    let filtered = overview(&many.join(","), &[("where", &local)]).await;
    let expected: Vec<&Value> = rows
        .iter()
        .filter(|row| row["intents"]["local"] == true)
        .collect();
    assert_eq!(filtered.iter().collect::<Vec<_>>(), expected);
    let wildcard = json!({"field": "keyword", "is": ["regex", "*1"]}).to_string();
    assert_eq!(
        overview(&many.join(","), &[("where", &wildcard)])
            .await
            .len(),
        20
    );
}

#[tokio::test]
async fn keywords_have_the_same_numbers_wherever_they_are_shown() {
    let context = Context::new(options()).await;
    let select = [
        ("select", "keyword,volume,global_volume,difficulty"),
        ("country", "de"),
        ("keywords", "river"),
    ];
    let terms = context
        .rows("keywords-explorer/matching-terms", &select)
        .await;
    let names = texts(&terms, "keyword");
    assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), 60);
    assert!(names.iter().all(|name| name.contains("river")));
    let asked = [
        ("select", select[0].1),
        ("country", "de"),
        ("keywords", &names.join(",")),
    ];
    assert_eq!(
        context.rows("keywords-explorer/overview", &asked).await,
        terms
    );
    let elsewhere = [
        ("select", select[0].1),
        ("country", "us"),
        ("keywords", &names.join(",")),
    ];
    assert_ne!(
        context.rows("keywords-explorer/overview", &elsewhere).await,
        terms
    );
    for row in terms.iter().take(20) {
        let name = row["keyword"].as_str().unwrap();
        let countries = context
            .rows("keywords-explorer/volume-by-country", &[("keyword", name)])
            .await;
        let volume = |country: &Value| country["volume"].as_i64().unwrap();
        let of_germany = countries
            .iter()
            .find(|country| country["country"] == "DE")
            .map(volume);
        assert_eq!(row["volume"].as_i64(), of_germany, "{name}");
        let sum: i64 = countries.iter().map(volume).sum();
        assert_eq!(row["global_volume"].as_i64().unwrap_or(0), sum, "{name}");
        assert!(
            countries.is_empty() || (130..190).contains(&countries.len()),
            "{}",
            countries.len()
        );
    }
    let tracked = [
        ("select", "keyword,country,volume,keyword_difficulty"),
        ("date", "2026-09-30"),
        ("device", "mobile"),
        ("project_id", "1001"),
    ];
    for row in context
        .rows("rank-tracker/overview", &tracked)
        .await
        .iter()
        .take(10)
    {
        let (name, country) = (
            row["keyword"].as_str().unwrap(),
            row["country"].as_str().unwrap().to_lowercase(),
        );
        let asked = [
            ("select", "volume,difficulty"),
            ("country", country.as_str()),
            ("keywords", name),
        ];
        let overview = &context.rows("keywords-explorer/overview", &asked).await[0];
        assert_eq!(
            (&overview["volume"], &overview["difficulty"]),
            (&row["volume"], &row["keyword_difficulty"])
        );
    }
}

#[tokio::test]
async fn keyword_lists_and_the_history_of_a_keyword_agree_with_the_overview() {
    let context = Context::new(options()).await;
    let list = texts(
        &context
            .rows(
                "management/keyword-list-keywords",
                &[("keyword_list_id", "77")],
            )
            .await,
        "keyword",
    );
    let asked = [
        ("select", "keyword"),
        ("country", "us"),
        ("keyword_list_id", "77"),
    ];
    assert_eq!(
        texts(
            &context.rows("keywords-explorer/overview", &asked).await,
            "keyword"
        ),
        list
    );
    let range = [
        ("keyword", "ahrefs"),
        ("country", "us"),
        ("date_from", "2024-01-15"),
        ("date_to", "2026-12-31"),
    ];
    assert_eq!(
        context
            .get("keywords-explorer/volume-history", &range)
            .await
            .status,
        400,
        "the future"
    );
    let range = [
        ("keyword", "ahrefs"),
        ("country", "gb"),
        ("date_from", "2024-01-15"),
        ("date_to", "2026-08-31"),
    ];
    let history = context
        .rows("keywords-explorer/volume-history", &range)
        .await;
    assert_eq!(
        (history.len(), &history[0]["date"]),
        (32, &json!("2024-01-01T00:00:00Z"))
    );
    let asked = [
        ("select", "volume_monthly_history,volume_monthly"),
        ("country", "gb"),
        ("keywords", "ahrefs"),
        ("volume_monthly_date_from", "2026-06-01"),
        ("volume_monthly_date_to", "2026-08-31"),
    ];
    let overview = &context.rows("keywords-explorer/overview", &asked).await[0];
    let months: Vec<&Value> = overview["volume_monthly_history"]
        .as_array()
        .unwrap()
        .iter()
        .map(|month| &month["volume"])
        .collect();
    assert_eq!(
        months,
        history[29..]
            .iter()
            .map(|row| &row["volume"])
            .collect::<Vec<_>>()
    );
}

#[tokio::test]
async fn a_top_ten_has_36_rows_with_every_feature() {
    let context = Context::new(options()).await;
    let ask = async |more: &[(&str, &str)]| {
        let select = "position,type,url,domain_rating,update_date";
        let all = [
            &[("select", select), ("country", "us"), ("keyword", "river")],
            more,
        ]
        .concat();
        context.rows("serp-overview/serp-overview", &all).await
    };
    let rows = ask(&[("top_positions", "10")]).await;
    assert_eq!(rows.len(), 36);
    let is_organic = |row: &&Value| row["type"].as_array().unwrap().contains(&json!("organic"));
    assert_eq!(rows.iter().filter(is_organic).count(), 10);
    let positions: Vec<i64> = rows
        .iter()
        .map(|row| row["position"].as_i64().unwrap())
        .collect();
    assert!(positions.is_sorted() && positions[0] == 1 && positions[35] == 10);
    assert!(
        rows.iter()
            .any(|row| row["url"].is_null() && row["domain_rating"].is_null())
    );
    assert_eq!(
        ask(&[("top_positions", "10"), ("type", "organic")])
            .await
            .len(),
        10
    );
    assert_eq!(ask(&[]).await.len(), 360);
    let earlier = ask(&[("top_positions", "10"), ("date", "2026-03-04T00:00:00Z")]).await;
    assert!(earlier != rows && earlier[0]["update_date"].as_str().unwrap() < "2026-03-04T24");
}

#[tokio::test]
async fn rank_tracker_compares_with_what_it_showed_on_the_earlier_date() {
    let context = Context::new(options()).await;
    let ask = async |select: &str, more: &[(&str, &str)]| {
        let all = [&[("select", select), ("project_id", "1001")], more].concat();
        context.rows("rank-tracker/overview", &all).await
    };
    let (then, now) = ("2026-08-01", "2026-09-30");
    let id = "keyword,location,tags,created_at";
    let earlier = ask(
        &format!("{id},position,traffic,url"),
        &[("date", then), ("device", "desktop")],
    )
    .await;
    let columns = format!(
        "{id},position,position_prev,position_diff,traffic_prev,url_prev,serp_features,keyword_prev"
    );
    let both = ask(
        &columns,
        &[
            ("date", now),
            ("date_compared", then),
            ("device", "desktop"),
        ],
    )
    .await;
    assert_eq!((both.len(), earlier.len()), (60, 60));
    let mut lost = 0;
    for (row, before) in both.iter().zip(&earlier) {
        assert_eq!(
            (&row["keyword"], &row["tags"], &row["created_at"]),
            (&before["keyword"], &before["tags"], &before["created_at"])
        );
        if !row["position_prev"].is_null() {
            assert_eq!(
                (&row["position_prev"], &row["url_prev"]),
                (&before["position"], &before["url"])
            );
        }
        let diff = row["position"]
            .as_i64()
            .zip(row["position_prev"].as_i64())
            .map(|(now, then)| now - then);
        assert_eq!(row["position_diff"].as_i64(), diff, "{row}");
        if row["position"].is_null() && !row["position_prev"].is_null() {
            assert_eq!(row["serp_features"], json!([]));
            lost += 1;
        }
    }
    assert!(lost > 0, "a keyword was lost");
    let alone = ask(
        "position_prev,serp_features_prev,keyword_prev",
        &[("date", now), ("device", "desktop")],
    )
    .await;
    let nothing = json!({"position_prev": null, "serp_features_prev": [], "keyword_prev": ""});
    assert!(alone.iter().all(|row| *row == nothing));
    let mobile = ask(
        &format!("{id},position"),
        &[("date", then), ("device", "mobile")],
    )
    .await;
    let key = |rows: &[Value]| {
        rows.iter()
            .map(|row| (row["keyword"].clone(), row["created_at"].clone()))
            .collect::<Vec<_>>()
    };
    assert_eq!(key(&mobile), key(&earlier));
    assert!(
        mobile
            .iter()
            .zip(&earlier)
            .any(|(mobile, desktop)| mobile["position"] != desktop["position"])
    );
}

#[tokio::test]
async fn a_project_is_the_same_in_every_section_and_an_unknown_one_is_not_found() {
    let context = Context::new(options()).await;
    let projects = context.rows("management/projects", &[]).await;
    let ids = texts(&projects, "project_id");
    assert_eq!(
        texts(
            &context.rows("site-audit/projects", &[]).await,
            "project_id"
        ),
        ids
    );
    for (id, project) in ids.iter().zip(&projects) {
        let keywords = context
            .rows("management/project-keywords", &[("project_id", id)])
            .await;
        assert_eq!(
            project["keyword_count"].as_u64().unwrap(),
            u64::try_from(keywords.len()).unwrap()
        );
        let on = [
            ("select", "keyword,location,tags"),
            ("date", "2026-09-30"),
            ("device", "mobile"),
            ("project_id", id),
        ];
        let tracked = context.rows("rank-tracker/overview", &on).await;
        let pairs = |rows: &[Value]| {
            rows.iter()
                .map(|row| {
                    (
                        row["keyword"].clone(),
                        row["location"].clone(),
                        row["tags"].clone(),
                    )
                })
                .collect::<Vec<_>>()
        };
        assert_eq!(pairs(&tracked), pairs(&keywords), "{id}");
        let rivals = texts(
            &context
                .rows("management/project-competitors", &[("project_id", id)])
                .await,
            "url",
        );
        let stats = context
            .rows(
                "rank-tracker/competitors-stats",
                &[("select", "competitor"), on[1], on[2], on[3]],
            )
            .await;
        let hosts: Vec<_> = texts(&stats, "competitor")[1..]
            .iter()
            .map(|host| format!("https://{host}/"))
            .collect();
        assert_eq!(hosts, rivals);
        let pages = context
            .rows(
                "site-audit/page-explorer",
                &[("select", "domain,url"), ("project_id", id)],
            )
            .await;
        assert!(
            pages
                .iter()
                .all(|page| project["url"]
                    == format!("https://{}/", page["domain"].as_str().unwrap()))
        );
        let urls: BTreeSet<_> = texts(&pages, "url").into_iter().collect();
        assert_eq!(urls.len(), pages.len());
    }
    for endpoint in operations().filter(|endpoint| endpoint.parameter("project_id").is_some()) {
        let filters =
            ["management/projects", "site-audit/projects"].contains(&endpoint.name.as_str());
        let reply = context
            .send(
                endpoint,
                &with(&minimal(endpoint), &[("project_id", json!(99))]),
            )
            .await;
        if filters {
            assert!(reply.rows(endpoint).is_empty(), "{}", endpoint.name);
        } else {
            assert_eq!(
                (reply.status, reply.json()),
                (404, json!({"error": "project 99 not found"})),
                "{}",
                endpoint.name
            );
        }
    }
}

#[tokio::test]
async fn site_audit_finds_pages_by_issue_and_compares_two_crawls() {
    let context = Context::new(Options {
        rows: 400,
        ..options()
    })
    .await;
    let ask = async |more: &[(&str, &str)]| {
        let all = [&[("project_id", "1001"), ("limit", "1000")], more].concat();
        context.rows("site-audit/page-explorer", &all).await
    };
    let issue = context
        .rows("site-audit/issues", &[("project_id", "1001")])
        .await[3]["issue_id"]
        .clone();
    let touched = ask(&[("select", "url"), ("issue_id", issue.as_str().unwrap())]).await;
    assert!((5..80).contains(&touched.len()), "{}", touched.len());
    let then = "2026-06-01T00:00:00Z";
    let columns = "url,traffic,depth,depth_prev,depth_diff,h1,h1_prev";
    let both = ask(&[("select", columns), ("date_compared", then)]).await;
    let before = ask(&[("select", "depth"), ("date", then)]).await;
    for (row, before) in both.iter().zip(&before) {
        if !row["depth_prev"].is_null() {
            assert_eq!(row["depth_prev"], before["depth"]);
            assert_eq!(row["h1_prev"], row["h1"]);
        }
        let diff = row["depth"]
            .as_i64()
            .zip(row["depth_prev"].as_i64())
            .map(|(now, then)| now - then);
        assert_eq!(row["depth_diff"].as_i64(), diff);
    }
    let alone = ask(&[("select", "depth_prev,h1_prev,depth_diff")]).await;
    assert!(
        alone
            .iter()
            .all(|row| *row == json!({"depth_prev": null, "h1_prev": [], "depth_diff": null}))
    );
}

#[tokio::test]
async fn the_figures_of_a_domain_agree_across_operations() {
    let context = Context::new(options()).await;
    let on = [("target", "acme.com"), ("date", TODAY)];
    let rating = context
        .get("site-explorer/domain-rating", &on)
        .await
        .ok()
        .json();
    let free = context
        .get(
            "public/domain-rating-free",
            &[("target", "https://acme.com/")],
        )
        .await
        .ok()
        .json();
    assert_eq!(
        free["domain_rating"]["domain_rating"],
        rating["domain_rating"]["domain_rating"]
    );
    let stats = &context
        .get("site-explorer/backlinks-stats", &on)
        .await
        .ok()
        .json()["metrics"];
    let count = async |operation: &str, history: &str, select: &str| {
        let list = [
            ("target", "acme.com"),
            ("select", select),
            ("history", history),
            ("aggregation", "all"),
            ("limit", "9999"),
        ];
        context.rows(operation, &list).await.len()
    };
    for (column, operation, history, select) in [
        ("live", "site-explorer/all-backlinks", "live", "anchor"),
        (
            "all_time",
            "site-explorer/all-backlinks",
            "all_time",
            "anchor",
        ),
        (
            "live_refdomains",
            "site-explorer/refdomains",
            "live",
            "domain",
        ),
        (
            "all_time_refdomains",
            "site-explorer/refdomains",
            "all_time",
            "domain",
        ),
    ] {
        assert_eq!(
            stats[column],
            json!(count(operation, history, select).await),
            "{column}"
        );
    }
}

#[tokio::test]
async fn counts_over_time_add_up_and_charts_show_what_was_asked() {
    let context = Context::new(options()).await;
    let range = [
        ("project_id", "1001"),
        ("from", "2026-03-02T00:00:00Z"),
        ("to", "2026-03-29T00:00:00Z"),
    ];
    let visitors = |rows: &[Value]| {
        rows.iter()
            .map(|row| row["visitors"].as_i64().unwrap())
            .sum::<i64>()
    };
    let stats = context.rows("web-analytics/browsers", &range).await;
    let chosen: Vec<Value> = stats
        .iter()
        .filter(|row| row["browser"] == "Firefox")
        .cloned()
        .collect();
    for (step, rows) in [
        ("hourly", 28 * 24),
        ("daily", 28),
        ("weekly", 4),
        ("monthly", 1),
    ] {
        let all = [
            &range[..],
            &[("granularity", step), ("browser_to_chart", "Firefox")],
        ]
        .concat();
        let points = context.rows("web-analytics/browsers-chart", &all).await;
        assert_eq!(
            (points.len(), visitors(&points)),
            (rows, visitors(&chosen)),
            "{step}"
        );
        assert_eq!(
            texts(&points, "timestamp")
                .into_iter()
                .collect::<BTreeSet<_>>()
                .len(),
            rows
        );
    }
    let history = async |grouping: &str, from: &str| {
        let range = [
            ("project_id", "1001"),
            ("date_from", from),
            ("date_to", "2026-06-30"),
            ("history_grouping", grouping),
        ];
        context.rows("gsc/performance-history", &range).await
    };
    let clicks = |rows: &[Value]| {
        rows.iter()
            .map(|row| row["clicks"].as_i64().unwrap())
            .sum::<i64>()
    };
    let months = history("monthly", "2026-01-01").await;
    assert_eq!(
        (months.len(), &months[0]["date"]),
        (6, &json!("2026-01-01T00:00:00Z"))
    );
    assert_eq!(
        clicks(&history("daily", "2026-01-01").await),
        clicks(&months)
    );
    assert_eq!(history("monthly", "2026-04-01").await, months[3..]);
}

#[tokio::test]
async fn recent_periods_are_corrected_from_day_to_day_and_old_ones_never() {
    let living = || Options {
        daily_churn: true,
        ..options()
    };
    let (today, tomorrow) = (
        Context::on("2026-09-30", living()).await,
        Context::on("2026-10-01", living()).await,
    );
    for (name, more) in [
        (
            "site-explorer/refdomains-history",
            &[("target", "acme.com"), ("history_grouping", "daily")][..],
        ),
        (
            "site-explorer/metrics-history",
            &[("target", "acme.com"), ("history_grouping", "daily")],
        ),
        (
            "gsc/performance-history",
            &[("project_id", "1001"), ("history_grouping", "daily")],
        ),
        (
            "keywords-explorer/volume-history",
            &[("keyword", "ahrefs"), ("country", "us")],
        ),
    ] {
        let all = [
            more,
            &[("date_from", "2026-01-01"), ("date_to", "2026-09-30")],
        ]
        .concat();
        let (first, second) = (
            today.rows(name, &all).await,
            tomorrow.rows(name, &all).await,
        );
        let changed: Vec<&Value> = first
            .iter()
            .zip(&second)
            .filter(|(one, two)| one != two)
            .map(|(one, _)| one)
            .collect();
        assert!(!changed.is_empty(), "{name}");
        assert!(
            changed
                .iter()
                .all(|row| row["date"].as_str().unwrap() >= "2026-07-01"),
            "{name} {changed:?}"
        );
        let still = Context::on("2026-09-30", options())
            .await
            .rows(name, &all)
            .await;
        let later = Context::on("2026-10-01", options())
            .await
            .rows(name, &all)
            .await;
        let shown = still.len();
        assert_eq!(still, later[..shown], "{name}");
    }
}

#[tokio::test]
async fn bodies_are_checked_like_queries() {
    let context = Context::new(options()).await;
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
