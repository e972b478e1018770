//! Sites as users write them, checked and brought into the form that the API takes.

use url::{Host, Url};

use super::names::is_name_character;

/// A domain or URL as the API gets it: the host in lower-case ASCII, the rest as written.
///
/// # Errors
/// What is wrong with it.
pub(super) fn parse_site(written: &str) -> Result<String, &'static str> {
    if written.is_empty() {
        return Err("write a site, for example `example.com`");
    }
    if written.contains(|character: char| character.is_whitespace() || character.is_control()) {
        return Err("remove the whitespace");
    }
    if written.contains('*') {
        return Err("remove `*`: subdomains are included by `mode = \"subdomains\"`");
    }
    let (scheme, rest) = match written.split_once("://") {
        Some((scheme, rest)) => (scheme.to_ascii_lowercase() + "://", rest),
        None => (String::new(), written),
    };
    if !["", "http://", "https://"].contains(&scheme.as_str()) {
        return Err("use a domain, or a URL that begins with http:// or https://");
    }
    let Ok(url) = Url::parse(&format!("https://{rest}")) else {
        return Err("use a domain such as `example.com`, or a URL");
    };
    if !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() {
        return Err("remove credentials and `#`");
    }
    let Some(Host::Domain(host)) = url.host() else {
        return Err("use a domain name, not an address");
    };
    if !is_domain(host) {
        return Err("use a domain with a dot, such as `example.com`");
    }
    let path = match rest.find(['/', '?', ':']) {
        Some(at) => rest.get(at..).unwrap_or_default(),
        None => "",
    };
    Ok(format!("{scheme}{host}{path}"))
}

fn is_domain(host: &str) -> bool {
    let is_plain = host
        .chars()
        .all(|character| character.is_ascii_alphanumeric() || "-._".contains(character));
    let mut labels = host.trim_end_matches('.').split('.');
    is_plain && host.contains('.') && labels.all(is_domain_label)
}

fn is_domain_label(label: &str) -> bool {
    !label.is_empty() && !label.starts_with('-') && !label.ends_with('-')
}

/// The default name: the URL without scheme, in characters that names may have.
pub(super) fn name_of_site(url: &str) -> String {
    let rest = match url.split_once("://") {
        Some((_, rest)) => rest,
        None => url,
    };
    let mut name = String::new();
    for character in rest.trim_end_matches('/').to_lowercase().chars() {
        let is_allowed = is_name_character(character);
        name.push(if is_allowed { character } else { '-' });
    }
    name.trim_start_matches(['.', '_', '-']).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::sections::names::is_name;

    #[test]
    fn sites_are_domains_and_urls_with_an_ascii_host() {
        for (written, sent) in [
            ("acme.com", "acme.com"),
            ("Acme.COM/Shoes?a=1", "acme.com/Shoes?a=1"),
            ("https://www.acme.com/", "https://www.acme.com/"),
            ("bücher.example/ä", "xn--bcher-kva.example/ä"),
        ] {
            assert_eq!(parse_site(written).as_deref(), Ok(sent), "{written}");
        }
    }

    #[test]
    fn texts_that_are_not_sites_are_refused() {
        for written in [
            "",
            "acme",
            "acme .com",
            "ftp://acme.com",
            "*.acme.com",
            "a@acme.com",
            "127.0.0.1",
            "acme..com",
            "-a.com",
        ] {
            assert!(parse_site(written).is_err(), "{written}");
        }
    }

    #[test]
    fn a_default_name_is_a_valid_name() {
        for url in [
            "acme.com",
            "https://www.acme.com/shoes/?x=ä",
            "xn--bcher-kva.example",
            "_a.example",
        ] {
            assert!(is_name(&name_of_site(url)), "{}", name_of_site(url));
        }
        assert_eq!(name_of_site("https://acme.com/Shoes/"), "acme.com-shoes");
    }
}
