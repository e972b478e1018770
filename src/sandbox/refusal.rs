//! Refusals: every error that the API answers with, status and body to the letter.

use super::cell::write_text;

/// Why a request is refused. A refused request costs nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refusal {
    MissingArgument(String),
    BadEnum(String),
    BadParameter {
        name: String,
        value: String,
    },
    BadTarget(String),
    FutureDate(String),
    ColumnNotFound(String),
    NotSortable(String),
    /// Empty, not JSON, or JSON of another shape.
    FilterExpression,
    /// An operator that does not exist.
    FilterSyntax,
    FilterColumn(String),
    Unauthorized,
    Forbidden,
    Plan,
    UnitsExhausted {
        expected: u64,
        left: u64,
    },
    UnknownRoute(String),
    /// An id that does not exist: of a project, report, channel or post.
    UnknownId {
        what: &'static str,
        id: String,
    },
    /// Not a JSON object.
    Body,
    NotServed,
    Output(String),
    TooManyRequests {
        retry_after: u64,
    },
}

impl Refusal {
    pub(crate) fn status(&self) -> u16 {
        match self {
            Self::Unauthorized => 401,
            Self::Forbidden | Self::Plan | Self::UnitsExhausted { .. } => 403,
            Self::UnknownRoute(_) | Self::UnknownId { .. } => 404,
            Self::TooManyRequests { .. } => 429,
            Self::NotServed => 501,
            _ => 400,
        }
    }

    pub(crate) fn body(&self) -> Vec<u8> {
        let message = match self {
            Self::Unauthorized => return br#"["Error","Unauthorized"]"#.to_vec(),
            Self::Forbidden => return br#"["Error","Forbidden"]"#.to_vec(),
            Self::UnknownRoute(path) => {
                let mut body = br#"["Error",["NotFound","#.to_vec();
                write_text(&format!("this route does not exist {path}"), &mut body);
                body.extend_from_slice(b"]]");
                return body;
            }
            Self::UnknownId { what, id } => format!("{what} {id} not found"),
            Self::Body => "bad body: invalid JSON".to_owned(),
            Self::MissingArgument(name) => format!("missing argument {name}"),
            Self::BadEnum(value) => format!("bad value {value} for type enum"),
            Self::BadParameter { name, value } => format!("bad value {value} for {name}"),
            Self::BadTarget(target) => format!("bad target: {target}"),
            Self::FutureDate(date) => format!("bad date: {date} is in the future"),
            Self::ColumnNotFound(name) => format!("column '{name}' not found"),
            Self::NotSortable(name) => format!("bad order_by: cannot sort by column '{name}'"),
            Self::FilterExpression => "bad where: invalid filter expression".to_owned(),
            Self::FilterSyntax => "bad where: invalid JSON syntax".to_owned(),
            Self::FilterColumn(name) => format!("bad where: column '{name}' not found"),
            Self::Plan => "Insufficient plan".to_owned(),
            Self::UnitsExhausted { expected, left } => {
                format!(
                    "API units limit reached. Expected usage: {expected}, API units left: {left}."
                )
            }
            Self::NotServed => "not served by this sandbox".to_owned(),
            Self::Output(output) => format!("output {output} is not served by this sandbox"),
            Self::TooManyRequests { .. } => "Too many requests".to_owned(),
        };
        let mut body = br#"{"error":"#.to_vec();
        write_text(&message, &mut body);
        body.push(b'}');
        body
    }
}
