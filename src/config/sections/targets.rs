//! `[[target]]`: sites, one by one or from a CSV file.

use std::collections::{BTreeMap, HashMap};

use toml::de::DeValue;
use url::{Host, Url};

use crate::config::document::ListedFile;
use crate::config::document::csv;
use crate::config::document::{Document, Section, Span};
use crate::config::keys;
use crate::config::resolved::Target;
use crate::error::{Error, ErrorCode};

/// How much of a site a target covers, as the API spells it.
const MODES: [&str; 4] = ["exact", "prefix", "domain", "subdomains"];
const PROTOCOLS: [&str; 3] = ["both", "http", "https"];
const DEFAULT_MODE: &str = "subdomains";
const DEFAULT_PROTOCOL: &str = "both";

/// All targets of the file, names unique. None are needed where no report looks one up.
pub(in crate::config) fn targets(
    document: &mut Document<'_>,
    root: &Section<'_>,
    are_needed: bool,
) -> Vec<Target> {
    let before = document.num_faults();
    let mut targets = Vec::new();
    let mut names = HashMap::new();
    for section in document.tables(root, "target") {
        document.refuse_unknown_keys(&section, keys::TARGET);
        if section.get("file").is_some() {
            from_file(document, &section, &mut targets, &mut names);
        } else if let Some((target, span)) = one(document, &section) {
            if let Some(first) = names.insert(target.name.clone(), document.file.clone()) {
                let message = format!("two targets have the name `{}`", target.name);
                document.fault(
                    ErrorCode::Target,
                    message,
                    span,
                    format!("the first is in {first}; give this one a `name`"),
                );
            }
            targets.push(target);
        }
    }
    if targets.is_empty() && are_needed && document.num_faults() == before {
        let error = Error::new(ErrorCode::Target, "the configuration names no target");
        document.push(
            error.with_hint("add to the file: [[target]] and below it url = \"example.com\""),
        );
    }
    targets
}

fn one(document: &mut Document<'_>, section: &Section<'_>) -> Option<(Target, Span)> {
    let labels = labels(document, section);
    let mode = document
        .choice(section, "mode", &MODES)
        .unwrap_or(DEFAULT_MODE)
        .to_owned();
    let protocol = document
        .choice(section, "protocol", &PROTOCOLS)
        .unwrap_or(DEFAULT_PROTOCOL)
        .to_owned();
    if section.get("url").is_none() {
        let label = "add a `url`, or a `file` with many";
        document.fault(
            ErrorCode::Target,
            "[[target]] has neither `url` nor `file`",
            section.span.clone(),
            label,
        );
        return None;
    }
    let written = document.text(section, "url")?;
    let url = match site(written.get_ref()) {
        Ok(url) => Some(url),
        Err(label) => {
            let message = format!("`{}` is no site", written.get_ref());
            document.fault(ErrorCode::Target, message, written.span(), label);
            None
        }
    };
    let name = document.text(section, "name");
    let span = name.as_ref().map_or(written.span(), toml::Spanned::span);
    if let Some(name) = &name
        && !is_name(name.get_ref())
    {
        let message = format!("`{}` is no name for a target", name.get_ref());
        document.fault(ErrorCode::Target, message, name.span(), NAME_HELP);
        return None;
    }
    let url = url?;
    let name = name.map_or_else(|| name_of(&url), |name| name.into_inner().to_owned());
    Some((
        Target {
            name,
            url,
            mode,
            protocol,
            labels,
        },
        span,
    ))
}

pub(super) const NAME_HELP: &str =
    "lower-case letters, digits, `.`, `_` and `-`, beginning with a letter or digit";

fn labels(document: &mut Document<'_>, section: &Section<'_>) -> BTreeMap<String, String> {
    let Some(labels) = document.table(section, "labels", "`labels`") else {
        return BTreeMap::new();
    };
    let mut out = BTreeMap::new();
    for (name, value) in labels.table {
        if let DeValue::String(text) = value.get_ref() {
            out.insert(name.get_ref().to_string(), text.to_string());
        } else {
            document.wrong_type(
                &format!("the label `{}`", name.get_ref()),
                "a string",
                value.get_ref(),
                value.span(),
            );
        }
    }
    out
}

