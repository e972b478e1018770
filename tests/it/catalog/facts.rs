//! What the API's description states, and what is marked beyond it.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use backhaul::catalog::{Catalog, Column, ColumnKind, Filterable, ParameterKind, Shape};

use super::lookup::{endpoint, endpoints};

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
        for count in &endpoint.row_counts {
            let counting = Catalog::embedded().endpoint(&count.endpoint).unwrap();
            assert_eq!(counting.shape, Shape::Record, "{}", count.endpoint);
            assert_eq!(
                counting.column(&count.column).unwrap().kind,
                ColumnKind::Integer,
                "{}",
                count.column
            );
            assert!(counting.parameter("target").is_some() && counting.parameter("mode").is_some());
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
                counting.parameter("country").is_some()
            );
        }
        marked.extend((!endpoint.row_counts.is_empty()).then_some(endpoint.short_name()));
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
fn columns_that_compare_dates_exist_only_where_a_date_can_be_compared_with() {
    let mut compared = 0;
    for endpoint in endpoints() {
        let columns = endpoint
            .columns
            .iter()
            .filter(|column| endpoint.compares_dates(column))
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
            keywords.compares_dates(keywords.column(name).unwrap()),
            compares,
            "{name}"
        );
    }
}
