//! Which bucket, and how it is spoken to: URL, endpoint, region, encryption, credentials.

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey, AwsCredentialProvider};
use object_store::azure::MicrosoftAzureBuilder;
use object_store::client::HttpConnector as _;
use object_store::gcp::{GoogleCloudStorageBuilder, GoogleConfigKey};
use object_store::path::Path;
use object_store::{BackoffConfig, ClientOptions, RetryConfig};
use url::{Host, Url};

use super::s3::S3Extra;
use super::wire::Listening;
use super::{Backend, Bucket};
use crate::error::{Code, Error, Result};

/// How long a holder that is not heard of keeps what it holds.
const LEASE: Duration = Duration::from_mins(1);

/// Another length of leases, for tests that wait for their end.
static OTHER_LEASE: OnceLock<Duration> = OnceLock::new();

/// Leases of this process have another length from now on. The first call counts.
pub fn set_lease(lease: Duration) {
    let _ = OTHER_LEASE.set(lease);
}

/// Another patience with a store that fails, for tests of what is said in the end.
static OTHER_PATIENCE: OnceLock<Duration> = OnceLock::new();

/// Operations of this process are tried for another time from now on. The first call counts.
pub fn set_patience(patience: Duration) {
    let _ = OTHER_PATIENCE.set(patience);
}

/// Longest time that one operation is tried: a store that is moved or restarted is back by then.
const PATIENCE: Duration = Duration::from_mins(3);

/// The smallest part that S3 takes, but for the last.
const PART_BYTES_MIN: usize = 5 << 20;

/// How a bucket is opened. The defaults suit AWS, Google and Azure.
#[derive(Debug, Clone)]
pub struct BucketOptions {
    /// Address of the service where it is not the provider's own: an S3-compatible service, an emulator.
    pub endpoint: Option<String>,
    /// Region of the bucket; `None`: `AWS_REGION`, else `us-east-1`.
    pub region: Option<String>,
    /// Whether the bucket stands in the path, not in the host's name. `None`: in the path, which every service takes.
    pub path_style: Option<bool>,
    /// How the service encrypts what it stores.
    pub encryption: Encryption,
    /// Storage account of an Azure container; `None`: `AZURE_STORAGE_ACCOUNT_NAME`.
    pub account: Option<String>,
    /// Who we are.
    pub credentials: Credentials,
    /// Who else writes there.
    pub writers: Writers,
    /// Longest time that one operation is tried, waits included.
    pub patience: Duration,
    /// Longest time that one request may take.
    pub request_timeout: Duration,
    /// Bytes of a part of an upload; at most 10,000 parts make an object.
    pub part_bytes: usize,
    /// Parts that are on their way at a time. With one being filled they are all that an upload holds in memory.
    pub concurrent_parts: usize,
    /// How long a holder that is not heard of keeps a partition or a task.
    pub lease: Duration,
}

impl Default for BucketOptions {
    fn default() -> Self {
        Self {
            endpoint: None,
            region: None,
            path_style: None,
            encryption: Encryption::Default,
            account: None,
            credentials: Credentials::Chain,
            writers: Writers::Shared,
            patience: OTHER_PATIENCE.get().copied().unwrap_or(PATIENCE),
            request_timeout: Duration::from_mins(2),
            part_bytes: 16 << 20,
            concurrent_parts: 4,
            lease: OTHER_LEASE.get().copied().unwrap_or(LEASE),
        }
    }
}

/// Encryption by the service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Encryption {
    /// As the bucket is set up.
    Default,
    /// `AES256`, with keys of S3.
    S3,
    /// `aws:kms`.
    Kms {
        /// The key; `None`: the account's own.
        key: Option<String>,
        /// Whether the bucket's key is used, which costs fewer calls of KMS.
        bucket_key: bool,
    },
}

