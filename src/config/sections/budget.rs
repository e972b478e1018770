//! `[budget]`: what may be spent by a run, in the month, and on single reports and targets.

use std::collections::BTreeMap;

use toml::Spanned;
use toml::de::DeValue;

use crate::config::document::{Document, Section, did_you_mean};
use crate::config::keys;
use crate::config::resolved::{Budget, Report, ReservedUnits, Target};
use crate::error::ErrorCode;

/// The budget. Read last: it names reports and targets.
pub(crate) fn budget(
    document: &mut Document<'_>,
    root: &Section<'_>,
    reports: &[Report],
    targets: &[Target],
) -> Budget {
    let Some(section) = document.table(root, "budget", "[budget]") else {
        return Budget::default();
    };
    document.refuse_unknown_keys(&section, &keys::BUDGET.names());
    let pace = document.boolean(&section, "pace").unwrap_or(false);
    let per_month = document.count(&section, "per_month");
    let per_run = document.count(&section, "per_run");
    let keep_free = keep_free(document, &section);
    // An invalid report or target is not among the names: its own error comes first.
    let names_are_complete = document.num_errors() == 0;
    let per_report = units_by_name(document, &section, "per_report");
    let per_target = units_by_name(document, &section, "per_target");
    if names_are_complete {
        let names: Vec<_> = reports.iter().map(|report| report.name.as_str()).collect();
        refuse_unknown_names(document, "per_report", "report", &per_report, &names);
        let names: Vec<_> = targets.iter().map(|target| target.name.as_str()).collect();
        refuse_unknown_names(document, "per_target", "target", &per_target, &names);
    }
    Budget {
        per_run: per_run.map(Spanned::into_inner),
        per_month: per_month.map(Spanned::into_inner),
        keep_free,
        pace,
        per_report: without_places(per_report),
        per_target: without_places(per_target),
    }
}

fn keep_free(document: &mut Document<'_>, section: &Section<'_>) -> Option<ReservedUnits> {
    let node = section.get("keep_free")?;
    let reserved = match node.get_ref() {
        DeValue::String(text) => percent(text).map(ReservedUnits::Percent),
        DeValue::Integer(number) => u64::from_str_radix(number.as_str(), number.radix())
            .ok()
            .map(ReservedUnits::Units),
        _ => None,
    };
    if reserved.is_none() {
        let message = "invalid value for `keep_free`";
        let label = "use units, or a share of the workspace's limit below 100%, such as \"10%\"";
        document.error_at(ErrorCode::Config, message, node.span(), label);
    }
    reserved
}

fn percent(text: &str) -> Option<u8> {
    let number = text.strip_suffix('%')?.trim();
    let percent = number.parse::<u8>().ok()?;
    (percent < 100).then_some(percent)
}

/// Units by name, each with the place of the name.
type UnitsByName = Vec<(Spanned<String>, u64)>;

fn units_by_name(document: &mut Document<'_>, section: &Section<'_>, key: &str) -> UnitsByName {
    let mut units_by_name = UnitsByName::new();
    let Some(table) = document.table(section, key, &format!("`{key}`")) else {
        return units_by_name;
    };
    for name in table.table.keys() {
        if let Some(units) = document.count(&table, name.get_ref()) {
            let name = Spanned::new(name.span(), name.get_ref().to_string());
            units_by_name.push((name, units.into_inner()));
        }
    }
    units_by_name
}

fn refuse_unknown_names(
    document: &mut Document<'_>,
    key: &str,
    kind: &str,
    units_by_name: &UnitsByName,
    names: &[&str],
) {
    for (name, _) in units_by_name {
        let wanted = name.get_ref().as_str();
        if names.contains(&wanted) {
            continue;
        }
        let none = format!("the configuration has no {kind} of a similar name");
        let label = did_you_mean(wanted, names.iter().copied(), &none);
        let message = format!("unknown {kind} `{wanted}` in `{key}`");
        document.error_at(ErrorCode::ConfigKey, message, name.span(), label);
    }
}

fn without_places(units_by_name: UnitsByName) -> BTreeMap<String, u64> {
    units_by_name
        .into_iter()
        .map(|(name, units)| (name.into_inner(), units))
        .collect()
}
