//! Request → URL, percent-encoded by RFC 3986: a space is `%20`, never `+`.

use std::fmt::Write as _;

use crate::model::Request;

/// The query string of a request, without the question mark.
pub fn encoded_query(request: &Request) -> String {
    let mut out = String::new();
    for (name, value) in &request.query {
        if !out.is_empty() {
            out.push('&');
        }
        encode_into(&mut out, name);
        out.push('=');
        encode_into(&mut out, value);
    }
    out
}

fn encode_into(out: &mut String, text: &str) {
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(char::from(byte)),
            other => {
                let _ = write!(out, "%{other:02X}");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Method;

    #[test]
    fn everything_but_unreserved_characters_is_percent_encoded() {
        let request = Request {
            endpoint: "x".into(),
            method: Method::Get,
            query: vec![("where".into(), "{\"a b\":\"ü+&\"}".into()), ("limit".into(), "5".into())],
            body: None,
        };
        assert_eq!(encoded_query(&request), "where=%7B%22a%20b%22%3A%22%C3%BC%2B%26%22%7D&limit=5");
    }
}
