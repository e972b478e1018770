//! The reader of one parsed expression; the other files of this module hold its methods.

use super::source::Source;
use crate::catalog::Endpoint;

/// Reads the parsed expressions of one text.
#[derive(Debug)]
pub(super) struct Reader<'a> {
    pub endpoint: &'a Endpoint,
    pub source: &'a Source<'a>,
}
