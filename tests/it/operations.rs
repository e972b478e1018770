//! What a report of each operation of the catalog requires, and which requests it sends: written independently of the
//! program.

use backhaul::catalog::{Endpoint, Parameter, ParameterKind, Shape};
use backhaul::model::Method;
use chrono::{Days, NaiveDate};
use serde_json::{Map, Value as Json, json};

/// Tables of the configuration with what is looked up.
pub const TARGET: &str = "[[target]]\nurl = \"acme.com\"\n";
pub const LIST: &str =
    "[[keyword_list]]\nname = \"brand\"\nkeywords = [\"acme\", \"acme shoes\"]\n";

/// The keywords of [`LIST`].
pub const KEYWORDS: [&str; 2] = ["acme", "acme shoes"];

/// An input that an operation requires: its name in errors, and the lines that supply it.
pub struct RequiredInput {
    pub name: String,
    pub of_file: &'static str,
    pub of_report: String,
    /// Parameter and value that are sent, where the report names them.
    sent: Option<(String, Json)>,
    /// The value, where it is one of a list that makes tasks.
    varies: Option<String>,
}

/// The request of one task of a report.
pub struct ExpectedRequest {
    /// What varies, as in the columns `_<name>` of its rows.
    pub varying: Vec<(String, String)>,
    /// All parameters that are sent.
    pub parameters: Map<String, Json>,
}

/// A value that the sandbox knows, as TOML and JSON write it.
fn value(parameter: &Parameter) -> String {
    let first = |kind: &ParameterKind| match (parameter.name.as_str(), kind) {
        ("project_id", _) => "1001".to_owned(),
        ("post_id", _) => "50001".to_owned(),
        ("report_id", _) => "\"6f1d8c1e-0001\"".to_owned(),
        ("channel_id", _) => "\"ch-1\"".to_owned(),
        ("external_post_id", _) => "\"x12kx\"".to_owned(),
        ("target_url", _) => "\"https://acme.com/\"".to_owned(),
        ("country" | "country_code", _) => "\"us\"".to_owned(),
        (_, ParameterKind::Enum(values)) => format!("\"{}\"", values[0]),
        (_, ParameterKind::Integer | ParameterKind::Number) => "7".to_owned(),
        (_, ParameterKind::Date) => "\"2026-01-01\"".to_owned(),
        _ => "\"x\"".to_owned(),
    };
    match &parameter.kind {
        ParameterKind::List(item) => first(item),
        other => first(other),
    }
}

/// All that the operation requires, by the catalog.
pub fn required_inputs(endpoint: &Endpoint) -> Vec<RequiredInput> {
    // A history begins with a day, also where the source would choose one.
    let is_history = endpoint.parameter("limit").is_none() && endpoint.shape == Shape::Rows;
    let begins =
        |name: &str| is_history && name == "date_from" && endpoint.column("date").is_some();
    let required = endpoint
        .inputs()
        .filter(|parameter| parameter.required || begins(&parameter.name));
    let required = required.map(|parameter| parameter.name.as_str());
    let groups = endpoint
        .requires_one_of
        .iter()
        .filter_map(|group| group.first())
        .map(String::as_str);
    let mut needs = Vec::new();
    for name in required.chain(groups).filter(|name| *name != "select") {
        let value = value(endpoint.parameter(name).unwrap());
        let of_report = |key: &str, value: String| RequiredInput {
            name: key.to_owned(),
            of_file: "",
            sent: Some((name.to_owned(), serde_json::from_str(&value).unwrap())),
            of_report: format!("{key} = {value}\n"),
            varies: None,
        };
        let listed = |key: &str| {
            let item: Json = serde_json::from_str(&value).unwrap();
            // A list takes one value of what varies as a list of one; a query has no other lists than texts.
            let takes_list = matches!(
                endpoint.parameter(name).unwrap().kind,
                ParameterKind::List(_)
            );
            let varies = Some(
                item.as_str()
                    .map_or_else(|| item.to_string(), str::to_owned),
            );
            let sent = if takes_list && endpoint.method == Method::Post {
                json!([item])
            } else {
                item
            };
            RequiredInput {
                sent: Some((name.to_owned(), sent)),
                varies,
                of_report: format!("{key} = [{value}]\n"),
                ..of_report(key, value.clone())
            }
        };
        let of_file = |name: &str, of_file| RequiredInput {
            name: name.to_owned(),
            of_file,
            of_report: String::new(),
            sent: None,
            varies: None,
        };
        needs.push(match name {
            "target" | "targets" => of_file("target", TARGET),
            "keyword" | "keywords" => of_file("keyword_list", LIST),
            "date" => continue,
            "date_from"
                if endpoint.column("date").is_some()
                    || endpoint.column("retrieved_at").is_some() =>
            {
                of_report("since", "\"2026-01-01\"".to_owned())
            }
            "date_from" => of_report("date_from", "\"-28d\"".to_owned()),
            "country" => listed("countries"),
            "country_code" => listed("country_codes"),
            "device" => listed("devices"),
            "project_id" => listed("projects"),
            "keyword_list_id" => listed("keyword_list_ids"),
            "report_id" => listed("report_ids"),
            "data_source" => listed("data_sources"),
            "channel_id" => listed("channels"),
            "post_id" => listed("post_ids"),
            "external_post_id" => listed("external_post_ids"),
            "target_url" => listed("target_urls"),
            "utm_param" => listed("utm_params"),
            "status" => listed("statuses"),
            other => of_report(other, value),
        });
    }
    needs
}

