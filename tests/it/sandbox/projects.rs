//! Projects, domains and counts over time agree in every operation.

use std::collections::BTreeSet;

use backhaul::sandbox::Options;
use serde_json::{Value, json};

use super::catalog_client::{CatalogClient, TODAY, minimal, operations, options, texts, with};

#[tokio::test]
async fn rank_tracker_compares_with_what_it_showed_on_the_earlier_date() {
    let context = CatalogClient::new(options()).await;
    let ask = async |select: &str, more: &[(&str, &str)]| {
        let all = [&[("select", select), ("project_id", "1001")], more].concat();
        context.rows("rank-tracker/overview", &all).await
    };
    let (then, now) = ("2026-08-01", "2026-09-30");
    let id = "keyword,location,tags,created_at";
    let earlier = ask(
        &format!("{id},position,traffic,url"),
        &[("date", then), ("device", "desktop")],
    )
    .await;
    let columns = format!(
        "{id},position,position_prev,position_diff,traffic_prev,url_prev,serp_features,keyword_prev"
    );
    let both = ask(
        &columns,
        &[
            ("date", now),
            ("date_compared", then),
            ("device", "desktop"),
        ],
    )
    .await;
    assert_eq!((both.len(), earlier.len()), (60, 60));
    let mut lost = 0;
    for (row, before) in both.iter().zip(&earlier) {
        assert_eq!(
            (&row["keyword"], &row["tags"], &row["created_at"]),
            (&before["keyword"], &before["tags"], &before["created_at"])
        );
        if !row["position_prev"].is_null() {
            assert_eq!(
                (&row["position_prev"], &row["url_prev"]),
                (&before["position"], &before["url"])
            );
        }
        let diff = row["position"]
            .as_i64()
            .zip(row["position_prev"].as_i64())
            .map(|(now, then)| now - then);
        assert_eq!(row["position_diff"].as_i64(), diff, "{row}");
        if row["position"].is_null() && !row["position_prev"].is_null() {
            assert_eq!(row["serp_features"], json!([]));
            lost += 1;
        }
    }
    assert!(lost > 0, "a keyword was lost");
    let alone = ask(
        "position_prev,serp_features_prev,keyword_prev",
        &[("date", now), ("device", "desktop")],
    )
    .await;
    let nothing = json!({"position_prev": null, "serp_features_prev": [], "keyword_prev": ""});
    assert!(alone.iter().all(|row| *row == nothing));
    let mobile = ask(
        &format!("{id},position"),
        &[("date", then), ("device", "mobile")],
    )
    .await;
    let key = |rows: &[Value]| {
        rows.iter()
            .map(|row| (row["keyword"].clone(), row["created_at"].clone()))
            .collect::<Vec<_>>()
    };
    assert_eq!(key(&mobile), key(&earlier));
    assert!(
        mobile
            .iter()
            .zip(&earlier)
            .any(|(mobile, desktop)| mobile["position"] != desktop["position"])
    );
}

