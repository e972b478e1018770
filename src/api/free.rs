//! What the source answers for nothing, as far as a request itself shows it: free operations, and test queries on free
//! targets and keywords of at most 100 rows.

use crate::catalog::{Catalog, Endpoint, FREE_KEYWORDS, FREE_ROWS, FREE_TARGETS, Pricing};
use crate::model::Request;

/// Whether the source promises to answer this request for nothing.
pub(super) fn is_free(request: &Request) -> bool {
    let Some(endpoint) = Catalog::embedded().endpoint(&request.endpoint) else {
        return false;
    };
    let value = |name: &str| {
        request
            .query
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    };
    let is_free_by_parameter = endpoint
        .free_when
        .iter()
        .any(|(name, wanted)| value(name).is_some_and(|value| value == wanted));
    if endpoint.pricing == Pricing::Free || is_free_by_parameter {
        return true;
    }
    let target = value("target").map(is_free_target);
    let keywords =
        value("keywords").map(|list| list.split(',').all(|word| FREE_KEYWORDS.contains(&word)));
    let keyword = value("keyword").map(|word| FREE_KEYWORDS.contains(&word));
    let subjects: Vec<bool> = target.into_iter().chain(keywords).chain(keyword).collect();
    request.body.is_none()
        && endpoint.pricing == Pricing::PerRow
        && !subjects.is_empty()
        && subjects.iter().all(|is_free| *is_free)
        && is_short(endpoint, value("limit"))
}

/// A limit that is left out stands for 1,000 rows.
fn is_short(endpoint: &Endpoint, limit: Option<&str>) -> bool {
    endpoint.parameter("limit").is_none()
        || limit
            .and_then(|limit| limit.parse::<u32>().ok())
            .is_some_and(|limit| limit <= FREE_ROWS)
}

/// A free target itself, or a URL on it; its subdomains are not promised to be free.
fn is_free_target(target: &str) -> bool {
    let rest = target.split_once("://").map_or(target, |(_, rest)| rest);
    let host = rest.split(['/', '?', ':']).next().unwrap_or(rest);
    FREE_TARGETS.contains(&host)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Method;

    fn request(endpoint: &str, query: &[(&str, &str)]) -> Request {
        let query = query
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        Request {
            endpoint: endpoint.to_owned(),
            method: Method::Get,
            query,
            body: None,
        }
    }

    #[test]
    fn only_what_is_promised_to_cost_nothing_counts_as_free() {
        let links = "site-explorer/all-backlinks";
        for (endpoint, query, free) in [
            ("subscription-info/limits-and-usage", vec![], true),
            (
                links,
                vec![("target", "ahrefs.com"), ("limit", "100")],
                true,
            ),
            (
                links,
                vec![("target", "https://yep.com/about"), ("limit", "1")],
                true,
            ),
            (
                links,
                vec![("target", "ahrefs.com"), ("limit", "101")],
                false,
            ),
            (links, vec![("target", "ahrefs.com")], false),
            (links, vec![("target", "acme.com"), ("limit", "100")], false),
            (
                links,
                vec![("target", "ahrefs.com.evil.example"), ("limit", "100")],
                false,
            ),
            (
                links,
                vec![("target", "blog.ahrefs.com"), ("limit", "100")],
                false,
            ),
            (links, vec![("limit", "100")], false),
            (
                "site-explorer/metrics",
                vec![("target", "ahrefs.com")],
                true,
            ),
            ("no/such-operation", vec![("target", "ahrefs.com")], false),
        ] {
            assert_eq!(
                is_free(&request(endpoint, &query)),
                free,
                "{endpoint} {query:?}"
            );
        }
    }
}
