//! The shape of the files of `schemas/`. Unknown keys are refused, so a typing error in the data cannot pass unseen.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value as Json};

use super::invalid::invalid_json;
use crate::error::Result;
use crate::model::Method;

/// An operation.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "the keys of a file, each on its own"
)]
pub(super) struct RawEndpoint {
    pub(super) method: Method,
    pub(super) path: String,
    #[serde(default)]
    pub(super) description: String,
    pub(super) params: Map<String, Json>,
    pub(super) body: Option<Json>,
    pub(super) response_key: String,
    pub(super) shape: String,
    pub(super) columns: Map<String, Json>,
    #[serde(default, rename = "where")]
    pub(super) filterable: Map<String, Json>,
    #[serde(default)]
    pub(super) order_by_excludes: Vec<String>,
    #[serde(default)]
    pub(super) free: bool,
    pub(super) fixed_units: Option<u64>,
    #[serde(default)]
    pub(super) free_when: BTreeMap<String, String>,
    #[serde(default = "yes")]
    pub(super) needs_key: bool,
    pub(super) formerly: Option<String>,
    pub(super) regex: Option<String>,
    #[serde(default)]
    pub(super) beta: bool,
    #[serde(default, rename = "also")]
    _also: Vec<Method>,
    #[serde(default)]
    pub(super) requires_one_of: Vec<Vec<String>>,
    #[serde(default)]
    pub(super) divisible: bool,
    #[serde(default)]
    pub(super) order_key: Vec<String>,
    #[serde(default)]
    pub(super) identity: Vec<String>,
    #[serde(default)]
    pub(super) group_columns: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    pub(super) group_values: BTreeMap<String, Vec<String>>,
    pub(super) changes: Option<RawChanges>,
    pub(super) batch: Option<RawBatch>,
    #[serde(default)]
    pub(super) counts: Vec<RawCount>,
    #[serde(default)]
    pub(super) sort_key: Vec<String>,
    #[serde(default)]
    pub(super) presets: RawPresets,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawChanges {
    pub(super) new: String,
    pub(super) lost: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawBatch {
    pub(super) operation: String,
    pub(super) columns: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) zero_is_null: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawCount {
    pub(super) when: BTreeMap<String, String>,
    #[serde(rename = "in")]
    pub(super) endpoint: String,
    pub(super) column: String,
}

/// Each preset lists what it adds to the one before, so that minimal ⊆ standard ⊆ full cannot be broken.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct RawPresets {
    pub(super) minimal: Vec<String>,
    pub(super) standard: Vec<String>,
    pub(super) full: Vec<String>,
}

/// A parameter, a column, a filterable column, or the type of a list's items: the files describe all four alike.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "the keys of a file, each on its own"
)]
pub(super) struct RawField {
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) format: Option<String>,
    #[serde(default)]
    pub(super) nullable: bool,
    #[serde(default = "one")]
    pub(super) units: u64,
    pub(super) units_note: Option<String>,
    #[serde(rename = "enum")]
    pub(super) values: Option<RawEnum>,
    pub(super) measure: Option<String>,
    #[serde(default)]
    pub(super) not_with: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) deprecated: bool,
    #[serde(default)]
    pub(super) lookup: bool,
    #[serde(default)]
    pub(super) description: String,
    pub(super) default: Option<Json>,
    #[serde(default)]
    pub(super) required: bool,
    pub(super) items: Option<Box<RawField>>,
    pub(super) fields: Option<Map<String, Json>>,
}

impl RawField {
    pub(super) fn parse(name: &str, json: Json) -> Result<Self> {
        serde_json::from_value(json).map_err(|error| invalid_json(name, error))
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum RawEnum {
    Named {
        #[serde(rename = "$enum")]
        name: String,
    },
    Values(Vec<String>),
}

fn yes() -> bool {
    true
}

fn one() -> u64 {
    1
}