/// The requests on a night of a report with all that its operation requires and these columns: one for each task.
pub fn expected_requests(
    endpoint: &Endpoint,
    night: NaiveDate,
    columns: &[String],
) -> Vec<ExpectedRequest> {
    let (mut parameters, mut varying) = (Map::new(), Vec::new());
    let needs = required_inputs(endpoint);
    let has_list = needs.iter().any(|need| need.name == "keyword_list");
    for RequiredInput { sent, varies, .. } in needs {
        let Some((name, value)) = sent else { continue };
        varying.extend(varies.map(|varies| (name.clone(), varies)));
        parameters.insert(name, value);
    }
    let required = |name: &str| {
        endpoint
            .inputs()
            .any(|parameter| parameter.name == name && parameter.required)
    };
    let takes = |name: &str| endpoint.parameter(name).is_some();
    let back = |days| night.checked_sub_days(Days::new(days)).unwrap();
    let select = if endpoint.method == Method::Post {
        json!(columns)
    } else {
        json!(columns.join(","))
    };
    let target = [
        ("target", "acme.com"),
        ("mode", "subdomains"),
        ("protocol", "both"),
    ];
    if required("target") {
        parameters.extend(
            target
                .iter()
                .filter(|(name, _)| takes(name))
                .map(|(name, value)| ((*name).to_owned(), json!(value))),
        );
    }
    for (name, value) in [
        ("select", select),
        (
            "targets",
            json!([{"url": "acme.com", "mode": "subdomains", "protocol": "both"}]),
        ),
        ("date", json!(night.to_string())),
        ("from", json!(format!("{}T00:00:00Z", back(1)))),
        ("to", json!(format!("{night}T00:00:00Z"))),
        ("history", json!("live")),
        ("limit", json!(150_000)),
    ] {
        // Elsewhere `from` and `to` are numbers.
        if takes(name) && (!["from", "to"].contains(&name) || endpoint.section() == "web-analytics")
        {
            parameters.insert(name.to_owned(), value);
        }
    }
    if let Some(from) = parameters.get_mut("date_from") {
        if from.as_str().is_some_and(|from| from.starts_with('-')) {
            *from = json!(back(28).to_string());
        }
        parameters.insert("date_to".to_owned(), json!(night.to_string()));
    }
    let request = |name: &str, value: &str, column: &str, held: &str| {
        let (mut parameters, mut varying) = (parameters.clone(), varying.clone());
        parameters.insert(name.to_owned(), json!(value));
        varying.insert(0, (column.to_owned(), held.to_owned()));
        ExpectedRequest {
            varying,
            parameters,
        }
    };
    if has_list && takes("keyword") {
        KEYWORDS
            .iter()
            .map(|keyword| request("keyword", keyword, "keyword", keyword))
            .collect()
    } else if has_list {
        vec![request(
            "keywords",
            &KEYWORDS.join(","),
            "keyword_list",
            "brand",
        )]
    } else {
        vec![ExpectedRequest {
            varying,
            parameters,
        }]
    }
}
