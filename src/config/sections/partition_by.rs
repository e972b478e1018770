//! `partition_by` of `[destination]`.

use super::bucket_url::Scheme;
use crate::config::document::{Document, Section};
use crate::config::resolved::Report;
use crate::error::ErrorCode;

/// The keys after `snapshot_date`. Whether a report has such a parameter, and no column of that name, is checked with the
/// reports.
pub(super) fn partition_by(document: &mut Document<'_>, section: &Section<'_>) -> Vec<String> {
    let Some(keys) = document.texts(section, "partition_by") else {
        return Vec::new();
    };
    let mut names: Vec<String> = Vec::new();
    for key in keys {
        let name = (*key.get_ref()).to_owned();
        if names.contains(&name) {
            let message = format!("duplicate key `{name}` in `partition_by`");
            document.error_at(ErrorCode::Config, message, key.span(), "remove this");
        }
        names.push(name);
    }
    if names.remove(0) != "snapshot_date" {
        let message = "`partition_by` must begin with `snapshot_date`";
        let label = "write [\"snapshot_date\"], and further keys after it";
        let span = section.span_of("partition_by");
        document.error_at(ErrorCode::Config, message, span, label);
    }
    names
}

/// Refuses keys that no report has, or that are a column of a report.
pub(crate) fn check_partition_by(
    document: &mut Document<'_>,
    root: &Section<'_>,
    reports: &[Report],
) {
    let Some(section) = document.table(root, "destination", "[destination]") else {
        return;
    };
    if Scheme::of_destination(&section).is_some() {
        return;
    }
    let Some(keys) = document.texts(&section, "partition_by") else {
        return;
    };
    for key in keys.iter().skip(1) {
        let name = *key.get_ref();
        let mut has_report = false;
        for report in reports {
            if name != "target" && !report.varying.iter().any(|(known, _)| known == name) {
                continue;
            }
            has_report = true;
            if report.columns.iter().any(|column| column == name) {
                let report = &report.name;
                let message = format!(
                    "`{name}` is a column of the report `{report}` and cannot be a partition key"
                );
                let label = "warehouses refuse a partition key that is also a column";
                document.error_at(ErrorCode::Config, message, key.span(), label);
                break;
            }
        }
        if !has_report {
            let message = format!("no report can be partitioned by `{name}`");
            let label = "use `target`, or a parameter that a report lists, such as `country`";
            document.error_at(ErrorCode::Config, message, key.span(), label);
        }
    }
}
