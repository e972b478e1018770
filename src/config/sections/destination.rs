//! `[destination]`: a folder of this machine, or a bucket.

use std::path::PathBuf;
use std::time::Duration;

use toml::Spanned;
use url::Url;

use super::bucket::{self, Scheme};
use crate::config::document::hide_keys;
use crate::config::document::{Document, Section};
use crate::config::keys;
use crate::config::location::DestinationLocation;
use crate::config::resolved::{Destination, Report};
use crate::config::values;
use crate::error::{Error, ErrorCode};

/// Large enough for engines to scan well, small enough to write on any machine.
const DEFAULT_FILE_SIZE: u64 = 128 << 20;

/// Below this, file footers weigh more than rows.
const MIN_FILE_SIZE: u64 = 64 << 10;

/// Level that costs little time and leaves little to gain.
const DEFAULT_ZSTD_LEVEL: i32 = 3;

/// Five weeks: a monthly load that failed can still be rebuilt.
const DEFAULT_KEEP_RESPONSES: Duration = Duration::from_hours(35 * 24);

pub(in crate::config) fn destination(
    document: &mut Document<'_>,
    root: &Section<'_>,
) -> Option<Destination> {
    let Some(section) = document.table(root, "destination", "[destination]") else {
        if root.get("destination").is_none() {
            let error = Error::new(
                ErrorCode::Url,
                "the configuration says nothing of where the tables go",
            );
            document.push(
                error.with_hint("add to the file: [destination] and below it url = \"./data\""),
            );
        }
        return None;
    };
    bucket::refuse_credentials(document, &section);
    for key in section
        .table
        .keys()
        .filter(|key| !bucket::is_credential(key.get_ref()))
    {
        if !keys::DESTINATION.contains(&key.get_ref().as_ref()) {
            document.unknown_key(&section, key.get_ref(), key.span(), keys::DESTINATION);
        }
    }
    refuse_later(document, &section);
    let location = location(document, &section);
    let partition_by = partition_by(document, &section);
    let may_leave_gaps = document.choice(&section, "replace", &["exchange", "gap"]) == Some("gap");
    let file_size_bytes = file_size(document, &section);
    let zstd_level = document
        .parsed(&section, "compression", values::zstd_level)
        .unwrap_or(DEFAULT_ZSTD_LEVEL);
    let keep = document.parsed(&section, "keep_responses", values::duration);
    let responses = responses(document, &section);
    Some(Destination {
        location: location?,
        partition_by,
        may_leave_gaps,
        zstd_level,
        file_size_bytes,
        responses,
        keep_responses: keep.unwrap_or(DEFAULT_KEEP_RESPONSES),
    })
}

fn file_size(document: &mut Document<'_>, section: &Section<'_>) -> u64 {
    if Scheme::of_destination(section).is_some() {
        return DEFAULT_FILE_SIZE;
    }
    let bytes = document
        .parsed(section, "file_size", values::size)
        .unwrap_or(DEFAULT_FILE_SIZE);
    if bytes < MIN_FILE_SIZE
        && let Some(node) = section.get("file_size")
    {
        document.fault(
            ErrorCode::Config,
            "`file_size` is too small for Parquet",
            node.span(),
            "at least `64 KiB`",
        );
    }
    bytes
}

/// A folder, whatever the destination is: what is saved in a bucket is saved in the destination's own.
fn responses(document: &mut Document<'_>, section: &Section<'_>) -> Option<PathBuf> {
    let text = document.text(section, "responses")?;
    if Scheme::of(text.get_ref()).is_some() {
        document.mask(text.span());
        let label = "leave it out: then they lie in the destination";
        document.fault(
            ErrorCode::Url,
            "`responses` cannot be a bucket",
            text.span(),
            label,
        );
        return None;
    }
    folder(document, "responses", &text)
}

fn refuse_later(document: &mut Document<'_>, section: &Section<'_>) {
    if document.choice(section, "layout", &["files"]).is_some()
        && let Some(node) = section.get("layout")
    {
        document.later("`layout = \"files\"`", node.span());
    }
}

