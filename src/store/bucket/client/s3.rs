//! Requests to S3 that `object_store` does not offer: the list of multipart uploads, which finds those that a process
//! started and was killed before it could record them; and the removal of one object, since `object_store` only sends bulk
//! removals, whose refusals are in the body of a success and which not every S3-compatible service supports.

use chrono::{DateTime, Utc};
use object_store::aws::{AwsAuthorizer, AwsCredential};
use object_store::client::{HttpClient, HttpRequest, HttpRequestBody};
use url::Url;

use super::wire::element;

/// A multipart upload that is neither completed nor aborted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OpenUpload {
    /// The object's whole name.
    pub key: String,
    pub upload_id: String,
    /// When it was started, by the store's clock.
    pub started: DateTime<Utc>,
}

/// A second client beside that of `object_store`.
#[derive(Debug)]
pub(crate) struct S3Extra {
    http: HttpClient,
    url: String,
    region: String,
}

/// A page of uploads, and where the next begins.
type Page = (Vec<OpenUpload>, Option<(String, String)>);

impl S3Extra {
    pub fn new(
        http: HttpClient,
        bucket: &str,
        region: String,
        endpoint: Option<&str>,
        path_style: bool,
    ) -> Self {
        let endpoint = endpoint.map(|endpoint| endpoint.trim_end_matches('/'));
        let url = match (endpoint, path_style) {
            (Some(endpoint), true) => format!("{endpoint}/{bucket}"),
            (Some(endpoint), false) => endpoint.to_owned(),
            (None, true) => format!("https://s3.{region}.amazonaws.com/{bucket}"),
            (None, false) => format!("https://{bucket}.s3.{region}.amazonaws.com"),
        };
        Self { http, url, region }
    }

    /// The uploads of objects whose names begin with a prefix.
    pub async fn uploads(
        &self,
        credential: &AwsCredential,
        prefix: &str,
    ) -> object_store::Result<Vec<OpenUpload>> {
        let mut uploads = Vec::new();
        let mut from = None;
        loop {
            let (page, next) = self.page(credential, prefix, from.as_ref()).await?;
            uploads.extend(page);
            match next {
                // Else a store that ignores the markers would be asked endlessly.
                Some(next) if from.as_ref() != Some(&next) => from = Some(next),
                _ => return Ok(uploads),
            }
        }
    }

    /// Removes an object; it may be absent.
    pub async fn delete(&self, credential: &AwsCredential, key: &str) -> object_store::Result<()> {
        let mut request = HttpRequest::new(HttpRequestBody::empty());
        *request.method_mut() = "DELETE".parse().map_err(generic)?;
        *request.uri_mut() = format!("{}/{}", self.url, encode(key))
            .parse()
            .map_err(generic)?;
        AwsAuthorizer::new(credential, "s3", &self.region).try_authorize(&mut request, None)?;
        let response = self.http.execute(request).await.map_err(generic)?;
        if response.status().is_success() {
            Ok(())
        } else {
            Err(generic("the removal was refused"))
        }
    }

    async fn page(
        &self,
        credential: &AwsCredential,
        prefix: &str,
        from: Option<&(String, String)>,
    ) -> object_store::Result<Page> {
        let mut url = Url::parse(&self.url).map_err(generic)?;
        url.query_pairs_mut()
            .append_pair("uploads", "")
            .append_pair("prefix", prefix);
        if let Some((key, upload_id)) = from {
            url.query_pairs_mut()
                .append_pair("key-marker", key)
                .append_pair("upload-id-marker", upload_id);
        }
        let mut request = HttpRequest::new(HttpRequestBody::empty());
        *request.uri_mut() = url.as_str().parse().map_err(generic)?;
        AwsAuthorizer::new(credential, "s3", &self.region).try_authorize(&mut request, None)?;
        let response = self.http.execute(request).await.map_err(generic)?;
        let is_success = response.status().is_success();
        let body = response.into_body().bytes().await.map_err(generic)?;
        let text = String::from_utf8_lossy(&body);
        if is_success {
            Ok(parse(&text))
        } else {
            Err(generic("the list of uploads was refused"))
        }
    }
}

fn parse(text: &str) -> Page {
    let mut uploads = Vec::new();
    for part in text.split("<Upload>").skip(1) {
        uploads.extend(parse_upload(part));
    }
    let is_cut = element(text, "IsTruncated").is_some_and(|cut| cut == "true");
    let Some(key) = element(text, "NextKeyMarker").filter(|_| is_cut) else {
        return (uploads, None);
    };
    let upload_id = element(text, "NextUploadIdMarker").unwrap_or_default();
    (uploads, Some((unescape(&key), unescape(&upload_id))))
}

fn parse_upload(text: &str) -> Option<OpenUpload> {
    let started = DateTime::parse_from_rfc3339(&element(text, "Initiated")?).ok()?;
    Some(OpenUpload {
        key: unescape(&element(text, "Key")?),
        upload_id: unescape(&element(text, "UploadId")?),
        started: started.to_utc(),
    })
}

/// Percent-encodes a key as signatures require: everything but letters, digits, `-._~` and the slashes.
fn encode(key: &str) -> String {
    use std::fmt::Write as _;
    let mut encoded = String::with_capacity(key.len());
    for byte in key.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

fn unescape(text: &str) -> String {
    let text = text
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&apos;", "'");
    text.replace("&amp;", "&")
}

fn generic(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> object_store::Error {
    object_store::Error::Generic {
        store: "S3",
        source: error.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_encoded_as_signatures_require() {
        assert_eq!(
            encode("a/snapshot_date=2026-11-23/x y%2Fü"),
            "a/snapshot_date%3D2026-11-23/x%20y%252F%C3%BC"
        );
    }

    #[test]
    fn a_page_of_uploads_is_read_with_its_continuation() {
        let text = "<ListMultipartUploadsResult><IsTruncated>true</IsTruncated><NextKeyMarker>a/b&amp;c</NextKeyMarker>\
            <NextUploadIdMarker>u2</NextUploadIdMarker><Upload><Key>a/b&amp;c</Key><UploadId>u1</UploadId>\
            <Initiated>2026-11-23T04:05:06.000Z</Initiated></Upload><Upload><Key>a/d</Key><UploadId>u2</UploadId>\
            <Initiated>2026-11-23T04:05:07.000Z</Initiated></Upload></ListMultipartUploadsResult>";
        let (uploads, next) = parse(text);
        assert_eq!(uploads.len(), 2);
        assert_eq!(
            (uploads[0].key.as_str(), uploads[0].upload_id.as_str()),
            ("a/b&c", "u1")
        );
        assert_eq!(next, Some(("a/b&c".into(), "u2".into())));
        assert_eq!(parse(&text.replace("true", "false")).1, None);
        assert_eq!(parse("<ListMultipartUploadsResult/>"), (Vec::new(), None));
    }
}
