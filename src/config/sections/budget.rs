//! `[budget]`: what may be spent of a run, of the month, and by single reports and targets.

use std::collections::BTreeMap;

use toml::Spanned;
use toml::de::DeValue;

use crate::catalog::nearest;
use crate::config::document::{Document, Section};
use crate::config::keys;
use crate::config::resolved::{Budget, Report, ReservedUnits, Target};
use crate::error::ErrorCode;

/// The budget. Read last: it names reports and targets.
pub(in crate::config) fn budget(
    document: &mut Document<'_>,
    root: &Section<'_>,
    reports: &[Report],
    targets: &[Target],
) -> Budget {
    let Some(section) = document.table(root, "budget", "[budget]") else {
        return Budget::default();
    };
    document.refuse_unknown_keys(&section, keys::BUDGET);
    let pace = document
        .boolean(&section, "pace")
        .is_some_and(Spanned::into_inner);
    let per_month = document
        .count(&section, "per_month")
        .map(Spanned::into_inner);
    let per_run = document.count(&section, "per_run").map(Spanned::into_inner);
    let keep_free = keep_free(document, &section);
    // A report or target with a fault of its own is not among the names: its fault comes first.
    let is_sound = document.num_faults() == 0;
    let mut shares = |key: &str, kind: &str, names: Vec<&str>| {
        let shares = shares(document, &section, key);
        if is_sound {
            for (name, _) in &shares {
                refuse_unknown(document, key, kind, name, &names);
            }
        }
        shares
            .into_iter()
            .map(|(name, units)| (name.into_inner(), units))
            .collect()
    };
    let per_report = shares(
        "per_report",
        "report",
        reports.iter().map(|report| report.name.as_str()).collect(),
    );
    let per_target = shares(
        "per_target",
        "target",
        targets.iter().map(|target| target.name.as_str()).collect(),
    );
    Budget {
        per_run,
        per_month,
        keep_free,
        pace,
        per_report,
        per_target,
    }
}

fn keep_free(document: &mut Document<'_>, section: &Section<'_>) -> Option<ReservedUnits> {
    const HELP: &str = "units, or a share of the workspace's limit such as \"10%\"";
    let node = section.get("keep_free")?;
    let free = match node.get_ref() {
        DeValue::String(text) => {
            let percent = text
                .strip_suffix('%')
                .map(str::trim)
                .and_then(|number| number.parse::<u8>().ok());
            percent
                .filter(|percent| *percent < 100)
                .map(ReservedUnits::Percent)
        }
        DeValue::Integer(number) => u64::from_str_radix(number.as_str(), number.radix())
            .ok()
            .map(ReservedUnits::Units),
        _ => None,
    };
    if free.is_none() {
        document.fault(
            ErrorCode::Config,
            "`keep_free` is neither units nor a share below 100%",
            node.span(),
            HELP,
        );
    }
    free
}

/// Names with units.
fn shares(
    document: &mut Document<'_>,
    section: &Section<'_>,
    key: &str,
) -> Vec<(Spanned<String>, u64)> {
    let Some(table) = document.table(section, key, &format!("`{key}`")) else {
        return Vec::new();
    };
    let mut shares = BTreeMap::new();
    for name in table.table.keys() {
        if let Some(units) = document.count(&table, name.get_ref()) {
            let spanned = Spanned::new(name.span(), name.get_ref().to_string());
            shares.insert(name.get_ref().to_string(), (spanned, units.into_inner()));
        }
    }
    shares.into_values().collect()
}

fn refuse_unknown(
    document: &mut Document<'_>,
    key: &str,
    kind: &str,
    name: &Spanned<String>,
    names: &[&str],
) {
    let wanted = name.get_ref().as_str();
    if names.contains(&wanted) {
        return;
    }
    let label = match nearest(wanted, names.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("no {kind} of the configuration is near it in spelling"),
    };
    document.fault(
        ErrorCode::ConfigKey,
        format!("`{key}` names no {kind} `{wanted}`"),
        name.span(),
        label,
    );
}
