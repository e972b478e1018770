//! What requests cost, and what happens when units or requests run out.

use backhaul::sandbox::{Options, Quirk};
use serde_json::json;

use super::client::{BACKLINKS, Reply, SandboxClient, options, quirk, text};

#[tokio::test]
async fn units_are_the_larger_of_50_and_the_columns_times_the_rows() {
    let context = SandboxClient::new(options()).await;
    let price = |reply: &Reply| {
        [
            "x-api-rows",
            "x-api-units-cost-row",
            "x-api-units-cost-total",
            "x-api-units-cost-total-actual",
            "x-api-cache",
        ]
        .map(|name| reply.header(name).to_owned())
    };
    let nine = "anchor,url_from,url_to,title,is_dofollow,is_ugc,http_code,positions,encoding";
    assert_eq!(
        price(&context.links(nine, &[("limit", "10")]).await),
        ["10", "9", "90", "90", "miss"]
    );
    // 10 (traffic) + 5 (class_c) + 1; the column that is filtered and ordered by counts once.
    let filter = json!({"field": "class_c", "is": ["gte", 0]}).to_string();
    let more = [
        ("limit", "4"),
        ("where", filter.as_str()),
        ("order_by", "class_c,traffic"),
    ];
    assert_eq!(
        price(&context.links("traffic,anchor", &more).await),
        ["4", "16", "64", "64", "miss"]
    );
    let nothing = json!({"field": "anchor", "is": ["eq", "no such anchor"]}).to_string();
    assert_eq!(
        price(&context.links("anchor", &[("where", &nothing)]).await)[..4],
        ["0", "1", "50", "50"]
    );
    assert_eq!(context.sandbox.stats().units, 90 + 64 + 50);
    // The same request again comes from the cache; free targets cost nothing and give 100 rows at most.
    assert_eq!(
        price(&context.links(nine, &[("limit", "10")]).await),
        ["10", "9", "90", "0", "hit"]
    );
    for target in [
        "ahrefs.com",
        "https://yep.com/some/page",
        "www.firehose.com",
    ] {
        let reply = context
            .get(
                BACKLINKS,
                &[("target", target), ("select", "anchor"), ("limit", "500")],
            )
            .await;
        assert_eq!(price(&reply)[..4], ["100", "1", "100", "0"]);
    }
    assert_eq!(context.sandbox.stats().units, 90 + 64 + 50);
}

#[tokio::test]
async fn requests_are_refused_by_expected_cost_when_units_run_out_and_usage_is_reported() {
    let context = SandboxClient::new(Options {
        units: Some(100),
        ..options()
    })
    .await;
    context.links("anchor", &[("limit", "60")]).await.rows();
    let refused = context.links("anchor", &[("limit", "50")]).await;
    let expected =
        r#"{"error":"API units limit reached. Expected usage: 50, API units left: 40."}"#;
    assert_eq!((refused.status, refused.text.as_str()), (403, expected));
    let usage = context
        .get("subscription-info/limits-and-usage", &[])
        .await
        .json();
    let usage = &usage["limits_and_usage"];
    assert_eq!(
        (
            &usage["units_limit_workspace"],
            &usage["units_usage_workspace"]
        ),
        (&json!(100), &json!(60))
    );
    assert!(text(usage, "usage_reset_date").ends_with("-01T00:00:00Z"));
}

#[tokio::test]
async fn requests_above_the_limit_are_refused_with_a_retry_after() {
    let context = SandboxClient::new(Options {
        requests_per_minute: Some(3),
        ..options()
    })
    .await;
    for _ in 0..3 {
        assert_eq!(
            context
                .get("subscription-info/limits-and-usage", &[])
                .await
                .status,
            200
        );
    }
    let refused = context.get("subscription-info/limits-and-usage", &[]).await;
    let wait: u64 = refused.header("retry-after").parse().unwrap();
    assert!(
        refused.status == 429 && (1..=60).contains(&wait),
        "{} {wait}",
        refused.status
    );
}

#[tokio::test]
async fn the_plan_quirk_refuses_billed_operations_only() {
    let context = SandboxClient::new(quirk(Quirk::Plan)).await;
    let refused = context.links("anchor", &[]).await;
    assert_eq!(
        (refused.status, refused.text.as_str()),
        (403, r#"{"error":"Insufficient plan"}"#)
    );
    assert_eq!(
        context
            .get("subscription-info/limits-and-usage", &[])
            .await
            .status,
        200
    );
}
