//! `[[report]]`: names, endpoints, filters and parameters.

use super::{errors_of, planned, report, valid};

#[test]
fn duplicate_names_are_refused() {
    let text = report("name = \"rating\"\nendpoint = \"site-explorer/metrics\"")
        + "[[report]]\nname = \"coverage\"\nendpoint = \"site-explorer/metrics\"\n[[target]]\nname = \"acme.com\"\nurl = \"acme.org\"\n";
    insta::assert_snapshot!(errors_of(&text), @r#"
    error[BH-TARGET]: duplicate target name `acme.com`
      --> backhaul.toml:23:8
       | name = "acme.com"
       |        ^^^^^^^^^^ first used in backhaul.toml: set another `name`
    next: fix the line, then: backhaul check --offline
    cost: 0 units, nothing was sent

    error[BH-CONFIG]: duplicate report name `rating`
      --> backhaul.toml:17:8
       | name = "rating"
       |        ^^^^^^^^ use another name: each report is a table of its own
    next: fix the line, then: backhaul check --offline
    cost: 0 units, nothing was sent

    error[BH-CONFIG]: the report name `coverage` is reserved
      --> backhaul.toml:20:8
       | name = "coverage"
       |        ^^^^^^^^^^ use another name: the program writes a table of that name itself
    next: fix the line, then: backhaul check --offline
    cost: 0 units, nothing was sent
    "#);
}

#[test]
fn endpoints_are_named_as_the_catalog_has_them() {
    let text = report("name = \"a\"\nendpoint = \"site-explorer/backlinks\"")
        + "[[report]]\nname = \"b\"\nendpoint = \"best-by-external-links\"\n[[report]]\nname = \"d\"\n";
    insta::assert_snapshot!(errors_of(&text), @r#"
    error[BH-ENDPOINT]: unknown endpoint `site-explorer/backlinks`
      --> backhaul.toml:18:12
       | endpoint = "site-explorer/backlinks"
       |            ^^^^^^^^^^^^^^^^^^^^^^^^^ did you mean `site-explorer/backlinks-stats`?
    next: backhaul catalog
    cost: 0 units, nothing was sent

    error[BH-ENDPOINT]: unknown endpoint `best-by-external-links`
      --> backhaul.toml:21:12
       | endpoint = "best-by-external-links"
       |            ^^^^^^^^^^^^^^^^^^^^^^^^ did you mean `site-explorer/pages-by-backlinks`?
    next: backhaul catalog
    cost: 0 units, nothing was sent

    error[BH-ENDPOINT]: missing `endpoint` in the report `d`
      --> backhaul.toml:22:1
       | [[report]]
       | ^^^^^^^^^^ add one; see: backhaul catalog
    next: backhaul catalog
    cost: 0 units, nothing was sent
    "#);
}

#[test]
fn a_wrong_filter_underlines_the_word_in_the_json() {
    let text = report(
        "name = \"links\"\nendpoint = \"site-explorer/all-backlinks\"\nwhere_json = '{\"field\": \"domain_rating\", \"is\": [\"gte\", 30]}'",
    );
    insta::assert_snapshot!(errors_of(&text), @r#"
    error[BH-FILTER]: site-explorer/all-backlinks has no column `domain_rating` to filter by
      --> backhaul.toml:19:26
       | where_json = '{"field": "domain_rating", "is": ["gte", 30]}'
       |                          ^^^^^^^^^^^^^ did you mean `domain_rating_target`?
    next: backhaul catalog site-explorer/all-backlinks
    cost: 0 units, nothing was sent
    "#);
}

#[test]
fn filters_may_be_json_text_or_a_table() {
    let links = "name = \"links\"\nendpoint = \"site-explorer/all-backlinks\"\nwhere_json = ";
    let text = valid(&report(&format!(
        "{links}'{{\"field\": \"is_dofollow\", \"is\": [\"eq\", true]}}'"
    )));
    let table = valid(&report(&format!(
        "{links}{{ field = \"is_dofollow\", is = [\"eq\", true] }}"
    )));
    assert!(text.reports[1].filter.is_some());
    assert_eq!(text.reports[1].filter, table.reports[1].filter);
    assert_eq!(planned(&text), planned(&table));
}

#[test]
fn a_missing_required_parameter_says_what_to_add() {
    let text = report("name = \"rivals\"\nendpoint = \"site-explorer/organic-competitors\"")
        + "[[report]]\nname = \"history\"\nendpoint = \"site-explorer/pages-history\"\n";
    insta::assert_snapshot!(errors_of(&text), @r#"
    error[BH-PARAMETER]: site-explorer/organic-competitors requires `countries`
      --> backhaul.toml:16:1
       | [[report]]
       | ^^^^^^^^^^ missing in this report
    next: add to the report: countries = ["us"]
    cost: 0 units, nothing was sent

    error[BH-PARAMETER]: site-explorer/pages-history requires `since`
      --> backhaul.toml:19:1
       | [[report]]
       | ^^^^^^^^^^ the first day is missing
    next: add to the report: since = "2024-01-01"
    cost: 0 units, nothing was sent
    "#);
}

#[test]
fn parameters_that_are_ours_or_do_not_fit_are_refused() {
    let text = report(
        "name = \"links\"\nendpoint = \"site-explorer/all-backlinks\"\nlimit = 5\naggregation = \"none\"\ncountries = [\"us\"]\nhistory = true",
    );
    insta::assert_snapshot!(errors_of(&text), @r#"
    error[BH-PARAMETER]: `limit` cannot be set in a report
      --> backhaul.toml:19:1
       | limit = 5
       | ^^^^^ use `max_rows`
    next: fix the line, then: backhaul check --offline
    cost: 0 units, nothing was sent

    error[BH-PARAMETER]: invalid value for `aggregation`: `none`
      --> backhaul.toml:20:15
       | aggregation = "none"
       |               ^^^^^^ one of: similar_links, 1_per_domain, all
    next: fix the line, then: backhaul check --offline
    cost: 0 units, nothing was sent

    error[BH-PARAMETER]: invalid value for `history`: a boolean
      --> backhaul.toml:22:11
       | history = true
       |           ^^^^ a string
    next: fix the line, then: backhaul check --offline
    cost: 0 units, nothing was sent

    error[BH-PARAMETER]: site-explorer/all-backlinks has no parameter `country`
      --> backhaul.toml:21:13
       | countries = ["us"]
       |             ^^^^^^ remove this
    next: fix the line, then: backhaul check --offline
    cost: 0 units, nothing was sent
    "#);
}

#[test]
fn every_operation_of_site_explorer_can_be_a_report_with_all_its_required_parameters() {
    let catalog = backhaul::catalog::Catalog::embedded();
    let endpoints: Vec<_> = catalog
        .endpoints()
        .filter(|endpoint| endpoint.section() == "site-explorer")
        .collect();
    assert!(endpoints.len() > 20);
    for endpoint in endpoints {
        let needs = |name: &str| {
            endpoint
                .parameter(name)
                .is_some_and(|parameter| parameter.required)
        };
        let since = if needs("date_from") {
            "since = \"2026-01-01\"\n"
        } else {
            ""
        };
        let countries = if needs("country") {
            "countries = [\"us\"]\n"
        } else {
            ""
        };
        let text = report(&format!(
            "name = \"one\"\nendpoint = \"{}\"\n{since}{countries}",
            endpoint.name
        ));
        let config = valid(&text);
        let task = planned(&config).pop().expect("a task");
        assert!(!config.reports[1].columns.is_empty(), "{}", endpoint.name);
        for parameter in endpoint
            .parameters
            .iter()
            .filter(|parameter| parameter.required && parameter.name != "select")
        {
            let is_sent = task
                .query
                .iter()
                .any(|(name, value)| *name == parameter.name && !value.is_empty());
            assert!(is_sent, "{} lacks {}", endpoint.name, parameter.name);
        }
        assert!(
            task.query
                .iter()
                .all(|(name, _)| endpoint.parameter(name).is_some()),
            "{}",
            endpoint.name
        );
        let is_list = endpoint.parameter("limit").is_some();
        assert_eq!(
            task.bound_units.is_none(),
            is_list,
            "{}: only lists are unbounded",
            endpoint.name
        );
    }
}
