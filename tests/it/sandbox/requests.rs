//! Requests about Site Explorer are checked, refused and cut as the API does it.

use backhaul::sandbox::Options;
use serde_json::{Value, json};

use super::client::{BACKLINKS, SandboxClient, options, text};

#[tokio::test]
async fn keys_are_checked_and_refused_as_the_api_refuses_them() {
    let context = SandboxClient::new(options()).await;
    let free = "subscription-info/limits-and-usage";
    let none = context.send(free, &[], None).await.unwrap();
    assert_eq!(
        (none.status, none.text.as_str()),
        (403, r#"["Error","Forbidden"]"#)
    );
    let wrong = context.send(free, &[], Some("other")).await.unwrap();
    assert_eq!(
        (wrong.status, wrong.text.as_str()),
        (401, r#"["Error","Unauthorized"]"#)
    );
    assert_eq!(context.get(free, &[]).await.status, 200);
}

#[tokio::test]
async fn invalid_requests_are_refused_with_the_api_s_messages_and_are_free() {
    let context = SandboxClient::new(options()).await;
    let links = |more: &[(&'static str, &'static str)]| {
        let mut all = vec![("target", "acme.com"), ("select", "anchor")];
        all.retain(|(name, _)| !more.iter().any(|(other, _)| other == name));
        all.extend_from_slice(more);
        all
    };
    for (endpoint, parameters, status, body) in [
        (
            "site-explorer/metrics",
            vec![("target", "acme.com")],
            400,
            json!({"error": "missing argument date"}),
        ),
        (
            BACKLINKS,
            links(&[("where", "")]),
            400,
            json!({"error": "bad where: invalid filter expression"}),
        ),
        (
            BACKLINKS,
            links(&[("where", "a = 1")]),
            400,
            json!({"error": "bad where: invalid filter expression"}),
        ),
        (
            BACKLINKS,
            links(&[("where", r#"{"field":"anchor","is":["like","x"]}"#)]),
            400,
            json!({"error": "bad where: invalid JSON syntax"}),
        ),
        (
            BACKLINKS,
            links(&[("select", "domain")]),
            400,
            json!({"error": "column 'domain' not found"}),
        ),
        (
            BACKLINKS,
            links(&[("order_by", "domain:asc")]),
            400,
            json!({"error": "column 'domain' not found"}),
        ),
        (
            BACKLINKS,
            links(&[("aggregation", "latest")]),
            400,
            json!({"error": "bad value latest for type enum"}),
        ),
        (
            BACKLINKS,
            links(&[("target", "not a site")]),
            400,
            json!({"error": "bad target: not a site"}),
        ),
        (
            BACKLINKS,
            links(&[("order_by", "link_group_count")]),
            400,
            json!({"error": "bad order_by: cannot sort by column 'link_group_count'"}),
        ),
        (
            "site-explorer/metrics",
            vec![("target", "acme.com"), ("date", "2999-01-01")],
            400,
            json!({"error": "bad date: 2999-01-01 is in the future"}),
        ),
        (
            "site-explorer/nothing",
            vec![],
            404,
            json!([
                "Error",
                [
                    "NotFound",
                    "this route does not exist /v3/site-explorer/nothing"
                ]
            ]),
        ),
        (
            "rank-tracker/overview",
            vec![],
            400,
            json!({"error": "missing argument select"}),
        ),
    ] {
        let reply = context.get(endpoint, &parameters).await;
        assert_eq!(
            (reply.status, reply.json()),
            (status, body),
            "{parameters:?}"
        );
    }
    let stats = context.sandbox.stats();
    assert_eq!((stats.requests, stats.units), (12, 0));
}

#[tokio::test]
async fn unknown_parameters_are_ignored_and_keys_are_in_select_order() {
    let context = SandboxClient::new(options()).await;
    let reply = context
        .links(
            "url_to,anchor,domain_rating_source",
            &[("limit", "3"), ("offset", "5")],
        )
        .await;
    assert_eq!(reply.rows().len(), 3);
    for row in reply.rows() {
        let keys: Vec<_> = row.as_object().unwrap().keys().cloned().collect();
        assert_eq!(keys, ["url_to", "anchor", "domain_rating_source"]);
    }
}

#[tokio::test]
async fn limit_defaults_to_1000_and_a_cap_cuts_silently_after_ordering() {
    let context = SandboxClient::new(options()).await;
    let parameters = [
        ("target", "acme.com"),
        ("select", "url_from"),
        ("aggregation", "all"),
    ];
    assert_eq!(context.get(BACKLINKS, &parameters).await.rows().len(), 1000);
    let order = [("order_by", "url_from:asc,first_seen_link:asc")];
    let whole = context
        .links("url_from,first_seen_link", &order)
        .await
        .rows();
    assert_eq!(whole.len(), 2_000);
    let capped = SandboxClient::new(Options {
        row_cap: Some(150),
        ..options()
    })
    .await;
    let cut = capped.links("url_from,first_seen_link", &order).await;
    assert_eq!(
        (cut.rows().as_slice(), cut.header("x-api-rows")),
        (&whole[..150], "150")
    );
}

#[tokio::test]
async fn operations_without_a_limit_ignore_the_row_cap() {
    let parameters = [
        ("target", "acme.com"),
        ("date_from", "2024-01-01"),
        ("date_to", "2025-06-30"),
        ("history_grouping", "daily"),
    ];
    let capped = SandboxClient::new(Options {
        row_cap: Some(150),
        ..options()
    })
    .await;
    let rows = capped
        .get("site-explorer/domain-rating-history", &parameters)
        .await
        .rows();
    assert_eq!(rows.len(), 547);
}

#[tokio::test]
async fn history_shows_live_rows_all_rows_or_those_seen_since() {
    let context = SandboxClient::new(options()).await;
    let mut counts = Vec::new();
    for history in ["live", "since:2026-01-01", "since:2022-01-01", "all_time"] {
        let parameters = [
            ("target", "acme.com"),
            ("select", "last_seen,is_lost"),
            ("aggregation", "all"),
            ("limit", "9999"),
            ("history", history),
        ];
        let rows = context.get(BACKLINKS, &parameters).await.rows();
        assert!(
            rows.iter()
                .all(|row| row["last_seen"].is_null() != row["is_lost"].as_bool().unwrap())
        );
        if let Some(day) = history.strip_prefix("since:") {
            assert!(
                rows.iter()
                    .all(|row| row["last_seen"].is_null() || text(row, "last_seen") >= day)
            );
        }
        counts.push(rows.len());
    }
    assert!(
        counts[0] == 2_000 && counts.is_sorted() && counts[1] < counts[2] && counts[3] == 2_250,
        "{counts:?}"
    );
}

#[tokio::test]
async fn large_answers_are_compressed_on_request() {
    let context = SandboxClient::new(options()).await;
    let url = |limit: u32| {
        format!(
            "{}/{BACKLINKS}?target=acme.com&select=url_from,anchor&aggregation=all&limit={limit}",
            context.sandbox.url()
        )
    };
    for (limit, compressed) in [(1, false), (500, true)] {
        let request = context
            .client
            .get(url(limit))
            .header("authorization", "Bearer sandbox-key");
        let response = request
            .header("accept-encoding", "gzip")
            .send()
            .await
            .unwrap();
        assert_eq!(
            response.headers().contains_key("content-encoding"),
            compressed
        );
        let body = response.bytes().await.unwrap();
        if compressed {
            let mut text = String::new();
            std::io::Read::read_to_string(
                &mut flate2::read::GzDecoder::new(body.as_ref()),
                &mut text,
            )
            .unwrap();
            assert_eq!(
                serde_json::from_str::<Value>(&text).unwrap()["backlinks"]
                    .as_array()
                    .unwrap()
                    .len(),
                500
            );
        }
    }
}

#[tokio::test]
async fn stats_are_served_per_endpoint_and_reset() {
    let context = SandboxClient::new(options()).await;
    context.links("anchor", &[("limit", "70")]).await.rows();
    let base = context.sandbox.url().replace("/v3", "");
    let stats = context
        .client
        .get(format!("{base}/sandbox/stats"))
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    let stats: Value = serde_json::from_str(&stats).unwrap();
    let one = json!({"requests": 1, "rows": 70, "units": 70, "units_lost": 0});
    assert_eq!(stats["endpoints"][BACKLINKS], one);
    assert_eq!(
        (&stats["requests"], &stats["rows"], &stats["units"]),
        (&json!(1), &json!(70), &json!(70))
    );
    assert_eq!(
        context
            .client
            .post(format!("{base}/sandbox/reset"))
            .send()
            .await
            .unwrap()
            .status()
            .as_u16(),
        200
    );
    assert_eq!(context.sandbox.stats(), backhaul::sandbox::Stats::default());
}

#[tokio::test]
async fn stopping_frees_the_port() {
    let context = SandboxClient::new(options()).await;
    let url = context.sandbox.url();
    context.sandbox.stop().await;
    assert!(context.client.get(url).send().await.is_err());
}
