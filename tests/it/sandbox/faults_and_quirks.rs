//! Faults, churn and quirks do what they are named after.

use std::collections::{BTreeMap, BTreeSet};

use backhaul::sandbox::{Fault, Options, Quirk};
use serde_json::{Value, json};

use super::client::{BACKLINKS, SandboxClient, options, quirk, text};

#[tokio::test]
async fn each_fault_has_its_own_effect_and_losses_are_counted() {
    for fault in Fault::ALL {
        let context = SandboxClient::new(Options {
            faults: format!("{}=1", fault.as_str()).parse().unwrap(),
            ..options()
        })
        .await;
        let links = [
            ("target", "acme.com"),
            ("select", "url_from,anchor"),
            ("limit", "500"),
        ];
        let patience = std::time::Duration::from_millis(300);
        let sent = context.send(BACKLINKS, &links, Some("sandbox-key"));
        if fault == Fault::Hang {
            assert!(tokio::time::timeout(patience, sent).await.is_err());
            continue;
        }
        let reply = sent.await;
        let status = reply.as_ref().map(|reply| reply.status).ok();
        let expected = match fault {
            Fault::TooManyRequests => Some(429),
            Fault::InternalError => Some(500),
            Fault::BadGateway | Fault::Html => Some(502),
            Fault::Unavailable => Some(503),
            Fault::Slow | Fault::Garbage => Some(200),
            Fault::Reset | Fault::Hang | Fault::Truncate | Fault::Lost => None,
        };
        assert_eq!(status, expected, "{}", fault.as_str());
        if let Ok(reply) = reply {
            let parses = serde_json::from_str::<Value>(&reply.text).is_ok();
            assert_eq!(
                parses,
                !matches!(fault, Fault::Garbage | Fault::Html | Fault::BadGateway),
                "{}",
                reply.text
            );
        }
        let stats = context.sandbox.stats();
        let lost = if fault.loses_units() { 1_000 } else { 0 };
        assert_eq!(stats.units_lost, lost, "{}", fault.as_str());
        assert_eq!(stats.units, if fault == Fault::Slow { 1_000 } else { lost });
    }
}

#[tokio::test]
async fn lost_answers_are_charged_again_when_requested_again() {
    let context = SandboxClient::new(Options {
        faults: "lost=1".parse().unwrap(),
        ..options()
    })
    .await;
    for _ in 0..2 {
        let links = [
            ("target", "acme.com"),
            ("select", "anchor"),
            ("limit", "70"),
        ];
        assert!(
            context
                .send(BACKLINKS, &links, Some("sandbox-key"))
                .await
                .is_err()
        );
    }
    assert_eq!(context.sandbox.stats().units_lost, 140);
}

#[tokio::test]
async fn churn_changes_data_between_requests_and_without_it_nothing_changes() {
    let columns = "url_from,first_seen_link";
    let still = SandboxClient::new(options()).await;
    assert_eq!(
        still.links(columns, &[]).await.text,
        still.links(columns, &[]).await.text
    );
    let moving = SandboxClient::new(Options {
        churn: 1.0,
        ..options()
    })
    .await;
    let (first, second) = (
        moving.links(columns, &[]).await,
        moving.links(columns, &[]).await,
    );
    assert_ne!(first.text, second.text);
    let rows: BTreeSet<_> = first.rows().iter().map(Value::to_string).collect();
    let kept = second
        .rows()
        .iter()
        .filter(|row| rows.contains(&row.to_string()))
        .count();
    assert!(kept > 1_950, "most rows stay: {kept}");
}

#[tokio::test]
async fn quirks_of_length_cut_answers_silently() {
    let count = async |kind: Quirk| {
        let context = SandboxClient::new(quirk(kind)).await;
        let mut counts = Vec::new();
        for limit in ["1001", "1002", "1003"] {
            counts.push(
                context
                    .links("anchor", &[("limit", limit)])
                    .await
                    .rows()
                    .len(),
            );
        }
        counts
    };
    assert_eq!(count(Quirk::CapFloor100).await, [40; 3]);
    assert_eq!(count(Quirk::IntermittentCap).await, [1001, 1002, 100]);
    let short = count(Quirk::ShortAnswers).await;
    assert!(
        short.iter().all(|count| (100..1003).contains(count)) && short[0] != short[1],
        "{short:?}"
    );
}

