//! The catalog is data, so its tests are the compiler of that data: facts kept, and every addition of ours obeying its rules.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use backhaul::catalog::{
    Catalog, Column, ColumnKind, Endpoint, Filterable, ParameterKind, Presets, Shape,
};
use backhaul::cli::catalog as pages;
use backhaul::config::{self, Environment};
use backhaul::error::Code;
use serde_json::Value as Json;

/// Per section: operations, parameters, required ones, columns, nullable ones, their units, filter columns, their units.
/// Counted from the published description, so that an edit of ours cannot lose a fact unseen.
const FACTS: [(&str, [u64; 8]); 13] = [
    ("batch-analysis", [1, 0, 0, 35, 1, 92, 0, 0]),
    ("brand-radar", [11, 107, 19, 46, 0, 73, 72, 153]),
    ("gsc", [12, 113, 15, 68, 14, 95, 2, 2]),
    ("keywords-explorer", [6, 53, 11, 70, 57, 304, 90, 243]),
    ("management", [7, 17, 5, 31, 3, 31, 0, 0]),
    ("public", [4, 7, 1, 7, 0, 7, 0, 0]),
    ("rank-tracker", [6, 61, 24, 129, 55, 129, 91, 91]),
    ("serp-overview", [1, 7, 3, 16, 13, 47, 0, 0]),
    ("site-audit", [4, 26, 5, 644, 390, 644, 630, 630]),
    ("site-explorer", [28, 248, 59, 484, 160, 1257, 696, 1437]),
    ("social-media", [6, 24, 7, 39, 16, 39, 0, 0]),
    ("subscription-info", [1, 1, 0, 7, 3, 7, 0, 0]),
    ("web-analytics", [34, 239, 53, 143, 0, 143, 1258, 1258]),
];

/// Texts that several columns share because they mean the same under different names.
const SAME_MEANING: [&[&str]; 5] = [
    &["domain_rating", "domain_rating_target"],
    &["refdomains_target", "referring_domains"],
    &["ur", "url_rating", "url_rating_target"],
    &["http_code", "http_code_target"],
    &["title", "title_target"],
];

fn endpoints() -> impl Iterator<Item = &'static Endpoint> {
    Catalog::embedded().endpoints()
}

fn endpoint(name: &str) -> &'static Endpoint {
    Catalog::embedded()
        .endpoint(name)
        .unwrap_or_else(|| panic!("no {name}"))
}

fn paged() -> impl Iterator<Item = &'static Endpoint> {
    endpoints().filter(|endpoint| endpoint.pageable())
}

fn presets(endpoint: &Endpoint) -> impl Iterator<Item = (&'static str, &[String])> {
    Presets::NAMES
        .into_iter()
        .filter_map(|name| endpoint.presets.get(name).map(|columns| (name, columns)))
}

fn count(items: usize) -> u64 {
    u64::try_from(items).unwrap()
}

#[test]
fn no_published_fact_was_lost() {
    let mut counted: BTreeMap<&str, [u64; 8]> = BTreeMap::new();
    for endpoint in endpoints() {
        let required = endpoint
            .parameters
            .iter()
            .filter(|parameter| parameter.required)
            .count();
        let nullable = endpoint
            .columns
            .iter()
            .filter(|column| column.nullable)
            .count();
        let counts = [
            1,
            count(endpoint.parameters.len()),
            count(required),
            count(endpoint.columns.len()),
            count(nullable),
            endpoint.columns.iter().map(|column| column.units).sum(),
            count(endpoint.filterable.len()),
            endpoint.filterable.iter().map(|column| column.units).sum(),
        ];
        let section = counted.entry(endpoint.section()).or_default();
        section
            .iter_mut()
            .zip(counts)
            .for_each(|(sum, count)| *sum += count);
    }
    assert_eq!(counted, BTreeMap::from(FACTS));
}

#[test]
fn no_column_was_renamed_retyped_or_repriced() {
    let mut lines = String::new();
    for endpoint in endpoints() {
        for Column {
            name,
            kind,
            nullable,
            units,
            ..
        } in &endpoint.columns
        {
            writeln!(
                lines,
                "{} {name} {kind:?} {nullable} {units}",
                endpoint.name
            )
            .unwrap();
        }
        for filter in &endpoint.filterable {
            let Filterable {
                name,
                kind,
                nullable,
                units,
                ..
            } = filter;
            writeln!(
                lines,
                "{} where {name} {kind:?} {nullable} {units}",
                endpoint.name
            )
            .unwrap();
        }
    }
    assert_eq!(lines.lines().count(), 1719 + 2839);
    assert_eq!(
        crc32fast::hash(lines.as_bytes()),
        1_634_153_101,
        "a fact changed: compare schemas/ with the API's description"
    );
}

#[test]
fn only_text_is_looked_up() {
    let looked_up: Vec<_> = endpoints()
        .flat_map(|endpoint| {
            endpoint
                .columns
                .iter()
                .map(move |column| (endpoint, column))
        })
        .filter(|(_, column)| column.lookup)
        .collect();
    assert!(
        looked_up.len() > 20,
        "only {} columns are looked up",
        looked_up.len()
    );
    for (endpoint, column) in looked_up {
        assert_eq!(
            column.kind,
            ColumnKind::Text,
            "{} {}",
            endpoint.name,
            column.name
        );
    }
}

