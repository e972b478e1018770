//! The file that `backhaul init` writes.

use backhaul::config;
use backhaul::plan;

use super::{planned, valid};

#[test]
fn the_starter_loads_and_teaches_the_main_keys() {
    for targets in [
        vec![],
        vec!["acme.com".to_owned(), "https://b.com/\u{e4}".to_owned()],
    ] {
        let text = config::starter(&targets);
        let config = valid(&text);
        assert_eq!(config.targets.len(), targets.len().max(1));
        assert!(text.lines().count() <= 60, "{text}");
        for key in [
            "api_key",
            "per_run",
            "per_month",
            "pace",
            "every",
            "url",
            "columns",
            "max_rows",
            "endpoint",
            "countries",
            "where",
            "file",
        ] {
            assert!(text.contains(key), "{key}");
        }
        plan::require_budget(&planned(&config), config.budget.per_run)
            .expect("the starter has a budget");
    }
    let uncommented = config::starter(&[]).replace("# [[", "[[");
    let uncommented = [
        "name",
        "endpoint",
        "countries",
        "where",
        "base_url",
        "keywords",
    ]
    .iter()
    .fold(uncommented, |text, key| {
        text.replace(&format!("\n# {key}"), &format!("\n{key}"))
    });
    assert_eq!(
        valid(&uncommented).reports.len(),
        3,
        "what is commented out is correct too"
    );
}