fn from_file(
    document: &mut Document<'_>,
    section: &Section<'_>,
    targets: &mut Vec<Target>,
    names: &mut HashMap<String, String>,
) {
    for key in ["name", "url"] {
        if let Some(node) = section.get(key) {
            let message = format!("[[target]] has `file` and `{key}`");
            document.fault(
                ErrorCode::Target,
                message,
                node.span(),
                "the file's lines say it; take this out",
            );
        }
    }
    let base = Target {
        name: String::new(),
        url: String::new(),
        mode: document
            .choice(section, "mode", &MODES)
            .unwrap_or(DEFAULT_MODE)
            .to_owned(),
        protocol: document
            .choice(section, "protocol", &PROTOCOLS)
            .unwrap_or(DEFAULT_PROTOCOL)
            .to_owned(),
        labels: labels(document, section),
    };
    let Some(written) = document.text(section, "file") else {
        return;
    };
    let text = match std::fs::read_to_string(document.folder.join(written.get_ref())) {
        Ok(text) => text,
        Err(error) => {
            let message = format!("cannot read the targets in `{}`", written.get_ref());
            document.fault(
                ErrorCode::Target,
                message,
                written.span(),
                error.to_string(),
            );
            return;
        }
    };
    let mut file = ListedFile::new(written.get_ref(), &text, ErrorCode::Target);
    match csv::records(&text) {
        Ok(records) => read(document, &mut file, &records, &base, targets, names),
        Err(fault) => {
            let message = format!("{} is no CSV", file.file);
            file.fault(document, fault.line, &message, &fault.message);
        }
    }
    file.close(document);
}

/// Reads the records of a CSV file of targets.
fn read(
    document: &mut Document<'_>,
    file: &mut ListedFile<'_>,
    records: &[csv::Record],
    base: &Target,
    targets: &mut Vec<Target>,
    names: &mut HashMap<String, String>,
) {
    let Some((header, rows)) = records.split_first() else {
        let message = format!("{} is empty", file.file);
        return file.fault(document, 1, &message, "begin with the line name,url,mode");
    };
    let header: Vec<_> = header.fields.iter().map(|field| field.trim()).collect();
    if !header.contains(&"url") {
        let message = format!("{} has no column `url`", file.file);
        return file.fault(document, 1, &message, "the header is name,url,mode");
    }
    if let Some(twice) = header
        .iter()
        .enumerate()
        .find(|(at, name)| header.iter().take(*at).any(|one| one == *name))
    {
        let message = format!("{} has two columns `{}`", file.file, twice.1);
        return file.fault(document, 1, &message, "name each once");
    }
    for row in rows {
        let target = target_of(&header, row, base).and_then(|target| {
            let place = format!("{}:{}", file.file, row.line);
            match names.insert(target.name.clone(), place) {
                None => Ok(target),
                Some(first) => {
                    let label = format!("the first is in {first}; give this one another name");
                    Err((
                        format!("two targets have the name `{}`", target.name),
                        label,
                    ))
                }
            }
        });
        match target {
            Ok(target) => targets.push(target),
            Err((message, label)) => file.fault(document, row.line, &message, &label),
        }
    }
}

/// The target of one line, or what is wrong with it and what would be right.
fn target_of(
    header: &[&str],
    row: &csv::Record,
    base: &Target,
) -> Result<Target, (String, String)> {
    if row.fields.len() != header.len() {
        let message = format!(
            "a line with {} fields under {} columns",
            row.fields.len(),
            header.len()
        );
        return Err((message, "quote fields that hold commas".to_owned()));
    }
    let mut target = base.clone();
    for (column, field) in header.iter().zip(&row.fields) {
        let field = field.trim();
        match *column {
            "url" => {
                target.url = site(field)
                    .map_err(|label| (format!("`{field}` is no site"), label.to_owned()))?;
            }
            _ if field.is_empty() => {}
            "name" if is_name(field) => field.clone_into(&mut target.name),
            "name" => {
                return Err((
                    format!("`{field}` is no name for a target"),
                    NAME_HELP.to_owned(),
                ));
            }
            "mode" => target.mode = one_of("mode", field, &MODES)?,
            "protocol" => target.protocol = one_of("protocol", field, &PROTOCOLS)?,
            label => {
                target.labels.insert(label.to_owned(), field.to_owned());
            }
        }
    }
    if target.name.is_empty() {
        target.name = name_of(&target.url);
    }
    Ok(target)
}