/// Where the credentials come from.
#[derive(Clone)]
pub enum Credentials {
    /// The provider's usual chain: environment, workload identity, the instance's or container's own.
    Chain,
    /// A source of credentials for S3.
    S3(AwsCredentialProvider),
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Chain => "Chain",
            Self::S3(_) => "S3(***)",
        })
    }
}

/// Who writes into a bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Writers {
    /// Any number of processes: needs create-if-absent and compare-and-swap of the store.
    Shared,
    /// One process at a time, by the user's word: for stores without conditional writes. Nothing guards against a second.
    Single,
}

/// A destination's URL, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Address {
    pub scheme: Scheme,
    pub bucket: String,
    pub prefix: Path,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scheme {
    S3,
    Gs,
    Az,
}

impl Address {
    /// Reads `s3://bucket/prefix`, `gs://bucket/prefix` or `az://container/prefix`.
    pub fn parse(text: &str) -> Result<Self> {
        let wrong = |message: String| {
            Error::new(Code::Url, message)
                .with_next("write the destination as s3://bucket/prefix, gs:// or az://")
        };
        let url = Url::parse(text)
            .map_err(|error| wrong(format!("`{text}` is no URL")).with_source(error))?;
        let scheme = match url.scheme() {
            "s3" => Scheme::S3,
            "gs" => Scheme::Gs,
            "az" => Scheme::Az,
            other => return Err(wrong(format!("`{other}://` is no bucket"))),
        };
        let bucket = url.host_str().unwrap_or_default().to_owned();
        if bucket.is_empty() {
            return Err(wrong(format!("`{text}` names no bucket")));
        }
        // Never repeated: a password may stand there.
        if !url.username().is_empty() || url.password().is_some() {
            return Err(wrong(
                "the URL of a bucket takes no user and no password".to_owned(),
            ));
        }
        if url.query().is_some() || url.fragment().is_some() || url.port().is_some() {
            return Err(wrong(format!(
                "`{text}` has more than a bucket and a prefix"
            )));
        }
        let prefix = Path::parse(url.path().trim_matches('/')).map_err(|error| {
            wrong(format!("`{}` is no prefix of object names", url.path())).with_source(error)
        })?;
        Ok(Self {
            scheme,
            bucket,
            prefix,
        })
    }
}

impl Bucket {
    /// Opens a bucket. Nothing is sent: [`Bucket::probe`] tries it.
    ///
    /// # Errors
    /// [`Code::Url`] for a URL that is none, [`Code::Config`] for options that do not fit together.
    pub fn open(url: &str, options: BucketOptions) -> Result<Self> {
        let address = Address::parse(url)?;
        if options.part_bytes < PART_BYTES_MIN || options.concurrent_parts == 0 {
            return Err(Error::new(
                Code::Config,
                format!("parts of an upload have at least {PART_BYTES_MIN} bytes"),
            ));
        }
        if address.scheme != Scheme::S3 && options.encryption != Encryption::Default {
            return Err(Error::new(
                Code::Config,
                "encryption by the service is chosen per upload on s3:// only",
            )
            .with_next("set the key on the bucket itself, and leave the option out"));
        }
        let backend = match address.scheme {
            Scheme::S3 => s3(&address, &options)?,
            Scheme::Gs => gs(&address, &options)?,
            Scheme::Az => az(&address, &options)?,
        };
        Ok(Self {
            backend,
            address: Arc::new(address),
            options: Arc::new(options),
            alive: Arc::default(),
        })
    }
}

