//! The embedded files of `schemas/`.

/// Values of the enums that several columns or parameters share.
pub(super) const ENUMS: &str = include_str!("../../../schemas/enums.json");

/// Name and text of each section of the API.
pub(super) const SECTIONS: [(&str, &str); 13] = [
    (
        "batch-analysis",
        include_str!("../../../schemas/batch-analysis.json"),
    ),
    (
        "brand-radar",
        include_str!("../../../schemas/brand-radar.json"),
    ),
    ("gsc", include_str!("../../../schemas/gsc.json")),
    (
        "keywords-explorer",
        include_str!("../../../schemas/keywords-explorer.json"),
    ),
    (
        "management",
        include_str!("../../../schemas/management.json"),
    ),
    ("public", include_str!("../../../schemas/public.json")),
    (
        "rank-tracker",
        include_str!("../../../schemas/rank-tracker.json"),
    ),
    (
        "serp-overview",
        include_str!("../../../schemas/serp-overview.json"),
    ),
    (
        "site-audit",
        include_str!("../../../schemas/site-audit.json"),
    ),
    (
        "site-explorer",
        include_str!("../../../schemas/site-explorer.json"),
    ),
    (
        "social-media",
        include_str!("../../../schemas/social-media.json"),
    ),
    (
        "subscription-info",
        include_str!("../../../schemas/subscription-info.json"),
    ),
    (
        "web-analytics",
        include_str!("../../../schemas/web-analytics.json"),
    ),
];
