//! `[destination]`: a folder of this machine, or a bucket.

use std::path::PathBuf;
use std::time::Duration;

use super::bucket::{bucket, refuse_folder_options, refuse_foreign_options};
use super::bucket_url::Scheme;
use super::credentials;
use super::folder::folder;
use super::partition_by::partition_by;
use crate::config::document::{Document, Section};
use crate::config::keys::{self, LAYOUTS, REPLACEMENTS};
use crate::config::location::DestinationLocation;
use crate::config::resolved::Destination;
use crate::config::values;
use crate::error::{Error, ErrorCode};

/// Large enough for engines to scan well, small enough to write on any machine.
const DEFAULT_FILE_SIZE: u64 = 128 << 20;

/// Below this, file footers are larger than the rows.
const MIN_FILE_SIZE: u64 = 64 << 10;

/// Higher levels take much longer for little gain.
const DEFAULT_ZSTD_LEVEL: i32 = 3;

/// Five weeks: a monthly load that failed can still be rebuilt.
const DEFAULT_KEEP_RESPONSES: Duration = Duration::from_hours(35 * 24);

pub(crate) fn destination(document: &mut Document<'_>, root: &Section<'_>) -> Option<Destination> {
    if root.get("destination").is_none() {
        let error = Error::new(ErrorCode::Url, "missing `[destination] url`");
        let hint = "add to the file: [destination] and below it url = \"./data\"";
        document.push_error(error.with_hint(hint));
        return None;
    }
    let section = document.table(root, "destination", "[destination]")?;
    credentials::refuse_credentials(document, &section);
    refuse_unknown_keys(document, &section);
    refuse_layout(document, &section);
    let location = location(document, &section);
    let partition_by = partition_by(document, &section);
    let replace = document.choice(&section, "replace", REPLACEMENTS);
    let file_size_bytes = file_size(document, &section);
    let zstd_level = document.parsed(&section, "compression", values::zstd_level);
    let keep_responses = document.parsed(&section, "keep_responses", values::duration);
    let responses = responses(document, &section);
    Some(Destination {
        location: location?,
        partition_by,
        may_leave_gaps: replace == Some("gap"),
        zstd_level: zstd_level.unwrap_or(DEFAULT_ZSTD_LEVEL),
        file_size_bytes,
        responses,
        keep_responses: keep_responses.unwrap_or(DEFAULT_KEEP_RESPONSES),
    })
}

/// Refuses keys that are not known; credentials have an error of their own.
fn refuse_unknown_keys(document: &mut Document<'_>, section: &Section<'_>) {
    let known = keys::DESTINATION.names();
    for key in section.table.keys() {
        let name: &str = key.get_ref();
        if !known.contains(&name) && !credentials::is_credential(name) {
            document.refuse_key(section, name, key.span(), &known);
        }
    }
}

fn refuse_layout(document: &mut Document<'_>, section: &Section<'_>) {
    if document.choice(section, "layout", LAYOUTS).is_some() {
        document.not_implemented("`layout = \"files\"`", section.span_of("layout"));
    }
}

fn location(document: &mut Document<'_>, section: &Section<'_>) -> Option<DestinationLocation> {
    if section.get("url").is_none() {
        let (message, label) = ("missing `[destination] url`", "no location is given");
        let (span, hint) = (section.span.clone(), "add below it: url = \"./data\"");
        document.error_at_with_hint(ErrorCode::Url, message, span, label, hint);
        return None;
    }
    let text = document.text(section, "url")?;
    if let Some(scheme) = Scheme::of(text.get_ref()) {
        refuse_folder_options(document, section);
        let bucket = bucket(document, section, &text, scheme)?;
        return Some(DestinationLocation::Bucket(bucket));
    }
    let folder = folder(document, "url", &text)?;
    refuse_foreign_options(document, section, None);
    Some(DestinationLocation::Folder(folder))
}

fn file_size(document: &mut Document<'_>, section: &Section<'_>) -> u64 {
    if Scheme::of_destination(section).is_some() {
        return DEFAULT_FILE_SIZE;
    }
    let Some(bytes) = document.parsed(section, "file_size", values::size) else {
        return DEFAULT_FILE_SIZE;
    };
    if bytes < MIN_FILE_SIZE {
        let message = "`file_size` is too small for Parquet";
        let span = section.span_of("file_size");
        document.error_at(ErrorCode::Config, message, span, "at least `64 KiB`");
    }
    bytes
}

/// A folder, whatever the destination is: responses that are kept in a bucket are kept in the destination's own.
fn responses(document: &mut Document<'_>, section: &Section<'_>) -> Option<PathBuf> {
    let text = document.text(section, "responses")?;
    if Scheme::of(text.get_ref()).is_some() {
        document.mask(text.span());
        let message = "`responses` cannot be a bucket";
        let label = "remove this: responses are then saved in the destination";
        document.error_at(ErrorCode::Url, message, text.span(), label);
        return None;
    }
    folder(document, "responses", &text)
}
