//! Presets of columns and their prices.

use std::collections::BTreeSet;

use backhaul::catalog::Presets;

use super::lookup::{endpoints, paged_endpoints, presets_of};

#[test]
fn an_operation_has_presets_exactly_where_columns_can_be_selected() {
    for endpoint in endpoints() {
        for (name, columns) in presets_of(endpoint) {
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

/// What a standard preset has of columns that cost 10 units or more: they are what the table is about.
#[test]
fn the_standard_presets_have_these_expensive_columns() {
    let mut lines = Vec::new();
    for endpoint in endpoints() {
        let expensive = endpoint
            .presets
            .standard
            .iter()
            .filter(|name| endpoint.column(name).unwrap().units >= 10);
        let expensive: Vec<_> = expensive.map(String::as_str).collect();
        if !expensive.is_empty() {
            lines.push(format!("{} {}", endpoint.name, expensive.join(" ")));
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
        let columns: BTreeSet<_> = presets_of(endpoint)
            .flat_map(|(_, columns)| columns)
            .collect();
        for name in columns {
            let column = endpoint.column(name).unwrap();
            assert!(!column.deprecated, "{} {name} is deprecated", endpoint.name);
            assert_eq!(column.not_with, None, "{} {name}", endpoint.name);
            assert!(
                !endpoint.compares_dates(column),
                "{} {name} compares dates",
                endpoint.name
            );
        }
    }
}

#[test]
fn the_standard_preset_of_a_list_has_what_pages_are_ordered_by_and_tables_sorted_by() {
    for endpoint in paged_endpoints() {
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
        let prices: Vec<_> = presets_of(endpoint)
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
