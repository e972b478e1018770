//! How the cost of the next run can be reduced. Part of the JSON of `estimate --json`: keys are never renamed.

use std::fmt::Write as _;

use serde::Serialize;

/// How the cost can be reduced to a number of units.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Fit {
    /// The units that every run must fit into.
    pub wanted: u64,
    /// Units of the next run as it is.
    pub units: u64,
    /// Units of the most expensive night after it, as it is.
    pub later: u64,
    /// Whether that fits.
    pub fits: bool,
    /// What each column costs now, the most expensive first.
    pub columns: Vec<ColumnShare>,
    /// The alternatives, the one that loses least first.
    pub proposals: Vec<Proposal>,
}

/// Changes that belong together.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Proposal {
    /// What is lost with them.
    pub loses: String,
    /// Units of the next run with them, estimated again.
    pub units: u64,
    /// Units of the most expensive night after it.
    pub later: u64,
    /// Whether both fit.
    pub fits: bool,
    /// What to change.
    pub changes: Vec<Change>,
}

/// What a column costs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ColumnShare {
    /// The table.
    pub report: String,
    /// The column.
    pub column: String,
    /// Units of a row.
    pub units_per_row: u64,
    /// Units of a night on which all of its report is due.
    pub units: u64,
}

/// A change to one report of the configuration.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Change {
    /// The table.
    pub report: String,
    /// The cadence, where a slower one is needed.
    pub every: Option<String>,
    /// The columns that stay; empty where all do.
    pub columns: Vec<String>,
    /// The columns that are dropped.
    pub dropped: Vec<String>,
    /// Column and rows of the ranking, where a shorter one is needed.
    pub top: Option<(String, u64)>,
    /// `max_rows`, where a new one is needed.
    pub max_rows: Option<u64>,
}

impl Proposal {
    /// The changes as lines of the configuration.
    pub fn toml(&self) -> String {
        let mut out = String::new();
        for Change {
            report,
            every,
            columns,
            dropped,
            top,
            max_rows,
        } in &self.changes
        {
            let _ = writeln!(out, "[[report]]\nname = \"{report}\"");
            if let Some(every) = every {
                let _ = writeln!(out, "every = \"{every}\"");
            }
            if !dropped.is_empty() {
                let _ = writeln!(out, "# without {}", dropped.join(", "));
                let _ = writeln!(out, "columns = [\"{}\"]", columns.join("\", \""));
            }
            if let Some((by, rows)) = top {
                let _ = writeln!(out, "top = {{ by = \"{by}\", rows = {rows} }}");
            }
            if let Some(rows) = max_rows {
                let _ = writeln!(out, "max_rows = {rows}");
            }
            out.push('\n');
        }
        out
    }
}
