//! What a layout check finds.

use crate::table::layout::FileLayout;
use crate::warehouse::engine::Engine;

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The engine cannot read the table, or reads it wrong.
    Broken,
    /// The engine reads it slowly, or at a high cost.
    Slow,
    /// Worth knowing.
    Note,
}

impl Severity {
    /// In a word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Broken => "broken",
            Self::Slow => "slow",
            Self::Note => "note",
        }
    }
}

/// One thing about a table's layout that could be better for an engine.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct LintFinding {
    /// How much it matters.
    pub severity: Severity,
    /// For which engines; empty: for all.
    pub engines: Vec<Engine>,
    /// What was found.
    pub problem: String,
    /// What to change.
    pub fix: String,
}

/// A data file and its layout.
#[derive(Debug, Clone)]
pub struct LocatedFile {
    /// Folder of its partition below the table's.
    pub partition: String,
    /// Its name inside it.
    pub name: String,
    /// Its layout.
    pub layout: FileLayout,
}

impl LocatedFile {
    /// Its path below the table's folder.
    pub(super) fn path(&self) -> String {
        format!("{}/{}", self.partition, self.name)
    }
}

/// How to write the files of a report again.
pub(super) fn rebuild_command(report: &str) -> String {
    format!("backhaul rebuild --report {report}   (0 units)")
}

/// The mean size of files in bytes.
pub(super) fn mean_bytes(files: &[LocatedFile]) -> u64 {
    let total: u64 = files.iter().map(|file| file.layout.bytes).sum();
    let number = u64::try_from(files.len()).unwrap_or(u64::MAX);
    total.checked_div(number).unwrap_or(0)
}
