//! The table of keys: its examples and defaults hold, the JSON Schema and the reference are made from it.

use std::collections::BTreeSet;
use std::path::Path;

use backhaul::catalog::Catalog;
use backhaul::config::{self, DefaultValue};
use backhaul::error::{ErrorCode, Errors};
use serde_json::Value as Json;

use super::environment;

/// Set by `make docs-reference`: files that differ are written instead of refused.
const UPDATE: &str = "UPDATE_REFERENCE";

fn assert_generated(path: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    if std::env::var_os(UPDATE).is_some() {
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(&path, text).expect("written");
    }
    let checked_in = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        checked_in == text,
        "{} differs from the table of keys: make docs-reference",
        path.display()
    );
}

#[test]
fn the_json_schema_is_made_from_the_table() {
    let schema = config::json_schema().expect("JSON");
    assert_generated("schemas/config.schema.json", &schema);
}

#[test]
fn the_reference_is_made_from_the_table() {
    assert_generated("docs/reference/configuration.md", &config::reference_page());
}

#[test]
fn the_json_schema_knows_exactly_the_keys_of_the_program() {
    let schema: Json =
        serde_json::from_str(include_str!("../../../schemas/config.schema.json")).expect("JSON");
    let keys = |object: &Json| -> BTreeSet<String> {
        object["properties"]
            .as_object()
            .expect("properties")
            .keys()
            .cloned()
            .collect()
    };
    for table in config::TABLES {
        let object = if table.definition.is_empty() {
            &schema
        } else {
            &schema["$defs"][table.definition]
        };
        let known: BTreeSet<String> = table.names().into_iter().map(str::to_owned).collect();
        assert_eq!(keys(object), known, "{}", table.path);
        assert_eq!(
            object["additionalProperties"] == Json::Bool(false),
            table.path != "report",
            "{}",
            table.path
        );
    }
    assert_eq!(
        schema["$defs"].as_object().expect("definitions").len() + 1,
        config::TABLES.len()
    );
}

#[test]
fn every_key_is_documented_under_the_path_of_its_table() {
    for table in config::TABLES {
        for key in table.keys {
            let parent = key.path.strip_suffix(key.name()).expect("its name");
            assert_eq!(parent.trim_end_matches('.'), table.path, "{}", key.path);
            assert!(key.doc.ends_with('.') && key.doc.len() > 5, "{}", key.path);
            assert!(key.example.starts_with(key.name()), "{}", key.path);
        }
    }
}

/// A configuration with everything that examples refer to.
fn base(url: &str, endpoint: &str) -> toml::Table {
    let text = format!(
        r#"
        source.api_key.env = "AHREFS_API_KEY"
        destination.url = "{url}"
        target = [
            {{ name = "acme", url = "acme.com" }},
            {{ url = "example.com", labels = {{ role = "competitor" }} }},
        ]
        keyword_list = [
            {{ name = "shoes", keywords = ["shoes"] }},
            {{ name = "brand", keywords = ["acme"] }},
        ]
        report = [{{ name = "rating", endpoint = "{endpoint}" }}]
        "#
    );
    text.parse().expect("TOML")
}

/// The table of a path, of an array the first; made with what it requires where it is not there.
fn table_at<'t>(root: &'t mut toml::Table, path: &str) -> &'t mut toml::Table {
    let mut table = root;
    for name in path.split('.').filter(|name| !name.is_empty()) {
        let required = match name {
            "encryption" => "kms = \"alias/lake\"",
            "top" => "by = \"domain_rating_source\"\nrows = 10",
            _ => "",
        };
        let new = toml::Value::Table(required.parse().expect("TOML"));
        let value = table.entry(name).or_insert(new);
        if let toml::Value::Array(items) = value {
            table = items[0].as_table_mut().expect("a table");
        } else {
            table = value.as_table_mut().expect("a table");
        }
    }
    table
}

fn parse(folder: &Path, root: &toml::Table) -> Result<config::RunConfig, Errors> {
    let text = toml::to_string(root).expect("TOML");
    config::parse(&text, &folder.join("backhaul.toml"), &environment())
}

/// The endpoints that the base is tried with.
fn endpoints(table: &str) -> Vec<&'static str> {
    if table.starts_with("report") {
        let catalog = Catalog::embedded();
        catalog.endpoints().map(|one| one.name.as_str()).collect()
    } else {
        vec!["site-explorer/domain-rating"]
    }
}

/// Whether the configuration is accepted, but for what is wrong elsewhere: an operation may require more.
fn accepts(folder: &Path, root: &toml::Table, key: &str) -> bool {
    let Err(errors) = parse(folder, root) else {
        return true;
    };
    errors.0.iter().all(|error| {
        let is_elsewhere = error
            .snippet()
            .is_some_and(|snippet| snippet.text.starts_with("[["));
        is_elsewhere || (error.code() == ErrorCode::Later && key == "destination.layout")
    })
}

#[test]
fn every_example_is_accepted_by_some_configuration() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    std::fs::write(folder.join("sites.csv"), "name,url,mode\nb,b.com,domain\n").expect("written");
    std::fs::write(folder.join("keywords.txt"), "acme\nacme shoes\n").expect("written");
    for table in config::TABLES {
        for key in table.keys {
            let example: toml::Table = key.example.parse().expect(key.path);
            let mut is_accepted = false;
            for url in ["data", "s3://acme", "az://lake"] {
                for endpoint in endpoints(table.path) {
                    let mut root = base(url, endpoint);
                    let own = table_at(&mut root, table.path);
                    // Of these only one may be set.
                    match key.path {
                        "source.api_key.file" | "source.api_key.command" => own.clear(),
                        "target.file" => own.retain(|name, _| !["name", "url"].contains(&name)),
                        "keyword_list.file" => drop(own.remove("keywords")),
                        _ => {}
                    }
                    own.extend(example.clone());
                    is_accepted |= accepts(folder, &root, key.path);
                }
            }
            assert!(is_accepted, "{}: {}", key.path, key.example);
        }
    }
}

#[test]
fn every_default_is_what_holds_where_the_key_is_not_set() {
    let folder = Path::new("");
    let mut num_defaults = 0;
    for table in config::TABLES {
        for key in table.keys {
            let DefaultValue::Value(default) = key.default else {
                continue;
            };
            num_defaults += 1;
            let mut num_compared = 0;
            for url in ["data", "s3://acme"] {
                let mut unset = base(url, "site-explorer/all-backlinks");
                table_at(&mut unset, table.path);
                let mut set = unset.clone();
                let line: toml::Table = format!("{} = {default}", key.name())
                    .parse()
                    .expect(key.path);
                table_at(&mut set, table.path).extend(line);
                if let (Ok(unset), Ok(set)) = (parse(folder, &unset), parse(folder, &set)) {
                    num_compared += 1;
                    assert_eq!(format!("{unset:?}"), format!("{set:?}"), "{}", key.path);
                }
            }
            assert!(num_compared > 0, "{}", key.path);
        }
    }
    assert!(num_defaults > 15);
}