#[tokio::test]
async fn quirks_of_order_and_filter_break_what_they_name() {
    let ordered = async |kind: Quirk| {
        let rows = SandboxClient::new(quirk(kind))
            .await
            .links("url_from", &[("order_by", "url_from:asc")])
            .await
            .rows();
        (
            rows.len(),
            rows.iter()
                .map(|row| text(row, "url_from").to_owned())
                .collect::<Vec<_>>(),
        )
    };
    let (count, all) = ordered(Quirk::WideGroups).await;
    assert!(count == 2_000 && all.is_sorted());
    assert!(!ordered(Quirk::IgnoredOrder).await.1.is_sorted());
    let (count, early) = ordered(Quirk::CapAfterOrder).await;
    assert!(count == 500 && early.is_sorted() && early != all[..500]);

    let filter = json!({"field": "anchor", "is": ["gte", "a"]}).to_string();
    let filtered = async |options: Options| {
        SandboxClient::new(options)
            .await
            .links("anchor", &[("where", &filter)])
            .await
            .rows()
            .len()
    };
    let honest = filtered(options()).await;
    assert!(honest < 2_000 && honest > 0);
    assert!(filtered(quirk(Quirk::FilterOrderIsByteOrder)).await > honest);
    assert_eq!(filtered(quirk(Quirk::WhereHonoured)).await, 0);
    assert_eq!(filtered(quirk(Quirk::WhereIgnored)).await, 2_000);

    let anchors = async |options: Options| {
        SandboxClient::new(options)
            .await
            .links("anchor", &[])
            .await
            .text
    };
    assert_eq!(
        anchors(quirk(Quirk::RoundTrip)).await,
        anchors(options()).await.to_lowercase()
    );
}

#[tokio::test]
async fn quirks_of_content_break_what_they_name() {
    let rows = async |kind: Quirk, columns: &str| {
        SandboxClient::new(quirk(kind))
            .await
            .links(columns, &[])
            .await
            .rows()
    };
    let nulls = |rows: &[Value], name: &str| rows.iter().filter(|row| row[name].is_null()).count();
    assert!((10..100).contains(&nulls(
        &rows(Quirk::NullKeys, "first_seen_link").await,
        "first_seen_link"
    )));
    assert!((50..200).contains(&nulls(
        &rows(Quirk::NullInNonNullable, "is_dofollow").await,
        "is_dofollow"
    )));
    assert!(
        rows(Quirk::UnknownColumn, "anchor")
            .await
            .iter()
            .all(|row| row["surprise"] == 1)
    );
    assert!(
        rows(Quirk::MissingColumn, "anchor,title")
            .await
            .iter()
            .all(|row| row.get("title").is_none())
    );
    let bad = rows(Quirk::BadValue, "anchor,http_code").await;
    assert_eq!(
        bad.iter().filter(|row| row["http_code"] == "n/a").count(),
        40
    );
    let refused = SandboxClient::new(quirk(Quirk::RemovedColumn))
        .await
        .links("is_dofollow", &[])
        .await;
    assert_eq!(
        (refused.status, refused.text.as_str()),
        (400, r#"{"error":"column 'is_dofollow' not found"}"#)
    );
    let mut per_root: BTreeMap<String, usize> = BTreeMap::new();
    let wide = SandboxClient::new(Options {
        rows: 20_000,
        ..quirk(Quirk::WideGroups)
    })
    .await;
    for row in wide
        .links("root_name_source", &[("aggregation", "similar_links")])
        .await
        .rows()
    {
        *per_root
            .entry(text(&row, "root_name_source").to_owned())
            .or_default() += 1;
    }
    assert!(per_root.values().any(|count| *count > 100));
}
