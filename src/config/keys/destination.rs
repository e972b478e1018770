//! A table of constants: the keys of `[destination]`.

use super::key::{DefaultValue, Key, Kind, Rule, Table};

/// Who writes into a bucket.
pub(crate) const WRITERS: &[&str] = &["shared", "single"];

/// How the service encrypts.
pub(crate) const ENCRYPTIONS: &[&str] = &["bucket", "aes256", "kms"];

/// Layouts of a partition in a bucket.
pub(crate) const LAYOUTS: &[&str] = &["files"];

/// How a partition's folder is replaced.
pub(crate) const REPLACEMENTS: &[&str] = &["exchange", "gap"];

pub(crate) static DESTINATION: Table = Table {
    path: "destination",
    definition: "destination",
    heading: "[destination]",
    doc: "A folder of this machine, or a bucket. Credentials of buckets come from the environment.",
    rule: Rule::Free,
    keys: &[
        Key {
            path: "destination.url",
            kind: Kind::Text,
            default: DefaultValue::Required,
            since: "0.1.0",
            doc: "Where the tables are written: a path, file://, s3://bucket/prefix, gs://bucket/prefix or az://container/prefix.",
            example: "url = \"s3://bucket/prefix\"",
        },
        Key {
            path: "destination.region",
            kind: Kind::Pattern("^[A-Za-z0-9._-]+$"),
            default: DefaultValue::Unset,
            since: "0.1.0",
            doc: "Region of the bucket, s3:// only; by default from the environment.",
            example: "region = \"eu-central-1\"",
        },
        Key {
            path: "destination.endpoint",
            kind: Kind::Pattern("^https?://"),
            default: DefaultValue::Unset,
            since: "0.1.0",
            doc: "Address of the service where it is not the provider's own: https, or http to this machine; http also to s3:// elsewhere.",
            example: "endpoint = \"https://minio.example.com\"",
        },
        Key {
            path: "destination.path_style",
            kind: Kind::Boolean,
            default: DefaultValue::Unset,
            since: "0.1.0",
            doc: "Whether the bucket is in the path, not in the host name; s3:// only. By default as suits the service.",
            example: "path_style = true",
        },
        Key {
            path: "destination.writers",
            kind: Kind::Choice(WRITERS),
            default: DefaultValue::Value("\"shared\""),
            since: "0.1.0",
            doc: "Who writes into the bucket: any number of processes, or one at a time, for stores without conditional writes.",
            example: "writers = \"single\"",
        },
        Key {
            path: "destination.encryption",
            kind: Kind::ChoiceOrTable(ENCRYPTIONS, &ENCRYPTION),
            default: DefaultValue::Value("\"bucket\""),
            since: "0.1.0",
            doc: "How the service encrypts, s3:// only: as the bucket is set up, with keys of S3, or with KMS.",
            example: "encryption = { kms = \"alias/lake\" }",
        },
        Key {
            path: "destination.account",
            kind: Kind::Pattern("^[a-z0-9]{3,24}$"),
            default: DefaultValue::Unset,
            since: "0.1.0",
            doc: "Storage account, az:// only; by default AZURE_STORAGE_ACCOUNT_NAME.",
            example: "account = \"acme1\"",
        },
        Key {
            path: "destination.partition_by",
            kind: Kind::Texts,
            default: DefaultValue::Value("[\"snapshot_date\"]"),
            since: "0.1.0",
            doc: "Partition keys: snapshot_date first, then target or parameters that reports list; in a bucket snapshot_date alone.",
            example: "partition_by = [\"snapshot_date\", \"target\"]",
        },
        Key {
            path: "destination.file_size",
            kind: Kind::Text,
            default: DefaultValue::Value("\"128 MiB\""),
            since: "0.1.0",
            doc: "Size at which a file is closed; not in a bucket, where a partition is one object.",
            example: "file_size = \"128 MiB\"",
        },
        Key {
            path: "destination.compression",
            kind: Kind::Pattern(r"^zstd\(([1-9]|1[0-9]|2[0-2])\)$"),
            default: DefaultValue::Value("\"zstd(3)\""),
            since: "0.1.0",
            doc: "Level of zstd.",
            example: "compression = \"zstd(3)\"",
        },
        Key {
            path: "destination.keep_responses",
            kind: Kind::Duration,
            default: DefaultValue::Value("\"35d\""),
            since: "0.1.0",
            doc: "How long saved responses are kept.",
            example: "keep_responses = \"35d\"",
        },
        Key {
            path: "destination.responses",
            kind: Kind::Text,
            default: DefaultValue::Unset,
            since: "0.1.0",
            doc: "Folder where responses are saved; by default in the destination.",
            example: "responses = \"./responses\"",
        },
        Key {
            path: "destination.layout",
            kind: Kind::Choice(LAYOUTS),
            default: DefaultValue::Unset,
            since: "0.1.0",
            doc: "Several files a partition in a bucket. Not implemented yet.",
            example: "layout = \"files\"",
        },
        Key {
            path: "destination.replace",
            kind: Kind::Choice(REPLACEMENTS),
            default: DefaultValue::Value("\"exchange\""),
            since: "0.1.0",
            doc: "How a partition's folder is replaced: at once, or with a short gap on file systems that cannot exchange folders.",
            example: "replace = \"gap\"",
        },
    ],
};

pub(crate) static ENCRYPTION: Table = Table {
    path: "destination.encryption",
    definition: "encryption",
    heading: "encryption = { … } in [destination]",
    doc: "Encryption with a key of KMS.",
    rule: Rule::Free,
    keys: &[
        Key {
            path: "destination.encryption.kms",
            kind: Kind::NonEmptyText,
            default: DefaultValue::Required,
            since: "0.1.0",
            doc: "Id, ARN or alias of the KMS key.",
            example: "kms = \"alias/lake\"",
        },
        Key {
            path: "destination.encryption.bucket_key",
            kind: Kind::Boolean,
            default: DefaultValue::Value("false"),
            since: "0.1.0",
            doc: "Whether the bucket's key is used, which needs fewer calls of KMS.",
            example: "bucket_key = true",
        },
    ],
};
