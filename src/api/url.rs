//! Request → URL, percent-encoded by RFC 3986 (a space is `%20`, never `+`), and which URLs may see the key.

use url::Url;

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

/// Whether the key may be sent there: over TLS, or to this machine.
pub(super) fn is_safe_origin(url: &Url) -> bool {
    let loopback = match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    url.scheme() == "https" || (url.scheme() == "http" && loopback)
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
            query: vec![
                ("where".into(), "{\"a b\":\"ü+&\"}".into()),
                ("limit".into(), "5".into()),
            ],
            body: None,
        };
        assert_eq!(
            encoded_query(&request),
            "where=%7B%22a%20b%22%3A%22%C3%BC%2B%26%22%7D&limit=5"
        );
    }

    #[test]
    fn the_key_travels_in_the_open_on_this_machine_only() {
        for (url, safe) in [
            ("https://api.ahrefs.com/v3", true),
            ("http://127.0.0.1:7070/v3", true),
            ("http://localhost:7070/v3", true),
            ("http://[::1]:7070/v3", true),
            ("http://api.ahrefs.com/v3", false),
            ("http://127.0.0.1.evil.example/v3", false),
            ("ftp://127.0.0.1/v3", false),
        ] {
            assert_eq!(is_safe_origin(&url.parse().expect("valid")), safe, "{url}");
        }
    }
}
