//! Every operation of the API, by name.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use super::endpoint::Endpoint;
use super::parse;
use super::spelling::nearest;

/// The section that is meant where several have an operation of that name.
const PREFERRED_SECTION: &str = "site-explorer";

/// Every operation of the API, by name.
#[derive(Debug)]
pub struct Catalog {
    endpoints: BTreeMap<String, Endpoint>,
}

impl Catalog {
    /// The embedded catalog. A test proves that it parses, so this cannot fail in a released program.
    ///
    /// # Panics
    /// If the embedded files do not parse, which the test `the_catalog_loads` excludes.
    #[expect(clippy::expect_used, reason = "embedded data, proven by a test")]
    pub fn embedded() -> &'static Self {
        static CATALOG: OnceLock<Catalog> = OnceLock::new();
        CATALOG.get_or_init(|| Self {
            endpoints: parse::embedded_endpoints()
                .expect("the embedded catalog parses: see the test the_catalog_loads"),
        })
    }

    /// One operation, by its name (`site-explorer/anchors`).
    pub fn endpoint(&self, name: &str) -> Option<&Endpoint> {
        self.endpoints.get(name)
    }

    /// All operations, by name.
    pub fn endpoints(&self) -> impl ExactSizeIterator<Item = &Endpoint> {
        self.endpoints.values()
    }

    /// The operation that is nearest in spelling to `name`, or had that name before, if any is near. Where several sections
    /// have the name, the one of Site Explorer is meant.
    pub fn nearest_endpoint(&self, name: &str) -> Option<&Endpoint> {
        let meant = self
            .endpoints()
            .filter(|endpoint| is_known_as(endpoint, name))
            .max_by_key(|endpoint| endpoint.section() == PREFERRED_SECTION);
        if meant.is_some() {
            return meant;
        }
        let nearest = nearest(name, self.endpoints.keys().map(String::as_str))?;
        self.endpoint(nearest)
    }
}

/// Whether an operation has this name without its section, or had it before.
fn is_known_as(endpoint: &Endpoint, name: &str) -> bool {
    let last = name.rsplit('/').next().unwrap_or(name);
    endpoint.short_name() == name || endpoint.former_name.as_deref() == Some(last)
}
