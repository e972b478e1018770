//! Which section serves a query.

use std::sync::Arc;

use super::api_section::{ApiSection, SectionSeed};
use super::workspace::Workspace;
use super::{
    brand_radar, keywords_explorer, management, public, rank_tracker, search_console,
    serp_overview, site_audit, social_media, web_analytics,
};
use crate::catalog::Endpoint;
use crate::sandbox::refusal::Refusal;
use crate::sandbox::request::Query;

/// Host of the texts and pages where neither target nor project names one.
const DEFAULT_HOST: &str = "acme.com";

/// The section that serves a query to any section but Site Explorer.
pub(crate) fn section(
    seed: SectionSeed,
    endpoint: &Endpoint,
    query: &Query,
) -> Result<Arc<dyn ApiSection>, Refusal> {
    match endpoint.section() {
        "keywords-explorer" => Ok(keywords_explorer::section(seed, endpoint, query)),
        "serp-overview" => serp_overview::section(seed, query),
        "rank-tracker" => rank_tracker::section(seed, endpoint, query),
        "site-audit" => site_audit::section(seed, endpoint, query),
        "management" => management::section(seed, endpoint, query),
        "public" => Ok(public::section(seed, endpoint, query)),
        "gsc" => search_console::section(seed, endpoint, query),
        "web-analytics" => web_analytics::section(seed, endpoint, query),
        "social-media" => social_media::section(seed, endpoint, query),
        "brand-radar" => brand_radar::section(seed, endpoint, query),
        _ => Err(Refusal::NotServed),
    }
}

/// The host of the section's pages and texts, where a query names no target.
pub(crate) fn section_host(seed: SectionSeed, query: &Query) -> String {
    let values = &query.values;
    let id = values
        .get("project_id")
        .or_else(|| values.get("portfolio_id"));
    if let Some(id) = id
        && let Ok(project) = Workspace::new(seed).project(id)
    {
        return project.host;
    }
    DEFAULT_HOST.to_owned()
}
