//! The countries that the API knows.

use crate::catalog::{Catalog, ParameterKind};

/// Every country that the API knows, lower case.
pub(crate) fn countries() -> &'static [String] {
    let Some(endpoint) = Catalog::embedded().endpoint("keywords-explorer/overview") else {
        return &[];
    };
    let Some(parameter) = endpoint.parameter("country") else {
        return &[];
    };
    match &parameter.kind {
        ParameterKind::Enum(countries) => countries,
        _ => &[],
    }
}

/// Every country that the API knows, upper case.
pub(crate) fn uppercase_countries() -> Vec<String> {
    countries().iter().map(|code| code.to_uppercase()).collect()
}
