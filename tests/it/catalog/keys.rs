//! Order keys, identities and sort keys obey the rules of paging and of tables.

use std::collections::BTreeSet;

use backhaul::catalog::{ColumnKind, Endpoint, ParameterKind, Shape};

use super::lookup::{endpoint, endpoints, paged_endpoints, presets_of};

#[test]
fn the_operations_that_can_be_paged_are_these() {
    let names: Vec<_> = paged_endpoints()
        .map(|endpoint| endpoint.name.as_str())
        .collect();
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
    for endpoint in paged_endpoints() {
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
    for endpoint in paged_endpoints() {
        for name in endpoint
            .order_key
            .iter()
            .chain(endpoint.group_columns.values().flatten())
        {
            assert_eq!(key_error(endpoint, name), None, "{} {name}", endpoint.name);
            checked += 1;
        }
    }
    assert!(checked > 40, "only {checked} columns were checked");
}

/// Why a key may not have a column, if it may not.
fn key_error(endpoint: &Endpoint, name: &str) -> Option<String> {
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
    for (name, error) in [
        ("no_such_column", "cannot be selected"),
        ("link_group_count", "cannot be sorted by"),
        ("last_seen", "may be null"),
        ("domain_rating_source", "is float and filtered as float"),
        ("languages", "is list of text and filtered as list of text"),
        ("traffic", "is a metric"),
    ] {
        assert_eq!(key_error(backlinks, name).as_deref(), Some(error), "{name}");
    }
    assert_eq!(key_error(backlinks, "first_seen_link"), None);
}

#[test]
fn a_key_leads_with_a_date_time_or_integer_where_it_has_one() {
    for endpoint in paged_endpoints() {
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
    for endpoint in paged_endpoints() {
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
    for endpoint in paged_endpoints() {
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
        for (what, columns) in keys.chain(groups).chain(presets_of(endpoint)) {
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
                !endpoint.compares_dates(column),
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
    // Answers that repeat a question, and results of which several are at one position.
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
    for endpoint in by_offset
        .into_iter()
        .filter(|endpoint| endpoint.is_pageable())
    {
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
fn the_surcharge_of_a_key_counts_what_is_not_selected() {
    let anchors = endpoint("site-explorer/anchors");
    assert_eq!(anchors.order_key, ["first_seen", "anchor"]);
    assert_eq!(
        (anchors.key_surcharge([]), anchors.full_key_surcharge([])),
        (1, 2)
    );
    assert_eq!(
        (
            anchors.key_surcharge(["first_seen"]),
            anchors.full_key_surcharge(["first_seen"])
        ),
        (0, 1)
    );
    assert_eq!(anchors.full_key_surcharge(["anchor", "first_seen"]), 0);
    assert_eq!(
        endpoint("site-explorer/crawled-pages").full_key_surcharge([]),
        0
    );
}
