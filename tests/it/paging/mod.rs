//! The pager against an oracle: random tables behind a source with every defect that we know of.
//!
//! The claim of each test: what the pager calls complete equals the source, row for row and duplicate for duplicate;
//! what it calls capped has no row too many; and everything else is an error. Seeds are fixed, and a few new ones are
//! added each time; a failure names its seed.

mod defects;
mod false_assumptions;
mod honest_sources;
mod limits;
mod oracle;
mod probes;
mod source;
mod tables;
