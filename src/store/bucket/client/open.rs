//! Opens buckets: the options of a destination, as `object_store` takes them.

use std::sync::Arc;
use std::time::Duration;

use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::azure::MicrosoftAzureBuilder;
use object_store::client::HttpConnector as _;
use object_store::gcp::{GoogleCloudStorageBuilder, GoogleConfigKey};
use object_store::{BackoffConfig, ClientOptions, RetryConfig};
use url::{Host, Url};

use super::address::{Address, Scheme};
use super::bucket::{Backend, Bucket};
use super::options::{BucketOptions, Credentials, Encryption};
use super::s3::S3Extra;
use super::wire::CapturingConnector;
use crate::error::{Error, ErrorCode, Result};

/// The smallest part that S3 accepts, except for the last.
const PART_BYTES_MIN: usize = 5 << 20;

/// The option of `object_store` for encryption by S3.
const S3_ENCRYPTION: &str = "aws_server_side_encryption";

impl Bucket {
    /// Opens a bucket. Nothing is sent: [`Bucket::probe`] tries it.
    ///
    /// # Errors
    /// [`ErrorCode::Url`] for an invalid URL, [`ErrorCode::Config`] for options that do not fit together.
    pub fn open(url: &str, options: BucketOptions) -> Result<Self> {
        let address = Address::parse(url)?;
        if options.part_bytes < PART_BYTES_MIN || options.concurrent_parts == 0 {
            let message = format!("parts of an upload have at least {PART_BYTES_MIN} bytes");
            return Err(Error::new(ErrorCode::Config, message));
        }
        if address.scheme != Scheme::S3 && options.encryption != Encryption::Default {
            let message = "encryption by the service is chosen per upload on s3:// only";
            return Err(Error::new(ErrorCode::Config, message)
                .with_hint("set the key on the bucket itself, and leave the option out"));
        }
        let backend = match address.scheme {
            Scheme::S3 => open_s3(&address, &options)?,
            Scheme::Gs => open_gs(&address, &options)?,
            Scheme::Az => open_az(&address, &options)?,
        };
        Ok(Self {
            backend,
            address: Arc::new(address),
            options: Arc::new(options),
            seen_alive: Arc::default(),
        })
    }
}

fn open_s3(address: &Address, options: &BucketOptions) -> Result<Backend> {
    let client_options = client_options(address.scheme, options)?;
    let mut builder = AmazonS3Builder::from_env()
        .with_bucket_name(&address.bucket)
        .with_retry(no_retries())
        .with_client_options(client_options.clone())
        .with_http_connector(CapturingConnector::default());
    if let Some(region) = &options.region {
        builder = builder.with_region(region);
    }
    if let Some(endpoint) = &options.endpoint {
        builder = builder.with_endpoint(endpoint);
    }
    if let Credentials::S3(provider) = &options.credentials {
        builder = builder.with_credentials(Arc::clone(provider));
    }
    if let Some(path_style) = options.path_style {
        builder = builder.with_virtual_hosted_style_request(!path_style);
    } else if options.endpoint.is_some() {
        builder = builder.with_virtual_hosted_style_request(false);
    }
    builder = with_encryption(builder, &options.encryption)?;
    let http = CapturingConnector::default()
        .connect(&client_options)
        .map_err(unusable)?;
    let extra = s3_extra(&builder, address, http);
    let store = builder.build().map_err(unusable)?;
    Ok(Backend::S3(Arc::new(store), Arc::new(extra)))
}

fn with_encryption(builder: AmazonS3Builder, encryption: &Encryption) -> Result<AmazonS3Builder> {
    let option = S3_ENCRYPTION.parse().map_err(unusable)?;
    let (builder, bucket_key) = match encryption {
        Encryption::Default => return Ok(builder),
        Encryption::S3 => return Ok(builder.with_config(option, "AES256")),
        Encryption::Kms { key, bucket_key } => match key {
            Some(key) => (builder.with_sse_kms_encryption(key), *bucket_key),
            None => (builder.with_config(option, "aws:kms"), *bucket_key),
        },
    };
    // Without the option nothing is sent about the bucket's key: the bucket may have a default.
    if bucket_key {
        Ok(builder.with_bucket_key(true))
    } else {
        Ok(builder)
    }
}

/// A second client with the settings of the builder, some of which may come from the environment.
fn s3_extra(
    builder: &AmazonS3Builder,
    address: &Address,
    http: object_store::client::HttpClient,
) -> S3Extra {
    let region = builder
        .get_config_value(&AmazonS3ConfigKey::Region)
        .unwrap_or_else(|| "us-east-1".to_owned());
    let endpoint = builder.get_config_value(&AmazonS3ConfigKey::Endpoint);
    let virtual_hosted = builder.get_config_value(&AmazonS3ConfigKey::VirtualHostedStyleRequest);
    let path_style = virtual_hosted.as_deref() != Some("true");
    S3Extra::new(
        http,
        &address.bucket,
        region,
        endpoint.as_deref(),
        path_style,
    )
}