#[test]
fn the_catalog_has_121_operations_and_1719_columns() {
    assert_eq!(endpoints().count(), 121);
    assert_eq!(
        endpoints()
            .map(|endpoint| endpoint.columns.len())
            .sum::<usize>(),
        1719
    );
}

#[test]
fn every_column_costs_at_least_a_unit() {
    for endpoint in endpoints() {
        let units = endpoint.columns.iter().map(|column| column.units);
        assert!(
            units
                .chain(endpoint.filterable.iter().map(|column| column.units))
                .all(|units| units > 0),
            "{}",
            endpoint.name
        );
    }
}

#[test]
fn every_enum_has_values() {
    for endpoint in endpoints() {
        for parameter in &endpoint.parameters {
            assert_ne!(
                parameter.kind,
                ParameterKind::Enum(Vec::new()),
                "{} {}",
                endpoint.name,
                parameter.name
            );
        }
    }
    let country = endpoint("site-explorer/metrics")
        .parameter("country")
        .unwrap();
    assert!(
        matches!(&country.kind, ParameterKind::Enum(values) if values.iter().any(|value| value == "us"))
    );
    let country = endpoint("site-explorer/metrics-by-country")
        .column("country")
        .unwrap();
    assert!(country.values.iter().any(|value| value == "OTHER"));
    let features = endpoint("site-explorer/organic-keywords")
        .column("serp_features")
        .unwrap();
    assert!(features.values.iter().any(|value| value == "ai_overview"));
}

#[test]
fn an_enum_holds_the_default_of_its_parameter() {
    for endpoint in endpoints() {
        for parameter in &endpoint.parameters {
            if let (ParameterKind::Enum(values), Some(default)) =
                (&parameter.kind, &parameter.default)
                && !default.is_empty()
            {
                assert!(
                    values.contains(default),
                    "{} {}={default}",
                    endpoint.name,
                    parameter.name
                );
            }
        }
    }
}

