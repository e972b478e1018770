//! Buckets as destinations, against real protocol servers with a layer of faults between: the store by itself, and runs of
//! the program.

mod commits;
mod concurrent_writers;
mod faults;
mod kills;
mod lease_edges;
mod moto;
mod objects;
mod parity_with_disk;
mod proxy;
mod refusals;
mod requests;
mod server;
mod small_files;
pub mod support;
mod zombie_process;

use std::sync::Arc;
use std::time::Duration;

use arrow::array::{AsArray as _, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use backhaul::error::Result;
use backhaul::model::hex;
use backhaul::store::Commit;
use backhaul::store::bucket::{Bucket, BucketCommit, BucketOptions, Credentials};
use backhaul::table::manifest::{Committed, FileEntry};
use bytes::Bytes;
use object_store::StaticCredentialProvider;
use object_store::aws::AwsCredential;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use sha2::{Digest as _, Sha256};

use proxy::Proxy;
use server::{BUCKET, KEY, SECRET, Server};

const REPORT: &str = "links";
const PARTITION: &str = "snapshot_date=2026-11-23";
const OBJECT: &str = "links/snapshot_date=2026-11-23/part-00000.parquet";

/// A server, the proxy before it, and a bucket opened through both.
struct Lab {
    server: Server,
    proxy: Proxy,
    bucket: Bucket,
}

impl Lab {
    async fn new() -> Self {
        Self::with(|_| ()).await
    }

    async fn with(change: impl FnOnce(&mut BucketOptions)) -> Self {
        let server = Server::start().await;
        let proxy = Proxy::start(server.address).await;
        let mut options = options(&proxy.endpoint(), KEY, SECRET);
        change(&mut options);
        let bucket = Bucket::open(&format!("s3://{BUCKET}/lake"), options).unwrap();
        Self {
            server,
            proxy,
            bucket,
        }
    }

    /// Another process: the same bucket with another length of leases.
    fn other(&self, lease: Duration) -> Bucket {
        let options = BucketOptions {
            lease,
            ..options(&self.proxy.endpoint(), KEY, SECRET)
        };
        Bucket::open(&format!("s3://{BUCKET}/lake"), options).unwrap()
    }
}

fn options(endpoint: &str, key: &str, secret: &str) -> BucketOptions {
    BucketOptions {
        endpoint: Some(endpoint.to_owned()),
        region: Some("us-east-1".to_owned()),
        credentials: credentials(key, secret),
        patience: Duration::from_secs(20),
        request_timeout: Duration::from_secs(10),
        part_bytes: 5 << 20,
        ..BucketOptions::default()
    }
}

fn credentials(key: &str, secret: &str) -> Credentials {
    let credential = AwsCredential {
        key_id: key.to_owned(),
        secret_key: secret.to_owned(),
        token: None,
    };
    Credentials::S3(Arc::new(StaticCredentialProvider::new(credential)))
}

fn commit(id: &str) -> Commit {
    Commit {
        report: REPORT.into(),
        partition: PARTITION.into(),
        id: id.into(),
    }
}

/// A Parquet file of a commit with one column of texts.
fn parquet(commit_id: &str, generation: u64, texts: &[String]) -> Vec<u8> {
    let schema = Arc::new(Schema::new(vec![Field::new("text", DataType::Utf8, false)]));
    let pair = |key: &str, value: String| KeyValue::new(format!("backhaul.{key}"), value);
    let pairs = vec![
        pair("commit_id", commit_id.to_owned()),
        pair("base_generation", generation.to_string()),
    ];
    let properties = WriterProperties::builder()
        .set_key_value_metadata(Some(pairs))
        .build();
    let mut writer =
        ArrowWriter::try_new(Vec::new(), Arc::clone(&schema), Some(properties)).unwrap();
    let column = StringArray::from_iter_values(texts);
    writer
        .write(&RecordBatch::try_new(schema, vec![Arc::new(column)]).unwrap())
        .unwrap();
    writer.into_inner().unwrap()
}

/// The commit id, base generation and texts of a file.
fn read_parquet(bytes: Bytes) -> (String, u64, Vec<String>) {
    let builder = ParquetRecordBatchReaderBuilder::try_new(bytes).unwrap();
    let pairs = builder
        .metadata()
        .file_metadata()
        .key_value_metadata()
        .unwrap()
        .clone();
    let value = |key: &str| {
        pairs
            .iter()
            .find(|pair| pair.key == key)
            .unwrap()
            .value
            .clone()
            .unwrap()
    };
    let mut texts = Vec::new();
    for batch in builder.build().unwrap() {
        texts.extend(
            batch
                .unwrap()
                .column(0)
                .as_string::<i32>()
                .iter()
                .map(|text| text.unwrap().to_owned()),
        );
    }
    (
        value("backhaul.commit_id"),
        value("backhaul.base_generation").parse().unwrap(),
        texts,
    )
}

fn manifest(commit_id: &str, body: &[u8], rows: u64) -> Committed {
    Committed {
        commit_id: commit_id.to_owned(),
        files: vec![FileEntry {
            name: "part-00000.parquet".to_owned(),
            rows,
            bytes: body.len() as u64,
            sha256: hex(&Sha256::digest(body)),
            tasks: Vec::new(),
        }],
        tasks: Vec::new(),
        columns: Vec::new(),
        responses_hash: String::new(),
    }
}

/// What readers see.
async fn visible(bucket: &Bucket) -> Vec<String> {
    bucket
        .get(OBJECT)
        .await
        .unwrap()
        .map(|object| read_parquet(object.bytes).2)
        .unwrap_or_default()
}

/// Begins a commit that adds its own id to what the partition holds, and uploads it.
async fn prepare(
    bucket: &Bucket,
    id: &str,
    patience: Duration,
) -> Result<(BucketCommit, Committed)> {
    let committing = bucket.begin_commit(commit(id), id, patience).await?;
    let mut texts = match committing.committed() {
        Some(_) => read_parquet(bucket.get(OBJECT).await?.expect("a committed object").bytes).2,
        None => Vec::new(),
    };
    texts.push(id.to_owned());
    let body = parquet(id, committing.base_generation(), &texts);
    let next = manifest(id, &body, texts.len() as u64);
    committing.write(Bytes::from(body)).await;
    Ok((committing, next))
}

async fn publish(bucket: &Bucket, id: &str) -> Result<Committed> {
    let (committing, next) = prepare(bucket, id, Duration::ZERO).await?;
    committing.publish(next).await
}