fn open_gs(address: &Address, options: &BucketOptions) -> Result<Backend> {
    let mut builder = GoogleCloudStorageBuilder::from_env()
        .with_bucket_name(&address.bucket)
        .with_retry(no_retries())
        .with_client_options(client_options(address.scheme, options)?)
        .with_http_connector(CapturingConnector::default());
    if let Some(endpoint) = &options.endpoint {
        builder = builder.with_config(GoogleConfigKey::BaseUrl, endpoint);
    }
    Ok(Backend::Gs(Arc::new(builder.build().map_err(unusable)?)))
}

fn open_az(address: &Address, options: &BucketOptions) -> Result<Backend> {
    let mut builder = MicrosoftAzureBuilder::from_env()
        .with_container_name(&address.bucket)
        .with_retry(no_retries())
        .with_client_options(client_options(address.scheme, options)?)
        .with_http_connector(CapturingConnector::default());
    if let Some(account) = &options.account {
        builder = builder.with_account(account);
    }
    if let Some(endpoint) = &options.endpoint {
        builder = builder.with_endpoint(endpoint.clone());
    }
    Ok(Backend::Az(Arc::new(builder.build().map_err(unusable)?)))
}

/// There is one layer of retries, `retry`: it renews credentials and knows which requests may have been carried out.
fn no_retries() -> RetryConfig {
    RetryConfig {
        backoff: BackoffConfig::default(),
        max_retries: 0,
        retry_timeout: Duration::ZERO,
    }
}

fn client_options(scheme: Scheme, options: &BucketOptions) -> Result<ClientOptions> {
    let allow_http = match &options.endpoint {
        Some(endpoint) => is_plain_http(scheme, endpoint)?,
        None => false,
    };
    Ok(ClientOptions::new()
        .with_allow_http(allow_http)
        .with_timeout(options.request_timeout))
}

/// Whether an endpoint is spoken to without encryption, if that is allowed.
fn is_plain_http(scheme: Scheme, endpoint: &str) -> Result<bool> {
    let url = Url::parse(endpoint).map_err(|error| {
        Error::new(ErrorCode::Url, format!("invalid endpoint `{endpoint}`")).with_source(error)
    })?;
    match url.scheme() {
        "https" => Ok(false),
        // A signature proves knowledge of the key without revealing it; a bearer token is the key itself.
        "http" if scheme == Scheme::S3 || is_loopback(&url) => Ok(true),
        "http" => {
            let message = format!("the endpoint `{endpoint}` would see the token in plain text");
            Err(Error::new(ErrorCode::Url, message)
                .with_hint("use https:// for everything but this machine itself"))
        }
        _ => {
            let message = format!("the endpoint `{endpoint}` is neither http:// nor https://");
            Err(Error::new(ErrorCode::Url, message))
        }
    }
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
    let message = "the destination cannot be opened with these options";
    Error::new(ErrorCode::Config, message)
        .with_source(error)
        .with_hint("look at the options of the destination, and at the variables AWS_…, GOOGLE_… or AZURE_…")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_travel_in_plain_text_to_this_machine_only() {
        assert_eq!(
            is_plain_http(Scheme::S3, "http://minio:9000").ok(),
            Some(true)
        );
        assert_eq!(
            is_plain_http(Scheme::Gs, "http://127.0.0.1:4443").ok(),
            Some(true)
        );
        for (scheme, endpoint) in [
            (Scheme::Gs, "http://proxy:4443"),
            (Scheme::S3, "minio:9000"),
        ] {
            let error = is_plain_http(scheme, endpoint).expect_err("refused");
            assert_eq!(error.code(), ErrorCode::Url);
        }
    }

    #[test]
    fn every_provider_opens_without_a_request_and_refuses_what_it_cannot_do() {
        let options = BucketOptions {
            account: Some("acme".into()),
            ..BucketOptions::default()
        };
        for (url, location) in [
            ("s3://a/b", "s3://a/b"),
            ("gs://a/b/", "gs://a/b"),
            ("az://a", "az://a"),
        ] {
            let bucket = Bucket::open(url, options.clone()).expect(url);
            assert_eq!(bucket.location(), location);
            let path = bucket.path("c/d").expect("a name");
            assert_eq!(path.as_ref().rsplit('/').next(), Some("d"));
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
            ErrorCode::Config
        );
        let small = BucketOptions {
            part_bytes: 1 << 20,
            ..options
        };
        assert_eq!(
            Bucket::open("s3://a", small).expect_err("refused").code(),
            ErrorCode::Config
        );
    }
}
