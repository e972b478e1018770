//! The list of all operations.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::summary::{paging_word, price, shape_word};
use crate::catalog::{Catalog, Endpoint};

const LEGEND: &str = "\
Prices are units; a billed request costs at least 50.
  paged   complete, whatever the row cap of the plan
  offset  pages by skipping rows
  capped  one response, known to be complete only under 100 rows
  whole   always complete

One operation: backhaul catalog site-explorer/all-backlinks
";

/// All operations, grouped by section, one line each.
pub fn list(catalog: &Catalog) -> String {
    let mut sections: BTreeMap<&str, Vec<&Endpoint>> = BTreeMap::new();
    for endpoint in catalog.endpoints() {
        let section = sections.entry(endpoint.section()).or_default();
        section.push(endpoint);
    }
    let mut out = String::new();
    for (section, endpoints) in sections {
        let _ = writeln!(out, "{section}/");
        let names = endpoints.iter().map(|endpoint| endpoint.short_name().len());
        let width = names.max().unwrap_or(0);
        for endpoint in endpoints {
            let _ = writeln!(out, "{}", list_line(endpoint, width));
        }
        out.push('\n');
    }
    out + LEGEND
}

fn list_line(endpoint: &Endpoint, name_width: usize) -> String {
    let line = format!(
        "  {:name_width$}  {:7}  {:11}  {:6}  {}",
        endpoint.short_name(),
        shape_word(endpoint.shape),
        price(endpoint),
        paging_word(endpoint),
        endpoint.description,
    );
    line.trim_end().to_owned()
}