#[tokio::test]
async fn a_project_is_the_same_in_every_section_and_an_unknown_one_is_not_found() {
    let context = CatalogClient::new(options()).await;
    let projects = context.rows("management/projects", &[]).await;
    let ids = texts(&projects, "project_id");
    assert_eq!(
        texts(
            &context.rows("site-audit/projects", &[]).await,
            "project_id"
        ),
        ids
    );
    for (id, project) in ids.iter().zip(&projects) {
        let keywords = context
            .rows("management/project-keywords", &[("project_id", id)])
            .await;
        assert_eq!(
            project["keyword_count"].as_u64().unwrap(),
            u64::try_from(keywords.len()).unwrap()
        );
        let on = [
            ("select", "keyword,location,tags"),
            ("date", "2026-09-30"),
            ("device", "mobile"),
            ("project_id", id),
        ];
        let tracked = context.rows("rank-tracker/overview", &on).await;
        let pairs = |rows: &[Value]| {
            rows.iter()
                .map(|row| {
                    (
                        row["keyword"].clone(),
                        row["location"].clone(),
                        row["tags"].clone(),
                    )
                })
                .collect::<Vec<_>>()
        };
        assert_eq!(pairs(&tracked), pairs(&keywords), "{id}");
        let rivals = texts(
            &context
                .rows("management/project-competitors", &[("project_id", id)])
                .await,
            "url",
        );
        let stats = context
            .rows(
                "rank-tracker/competitors-stats",
                &[("select", "competitor"), on[1], on[2], on[3]],
            )
            .await;
        let hosts: Vec<_> = texts(&stats, "competitor")[1..]
            .iter()
            .map(|host| format!("https://{host}/"))
            .collect();
        assert_eq!(hosts, rivals);
        let pages = context
            .rows(
                "site-audit/page-explorer",
                &[("select", "domain,url"), ("project_id", id)],
            )
            .await;
        assert!(
            pages
                .iter()
                .all(|page| project["url"]
                    == format!("https://{}/", page["domain"].as_str().unwrap()))
        );
        let urls: BTreeSet<_> = texts(&pages, "url").into_iter().collect();
        assert_eq!(urls.len(), pages.len());
    }
    for endpoint in operations().filter(|endpoint| endpoint.parameter("project_id").is_some()) {
        let filters =
            ["management/projects", "site-audit/projects"].contains(&endpoint.name.as_str());
        let reply = context
            .send(
                endpoint,
                &with(&minimal(endpoint), &[("project_id", json!(99))]),
            )
            .await;
        if filters {
            assert!(reply.rows(endpoint).is_empty(), "{}", endpoint.name);
        } else {
            assert_eq!(
                (reply.status, reply.json()),
                (404, json!({"error": "project 99 not found"})),
                "{}",
                endpoint.name
            );
        }
    }
}

#[tokio::test]
async fn site_audit_finds_pages_by_issue_and_compares_two_crawls() {
    let context = CatalogClient::new(Options {
        rows: 400,
        ..options()
    })
    .await;
    let ask = async |more: &[(&str, &str)]| {
        let all = [&[("project_id", "1001"), ("limit", "1000")], more].concat();
        context.rows("site-audit/page-explorer", &all).await
    };
    let issue = context
        .rows("site-audit/issues", &[("project_id", "1001")])
        .await[3]["issue_id"]
        .clone();
    let touched = ask(&[("select", "url"), ("issue_id", issue.as_str().unwrap())]).await;
    assert!((5..80).contains(&touched.len()), "{}", touched.len());
    let then = "2026-06-01T00:00:00Z";
    let columns = "url,traffic,depth,depth_prev,depth_diff,h1,h1_prev";
    let both = ask(&[("select", columns), ("date_compared", then)]).await;
    let before = ask(&[("select", "depth"), ("date", then)]).await;
    for (row, before) in both.iter().zip(&before) {
        if !row["depth_prev"].is_null() {
            assert_eq!(row["depth_prev"], before["depth"]);
            assert_eq!(row["h1_prev"], row["h1"]);
        }
        let diff = row["depth"]
            .as_i64()
            .zip(row["depth_prev"].as_i64())
            .map(|(now, then)| now - then);
        assert_eq!(row["depth_diff"].as_i64(), diff);
    }
    let alone = ask(&[("select", "depth_prev,h1_prev,depth_diff")]).await;
    assert!(
        alone
            .iter()
            .all(|row| *row == json!({"depth_prev": null, "h1_prev": [], "depth_diff": null}))
    );
}

#[tokio::test]
async fn the_metrics_of_a_domain_agree_across_operations() {
    let context = CatalogClient::new(options()).await;
    let on = [("target", "acme.com"), ("date", TODAY)];
    let rating = context
        .get("site-explorer/domain-rating", &on)
        .await
        .ok()
        .json();
    let free = context
        .get(
            "public/domain-rating-free",
            &[("target", "https://acme.com/")],
        )
        .await
        .ok()
        .json();
    assert_eq!(
        free["domain_rating"]["domain_rating"],
        rating["domain_rating"]["domain_rating"]
    );
    let stats = &context
        .get("site-explorer/backlinks-stats", &on)
        .await
        .ok()
        .json()["metrics"];
    let count = async |operation: &str, history: &str, select: &str| {
        let list = [
            ("target", "acme.com"),
            ("select", select),
            ("history", history),
            ("aggregation", "all"),
            ("limit", "9999"),
        ];
        context.rows(operation, &list).await.len()
    };
    for (column, operation, history, select) in [
        ("live", "site-explorer/all-backlinks", "live", "anchor"),
        (
            "all_time",
            "site-explorer/all-backlinks",
            "all_time",
            "anchor",
        ),
        (
            "live_refdomains",
            "site-explorer/refdomains",
            "live",
            "domain",
        ),
        (
            "all_time_refdomains",
            "site-explorer/refdomains",
            "all_time",
            "domain",
        ),
    ] {
        assert_eq!(
            stats[column],
            json!(count(operation, history, select).await),
            "{column}"
        );
    }
}

