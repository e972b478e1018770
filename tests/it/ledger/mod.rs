//! Units that runs reserve and spend.

mod budgets;
mod usage;
