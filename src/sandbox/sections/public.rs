//! Public operations, which need no project: the crawler's addresses and the strongest domains. The rating of one domain
//! is a metric of that target.

use std::sync::Arc;

use super::api_section::{ApiSection, SectionSeed};
use super::fixed_rows::{FixedRow, FixedRows};
use crate::catalog::Endpoint;
use crate::sandbox::cell::Cell;
use crate::sandbox::request::Query;
use crate::sandbox::seeded::Seeded;
use crate::sandbox::web;

const NUM_CRAWLER_ADDRESSES: u32 = 120;
const NUM_CRAWLER_RANGES: u32 = 40;
/// Ranks that one answer lists at most, less one.
const MOST_RANKS: u32 = 9_999;

pub(crate) fn section(
    seed: SectionSeed,
    endpoint: &Endpoint,
    query: &Query,
) -> Arc<dyn ApiSection> {
    let seeded = seed.seeded.named("public");
    let rows = match endpoint.short_name() {
        "crawler-ips" => (0..NUM_CRAWLER_ADDRESSES)
            .map(|number| vec![("ip_address", Cell::text(web::address(seeded.item(number))))])
            .collect(),
        "crawler-ip-ranges" => (1..NUM_CRAWLER_RANGES)
            .map(|number| vec![("ipv4Prefix", Cell::text(format!("5.39.{number}.0/24")))])
            .collect(),
        "domain-rating-top-domains" => top_domains(seeded, query),
        _ => Vec::new(),
    };
    FixedRows::section(seeded, rows)
}

fn top_domains(seeded: Seeded, query: &Query) -> Vec<FixedRow> {
    let from: u32 = query.values.text("from").parse().unwrap_or(1).max(1);
    let to: u32 = query.values.text("to").parse().unwrap_or(100);
    let mut rows = Vec::new();
    for rank in from..=to.min(from.saturating_add(MOST_RANKS)) {
        rows.push(vec![
            ("rank", Cell::Int(i64::from(rank))),
            ("domain", Cell::text(web::root_name(seeded, rank))),
            ("domain_rating", Cell::tenths(f64::from(rating(rank)))),
        ]);
    }
    rows
}

/// Tenths of a rating: the hundred strongest differ by a tenth now and then; after them it falls slowly.
fn rating(rank: u32) -> u32 {
    let rank = rank.min(20_000);
    1_000 - rank.ilog2() * 10 - rank / 50
}
