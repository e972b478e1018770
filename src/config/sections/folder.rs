//! Folders of this machine.

use std::path::{Path, PathBuf};

use toml::Spanned;
use url::Url;

use crate::config::document::{Document, hide_keys};
use crate::error::ErrorCode;

/// A folder given as a path or a `file://` URL; it need not exist, but nothing else may be in its place.
pub(super) fn folder(
    document: &mut Document<'_>,
    key: &str,
    text: &Spanned<&str>,
) -> Option<PathBuf> {
    let written = text.get_ref().trim();
    // Where a link to a store was pasted, with its signature or password.
    let may_hold_a_secret = written.contains("://") && written.contains(['@', '?', '#']);
    if may_hold_a_secret {
        document.mask(text.span());
    }
    let label = match path_of(document, written) {
        Ok(path) if !is_blocked_by_a_file(&path) => return Some(path),
        Ok(_) => "a file is in the way: name a folder",
        Err(label) => label,
    };
    let shown = if may_hold_a_secret {
        "***".to_owned()
    } else {
        hide_keys(written)
    };
    let message = format!("invalid value `{shown}` for `{key}`");
    document.error_at(ErrorCode::Url, message, text.span(), label);
    None
}

fn path_of(document: &Document<'_>, written: &str) -> Result<PathBuf, &'static str> {
    if written.is_empty() {
        return Err("an empty path; write for example `./data`");
    }
    match written.split_once("://") {
        None => Ok(document.folder.join(written)),
        Some(("file", _)) => {
            let url = Url::parse(written).ok();
            url.and_then(|url| url.to_file_path().ok())
                .ok_or("a file:// URL has three slashes and an absolute path")
        }
        Some(_) => Err("use a path, or a URL that begins with file://, s3://, gs:// or az://"),
    }
}

fn is_blocked_by_a_file(path: &Path) -> bool {
    for part in path.ancestors() {
        if part.exists() {
            return !part.is_dir();
        }
    }
    false
}