fn s3(address: &Address, options: &BucketOptions) -> Result<Backend> {
    let mut builder = AmazonS3Builder::from_env()
        .with_bucket_name(&address.bucket)
        .with_retry(no_retries())
        .with_client_options(client_options(address, options)?)
        .with_http_connector(Listening::default());
    if let Some(region) = &options.region {
        builder = builder.with_region(region);
    }
    if let Some(endpoint) = &options.endpoint {
        builder = builder.with_endpoint(endpoint);
    }
    if let Credentials::S3(provider) = &options.credentials {
        builder = builder.with_credentials(Arc::clone(provider));
    }
    if let Some(path_style) = options
        .path_style
        .or(options.endpoint.as_ref().map(|_| true))
    {
        builder = builder.with_virtual_hosted_style_request(!path_style);
    }
    builder = match &options.encryption {
        Encryption::Default => builder,
        Encryption::S3 => builder.with_config(
            "aws_server_side_encryption".parse().map_err(unusable)?,
            "AES256",
        ),
        Encryption::Kms {
            key: Some(key),
            bucket_key,
        } => through_bucket_key(builder.with_sse_kms_encryption(key), *bucket_key),
        Encryption::Kms {
            key: None,
            bucket_key,
        } => {
            let builder = builder.with_config(
                "aws_server_side_encryption".parse().map_err(unusable)?,
                "aws:kms",
            );
            through_bucket_key(builder, *bucket_key)
        }
    };
    let region = builder
        .get_config_value(&AmazonS3ConfigKey::Region)
        .unwrap_or_else(|| "us-east-1".to_owned());
    let endpoint = builder.get_config_value(&AmazonS3ConfigKey::Endpoint);
    let http = Listening::default()
        .connect(&client_options(address, options)?)
        .map_err(unusable)?;
    // As the builder has it: the environment may say it too.
    let is_virtual = builder.get_config_value(&AmazonS3ConfigKey::VirtualHostedStyleRequest);
    let path_style = is_virtual.is_none_or(|is_virtual| is_virtual != "true");
    let extra = S3Extra::new(
        http,
        &address.bucket,
        region,
        endpoint.as_deref(),
        path_style,
    );
    Ok(Backend::S3(
        Arc::new(builder.build().map_err(unusable)?),
        Arc::new(extra),
    ))
}

/// Says nothing of the bucket's key unless it is wanted: the bucket may say so itself.
fn through_bucket_key(builder: AmazonS3Builder, is_wanted: bool) -> AmazonS3Builder {
    if is_wanted {
        builder.with_bucket_key(true)
    } else {
        builder
    }
}

fn gs(address: &Address, options: &BucketOptions) -> Result<Backend> {
    let mut builder = GoogleCloudStorageBuilder::from_env()
        .with_bucket_name(&address.bucket)
        .with_retry(no_retries())
        .with_client_options(client_options(address, options)?)
        .with_http_connector(Listening::default());
    if let Some(endpoint) = &options.endpoint {
        builder = builder.with_config(GoogleConfigKey::BaseUrl, endpoint);
    }
    Ok(Backend::Gs(Arc::new(builder.build().map_err(unusable)?)))
}

fn az(address: &Address, options: &BucketOptions) -> Result<Backend> {
    let mut builder = MicrosoftAzureBuilder::from_env()
        .with_container_name(&address.bucket)
        .with_retry(no_retries())
        .with_client_options(client_options(address, options)?)
        .with_http_connector(Listening::default());
    if let Some(account) = &options.account {
        builder = builder.with_account(account);
    }
    if let Some(endpoint) = &options.endpoint {
        builder = builder.with_endpoint(endpoint.clone());
    }
    Ok(Backend::Az(Arc::new(builder.build().map_err(unusable)?)))
}

/// One layer retries, and it is ours: it asks for credentials anew and knows which requests leave a doubt.
fn no_retries() -> RetryConfig {
    RetryConfig {
        backoff: BackoffConfig::default(),
        max_retries: 0,
        retry_timeout: Duration::ZERO,
    }
}

