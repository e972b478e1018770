//! The numbers of a keyword agree in every operation.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::catalog_client::{CatalogClient, options, texts};

#[tokio::test]
async fn overview_answers_the_requested_keywords_once_and_in_their_order() {
    let context = CatalogClient::new(options()).await;
    let overview = async |keywords: &str, more: &[(&str, &str)]| {
        let select = "keyword,volume,intents,serp_features,difficulty,volume_monthly_history,global_volume,first_seen";
        let all = [
            &[
                ("select", select),
                ("country", "us"),
                ("keywords", keywords),
            ],
            more,
        ]
        .concat();
        context.rows("keywords-explorer/overview", &all).await
    };
    let rows = overview("river,ahrefs,river,Zebra Crossing,a", &[]).await;
    assert_eq!(
        texts(&rows, "keyword"),
        ["river", "ahrefs", "Zebra Crossing", "a"]
    );
    let many: Vec<String> = (0..200).map(|number| format!("word {number}")).collect();
    let rows = overview(&many.join(","), &[]).await;
    assert_eq!(texts(&rows, "keyword"), many);
    let (unknown, known): (Vec<&Value>, Vec<&Value>) =
        rows.iter().partition(|row| row["global_volume"].is_null());
    assert!(unknown.len() > 5 && known.len() > 150, "{}", unknown.len());
    for row in &unknown {
        assert_eq!(row["serp_features"], json!([]));
        assert!(
            row["volume"].is_null() && row["intents"].is_null() && row["first_seen"].is_null(),
            "{row}"
        );
    }
    let objects: Vec<&Value> = known
        .iter()
        .map(|row| &row["intents"])
        .filter(|intents| !intents.is_null())
        .collect();
    assert!(objects.len() < known.len());
    for intents in objects {
        let names: Vec<&String> = intents.as_object().unwrap().keys().collect();
        assert_eq!(
            names,
            [
                "informational",
                "navigational",
                "commercial",
                "transactional",
                "branded",
                "local"
            ]
        );
        assert!(intents.as_object().unwrap().values().all(Value::is_boolean));
    }
    let local = json!({"field": "intents.local", "is": ["eq", true]}).to_string();
    let filtered = overview(&many.join(","), &[("where", &local)]).await;
    let expected: Vec<&Value> = rows
        .iter()
        .filter(|row| row["intents"]["local"] == true)
        .collect();
    assert_eq!(filtered.iter().collect::<Vec<_>>(), expected);
    let wildcard = json!({"field": "keyword", "is": ["regex", "*1"]}).to_string();
    assert_eq!(
        overview(&many.join(","), &[("where", &wildcard)])
            .await
            .len(),
        20
    );
}

#[tokio::test]
async fn keywords_have_the_same_numbers_in_every_operation() {
    let context = CatalogClient::new(options()).await;
    let select = [
        ("select", "keyword,volume,global_volume,difficulty"),
        ("country", "de"),
        ("keywords", "river"),
    ];
    let terms = context
        .rows("keywords-explorer/matching-terms", &select)
        .await;
    let names = texts(&terms, "keyword");
    assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), 60);
    assert!(names.iter().all(|name| name.contains("river")));
    let asked = [
        ("select", select[0].1),
        ("country", "de"),
        ("keywords", &names.join(",")),
    ];
    assert_eq!(
        context.rows("keywords-explorer/overview", &asked).await,
        terms
    );
    let elsewhere = [
        ("select", select[0].1),
        ("country", "us"),
        ("keywords", &names.join(",")),
    ];
    assert_ne!(
        context.rows("keywords-explorer/overview", &elsewhere).await,
        terms
    );
    for row in terms.iter().take(20) {
        let name = row["keyword"].as_str().unwrap();
        let countries = context
            .rows("keywords-explorer/volume-by-country", &[("keyword", name)])
            .await;
        let volume = |country: &Value| country["volume"].as_i64().unwrap();
        let of_germany = countries
            .iter()
            .find(|country| country["country"] == "DE")
            .map(volume);
        assert_eq!(row["volume"].as_i64(), of_germany, "{name}");
        let sum: i64 = countries.iter().map(volume).sum();
        assert_eq!(row["global_volume"].as_i64().unwrap_or(0), sum, "{name}");
        assert!(
            countries.is_empty() || (130..190).contains(&countries.len()),
            "{}",
            countries.len()
        );
    }
    let tracked = [
        ("select", "keyword,country,volume,keyword_difficulty"),
        ("date", "2026-09-30"),
        ("device", "mobile"),
        ("project_id", "1001"),
    ];
    for row in context
        .rows("rank-tracker/overview", &tracked)
        .await
        .iter()
        .take(10)
    {
        let (name, country) = (
            row["keyword"].as_str().unwrap(),
            row["country"].as_str().unwrap().to_lowercase(),
        );
        let asked = [
            ("select", "volume,difficulty"),
            ("country", country.as_str()),
            ("keywords", name),
        ];
        let overview = &context.rows("keywords-explorer/overview", &asked).await[0];
        assert_eq!(
            (&overview["volume"], &overview["difficulty"]),
            (&row["volume"], &row["keyword_difficulty"])
        );
    }
}