#[tokio::test]
async fn counts_over_time_add_up_and_charts_show_the_requested_values() {
    let context = CatalogClient::new(options()).await;
    let range = [
        ("project_id", "1001"),
        ("from", "2026-03-02T00:00:00Z"),
        ("to", "2026-03-29T00:00:00Z"),
    ];
    let visitors = |rows: &[Value]| {
        rows.iter()
            .map(|row| row["visitors"].as_i64().unwrap())
            .sum::<i64>()
    };
    let stats = context.rows("web-analytics/browsers", &range).await;
    let chosen: Vec<Value> = stats
        .iter()
        .filter(|row| row["browser"] == "Firefox")
        .cloned()
        .collect();
    for (step, rows) in [
        ("hourly", 28 * 24),
        ("daily", 28),
        ("weekly", 4),
        ("monthly", 1),
    ] {
        let all = [
            &range[..],
            &[("granularity", step), ("browser_to_chart", "Firefox")],
        ]
        .concat();
        let points = context.rows("web-analytics/browsers-chart", &all).await;
        assert_eq!(
            (points.len(), visitors(&points)),
            (rows, visitors(&chosen)),
            "{step}"
        );
        assert_eq!(
            texts(&points, "timestamp")
                .into_iter()
                .collect::<BTreeSet<_>>()
                .len(),
            rows
        );
    }
    let history = async |grouping: &str, from: &str| {
        let range = [
            ("project_id", "1001"),
            ("date_from", from),
            ("date_to", "2026-06-30"),
            ("history_grouping", grouping),
        ];
        context.rows("gsc/performance-history", &range).await
    };
    let clicks = |rows: &[Value]| {
        rows.iter()
            .map(|row| row["clicks"].as_i64().unwrap())
            .sum::<i64>()
    };
    let months = history("monthly", "2026-01-01").await;
    assert_eq!(
        (months.len(), &months[0]["date"]),
        (6, &json!("2026-01-01T00:00:00Z"))
    );
    assert_eq!(
        clicks(&history("daily", "2026-01-01").await),
        clicks(&months)
    );
    assert_eq!(history("monthly", "2026-04-01").await, months[3..]);
}

#[tokio::test]
async fn recent_periods_are_corrected_from_day_to_day_and_old_ones_are_not() {
    let living = || Options {
        daily_churn: true,
        ..options()
    };
    let (today, tomorrow) = (
        CatalogClient::on("2026-09-30", living()).await,
        CatalogClient::on("2026-10-01", living()).await,
    );
    for (name, more) in [
        (
            "site-explorer/refdomains-history",
            &[("target", "acme.com"), ("history_grouping", "daily")][..],
        ),
        (
            "site-explorer/metrics-history",
            &[("target", "acme.com"), ("history_grouping", "daily")],
        ),
        (
            "gsc/performance-history",
            &[("project_id", "1001"), ("history_grouping", "daily")],
        ),
        (
            "keywords-explorer/volume-history",
            &[("keyword", "ahrefs"), ("country", "us")],
        ),
    ] {
        let all = [
            more,
            &[("date_from", "2026-01-01"), ("date_to", "2026-09-30")],
        ]
        .concat();
        let (first, second) = (
            today.rows(name, &all).await,
            tomorrow.rows(name, &all).await,
        );
        let changed: Vec<&Value> = first
            .iter()
            .zip(&second)
            .filter(|(one, two)| one != two)
            .map(|(one, _)| one)
            .collect();
        assert!(!changed.is_empty(), "{name}");
        assert!(
            changed
                .iter()
                .all(|row| row["date"].as_str().unwrap() >= "2026-07-01"),
            "{name} {changed:?}"
        );
        let still = CatalogClient::on("2026-09-30", options())
            .await
            .rows(name, &all)
            .await;
        let later = CatalogClient::on("2026-10-01", options())
            .await
            .rows(name, &all)
            .await;
        let shown = still.len();
        assert_eq!(still, later[..shown], "{name}");
    }
}
