//! What every operation of the catalog needs to be a report: written independently of the program.

use backhaul::catalog::{Endpoint, Parameter, ParameterKind};

/// Tables of the file that hold what is looked up.
pub const TARGET: &str = "[[target]]\nurl = \"acme.com\"\n";
pub const LIST: &str = "[[keyword_list]]\nname = \"brand\"\nkeywords = [\"acme\", \"acme shoes\"]\n";

/// Something that an operation requires: what errors call it, where it stands, and the lines that supply it.
pub struct Need {
    pub name: String,
    pub of_file: &'static str,
    pub of_report: String,
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
pub fn needs(endpoint: &Endpoint) -> Vec<Need> {
    let required = endpoint.inputs().filter(|parameter| parameter.required).map(|parameter| parameter.name.as_str());
    let groups = endpoint.requires_one_of.iter().filter_map(|group| group.first()).map(String::as_str);
    let mut needs = Vec::new();
    for name in required.chain(groups).filter(|name| *name != "select") {
        let value = value(endpoint.parameter(name).unwrap());
        let of_report = |key: &str, value: String| Need {
            name: key.to_owned(),
            of_file: "",
            of_report: format!("{key} = {value}\n"),
        };
        let listed = |key: &str| of_report(key, format!("[{value}]"));
        let of_file = |name: &str, of_file| Need { name: name.to_owned(), of_file, of_report: String::new() };
        needs.push(match name {
            "target" | "targets" => of_file("target", TARGET),
            "keyword" | "keywords" => of_file("keyword_list", LIST),
            "date" => continue,
            "date_from" if endpoint.column("date").is_some() || endpoint.column("retrieved_at").is_some() => {
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