#[tokio::test]
async fn keyword_lists_and_the_history_of_a_keyword_agree_with_the_overview() {
    let context = CatalogClient::new(options()).await;
    let list = texts(
        &context
            .rows(
                "management/keyword-list-keywords",
                &[("keyword_list_id", "77")],
            )
            .await,
        "keyword",
    );
    let asked = [
        ("select", "keyword"),
        ("country", "us"),
        ("keyword_list_id", "77"),
    ];
    assert_eq!(
        texts(
            &context.rows("keywords-explorer/overview", &asked).await,
            "keyword"
        ),
        list
    );
    let range = [
        ("keyword", "ahrefs"),
        ("country", "us"),
        ("date_from", "2024-01-15"),
        ("date_to", "2026-12-31"),
    ];
    assert_eq!(
        context
            .get("keywords-explorer/volume-history", &range)
            .await
            .status,
        400,
        "the future"
    );
    let range = [
        ("keyword", "ahrefs"),
        ("country", "gb"),
        ("date_from", "2024-01-15"),
        ("date_to", "2026-08-31"),
    ];
    let history = context
        .rows("keywords-explorer/volume-history", &range)
        .await;
    assert_eq!(
        (history.len(), &history[0]["date"]),
        (32, &json!("2024-01-01T00:00:00Z"))
    );
    let asked = [
        ("select", "volume_monthly_history,volume_monthly"),
        ("country", "gb"),
        ("keywords", "ahrefs"),
        ("volume_monthly_date_from", "2026-06-01"),
        ("volume_monthly_date_to", "2026-08-31"),
    ];
    let overview = &context.rows("keywords-explorer/overview", &asked).await[0];
    let months: Vec<&Value> = overview["volume_monthly_history"]
        .as_array()
        .unwrap()
        .iter()
        .map(|month| &month["volume"])
        .collect();
    assert_eq!(
        months,
        history[29..]
            .iter()
            .map(|row| &row["volume"])
            .collect::<Vec<_>>()
    );
}

#[tokio::test]
async fn a_top_ten_has_36_rows_with_every_feature() {
    let context = CatalogClient::new(options()).await;
    let ask = async |more: &[(&str, &str)]| {
        let select = "position,type,url,domain_rating,update_date";
        let all = [
            &[("select", select), ("country", "us"), ("keyword", "river")],
            more,
        ]
        .concat();
        context.rows("serp-overview/serp-overview", &all).await
    };
    let rows = ask(&[("top_positions", "10")]).await;
    assert_eq!(rows.len(), 36);
    let is_organic = |row: &&Value| row["type"].as_array().unwrap().contains(&json!("organic"));
    assert_eq!(rows.iter().filter(is_organic).count(), 10);
    let positions: Vec<i64> = rows
        .iter()
        .map(|row| row["position"].as_i64().unwrap())
        .collect();
    assert!(positions.is_sorted() && positions[0] == 1 && positions[35] == 10);
    assert!(
        rows.iter()
            .any(|row| row["url"].is_null() && row["domain_rating"].is_null())
    );
    assert_eq!(
        ask(&[("top_positions", "10"), ("type", "organic")])
            .await
            .len(),
        10
    );
    assert_eq!(ask(&[]).await.len(), 360);
    let earlier = ask(&[("top_positions", "10"), ("date", "2026-03-04T00:00:00Z")]).await;
    assert!(earlier != rows && earlier[0]["update_date"].as_str().unwrap() < "2026-03-04T24");
}
