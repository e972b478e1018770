//! The sandbox behaves like the API that it imitates, seen over real HTTP.

mod catalog_client;
mod catalog_lists;
mod catalog_operations;
mod client;
mod faults_and_quirks;
mod filters_and_orders;
mod json_order;
mod keywords;
mod projects;
mod requests;
mod site_explorer_data;
mod units_and_limits;
