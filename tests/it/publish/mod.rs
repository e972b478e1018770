//! Committed partitions: tables by night and by year, and the tables of the program.

mod history;
mod system_tables;
