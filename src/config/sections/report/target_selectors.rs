//! `targets = ["name", { label = "value" }]` of a report → indices of targets.

use std::fmt;

use toml::de::DeValue;

use crate::config::document::{Document, Node, Section, did_you_mean};
use crate::config::resolved::Target;
use crate::error::ErrorCode;

/// The indices of the selected targets, ascending; all where the report names none.
pub(super) fn selected_targets(
    document: &mut Document<'_>,
    section: &Section<'_>,
    targets: &[Target],
) -> Vec<usize> {
    let Some(node) = section.get("targets") else {
        return (0..targets.len()).collect();
    };
    let DeValue::Array(nodes) = node.get_ref() else {
        let wanted = "a list of names and { label = \"value\" }";
        document.wrong_type("`targets`", wanted, node);
        return Vec::new();
    };
    if nodes.is_empty() {
        let (message, label) = ("empty list `targets`", "remove this for all targets");
        document.error_at(ErrorCode::Target, message, node.span(), label);
    }
    let mut selected = Vec::new();
    for node in nodes {
        let Some(selector) = selector(document, node) else {
            continue;
        };
        let num_before = selected.len();
        for (index, target) in targets.iter().enumerate() {
            if selector.selects(target) {
                selected.push(index);
            }
        }
        if selected.len() == num_before {
            refuse_unmatched(document, &selector, node, targets);
        }
    }
    selected.sort_unstable();
    selected.dedup();
    selected
}

/// What a report asks of a target.
enum TargetSelector<'a> {
    Name(&'a str),
    Labels(Vec<(&'a str, &'a str)>),
}

impl TargetSelector<'_> {
    fn selects(&self, target: &Target) -> bool {
        match self {
            Self::Name(name) => target.name == *name,
            Self::Labels(pairs) => pairs
                .iter()
                .all(|(label, value)| target.labels.get(*label).is_some_and(|own| own == value)),
        }
    }
}

impl fmt::Display for TargetSelector<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => write!(f, "named `{name}`"),
            Self::Labels(pairs) => {
                f.write_str("labelled ")?;
                for (at, (label, value)) in pairs.iter().enumerate() {
                    let separator = if at == 0 { "" } else { ", " };
                    write!(f, "{separator}{label} = \"{value}\"")?;
                }
                Ok(())
            }
        }
    }
}

fn selector<'a>(document: &mut Document<'_>, node: &'a Node<'a>) -> Option<TargetSelector<'a>> {
    match node.get_ref() {
        DeValue::String(name) => Some(TargetSelector::Name(name)),
        DeValue::Table(table) if !table.is_empty() => {
            let mut pairs = Vec::new();
            for (label, value) in table {
                let value = document.as_text(value, "a label's value")?;
                pairs.push((label.get_ref().as_ref(), value.into_inner()));
            }
            Some(TargetSelector::Labels(pairs))
        }
        _ => {
            let wanted = "a name or { label = \"value\" }";
            document.wrong_type("a selector of targets", wanted, node);
            None
        }
    }
}

fn refuse_unmatched(
    document: &mut Document<'_>,
    selector: &TargetSelector<'_>,
    node: &Node<'_>,
    targets: &[Target],
) {
    let none = "no [[target]] matches it";
    let label = match selector {
        TargetSelector::Name(name) => {
            let names = targets.iter().map(|target| target.name.as_str());
            did_you_mean(name, names, none)
        }
        TargetSelector::Labels(_) => none.to_owned(),
    };
    let message = format!("no target is {selector}");
    document.error_at(ErrorCode::Target, message, node.span(), label);
}
