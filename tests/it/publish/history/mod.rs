//! Histories: tables by year, into which every night merges the days that it asks for.

mod backfill;
mod interruptions;
mod maintenance;
mod nights;
mod world;
