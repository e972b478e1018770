//! Tests of `[destination]`: folders and buckets, the keys that each has, and what is refused.

use std::path::Path;

use backhaul::config::{
    self, BucketLocation, DestinationLocation, Encryption, Environment, RunConfig,
};
use backhaul::error::{ErrorCode, Errors};
use backhaul::plan;
use backhaul::store::bucket::{Bucket, BucketOptions};
use proptest::prelude::*;

/// Looks like nothing that a rule could recognise, and must never be shown.
const SECRET: &str = "hush";

fn parse(destination: &str) -> Result<RunConfig, Errors> {
    let text = format!(
        r#"
[source]
api_key = {{ env = "AHREFS_API_KEY" }}

[destination]
{destination}

[[target]]
url = "acme.com"

[[report]]
name = "rating"
endpoint = "site-explorer/domain-rating"
"#
    );
    let environment: Environment = [("AHREFS_API_KEY", "key")].into_iter().collect();
    config::parse(&text, Path::new("backhaul.toml"), &environment)
}

fn bucket(destination: &str) -> BucketLocation {
    match parse(destination)
        .unwrap_or_else(|errors| panic!("{}", errors.render()))
        .destination
        .location
    {
        DestinationLocation::Bucket(bucket) => bucket,
        DestinationLocation::Folder(path) => panic!("{} is a folder", path.display()),
    }
}

fn errors_of(destination: &str) -> String {
    parse(destination).expect_err(destination).render()
}

fn codes(destination: &str) -> Vec<ErrorCode> {
    parse(destination)
        .expect_err(destination)
        .0
        .iter()
        .map(backhaul::error::Error::code)
        .collect()
}

#[test]
fn a_bucket_needs_only_its_url() {
    let plain = BucketLocation {
        url: "s3://acme-seo/ahrefs".to_owned(),
        region: None,
        endpoint: None,
        path_style: None,
        single_writer: false,
        encryption: Encryption::Bucket,
        account: None,
    };
    assert_eq!(bucket("url = \" s3://acme-seo/ahrefs/ \""), plain);
    assert_eq!(bucket("url = \"gs://acme\"").url, "gs://acme");
    assert_eq!(bucket("url = \"az://lake/a/b\"").url, "az://lake/a/b");
    let spelled_out = "url = \"s3://acme-seo/ahrefs\"\npartition_by = [\"snapshot_date\"]\nreplace = \"exchange\"\nwriters = \"shared\"\nencryption = \"bucket\"";
    assert_eq!(bucket(spelled_out), plain);
}

#[test]
fn every_key_of_a_bucket_resolves() {
    let place = bucket(
        "url = \"s3://acme\"\nregion = \"eu-central-1\"\nendpoint = \"http://minio:9000/\"\npath_style = false\nwriters = \"single\"",
    );
    assert_eq!(place.region.as_deref(), Some("eu-central-1"));
    assert_eq!(place.endpoint.as_deref(), Some("http://minio:9000"));
    assert_eq!((place.path_style, place.single_writer), (Some(false), true));
    let azure = bucket(
        "url = \"az://lake\"\naccount = \"acme1\"\nendpoint = \"http://127.0.0.1:10000/acme1\"",
    );
    assert_eq!(azure.account.as_deref(), Some("acme1"));
    assert_eq!(
        azure.endpoint.as_deref(),
        Some("http://127.0.0.1:10000/acme1")
    );
    let google = bucket("url = \"gs://acme\"\nendpoint = \"https://storage.acme.com\"");
    assert_eq!(google.endpoint.as_deref(), Some("https://storage.acme.com"));
    let encryption =
        |value: &str| bucket(&format!("url = \"s3://acme\"\nencryption = {value}")).encryption;
    let kms = |key: Option<&str>, bucket_key| Encryption::Kms {
        key: key.map(str::to_owned),
        bucket_key,
    };
    assert_eq!(encryption("\"aes256\""), Encryption::Aes256);
    assert_eq!(encryption("\"kms\""), kms(None, false));
    assert_eq!(
        encryption("{ kms = \"alias/lake\" }"),
        kms(Some("alias/lake"), false)
    );
    assert_eq!(
        encryption("{ kms = \"alias/lake\", bucket_key = true }"),
        kms(Some("alias/lake"), true)
    );
}

/// A place that the configuration accepts is opened by the store, and means the same there.
fn opens(place: &str) {
    let options = BucketOptions {
        account: Some("acme".to_owned()),
        ..BucketOptions::default()
    };
    let opened =
        Bucket::open(place, options).unwrap_or_else(|error| panic!("{place}: {}", error.render()));
    assert_eq!(opened.location(), place);
}

