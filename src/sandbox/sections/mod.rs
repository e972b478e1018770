//! What the sections of the API beside Site Explorer serve: which rows an operation has, and what identifies each.
//!
//! A section knows the number of its rows, the source of chance of each, and the columns that depend on each other; any
//! other value follows from the column's name and type, as everywhere. Chance belongs to what a row is about (a keyword in
//! a country, a page of a project), never to its position, so that the same thing has the same numbers wherever it is shown.

mod api_section;
mod brand_radar;
mod countries;
mod date_comparison;
mod dispatch;
mod fixed_rows;
mod generated_rows;
mod keyword;
mod keywords_explorer;
mod management;
mod public;
mod rank_tracker;
mod search_console;
mod serp_overview;
mod site_audit;
mod social_channels;
mod social_media;
mod social_posts;
mod time_series;
mod tracked_rank;
mod web_analytics;
mod workspace;

pub(crate) use api_section::{ApiSection, SectionSeed};
pub(crate) use brand_radar::num_brands_requested;
pub(crate) use dispatch::{section, section_host};
pub(crate) use fixed_rows::FixedRows;
pub(crate) use keyword::num_months_requested;
