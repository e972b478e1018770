//! A destination's URL, parsed: which bucket of which provider, and the prefix of all object names.

use object_store::path::Path;
use url::Url;

use crate::error::{Error, ErrorCode, Result};

/// A bucket and a prefix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Address {
    pub scheme: Scheme,
    pub bucket: String,
    pub prefix: Path,
}

/// A provider, by the scheme of its URLs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scheme {
    S3,
    Gs,
    Az,
}

impl Address {
    /// Parses `s3://bucket/prefix`, `gs://bucket/prefix` or `az://container/prefix`.
    ///
    /// # Errors
    /// [`ErrorCode::Url`] for anything else.
    pub fn parse(text: &str) -> Result<Self> {
        let url = Url::parse(text)
            .map_err(|error| invalid(format!("invalid URL `{text}`")).with_source(error))?;
        let scheme = match url.scheme() {
            "s3" => Scheme::S3,
            "gs" => Scheme::Gs,
            "az" => Scheme::Az,
            other => return Err(invalid(format!("`{other}://` does not name a bucket"))),
        };
        let bucket = url.host_str().unwrap_or_default().to_owned();
        if bucket.is_empty() {
            return Err(invalid(format!("`{text}` does not name a bucket")));
        }
        // Not repeated in the message: the URL may contain a password.
        if !url.username().is_empty() || url.password().is_some() {
            let message = "the URL of a bucket cannot contain a user or a password";
            return Err(invalid(message.to_owned()));
        }
        if url.query().is_some() || url.fragment().is_some() || url.port().is_some() {
            let message = format!("`{text}` has more than a bucket and a prefix");
            return Err(invalid(message));
        }
        let prefix = Path::parse(url.path().trim_matches('/')).map_err(|error| {
            invalid(format!("invalid prefix `{}`", url.path())).with_source(error)
        })?;
        Ok(Self {
            scheme,
            bucket,
            prefix,
        })
    }
}

fn invalid(message: String) -> Error {
    Error::new(ErrorCode::Url, message)
        .with_hint("write the destination as s3://bucket/prefix, gs:// or az://")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_name_a_bucket_and_a_prefix_and_nothing_else() {
        let address = Address::parse("s3://acme-seo/ahrefs/nightly/").expect("a bucket");
        assert_eq!(
            (address.scheme, address.bucket.as_str()),
            (Scheme::S3, "acme-seo")
        );
        assert_eq!(address.prefix.as_ref(), "ahrefs/nightly");
        assert_eq!(
            Address::parse("gs://acme")
                .expect("a bucket")
                .prefix
                .as_ref(),
            ""
        );
        assert_eq!(
            Address::parse("az://lake/a").expect("a container").scheme,
            Scheme::Az
        );
        for wrong in [
            "s3://",
            "s3:acme",
            "ftp://acme/a",
            "s3://acme/a?b=c",
            "s3://acme:9000/a",
            "s3://acme/a//b",
            "acme",
        ] {
            let error = Address::parse(wrong).expect_err(wrong);
            assert_eq!(error.code(), ErrorCode::Url, "{wrong}");
        }
    }

    #[test]
    fn a_password_in_the_url_is_refused_and_not_repeated() {
        let error = Address::parse("s3://user:hush@acme/a").expect_err("refused");
        assert!(!error.render().contains("hush"), "{}", error.render());
    }
}