#[test]
fn what_is_accepted_here_the_store_opens_under_the_same_name() {
    for url in [
        "s3://acme",
        "s3://acme/",
        "gs://acme_seo.x/a",
        "az://lake/a/b=c/d+e,f",
        "s3://acme/x(1)!/..a/b.",
    ] {
        opens(&bucket(&format!("url = \"{url}\"")).url);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn no_url_is_accepted_here_and_refused_by_the_store(
        url in "(s3|gs|az)://[a-zA-Z0-9._-]{1,3}(/[a-z.%=+,!() @:?#ä-]{0,3}){0,3}",
    ) {
        if let Ok(config) = parse(&format!("url = \"{url}\"")) {
            opens(&config.destination.location.to_string());
        }
    }
}

#[test]
fn other_spellings_and_faulty_urls_are_refused_with_what_to_write() {
    let shown: Vec<_> = [
        "s3a://acme/a",
        "abfss://lake@acme.dfs.core.windows.net/a",
        "azure://lake/a",
        "s3:acme/a",
        "s3://",
        "gs:///a",
        "s3://localhost:9000/a",
        "s3://ac me/a",
        "s3://acme/a//b",
        "s3://acme/../b",
        "s3://acme/a b",
        "r2://acme/a",
    ]
    .into_iter()
    .map(|url| {
        let url = format!("url = \"{url}\"");
        assert_eq!(codes(&url), [ErrorCode::Url], "{url}");
        // The message, the line and what stands behind the underline: the rest is the same for all.
        errors_of(&url)
            .lines()
            .enumerate()
            .filter(|(at, _)| [0, 2, 3].contains(at))
            .map(|(_, line)| line.to_owned() + "\n")
            .collect::<String>()
    })
    .collect();
    insta::assert_snapshot!(shown.join("\n"));
}

#[test]
fn secrets_in_a_url_are_refused_and_never_shown() {
    for lines in [
        format!("url = \"s3://user:{SECRET}@acme/a\""),
        format!("url = \"s3://user:{SECRET}\""),
        format!("url = \"s3:user:{SECRET}@acme\""),
        format!("url = \"abfss://user:{SECRET}@acme\""),
        format!("url = \"az://lake/a?sig={SECRET}\""),
        format!("url = \"https://acme.blob.core.windows.net/lake?sig={SECRET}\""),
        format!("url = \"https://user:{SECRET}@acme.com/lake\""),
        format!("url = \"s3://acme\"\nendpoint = \"https://user:{SECRET}@acme.com\""),
        format!("url = \"s3://acme\"\nendpoint = \"https://user:{SECRET}@acme.com:port\""),
        format!("url = \"s3://acme\"\nendpoint = \"https://acme.com/?sig={SECRET}\""),
        format!("url = \"s3://acme\"\nresponses = \"s3://user:{SECRET}@acme\""),
        format!("url = \"s3://acme\"\nresponses = \"https://acme.com/?sig={SECRET}\""),
    ] {
        let errors = parse(&lines).expect_err(&lines);
        let shown = format!("{}{errors:?}", errors.render());
        assert!(!shown.contains(SECRET), "{shown}");
        assert_eq!(codes(&lines), [ErrorCode::Url], "{shown}");
    }
    for cut_off in [
        format!("url = \"s3://user:{SECRET}@acme"),
        format!("url = \"az://lake?sig={SECRET}"),
    ] {
        let shown = errors_of(&cut_off);
        assert!(!shown.contains(SECRET), "{shown}");
    }
    insta::assert_snapshot!(errors_of(&format!("url = \"s3://user:{SECRET}@acme/a\"")));
}

#[test]
fn credentials_in_the_file_are_refused_as_a_key_is() {
    for key in [
        "access_key_id",
        "secret_access_key",
        "session_token",
        "sas_token",
        "account_key",
        "credentials",
    ] {
        let lines = format!("url = \"s3://acme\"\n{key} = \"{SECRET}\"");
        let errors = parse(&lines).expect_err(&lines);
        let shown = format!("{}{errors:?}", errors.render());
        assert!(!shown.contains(SECRET), "{shown}");
        assert_eq!(codes(&lines), [ErrorCode::KeySource], "{shown}");
    }
    for value in [format!("\"{SECRET}/+==\""), format!("[\n\"{SECRET}\"]")] {
        let shown = errors_of(&format!("url = \"az://lake\"\naccount = {value}"));
        assert!(!shown.contains(SECRET), "{shown}");
    }
    insta::assert_snapshot!(errors_of(&format!(
        "url = \"s3://acme\"\nsecret_access_key = \"{SECRET}\""
    )));
}

#[test]
fn keys_of_buckets_are_refused_where_they_say_nothing() {
    for (url, keys) in [
        (
            "data",
            [
                "region",
                "endpoint",
                "path_style",
                "writers",
                "encryption",
                "account",
            ]
            .as_slice(),
        ),
        ("file:///data", &["region"]),
        ("s3://acme", &["account"]),
        (
            "gs://acme",
            &["region", "path_style", "encryption", "account"],
        ),
        ("az://lake", &["region", "path_style", "encryption"]),
    ] {
        for key in keys {
            let lines = format!("url = \"{url}\"\n{key} = 1");
            assert_eq!(codes(&lines), [ErrorCode::Config], "{lines}");
        }
    }
    let lines = "url = \"data\"\nwriters = \"single\"";
    let other = "url = \"az://lake\"\nregion = \"eu-central-1\"";
    insta::assert_snapshot!(format!("{}\n{}", errors_of(lines), errors_of(other)));
}

#[test]
fn values_of_the_keys_are_checked() {
    let shown: Vec<_> = [
        "url = \"s3://acme\"\nregion = \"eu central 1\"",
        "url = \"s3://acme\"\nendpoint = \"minio:9000\"",
        "url = \"s3://acme\"\nendpoint = \"ftp://minio\"",
        "url = \"gs://acme\"\nendpoint = \"http://proxy:4443\"",
        "url = \"s3://acme\"\npath_style = \"yes\"",
        "url = \"s3://acme\"\nwriters = \"one\"",
        "url = \"s3://acme\"\nencryption = \"aws:kms\"",
        "url = \"s3://acme\"\nencryption = true",
        "url = \"s3://acme\"\nencryption = { bucket_key = true }",
        "url = \"s3://acme\"\nencryption = { kms = \"alias/lake\", bucketkey = true }",
        "url = \"s3://acme\"\nencryption = { kms = \"my key\" }",
        "url = \"az://lake\"\naccount = \"Acme\"",
        "url = \"s3://acme\"\nregoin = \"eu-central-1\"",
    ]
    .into_iter()
    .map(errors_of)
    .collect();
    insta::assert_snapshot!(shown.join("\n"));
}

#[test]
fn what_only_folders_have_is_refused_in_a_bucket() {
    let lines = "url = \"s3://acme\"\nreplace = \"gap\"\npartition_by = [\"snapshot_date\", \"target\", \"country\"]\nresponses = \"s3://acme/responses\"";
    insta::assert_snapshot!(errors_of(lines));
    assert_eq!(
        codes("url = \"s3://acme\"\nlayout = \"files\"\nfile_size = \"1 GiB\""),
        [ErrorCode::Later]
    );
}

#[test]
fn saved_responses_may_lie_in_a_folder_beside_a_bucket() {
    let config = parse("url = \"s3://acme\"\nresponses = \"saved\"").expect("a configuration");
    assert_eq!(
        config.destination.responses.as_deref(),
        Some(Path::new("saved"))
    );
}

#[test]
fn a_sample_lies_inside_the_destination() {
    let place = |url: &str| {
        parse(&format!("url = \"{url}\""))
            .expect(url)
            .sample()
            .destination
            .location
            .to_string()
    };
    assert_eq!(place("s3://acme/a/"), "s3://acme/a/_sample");
    assert_eq!(place("gs://acme"), "gs://acme/_sample");
    assert_eq!(Path::new(&place("data")), Path::new("data").join("_sample"));
}

#[test]
fn a_bucket_is_described_with_all_that_is_set() {
    let described = |lines: &str| {
        let text = plan::describe(&parse(lines).expect(lines), &[]);
        let lines: Vec<_> = text
            .lines()
            .skip(2)
            .take_while(|line| !line.starts_with("targets"))
            .collect();
        lines.join("\n")
    };
    assert_eq!(
        described("url = \"gs://acme/a\"\nwriters = \"shared\""),
        "destination   gs://acme/a"
    );
    let own = "url = \"s3://acme\"\nregion = \"eu-central-1\"\nendpoint = \"https://s3.acme.com\"\npath_style = true\nwriters = \"single\"\nencryption = { kms = \"alias/lake\", bucket_key = true }";
    let azure = "url = \"az://lake\"\naccount = \"acme1\"";
    let aes = "url = \"s3://acme\"\nencryption = \"aes256\"";
    insta::assert_snapshot!([own, azure, aes].map(described).join("\n\n"));
}
