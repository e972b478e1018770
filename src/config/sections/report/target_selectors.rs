//! `targets = ["name", { label = "value" }]` of a report → indices of targets.

use toml::de::DeValue;

use crate::catalog::nearest;
use crate::config::document::{Document, Node, Section};
use crate::config::resolved::Target;
use crate::error::ErrorCode;

/// The indices of the selected targets, ascending; all where the report names none.
pub(super) fn selected(
    document: &mut Document<'_>,
    section: &Section<'_>,
    targets: &[Target],
) -> Vec<usize> {
    let Some(node) = section.get("targets") else {
        return (0..targets.len()).collect();
    };
    let DeValue::Array(selectors) = node.get_ref() else {
        document.wrong_type(
            "`targets`",
            "a list of names and { label = \"value\" }",
            node.get_ref(),
            node.span(),
        );
        return Vec::new();
    };
    if selectors.is_empty() {
        document.fault(
            ErrorCode::Target,
            "`targets` is empty",
            node.span(),
            "take it out for all targets",
        );
    }
    let mut chosen = Vec::new();
    for selector in selectors {
        let Some(matches) = matcher(document, selector) else {
            continue;
        };
        let found: Vec<_> = targets
            .iter()
            .enumerate()
            .filter(|(_, target)| matches.fits(target))
            .collect();
        if found.is_empty() {
            let names = targets.iter().map(|target| target.name.as_str());
            let label = match matches.name().and_then(|name| nearest(name, names)) {
                Some(near) => format!("did you mean `{near}`?"),
                None => "no [[target]] fits it".to_owned(),
            };
            document.fault(
                ErrorCode::Target,
                format!("no target is {matches}"),
                selector.span(),
                label,
            );
        }
        chosen.extend(found.into_iter().map(|(index, _)| index));
    }
    chosen.sort_unstable();
    chosen.dedup();
    chosen
}

/// What a report's selector asks of a target.
enum Matcher<'a> {
    Name(&'a str),
    Labels(Vec<(&'a str, &'a str)>),
}

impl<'a> Matcher<'a> {
    fn fits(&self, target: &Target) -> bool {
        match self {
            Self::Name(name) => target.name == *name,
            Self::Labels(pairs) => pairs.iter().all(|(label, value)| {
                target.labels.get(*label).map(String::as_str) == Some(*value)
            }),
        }
    }

    fn name(&self) -> Option<&'a str> {
        if let Self::Name(name) = self {
            Some(name)
        } else {
            None
        }
    }
}

impl std::fmt::Display for Matcher<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Name(name) => write!(f, "named `{name}`"),
            Self::Labels(pairs) => {
                let pairs: Vec<_> = pairs
                    .iter()
                    .map(|(label, value)| format!("{label} = \"{value}\""))
                    .collect();
                write!(f, "labelled {}", pairs.join(", "))
            }
        }
    }
}

fn matcher<'a>(document: &mut Document<'_>, node: &'a Node<'a>) -> Option<Matcher<'a>> {
    match node.get_ref() {
        DeValue::String(name) => Some(Matcher::Name(name)),
        DeValue::Table(table) if !table.is_empty() => {
            let mut pairs = Vec::new();
            for (label, value) in table {
                pairs.push((
                    label.get_ref().as_ref(),
                    document.as_text(value, "a label's value")?.into_inner(),
                ));
            }
            Some(Matcher::Labels(pairs))
        }
        other => {
            document.wrong_type(
                "a selector of targets",
                "a name or { label = \"value\" }",
                other,
                node.span(),
            );
            None
        }
    }
}