/// The keys behind `snapshot_date`. Whether a report has such a parameter, and no column of that name, is checked with the
/// reports.
fn partition_by(document: &mut Document<'_>, section: &Section<'_>) -> Vec<String> {
    let keys = document.texts(section, "partition_by").unwrap_or_default();
    let mut names: Vec<String> = Vec::new();
    for key in &keys {
        if names.iter().any(|known| known == key.get_ref()) {
            let message = format!("`{}` stands twice in `partition_by`", key.get_ref());
            document.fault(ErrorCode::Config, message, key.span(), "take this out");
        }
        names.push((*key.get_ref()).to_owned());
    }
    if let Some(node) = section.get("partition_by")
        && !keys.is_empty()
        && names.first().map(String::as_str) != Some("snapshot_date")
    {
        let label = "write [\"snapshot_date\"], and further keys behind it";
        document.fault(
            ErrorCode::Config,
            "`partition_by` must begin with `snapshot_date`",
            node.span(),
            label,
        );
    }
    names.into_iter().skip(1).collect()
}

/// Refuses keys that no report has, or that stand for a column of a report.
pub(in crate::config) fn check_partition_by(
    document: &mut Document<'_>,
    root: &Section<'_>,
    reports: &[Report],
) {
    let Some(section) = document.table(root, "destination", "[destination]") else {
        return;
    };
    if Scheme::of_destination(&section).is_some() {
        return;
    }
    for key in document
        .texts(&section, "partition_by")
        .unwrap_or_default()
        .iter()
        .skip(1)
    {
        let name = *key.get_ref();
        let varies = |report: &&Report| {
            name == "target" || report.varying.iter().any(|(known, _)| known == name)
        };
        if !reports.iter().any(|report| varies(&report)) {
            let message = format!("no report can be partitioned by `{name}`");
            let label = "`target`, or a parameter that a report lists, such as `country`";
            document.fault(ErrorCode::Config, message, key.span(), label);
        }
        let clash = reports
            .iter()
            .filter(varies)
            .find(|report| report.columns.iter().any(|column| column == name));
        if let Some(report) = clash {
            let message = format!(
                "`{name}` is a column of the report `{}` and cannot be a partition key",
                report.name
            );
            document.fault(
                ErrorCode::Config,
                message,
                key.span(),
                "warehouses refuse a key that equals a column",
            );
        }
    }
}

fn location(document: &mut Document<'_>, section: &Section<'_>) -> Option<DestinationLocation> {
    if section.get("url").is_none() {
        let next = "add below it: url = \"./data\"".to_owned();
        let message = "[destination] has no `url`".to_owned();
        document.fault_next(
            ErrorCode::Url,
            message,
            section.span.clone(),
            "the place is missing",
            next,
        );
        return None;
    }
    let text = document.text(section, "url")?;
    if let Some(scheme) = Scheme::of(text.get_ref()) {
        bucket::refuse_folder_options(document, section);
        return bucket::bucket(document, section, &text, scheme).map(DestinationLocation::Bucket);
    }
    let folder = folder(document, "url", &text)?;
    bucket::refuse_foreign_options(document, section, None);
    Some(DestinationLocation::Folder(folder))
}

/// A folder given as a path or a `file://` URL; it need not exist, but nothing else may stand in its place.
fn folder(document: &mut Document<'_>, key: &str, text: &Spanned<&str>) -> Option<PathBuf> {
    let written = text.get_ref().trim();
    // Where a link to a store was pasted, with its signature or password.
    let may_hold_a_secret = written.contains("://") && written.contains(['@', '?', '#']);
    if may_hold_a_secret {
        document.mask(text.span());
    }
    let path = match written.split_once("://") {
        _ if written.is_empty() => Err("an empty path; write for example `./data`"),
        None => Ok(document.folder.join(written)),
        Some(("file", _)) => {
            let path = Url::parse(written)
                .ok()
                .and_then(|url| url.to_file_path().ok());
            path.ok_or("a file:// URL has three slashes and an absolute path")
        }
        Some(_) => Err("a path, or a URL that begins with file://, s3://, gs:// or az://"),
    };
    let path = path.and_then(|path| {
        let is_blocked = path
            .ancestors()
            .find(|part| part.exists())
            .is_some_and(|part| !part.is_dir());
        if is_blocked {
            Err("a file stands in the way; name a folder")
        } else {
            Ok(path)
        }
    });
    match path {
        Ok(path) => Some(path),
        Err(label) => {
            let shown = if may_hold_a_secret {
                "***".to_owned()
            } else {
                hide_keys(written)
            };
            document.fault(
                ErrorCode::Url,
                format!("`{key}` cannot be `{shown}`"),
                text.span(),
                label,
            );
            None
        }
    }
}