fn client_options(address: &Address, options: &BucketOptions) -> Result<ClientOptions> {
    let endpoint = options
        .endpoint
        .as_deref()
        .map(|text| (text, Url::parse(text)));
    let is_plain = match endpoint {
        None => false,
        Some((text, Err(error))) => {
            return Err(
                Error::new(Code::Url, format!("the endpoint `{text}` is no URL"))
                    .with_source(error),
            );
        }
        Some((text, Ok(url))) if url.scheme() == "http" => {
            // A signature proves knowledge of the key and gives nothing away; a bearer token is the key itself.
            if address.scheme != Scheme::S3 && !is_loopback(&url) {
                return Err(Error::new(
                    Code::Url,
                    format!("the endpoint `{text}` would see the token in plain text"),
                )
                .with_next("use https:// for everything but this machine itself"));
            }
            true
        }
        Some((_, Ok(url))) if url.scheme() == "https" => false,
        Some((text, Ok(_))) => {
            return Err(Error::new(
                Code::Url,
                format!("the endpoint `{text}` is neither http:// nor https://"),
            ));
        }
    };
    Ok(ClientOptions::new()
        .with_allow_http(is_plain)
        .with_timeout(options.request_timeout))
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

fn unusable(error: object_store::Error) -> Error {
    Error::new(
        Code::Config,
        "the destination cannot be opened with these options",
    )
    .with_source(error)
    .with_next(
        "look at the options of the destination, and at the variables AWS_…, GOOGLE_… or AZURE_…",
    )
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
            assert_eq!(error.code(), Code::Url, "{wrong}");
        }
    }

    #[test]
    fn a_password_in_the_url_is_refused_and_not_repeated() {
        let error = Address::parse("s3://user:hush@acme/a").expect_err("refused");
        assert!(!error.render().contains("hush"), "{}", error.render());
    }

    #[test]
    fn tokens_travel_in_plain_text_to_this_machine_only() {
        let options = |endpoint: &str| BucketOptions {
            endpoint: Some(endpoint.into()),
            ..BucketOptions::default()
        };
        let s3 = Address::parse("s3://acme").expect("a bucket");
        let gs = Address::parse("gs://acme").expect("a bucket");
        assert!(client_options(&s3, &options("http://minio:9000")).is_ok());
        assert!(client_options(&gs, &options("http://127.0.0.1:4443")).is_ok());
        assert_eq!(
            client_options(&gs, &options("http://proxy:4443"))
                .expect_err("refused")
                .code(),
            Code::Url
        );
        assert_eq!(
            client_options(&s3, &options("minio:9000"))
                .expect_err("refused")
                .code(),
            Code::Url
        );
    }

    #[test]
    fn credentials_are_not_printed() {
        let credential = object_store::aws::AwsCredential {
            key_id: "id".into(),
            secret_key: "hush".into(),
            token: None,
        };
        let provider = object_store::StaticCredentialProvider::new(credential);
        let options = BucketOptions {
            credentials: Credentials::S3(Arc::new(provider)),
            ..BucketOptions::default()
        };
        assert!(!format!("{options:?}").contains("hush"));
    }

    #[test]
    fn every_provider_opens_without_a_request_and_refuses_what_it_cannot_do() {
        let options = BucketOptions {
            account: Some("acme".into()),
            ..BucketOptions::default()
        };
        for (url, place) in [
            ("s3://a/b", "s3://a/b"),
            ("gs://a/b/", "gs://a/b"),
            ("az://a", "az://a"),
        ] {
            let bucket = Bucket::open(url, options.clone()).expect(url);
            assert_eq!(bucket.place(), place);
            assert_eq!(
                bucket
                    .path("c/d")
                    .expect("a name")
                    .as_ref()
                    .rsplit('/')
                    .next(),
                Some("d")
            );
        }
        let encrypted = BucketOptions {
            encryption: Encryption::S3,
            ..options.clone()
        };
        assert!(Bucket::open("s3://a", encrypted.clone()).is_ok());
        assert_eq!(
            Bucket::open("gs://a", encrypted)
                .expect_err("refused")
                .code(),
            Code::Config
        );
        let small = BucketOptions {
            part_bytes: 1 << 20,
            ..options
        };
        assert_eq!(
            Bucket::open("s3://a", small).expect_err("refused").code(),
            Code::Config
        );
    }
}