fn one_of(key: &str, field: &str, choices: &[&str]) -> Result<String, (String, String)> {
    if choices.contains(&field) {
        return Ok(field.to_owned());
    }
    Err((
        format!("`{key}` cannot be `{field}`"),
        format!("one of: {}", choices.join(", ")),
    ))
}

pub(in crate::config) fn is_name(name: &str) -> bool {
    let is_first = |character: char| character.is_ascii_lowercase() || character.is_ascii_digit();
    name.starts_with(is_first)
        && name
            .chars()
            .all(|character| is_first(character) || "._-".contains(character))
}

/// The default name: the URL without scheme, in characters that names may have.
fn name_of(url: &str) -> String {
    let rest = url
        .split_once("://")
        .map_or(url, |(_, rest)| rest)
        .trim_end_matches('/')
        .to_lowercase();
    let name: String = rest
        .chars()
        .map(|character| {
            if is_name(&format!("a{character}")) {
                character
            } else {
                '-'
            }
        })
        .collect();
    name.trim_start_matches(['.', '_', '-']).to_owned()
}

/// A domain or URL as the API gets it: the host in lower-case ASCII, the rest as written. Or what is wrong with it.
fn site(written: &str) -> Result<String, &'static str> {
    if written.is_empty() {
        return Err("a site is missing; write for example `example.com`");
    }
    if written.contains(|character: char| character.is_whitespace() || character.is_control()) {
        return Err("a site has no blanks");
    }
    if written.contains('*') {
        return Err("without `*`; subdomains come with `mode = \"subdomains\"`");
    }
    let (scheme, rest) = written
        .split_once("://")
        .map_or((None, written), |(scheme, rest)| (Some(scheme), rest));
    if scheme
        .is_some_and(|scheme| !["http", "https"].contains(&scheme.to_ascii_lowercase().as_str()))
    {
        return Err("a domain, or a URL that begins with http:// or https://");
    }
    let url = Url::parse(&format!("https://{rest}"))
        .ok()
        .ok_or("a domain such as `example.com`, or a URL on one")?;
    if !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() {
        return Err("without credentials and `#`");
    }
    let Some(Host::Domain(host)) = url.host() else {
        return Err("a domain name, not an address");
    };
    let is_label =
        |label: &str| !label.is_empty() && !label.starts_with('-') && !label.ends_with('-');
    let is_plain = |character: char| character.is_ascii_alphanumeric() || "-._".contains(character);
    if !host.contains('.')
        || !host.chars().all(is_plain)
        || !host.trim_end_matches('.').split('.').all(is_label)
    {
        return Err("a domain has a dot, such as `example.com`");
    }
    let after = rest
        .find(['/', '?', ':'])
        .and_then(|at| rest.get(at..))
        .unwrap_or_default();
    let scheme = scheme
        .map(|scheme| scheme.to_ascii_lowercase() + "://")
        .unwrap_or_default();
    Ok(format!("{scheme}{host}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sites_are_domains_and_urls_with_an_ascii_host() {
        for (written, sent) in [
            ("acme.com", "acme.com"),
            ("Acme.COM/Shoes?a=1", "acme.com/Shoes?a=1"),
            ("https://www.acme.com/", "https://www.acme.com/"),
            ("bücher.example/ä", "xn--bcher-kva.example/ä"),
        ] {
            assert_eq!(site(written).as_deref(), Ok(sent), "{written}");
        }
    }

    #[test]
    fn what_is_no_site_is_refused() {
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
            assert!(site(written).is_err(), "{written}");
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
            assert!(is_name(&name_of(url)), "{}", name_of(url));
        }
        assert_eq!(name_of("https://acme.com/Shoes/"), "acme.com-shoes");
    }
}
