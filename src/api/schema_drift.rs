//! How the API and the catalog differ, read from the refusal of a request: the API lacks what the catalog lists, or
//! requires what the catalog does not.

/// A difference between the API and the catalog, as the text of a refusal names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SchemaDrift<'a> {
    /// An unknown column in `select` or `order_by`: `column 'x' not found`.
    UnknownColumn(&'a str),
    /// A value that is none of a parameter's choices: `bad value x for type enum`.
    UnknownValue(&'a str),
    /// A required parameter: `missing argument x`.
    MissingParameter(&'a str),
}

impl<'a> SchemaDrift<'a> {
    /// The difference that the text of a refusal names, if it names one.
    pub fn parse(text: &'a str) -> Option<Self> {
        if let Some(argument) = text.strip_prefix("missing argument ") {
            return Some(Self::MissingParameter(argument.trim()));
        }
        if let Some(rest) = text.strip_prefix("bad value ")
            && let Some((value, _)) = rest.rsplit_once(" for type ")
        {
            return Some(Self::UnknownValue(value.trim()));
        }
        if !text.contains("not found") || text.starts_with("bad where") {
            return None;
        }
        let quoted = text.split('\'').nth(1)?;
        (!quoted.is_empty()).then_some(Self::UnknownColumn(quoted))
    }

    /// Name and value for the error's context.
    pub fn context(self) -> (&'static str, &'a str) {
        match self {
            Self::UnknownColumn(name) => ("column", name),
            Self::UnknownValue(value) => ("value", value),
            Self::MissingParameter(name) => ("missing", name),
        }
    }

    /// What to do about it.
    pub fn hint(self, endpoint: &str) -> String {
        match self {
            Self::UnknownColumn(name) => format!(
                "the API has removed `{name}` or never had it: remove it, columns = [..., \"-{name}\"], or keep it as \
                 nulls, on_removed_column = \"null\" (backhaul catalog {endpoint} lists what this version knows)"
            ),
            Self::UnknownValue(value) => format!(
                "the API does not accept `{value}` as one of its choices, or no longer does: give the parameter another \
                 value (backhaul catalog {endpoint} lists those that this version knows)"
            ),
            Self::MissingParameter(name) => {
                format!("add `{name} = …` to the report (backhaul catalog {endpoint})")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_names_what_differs_from_the_catalog() {
        let cases = [
            (
                "column 'domain' not found",
                Some(SchemaDrift::UnknownColumn("domain")),
            ),
            (
                "bad value latest for type enum",
                Some(SchemaDrift::UnknownValue("latest")),
            ),
            (
                "bad value for type for type enum",
                Some(SchemaDrift::UnknownValue("for type")),
            ),
            (
                "missing argument date",
                Some(SchemaDrift::MissingParameter("date")),
            ),
            ("bad where: column 'domain' not found", None),
            ("bad where: invalid filter expression", None),
            ("column '' not found", None),
            ("bad target: 'x'", None),
            ("", None),
        ];
        for (text, wanted) in cases {
            assert_eq!(SchemaDrift::parse(text), wanted, "{text}");
        }
    }
}
