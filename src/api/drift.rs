//! What the refusal of a request says of the catalog: the API lacks what the catalog lists, or wants what it does not.

/// A difference between the API and the catalog, as a refusal names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Drift<'a> {
    /// A selected or ordering column that is not known: `column 'x' not found`.
    Column(&'a str),
    /// A value that is none of a parameter's choices: `bad value x for type enum`.
    Value(&'a str),
    /// A parameter that is required: `missing argument x`.
    Missing(&'a str),
}

impl<'a> Drift<'a> {
    /// The difference that a refusal names, if it names one.
    pub fn of(said: &'a str) -> Option<Self> {
        if let Some(argument) = said.strip_prefix("missing argument ") {
            return Some(Self::Missing(argument.trim()));
        }
        if let Some((value, _)) = said
            .strip_prefix("bad value ")
            .and_then(|rest| rest.rsplit_once(" for type "))
        {
            return Some(Self::Value(value.trim()));
        }
        let quoted = said
            .split('\'')
            .nth(1)
            .filter(|quoted| !quoted.is_empty())?;
        (said.contains("not found") && !said.starts_with("bad where"))
            .then_some(Self::Column(quoted))
    }

    /// Name and value for the error's context.
    pub fn context(self) -> (&'static str, &'a str) {
        match self {
            Self::Column(name) => ("column", name),
            Self::Value(value) => ("value", value),
            Self::Missing(name) => ("missing", name),
        }
    }

    /// What to do about it.
    pub fn next(self, endpoint: &str) -> String {
        match self {
            Self::Column(name) => format!(
                "the API has removed `{name}` or never had it: take it out, columns = [..., \"-{name}\"], or keep it as \
                 nulls, on_removed_column = \"null\" (backhaul catalog {endpoint} lists what this version knows)"
            ),
            Self::Value(value) => format!(
                "the API does not take `{value}` for one of its choices, or no longer: give the parameter another value \
                 (backhaul catalog {endpoint} lists those that this version knows)"
            ),
            Self::Missing(name) => {
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
            ("column 'domain' not found", Some(Drift::Column("domain"))),
            (
                "bad value latest for type enum",
                Some(Drift::Value("latest")),
            ),
            (
                "bad value for type for type enum",
                Some(Drift::Value("for type")),
            ),
            ("missing argument date", Some(Drift::Missing("date"))),
            ("bad where: column 'domain' not found", None),
            ("bad where: invalid filter expression", None),
            ("column '' not found", None),
            ("bad target: 'x'", None),
            ("", None),
        ];
        for (said, wanted) in cases {
            assert_eq!(Drift::of(said), wanted, "{said}");
        }
    }
}
