//! Rankings: against an oracle on random tables, and end to end against the sandbox.

mod oracle;
mod random_tables;
mod sandbox;
mod source;
