//! Request → URL, percent-encoded by RFC 3986: a space is `%20`, never `+`.

use crate::model::{Request, percent_encode_into};

/// The query string of a request, without the question mark.
pub fn encoded_query(request: &Request) -> String {
    let mut out = String::new();
    for (name, value) in &request.query {
        if !out.is_empty() {
            out.push('&');
        }
        percent_encode_into(&mut out, name);
        out.push('=');
        percent_encode_into(&mut out, value);
    }
    out
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
