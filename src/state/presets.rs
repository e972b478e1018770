//! Presets stay what they were when a table first used them, so that a newer catalog changes no table by itself.

use crate::config::{PresetColumns, Report, RunConfig};
use crate::error::Result;
use crate::store::Store;

/// The configuration with the columns that its presets stand for in the tables of its destination.
///
/// # Errors
/// [`crate::error::ErrorCode::Destination`] if the record of a table cannot be read.
pub fn with_recorded_presets(mut config: RunConfig) -> Result<RunConfig> {
    let store = crate::state::open::open_read_only(&config)?;
    for report in &mut config.reports {
        report.use_presets(&recorded(&store, report)?);
    }
    Ok(config)
}

/// What presets of this version hold that those of the tables do not, or no longer, with the line that takes it; one text
/// for each report.
///
/// # Errors
/// As [`with_recorded_presets`].
pub fn newer_presets(config: &RunConfig) -> Result<Vec<String>> {
    let store = crate::state::open::open_read_only(config)?;
    let mut offers = Vec::new();
    for report in &config.reports {
        offers.extend(offer(report, &recorded(&store, report)?));
    }
    Ok(offers)
}

/// What is recorded for the report's table; nothing where that was filled from another endpoint.
fn recorded(store: &Store, report: &Report) -> Result<PresetColumns> {
    let record = store.table(&report.name)?;
    Ok(if record.endpoint == report.endpoint.name {
        record.presets
    } else {
        PresetColumns::new()
    })
}

fn offer(report: &Report, recorded: &PresetColumns) -> Option<String> {
    let endpoint = report.endpoint;
    let (mut added, mut removed, mut names) = (Vec::new(), Vec::new(), Vec::new());
    for (name, now) in report.presets() {
        let Some(then) = recorded.get(&name).filter(|then| **then != now) else {
            continue;
        };
        added.extend(
            now.iter()
                .filter(|column| !then.contains(column) && !report.columns.contains(column))
                .cloned(),
        );
        removed.extend(
            then.iter()
                .filter(|column| !now.contains(column) && report.columns.contains(column))
                .cloned(),
        );
        names.push(format!("`{name}`"));
    }
    if added.is_empty() && removed.is_empty() {
        return None;
    }
    // What the table's preset holds and this version's does not cannot be taken out of the latter: all is named then.
    let words: Vec<String> = if removed.is_empty() {
        report
            .column_selectors
            .iter()
            .cloned()
            .chain(added.iter().map(|name| format!("+{name}")))
            .collect()
    } else {
        let kept = report
            .columns
            .iter()
            .filter(|column| !removed.contains(column));
        kept.chain(&added).cloned().collect()
    };
    let mut parts: Vec<String> = Vec::new();
    for (verb, columns) in [("adds", &added), ("leaves out", &removed)] {
        if columns.is_empty() {
            continue;
        }
        let units = endpoint.units_per_row(columns.iter().map(String::as_str));
        let names: Vec<String> = columns.iter().map(|name| format!("`{name}`")).collect();
        parts.push(format!("{verb} {} ({units} units a row)", names.join(", ")));
    }
    Some(format!(
        "{}: the table keeps {} as it was first used; this version's {}; to take that: columns = {words:?}",
        report.name,
        names.join(" and "),
        parts.join(" and ")
    ))
}