#[test]
fn the_operations_that_can_be_paged_are_these() {
    let names: Vec<_> = paged().map(|endpoint| endpoint.name.as_str()).collect();
    insta::assert_snapshot!(names.join("\n"), @r"
    gsc/anonymous-queries
    keywords-explorer/matching-terms
    keywords-explorer/overview
    keywords-explorer/related-terms
    keywords-explorer/search-suggestions
    rank-tracker/competitors-domains
    rank-tracker/competitors-overview
    rank-tracker/competitors-pages
    rank-tracker/overview
    site-audit/page-explorer
    site-explorer/all-backlinks
    site-explorer/anchors
    site-explorer/broken-backlinks
    site-explorer/linked-anchors-external
    site-explorer/linked-anchors-internal
    site-explorer/linkeddomains
    site-explorer/organic-keywords
    site-explorer/pages-by-backlinks
    site-explorer/pages-by-internal-links
    site-explorer/paid-pages
    site-explorer/refdomains
    site-explorer/top-pages
    ");
}

#[test]
fn an_operation_with_a_key_can_order_filter_and_limit() {
    for endpoint in paged() {
        for parameter in ["limit", "order_by", "where", "select"] {
            assert!(
                endpoint.parameter(parameter).is_some(),
                "{} has no {parameter}",
                endpoint.name
            );
        }
    }
}

#[test]
fn every_column_of_a_key_obeys_the_rules_of_paging() {
    let mut checked = 0;
    for endpoint in paged() {
        for name in endpoint
            .order_key
            .iter()
            .chain(endpoint.group_columns.values().flatten())
        {
            assert_eq!(key_fault(endpoint, name), None, "{} {name}", endpoint.name);
            checked += 1;
        }
    }
    assert!(checked > 40, "only {checked} columns were checked");
}

/// Why a column may not stand in a key, if it may not.
fn key_fault(endpoint: &Endpoint, name: &str) -> Option<String> {
    use ColumnKind::{Boolean, DateTime, Integer, Text};
    let Some(column) = endpoint.column(name) else {
        return Some("cannot be selected".to_owned());
    };
    let Some(filter) = endpoint.filterable(name) else {
        return Some("cannot be filtered".to_owned());
    };
    if !endpoint.is_sortable(name) {
        return Some("cannot be sorted by".to_owned());
    }
    if column.nullable || filter.nullable {
        return Some("may be null".to_owned());
    }
    if !matches!(column.kind, Integer | Boolean | DateTime | Text) || column.kind != filter.kind {
        return Some(format!(
            "is {} and filtered as {}",
            column.kind, filter.kind
        ));
    }
    (column.measure.is_some() || column.units != 1).then(|| "is a metric".to_owned())
}

#[test]
fn the_rules_of_paging_refuse_what_they_should() {
    let backlinks = endpoint("site-explorer/all-backlinks");
    for (name, fault) in [
        ("no_such_column", "cannot be selected"),
        ("link_group_count", "cannot be sorted by"),
        ("last_seen", "may be null"),
        ("domain_rating_source", "is float and filtered as float"),
        ("languages", "is list of text and filtered as list of text"),
        ("traffic", "is a metric"),
    ] {
        assert_eq!(key_fault(backlinks, name).as_deref(), Some(fault), "{name}");
    }
    assert_eq!(key_fault(backlinks, "first_seen_link"), None);
}

#[test]
fn a_key_leads_with_a_date_time_or_integer_where_it_has_one() {
    for endpoint in paged() {
        let leads = |name: &String| {
            matches!(
                endpoint.column(name).map(|column| &column.kind),
                Some(ColumnKind::DateTime | ColumnKind::Integer)
            )
        };
        let first = endpoint.order_key.first().is_some_and(leads);
        assert_eq!(
            first,
            endpoint.order_key.iter().any(leads),
            "{}: {:?}",
            endpoint.name,
            endpoint.order_key
        );
        let strings_begin = endpoint
            .order_key
            .iter()
            .position(|name| !leads(name))
            .unwrap_or(endpoint.order_key.len());
        assert!(
            !endpoint.order_key[strings_begin..].iter().any(leads),
            "{}: a string before a number",
            endpoint.name
        );
    }
}

#[test]
fn no_key_rests_on_what_a_recrawl_moves() {
    let moving = [
        "last_visited",
        "last_visited_source",
        "last_update",
        "last_seen",
        "status",
        "positions",
        "http_code",
    ];
    for endpoint in paged() {
        for name in &endpoint.order_key {
            assert!(
                !moving.contains(&name.as_str()) && !name.ends_with("_diff"),
                "{} {name}",
                endpoint.name
            );
        }
    }
}

#[test]
fn a_key_covers_the_identity_of_its_rows() {
    for endpoint in paged() {
        for name in &endpoint.identity {
            assert!(
                endpoint.order_key.contains(name),
                "{}: {name} identifies a row and is not in its key",
                endpoint.name
            );
        }
    }
}

#[test]
fn only_grouping_aggregations_have_group_columns() {
    let mut checked = 0;
    for endpoint in endpoints() {
        for aggregation in endpoint.group_columns.keys() {
            let parameter = endpoint
                .parameter("aggregation")
                .unwrap_or_else(|| panic!("{}", endpoint.name));
            assert!(
                matches!(&parameter.kind, ParameterKind::Enum(values) if values.contains(aggregation))
            );
            assert_ne!(aggregation, "all", "{} groups nothing there", endpoint.name);
            checked += 1;
        }
    }
    assert_eq!(checked, 4);
}

#[test]
fn what_is_equal_within_a_group_can_be_ranked_by_and_filtered() {
    let mut checked = 0;
    for endpoint in endpoints() {
        for (aggregation, columns) in &endpoint.group_values {
            assert!(
                endpoint.group_columns.contains_key(aggregation),
                "{} {aggregation}",
                endpoint.name
            );
            for name in columns {
                assert!(
                    endpoint.is_sortable(name) && endpoint.filterable(name).is_some(),
                    "{} {name}",
                    endpoint.name
                );
                // Of the domain that a group is of, by its name.
                assert!(
                    name.contains("domain") && !name.contains("target"),
                    "{} {name}",
                    endpoint.name
                );
                checked += 1;
            }
        }
    }
    assert_eq!(checked, 16);
}

#[test]
fn changes_are_marked_where_both_dates_can_be_selected_and_filtered_and_lost_rows_shown() {
    let mut marked = Vec::new();
    for endpoint in endpoints() {
        let Some(changes) = &endpoint.changes else {
            continue;
        };
        for (name, is_nullable) in [(&changes.new, false), (&changes.lost, true)] {
            let (column, filter) = (
                endpoint.column(name).expect("a column"),
                endpoint.filterable(name).expect("a filter"),
            );
            assert_eq!(
                (&column.kind, &filter.kind),
                (&ColumnKind::DateTime, &ColumnKind::DateTime),
                "{name}"
            );
            assert_eq!(
                (column.nullable, filter.nullable),
                (is_nullable, is_nullable),
                "{name}"
            );
        }
        assert!(
            endpoint.parameter("history").is_some() && !endpoint.identity.is_empty(),
            "{}",
            endpoint.name
        );
        marked.push(endpoint.name.as_str());
    }
    assert_eq!(marked, ["site-explorer/all-backlinks"]);
}

#[test]
fn what_counts_the_rows_of_an_operation_is_one_whole_number_of_a_record_about_the_same_target() {
    let mut marked = Vec::new();
    for endpoint in endpoints() {
        for count in &endpoint.counts {
            let telling = Catalog::embedded().endpoint(&count.endpoint).unwrap();
            assert_eq!(telling.shape, Shape::Record, "{}", count.endpoint);
            assert_eq!(
                telling.column(&count.column).unwrap().kind,
                ColumnKind::Integer,
                "{}",
                count.column
            );
            assert!(telling.parameter("target").is_some() && telling.parameter("mode").is_some());
            assert!(
                count
                    .when
                    .iter()
                    .all(|(name, _)| endpoint.parameter(name).is_some()),
                "{:?}",
                count.when
            );
            // Rows of one country are not those of all.
            assert_eq!(
                endpoint.parameter("country").is_some(),
                telling.parameter("country").is_some()
            );
        }
        marked.extend((!endpoint.counts.is_empty()).then_some(endpoint.short_name()));
    }
    marked.sort_unstable();
    assert_eq!(
        marked,
        [
            "all-backlinks",
            "linkeddomains",
            "organic-keywords",
            "refdomains"
        ]
    );
}

#[test]
fn every_list_of_columns_names_columns_of_the_operation_once() {
    for endpoint in endpoints() {
        let keys = [
            ("order_key", &endpoint.order_key),
            ("identity", &endpoint.identity),
            ("sort_key", &endpoint.sort_key),
        ];
        let keys = keys
            .into_iter()
            .map(|(what, columns)| (what, columns.as_slice()));
        let groups = endpoint
            .group_columns
            .iter()
            .map(|(what, columns)| (what.as_str(), columns.as_slice()));
        for (what, columns) in keys.chain(groups).chain(presets(endpoint)) {
            let unique: BTreeSet<_> = columns.iter().collect();
            assert_eq!(
                unique.len(),
                columns.len(),
                "{} {what} repeats a column",
                endpoint.name
            );
            for column in columns {
                assert!(
                    endpoint.column(column).is_some(),
                    "{} {what}: no column {column}",
                    endpoint.name
                );
            }
        }
    }
}

#[test]
fn what_identifies_a_row_is_never_null_and_no_metric() {
    use ColumnKind::{Boolean, Date, DateTime, Integer, Text};
    let mut checked = 0;
    for endpoint in endpoints() {
        for name in &endpoint.identity {
            let column = endpoint.column(name).unwrap();
            assert!(
                matches!(column.kind, Integer | Boolean | Date | DateTime | Text),
                "{} {name}",
                endpoint.name
            );
            // A competitor is a domain or a page: the other one is null.
            let may_be_null = endpoint.name == "site-explorer/organic-competitors";
            assert!(
                (!column.nullable || may_be_null) && column.measure.is_none(),
                "{} {name}",
                endpoint.name
            );
            assert_eq!(
                (column.units, &column.not_with),
                (1, &None),
                "{} {name}",
                endpoint.name
            );
            assert!(
                !endpoint.compares(column),
                "{} {name} compares dates",
                endpoint.name
            );
            checked += 1;
        }
    }
    assert!(checked > 120, "only {checked} columns were checked");
}

#[test]
fn every_list_has_an_order_of_its_rows_and_all_but_these_an_identity() {
    let mut without = Vec::new();
    for endpoint in endpoints().filter(|endpoint| endpoint.shape != Shape::Record) {
        assert!(
            !endpoint.sort_key.is_empty(),
            "{} has no sort key",
            endpoint.name
        );
        for name in &endpoint.sort_key {
            let kind = &endpoint.column(name).unwrap().kind;
            assert!(
                backhaul::table::ColumnType::from(kind).is_sortable(),
                "{} {name} is {kind}",
                endpoint.name
            );
        }
        if endpoint.identity.is_empty() {
            without.push(endpoint.name.as_str());
        }
    }
    // Answers that repeat a question, and results of which several stand at one position.
    assert_eq!(
        without,
        [
            "brand-radar/ai-responses",
            "rank-tracker/serp-overview",
            "serp-overview/serp-overview"
        ]
    );
}

#[test]
fn a_record_is_one_row_and_has_no_key() {
    for endpoint in endpoints().filter(|endpoint| endpoint.shape == Shape::Record) {
        let keys = [&endpoint.order_key, &endpoint.identity, &endpoint.sort_key];
        assert!(
            keys.iter().all(|columns| columns.is_empty()),
            "{}",
            endpoint.name
        );
    }
}

#[test]
fn an_operation_with_an_offset_and_a_key_has_a_total_order() {
    let by_offset: Vec<_> = endpoints()
        .filter(|endpoint| endpoint.has_offset())
        .collect();
    assert_eq!(by_offset.len(), 2);
    for endpoint in by_offset.into_iter().filter(|endpoint| endpoint.pageable()) {
        assert!(!endpoint.identity.is_empty(), "{}", endpoint.name);
        assert!(
            endpoint
                .identity
                .iter()
                .all(|name| endpoint.order_key.contains(name)),
            "{}",
            endpoint.name
        );
    }
}

#[test]
fn a_sort_key_ends_deterministic() {
    for endpoint in endpoints().filter(|endpoint| !endpoint.identity.is_empty()) {
        for name in &endpoint.identity {
            assert!(
                endpoint.sort_key.contains(name),
                "{}: {name} is not in the sort key",
                endpoint.name
            );
        }
    }
}

#[test]
fn an_operation_has_presets_exactly_where_columns_can_be_selected() {
    for endpoint in endpoints() {
        for (name, columns) in presets(endpoint) {
            assert_eq!(
                endpoint.has_select(),
                !columns.is_empty(),
                "{} {name}",
                endpoint.name
            );
        }
    }
}

#[test]
fn each_preset_holds_the_smaller_one() {
    for endpoint in endpoints() {
        let Presets {
            minimal,
            standard,
            full,
        } = &endpoint.presets;
        assert!(
            standard.starts_with(minimal) && full.starts_with(standard),
            "{}",
            endpoint.name
        );
    }
}

/// What a standard preset holds of columns that cost 10 units or more: they are what the table is about.
#[test]
fn the_standard_presets_have_these_dear_columns() {
    let mut lines = Vec::new();
    for endpoint in endpoints() {
        let dear = endpoint
            .presets
            .standard
            .iter()
            .filter(|name| endpoint.column(name).unwrap().units >= 10);
        let dear: Vec<_> = dear.map(String::as_str).collect();
        if !dear.is_empty() {
            lines.push(format!("{} {}", endpoint.name, dear.join(" ")));
        }
    }
    insta::assert_snapshot!(lines.join("\n"), @r"
    batch-analysis/batch-analysis org_traffic
    brand-radar/ai-responses response
    gsc/anonymous-queries traffic
    keywords-explorer/matching-terms volume difficulty
    keywords-explorer/overview volume difficulty
    keywords-explorer/related-terms volume difficulty
    keywords-explorer/search-suggestions volume difficulty
    site-explorer/ai-responses-count chatgpt google_ai_overviews perplexity gemini google_ai_mode copilot
    site-explorer/metrics-by-country org_traffic
    site-explorer/metrics-history org_traffic org_cost
    site-explorer/organic-keywords volume sum_traffic
    site-explorer/paid-pages sum_traffic
    site-explorer/top-pages sum_traffic
    ");
}

#[test]
fn a_preset_holds_nothing_that_is_deprecated_compared_or_bound_to_a_parameter() {
    for endpoint in endpoints() {
        let columns: BTreeSet<_> = presets(endpoint).flat_map(|(_, columns)| columns).collect();
        for name in columns {
            let column = endpoint.column(name).unwrap();
            assert!(!column.deprecated, "{} {name} is deprecated", endpoint.name);
            assert_eq!(column.not_with, None, "{} {name}", endpoint.name);
            assert!(
                !endpoint.compares(column),
                "{} {name} compares dates",
                endpoint.name
            );
        }
    }
}

#[test]
fn columns_that_compare_dates_stand_only_where_a_date_can_be_compared_with() {
    let mut compared = 0;
    for endpoint in endpoints() {
        let columns = endpoint
            .columns
            .iter()
            .filter(|column| endpoint.compares(column))
            .count();
        assert!(
            columns == 0 || endpoint.parameter("date_compared").is_some(),
            "{}",
            endpoint.name
        );
        compared += columns;
    }
    assert!(compared > 400, "{compared}");
    let keywords = endpoint("site-explorer/organic-keywords");
    for (name, compares) in [
        ("volume_prev", true),
        ("sum_traffic_merged", true),
        ("volume", false),
        ("status", true),
    ] {
        assert_eq!(
            keywords.compares(keywords.column(name).unwrap()),
            compares,
            "{name}"
        );
    }
}

#[test]
fn the_standard_preset_of_a_list_has_what_pages_are_ordered_by_and_tables_sorted_by() {
    for endpoint in paged() {
        let standard = &endpoint.presets.standard;
        let needed = endpoint
            .order_key
            .first()
            .into_iter()
            .chain(endpoint.sort_key.first());
        for name in needed
            .chain(&endpoint.identity)
            .chain(endpoint.group_columns.values().flatten())
        {
            assert!(
                standard.contains(name),
                "{}: {name} is not standard",
                endpoint.name
            );
        }
        assert_eq!(
            endpoint.key_surcharge(standard.iter().map(String::as_str)),
            0,
            "{}",
            endpoint.name
        );
    }
}

#[test]
fn every_price_of_a_preset_is_pinned() {
    let mut lines = Vec::new();
    for endpoint in endpoints().filter(|endpoint| endpoint.has_select()) {
        let prices: Vec<_> = presets(endpoint)
            .map(|(_, columns)| {
                endpoint
                    .units_per_row(columns.iter().map(String::as_str))
                    .to_string()
            })
            .collect();
        lines.push(format!("{} {}", endpoint.name, prices.join(" ")));
    }
    insta::assert_snapshot!(lines.join("\n"), @r"
    batch-analysis/batch-analysis 3 21 89
    brand-radar/ai-responses 4 15 36
    brand-radar/citations-overview 2 6 6
    brand-radar/cited-domains 2 3 3
    brand-radar/cited-pages 2 2 2
    brand-radar/impressions-overview 2 6 6
    brand-radar/mentions-overview 2 6 6
    gsc/anonymous-queries 3 15 36
    keywords-explorer/matching-terms 11 24 59
    keywords-explorer/overview 11 25 73
    keywords-explorer/related-terms 11 24 59
    keywords-explorer/search-suggestions 11 24 59
    rank-tracker/competitors-domains 4 6 7
    rank-tracker/competitors-overview 5 10 12
    rank-tracker/competitors-pages 3 6 7
    rank-tracker/competitors-stats 3 12 24
    rank-tracker/overview 7 15 35
    serp-overview/serp-overview 4 9 47
    site-audit/page-content 2 3 5
    site-audit/page-explorer 5 37 290
    site-explorer/ai-responses-count 45 90 120
    site-explorer/all-backlinks 7 17 105
    site-explorer/anchors 4 12 15
    site-explorer/broken-backlinks 7 19 96
    site-explorer/crawled-pages 3 6 7
    site-explorer/keywords-history 3 6 7
    site-explorer/linked-anchors-external 3 6 6
    site-explorer/linked-anchors-internal 3 5 5
    site-explorer/linkeddomains 3 7 23
    site-explorer/metrics-by-country 12 15 45
    site-explorer/metrics-history 11 21 41
    site-explorer/organic-competitors 4 9 29
    site-explorer/organic-keywords 6 35 72
    site-explorer/pages-by-backlinks 8 17 24
    site-explorer/pages-by-internal-links 3 11 16
    site-explorer/paid-pages 5 18 45
    site-explorer/refdomains 5 9 28
    site-explorer/top-pages 5 19 115
    ");
}

#[test]
fn the_surcharge_of_a_key_counts_what_is_not_selected() {
    let anchors = endpoint("site-explorer/anchors");
    assert_eq!(anchors.order_key, ["first_seen", "anchor"]);
    assert_eq!(
        (anchors.key_surcharge([]), anchors.whole_key_surcharge([])),
        (1, 2)
    );
    assert_eq!(
        (
            anchors.key_surcharge(["first_seen"]),
            anchors.whole_key_surcharge(["first_seen"])
        ),
        (0, 1)
    );
    assert_eq!(anchors.whole_key_surcharge(["anchor", "first_seen"]), 0);
    assert_eq!(
        endpoint("site-explorer/crawled-pages").whole_key_surcharge([]),
        0
    );
}

#[test]
fn every_operation_and_column_that_needs_a_description_has_a_good_one() {
    let mut checked = 0;
    for endpoint in endpoints() {
        assert_good_text(&endpoint.description, &endpoint.name);
        let mut seen = BTreeSet::new();
        for column in &endpoint.columns {
            assert_good_text(
                &column.description,
                &format!("{} {}", endpoint.name, column.name),
            );
            assert!(
                seen.insert(&column.description),
                "{}: {:?} stands twice",
                endpoint.name,
                column.description
            );
            checked += 1;
        }
    }
    assert_eq!(checked, 1719);
}

fn assert_good_text(text: &str, place: &str) {
    assert!(
        (10..=120).contains(&text.chars().count()),
        "{place}: {text:?} has {} characters",
        text.chars().count()
    );
    assert!(
        !text.ends_with('.') && text.trim() == text,
        "{place}: {text:?}"
    );
}

#[test]
fn columns_share_a_description_only_where_they_mean_the_same() {
    let mut names: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for column in endpoints()
        .flat_map(|endpoint| &endpoint.columns)
        .filter(|column| !column.description.is_empty())
    {
        names
            .entry(&column.description)
            .or_default()
            .insert(&column.name);
    }
    for (text, names) in names.iter().filter(|(_, names)| names.len() > 1) {
        let names: Vec<_> = names.iter().copied().collect();
        assert!(
            SAME_MEANING.contains(&names.as_slice()),
            "{text:?} describes {names:?}"
        );
    }
}

#[test]
fn an_operation_is_found_by_its_former_name_and_by_a_near_one() {
    let nearest = |name| {
        Catalog::embedded()
            .nearest_endpoint(name)
            .map(|endpoint| endpoint.name.as_str())
    };
    assert_eq!(
        nearest("site-explorer/best-by-external-links"),
        Some("site-explorer/pages-by-backlinks")
    );
    assert_eq!(
        nearest("site-explorer/anchor"),
        Some("site-explorer/anchors")
    );
    assert_eq!(nearest("refdomains"), Some("site-explorer/refdomains"));
    assert_eq!(
        nearest("metrics-by-country"),
        Some("site-explorer/metrics-by-country")
    );
    assert_eq!(nearest("zzzzzz"), None);
}

#[test]
fn the_files_are_written_in_their_canonical_form() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas");
    let mut files = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        let json: Json = serde_json::from_str(&text).unwrap();
        if is_catalog_file(&json) {
            let canonical = canonical(&json, 0) + "\n";
            let differs = text
                .lines()
                .zip(canonical.lines())
                .position(|(is, should)| is != should);
            assert!(
                text == canonical,
                "{}: line {:?} is not canonical",
                path.display(),
                differs.map(|line| line + 1)
            );
            files += 1;
        }
    }
    assert_eq!(files, 14);
}

/// `schemas/` also holds the JSON Schema of the configuration, which is none of ours.
fn is_catalog_file(json: &Json) -> bool {
    json.as_object()
        .is_some_and(|object| !object.contains_key("$schema"))
}

/// An operation and each of its keys on a line of its own; below, whatever fits 158 characters on one line; longer lists
/// filled to 118. So that a column is one line, and a change of it one line of a diff.
fn canonical(json: &Json, depth: usize) -> String {
    let compact = one_line(json);
    let pad = " ".repeat(depth + 1);
    match json {
        Json::Object(object)
            if !object.is_empty() && (depth < 2 || compact.chars().count() > 158) =>
        {
            let lines: Vec<_> = object
                .iter()
                .map(|(key, value)| {
                    format!(
                        "{pad}{}: {}",
                        Json::from(key.as_str()),
                        canonical(value, depth + 1)
                    )
                })
                .collect();
            format!("{{\n{}\n{}}}", lines.join(",\n"), &pad[1..])
        }
        Json::Array(items) if compact.chars().count() > 158 => {
            let mut lines = vec![pad.clone()];
            for (index, item) in items.iter().enumerate() {
                let word = one_line(item) + if index + 1 < items.len() { "," } else { "" };
                let line = lines.last_mut().unwrap();
                if *line == pad {
                    line.push_str(&word);
                } else if line.len() + 1 + word.len() <= 118 {
                    line.push(' ');
                    line.push_str(&word);
                } else {
                    lines.push(pad.clone() + &word);
                }
            }
            format!("[\n{}\n{}]", lines.join("\n"), &pad[1..])
        }
        _ => compact,
    }
}

fn one_line(json: &Json) -> String {
    match json {
        Json::Object(object) => {
            let fields: Vec<_> = object
                .iter()
                .map(|(key, value)| format!("{}: {}", Json::from(key.as_str()), one_line(value)))
                .collect();
            format!("{{{}}}", fields.join(", "))
        }
        Json::Array(items) => format!(
            "[{}]",
            items.iter().map(one_line).collect::<Vec<_>>().join(", ")
        ),
        plain => plain.to_string(),
    }
}

#[test]
fn no_line_of_a_page_is_wider_than_a_terminal() {
    let catalog = Catalog::embedded();
    for page in endpoints().map(pages::show).chain([pages::list(catalog)]) {
        for line in page.lines() {
            assert!(line.chars().count() <= 110, "{line}");
            assert_eq!(line.trim_end(), line, "trailing space");
        }
    }
}

#[test]
fn the_list_names_every_operation_under_its_section() {
    let list = pages::list(Catalog::embedded());
    let mut section = String::new();
    let mut names = Vec::new();
    for line in list.lines().take_while(|line| !line.starts_with("Prices")) {
        if let Some(name) = line
            .strip_prefix("  ")
            .and_then(|line| line.split_whitespace().next())
        {
            names.push(format!("{section}{name}"));
        } else if line.ends_with('/') {
            line.clone_into(&mut section);
        }
    }
    let wanted: Vec<_> = endpoints().map(|endpoint| endpoint.name.clone()).collect();
    assert_eq!(names, wanted);
}

#[test]
fn a_page_names_every_column_and_parameter() {
    for endpoint in endpoints() {
        let page = pages::show(endpoint);
        let words: BTreeSet<_> = page
            .split_whitespace()
            .map(|word| word.trim_end_matches(','))
            .collect();
        for column in &endpoint.columns {
            assert!(
                words.contains(column.name.as_str()),
                "{} {}",
                endpoint.name,
                column.name
            );
        }
        for parameter in &endpoint.parameters {
            assert!(
                words.contains(parameter.name.as_str()),
                "{} {}",
                endpoint.name,
                parameter.name
            );
        }
    }
}

#[test]
fn the_filter_that_a_page_shows_is_one() {
    let mut shown = 0;
    for endpoint in endpoints().filter(|endpoint| endpoint.parameter("where").is_some()) {
        let page = pages::show(endpoint);
        let Some((_, behind)) = page.split_once("for example       where = \"") else {
            continue;
        };
        let text = behind.split('"').next().expect("its text");
        if let Err(fault) = backhaul::filter::from_sql(text, endpoint) {
            panic!("{}: {text}: {fault}", endpoint.name);
        }
        shown += 1;
    }
    assert!(shown > 20, "{shown}");
}

#[test]
fn the_page_of_an_operation_reads_well() {
    insta::assert_snapshot!(pages::show(endpoint("site-explorer/anchors")), @r#"
    site-explorer/anchors
    Anchor texts of the links to the target

      request   GET /v3/site-explorer/anchors
      answer    rows under `anchors`
      price     rows × units of the columns that are selected, filtered or ordered by, at least 50
      paging    by first_seen, anchor (bought as far as needed where not selected)
      a row is  anchor

    Parameters, with the API's defaults
      where         text
      protocol      both | http | https, default both, set with the target
      mode          exact | prefix | domain | subdomains, default subdomains, set with the target
      history       text, default all_time
      set for you   timeout, limit, order_by, select, target, output

    Presets   columns  units a row  for 1,000 rows  paging adds
      minimal       4            4           4,000  nothing
      standard      8           12          12,000  nothing
      full         11           15          15,000  nothing

    Columns, cheapest first (? may be null)
      1 unit
        anchor             text        minimal   Words of the link
        dofollow_links     integer     minimal   Links with this anchor that search engines may follow
        first_seen         date-time   minimal   When a link with this anchor was first found
        is_spam            boolean     full      The links come from domains known for spam
        last_seen          date-time?  standard  When its last link was found to be lost; null while one exists
        links_to_target    integer     minimal   Links with this anchor that exist now
        lost_links         integer     full      Links with this anchor lost in the period asked for
        new_links          integer     full      Links with this anchor found in the period asked for
        refpages           integer     standard  Pages that link with this anchor
        top_domain_rating  float       standard  Highest Domain Rating among the linking domains; score 0-100
      5 units
        refdomains         integer     standard  Domains that link with this anchor

    Filters (`where`)
      only in filters   discovered_status (text), domain_rating (float), drop_reason (text), is_content (boolean),
                        is_dofollow (boolean), is_homepage_link (boolean), is_nofollow (boolean), is_non_html
                        (boolean), is_root_domain (boolean), is_sponsored (boolean), is_ugc (boolean), languages
                        (list of text), len_url_redirect (integer), link_type (text), linked_domains (integer),
                        links_external (integer), lost_reason (text), noindex (boolean), positions (integer),
                        positions_source_domain (integer), powered_by (list of text), refdomains_source (integer,
                        5 units), root_domain_name (text), snippet_left (text), snippet_right (text),
                        source_page_author (text), title (text), traffic_domain (integer, 10 units), traffic_page
                        (integer, 10 units), url_from (text), url_redirect (list of text),
                        url_redirect_with_target (list of text), url_to (text)
      not in filters    none
      not in the order  none
      conditions        = <> < <= > >=, IN, BETWEEN, LIKE, ILIKE, ~, IS NULL, phrase(), iphrase(), empty(), ANY(),
                        ALL(), joined by AND, OR, NOT and parentheses
      for example       where = "domain_rating >= 30 AND is_content"

    A report of it
      [[report]]
      name = "anchors"
      endpoint = "site-explorer/anchors"
      columns = ["standard"]
    "#);
}

#[test]
fn the_page_of_a_free_record_reads_well() {
    insta::assert_snapshot!(pages::show(endpoint("subscription-info/limits-and-usage")), @r#"
    subscription-info/limits-and-usage
    Units used and left, and when they renew

      request   GET /v3/subscription-info/limits-and-usage
      answer    one row under `limits_and_usage`
      price     free
      paging    none needed: an answer is whole

    Parameters, with the API's defaults
      set for you   output

    Columns (? may be null)
        api_key_expiration_date  date-time  When the key stops working
        subscription             text       Name of the plan
        units_limit_api_key      integer?   Units that the key may use a month; null without a limit
        units_limit_workspace    integer?   Units that the workspace may use a month; null without a limit
        units_usage_api_key      integer    Units that the key has used since the last reset
        units_usage_workspace    integer?   Units that the workspace has used since the last reset
        usage_reset_date         date       When the used units are set back to zero

    A report of it
      [[report]]
      name = "limits_and_usage"
      endpoint = "subscription-info/limits-and-usage"
    "#);
}

#[test]
fn the_page_of_a_billed_record_tells_the_price_of_a_request() {
    let page = pages::show(endpoint("site-explorer/ai-responses-count"));
    let presets: Vec<_> = page
        .lines()
        .skip_while(|line| !line.starts_with("Presets"))
        .take(4)
        .collect();
    insta::assert_snapshot!(presets.join("\n"), @r"
    Presets   columns  units a request
      minimal       3               50
      standard      6               90
      full          8              120
    ");
    assert!(
        pages::show(endpoint("site-explorer/metrics")).contains("  price     50 units a request\n")
    );
}

#[test]
fn an_unknown_endpoint_is_refused_with_the_nearest_name() {
    let error = pages::find(Catalog::embedded(), "site-explorer/backlinks").expect_err("refused");
    assert_eq!(error.code(), Code::Endpoint);
    insta::assert_snapshot!(error.render(), @r"
    error[BH-ENDPOINT]: no endpoint `site-explorer/backlinks`
    next: backhaul catalog site-explorer/backlinks-stats
    cost: 0 units, nothing was sent
    ");
}

#[test]
fn an_example_is_a_sound_report_of_its_endpoint() {
    const REST: &str = "[source]\napi_key = { env = \"AHREFS_API_KEY\" }\n[destination]\nurl = \"data\"\n\
                        [[target]]\nurl = \"acme.com\"\n[[keyword_list]]\nname = \"brand\"\nkeywords = [\"acme\"]\n";
    let mut wrong = Vec::new();
    for endpoint in endpoints() {
        let page = pages::show(endpoint);
        let (_, example) = page.split_once("A report of it\n").expect("an example");
        match config::parse(
            &format!("{REST}{example}"),
            Path::new("backhaul.toml"),
            &Environment::default(),
        ) {
            Ok(config) => assert_eq!(config.reports[0].endpoint.name, endpoint.name),
            Err(errors) => wrong.push(errors.render()),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_pages_as_json_hold_what_the_catalog_holds() {
    let catalog = Catalog::embedded();
    let list: Json = serde_json::from_str(&pages::list_json(catalog)).unwrap();
    assert_eq!(list.as_array().map(Vec::len), Some(121));
    let anchors: Json =
        serde_json::from_str(&pages::show_json(endpoint("site-explorer/anchors"))).unwrap();
    assert_eq!(anchors["columns"].as_array().map(Vec::len), Some(11));
    assert_eq!(
        anchors["order_key"],
        serde_json::json!(["first_seen", "anchor"])
    );
    assert_eq!(anchors["presets"]["minimal"]["units_per_1000_rows"], 4000);
    let usage: Json = serde_json::from_str(&pages::show_json(endpoint(
        "subscription-info/limits-and-usage",
    )))
    .unwrap();
    assert_eq!(
        (&usage["pricing"], &usage["presets"]),
        (&Json::from("free"), &Json::Null)
    );
}
