//! The ways to reduce the cost of the next run, as text.

use std::fmt::Write as _;

use super::fit::{ColumnShare, Fit, Proposal};
use super::format::{count_noun, format_count, format_percent};

/// Columns that are listed: enough to see which ones cost most.
const MAX_COLUMNS: usize = 12;

impl Fit {
    /// For a person.
    pub(super) fn to_text(&self) -> String {
        let mut out = String::new();
        self.write_columns(&mut out);
        let wanted = count_noun(self.wanted, "unit");
        let (next, later) = (count_noun(self.units, "unit"), format_count(self.later));
        if self.fits {
            let _ = writeln!(
                out,
                "\nit fits into {wanted} as it is: the next run costs {next}, no later one more than {later}"
            );
            return out;
        }
        let _ = writeln!(
            out,
            "\nit does not fit into {wanted}: the next run costs {next}, the most expensive one after it {later}. Use one \
             of these changes, in place of the lines with the same keys:"
        );
        for proposal in &self.proposals {
            proposal.write(&mut out, self.wanted);
        }
        if !self.proposals.iter().any(|proposal| proposal.fits) {
            out.push_str(
                "no choice of cadence, columns and rows fits every run into that: each request costs at least 50 units, so \
                 only fewer reports or targets reduce the cost further\n",
            );
        }
        out
    }

    fn write_columns(&self, out: &mut String) {
        let mut total = 0;
        for share in &self.columns {
            total += share.units;
        }
        let _ = writeln!(
            out,
            "\nwhat the columns cost, of a night on which all is due"
        );
        for share in self.columns.iter().take(MAX_COLUMNS) {
            let ColumnShare {
                report,
                column,
                units_per_row,
                units,
            } = share;
            let percent = format_percent(*units, total);
            let units = format_count(*units);
            let _ = writeln!(
                out,
                "  {units:>12}  {percent:>6}  {units_per_row:>3} a row  {report}.{column}"
            );
        }
    }
}

impl Proposal {
    fn write(&self, out: &mut String, wanted: u64) {
        let Self {
            loses,
            units,
            later,
            fits,
            changes: _,
        } = self;
        let (next, after) = (count_noun(*units, "unit"), count_noun(*later, "unit"));
        let verdict = if *fits {
            format!("the next run costs {next}, no later one more than {after}")
        } else if *later <= wanted {
            format!(
                "only the next run costs more than {after}: it costs {next}, since what was never fetched is due at once; \
                 `pace`, --target or --max-units spread it"
            )
        } else {
            format!("not enough: the next run costs {next}, later ones {after}")
        };
        let _ = writeln!(out, "\nloses {loses}\n{verdict}:\n");
        out.push_str(&self.toml());
    }
}
