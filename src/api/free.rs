//! Which requests are free, as far as the request itself shows: free operations, and test queries of at most 100 rows on
//! free targets and keywords.

use crate::catalog::{Catalog, Endpoint, FREE_KEYWORDS, FREE_ROWS, FREE_TARGETS, Pricing};
use crate::model::Request;

/// Whether the API documents this request as free.
pub(super) fn is_free(request: &Request) -> bool {
    let Some(endpoint) = Catalog::embedded().endpoint(&request.endpoint) else {
        return false;
    };
    if endpoint.pricing == Pricing::Free {
        return true;
    }
    for (name, wanted) in &endpoint.free_when {
        if value_of(request, name) == Some(wanted.as_str()) {
            return true;
        }
    }
    request.body.is_none()
        && endpoint.pricing == Pricing::PerRow
        && has_free_subject(request)
        && is_short(endpoint, value_of(request, "limit"))
}

/// Whether the request names a target or keywords, and only free ones.
fn has_free_subject(request: &Request) -> bool {
    let target = value_of(request, "target");
    let keyword = value_of(request, "keyword");
    let keywords = value_of(request, "keywords");
    if [target, keyword, keywords] == [None; 3] {
        return false;
    }
    target.is_none_or(is_free_target)
        && keyword.is_none_or(is_free_keyword)
        && keywords.is_none_or(|list| list.split(',').all(is_free_keyword))
}

fn is_free_keyword(keyword: &str) -> bool {
    FREE_KEYWORDS.contains(&keyword)
}

fn value_of<'a>(request: &'a Request, name: &str) -> Option<&'a str> {
    let (_, value) = request.query.iter().find(|(known, _)| known == name)?;
    Some(value)
}

/// Whether no more rows are requested than a test query may have; without a limit, 1,000 are.
fn is_short(endpoint: &Endpoint, limit: Option<&str>) -> bool {
    if endpoint.parameter("limit").is_none() {
        return true;
    }
    let Some(limit) = limit else {
        return false;
    };
    matches!(limit.parse::<u32>(), Ok(limit) if limit <= FREE_ROWS)
}

/// Whether this is a free target or a URL on it; its subdomains are not documented as free.
fn is_free_target(target: &str) -> bool {
    let rest = match target.split_once("://") {
        Some((_scheme, rest)) => rest,
        None => target,
    };
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
    fn only_documented_requests_count_as_free() {
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
