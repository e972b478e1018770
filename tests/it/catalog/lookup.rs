//! Operations of the embedded catalog.

use backhaul::catalog::{Catalog, Endpoint, Presets};

pub(super) fn endpoints() -> impl Iterator<Item = &'static Endpoint> {
    Catalog::embedded().endpoints()
}

pub(super) fn endpoint(name: &str) -> &'static Endpoint {
    Catalog::embedded()
        .endpoint(name)
        .unwrap_or_else(|| panic!("no {name}"))
}

pub(super) fn paged_endpoints() -> impl Iterator<Item = &'static Endpoint> {
    endpoints().filter(|endpoint| endpoint.is_pageable())
}

pub(super) fn presets_of(endpoint: &Endpoint) -> impl Iterator<Item = (&'static str, &[String])> {
    Presets::NAMES
        .into_iter()
        .filter_map(|name| endpoint.presets.get(name).map(|columns| (name, columns)))
}
