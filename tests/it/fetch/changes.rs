//! Reports of changes: a base, then what came and went, which added up are the live rows of the source.

use std::collections::{BTreeMap, BTreeSet};

use backhaul::sandbox::Options;
use chrono::{DateTime, Duration, Utc};

use crate::support::{TestContext, noon, now, parquet_files, today};

const LINKS: &str = "site-explorer/all-backlinks";
const IDENTITY: [&str; 5] = [
    "url_from",
    "url_to",
    "anchor",
    "link_type",
    "first_seen_link",
];
const REPORT: &str = "[[report]]\nname = \"links\"\nendpoint = \"site-explorer/all-backlinks\"\nmode = \"changes\"\n\
                      columns = [\"minimal\"]\n";

/// A living source of some day, and the program on that day.
fn on_day(context: &mut TestContext, day: i64, reports: &str) -> DateTime<Utc> {
    let time = noon() + Duration::days(day);
    let options = Options {
        clock_offset: time - now(),
        ..context.options.clone()
    };
    context.restart(options);
    context.configure(reports);
    context.set_time(time);
    time
}

fn living(rows: u64) -> TestContext {
    TestContext::new(Options {
        daily_churn: true,
        row_cap: Some(250),
        ..crate::support::unlimited(rows)
    })
}

/// Identities of the rows of one night with what each is, by night.
fn nights(context: &TestContext) -> BTreeMap<String, Vec<(Vec<String>, String)>> {
    let mut nights: BTreeMap<String, Vec<(Vec<String>, String)>> = BTreeMap::new();
    for file in parquet_files(&context.destination().join("links")) {
        for batch in backhaul::sink::read_batches(&file, None).unwrap() {
            let batch = batch.unwrap();
            let cell = |name: &str, row| {
                crate::support::canonical_arrow(batch.column_by_name(name).unwrap(), row)
            };
            for row in 0..batch.num_rows() {
                let identity = IDENTITY.iter().map(|name| cell(name, row)).collect();
                let change = cell("_change", row).trim_matches('"').to_owned();
                nights
                    .entry(cell("_snapshot_date", row))
                    .or_default()
                    .push((identity, change));
            }
        }
    }
    nights
}

/// The rows that are live once all nights since the latest base are added up: the latest night has the last word.
fn added_up(context: &TestContext) -> BTreeSet<Vec<String>> {
    let mut words: BTreeMap<Vec<String>, String> = BTreeMap::new();
    for rows in nights(context).into_values() {
        if rows.iter().any(|(_, change)| change == "base") {
            words.clear();
        }
        words.extend(rows);
    }
    words
        .into_iter()
        .filter(|(_, change)| change != "lost")
        .map(|(identity, _)| identity)
        .collect()
}

fn live(context: &TestContext) -> BTreeSet<Vec<String>> {
    let columns: Vec<String> = IDENTITY.iter().map(|name| (*name).to_owned()).collect();
    let query = [
        ("target", "acme.com"),
        ("mode", "subdomains"),
        ("history", "live"),
        ("aggregation", "all"),
    ];
    context
        .oracle_rows(LINKS, &columns, &query)
        .into_iter()
        .collect()
}

/// The day since when a night's task fetched changes, and its evidence.
fn changes_since(
    context: &TestContext,
    night: DateTime<Utc>,
) -> (Option<String>, serde_json::Value) {
    let path = format!(
        "_backhaul/tables/links/snapshot_date={}.json",
        night.date_naive()
    );
    let text = std::fs::read_to_string(context.destination().join(path)).unwrap();
    let state: serde_json::Value = serde_json::from_str(&text).unwrap();
    let task = &state["committed"]["tasks"][0];
    (
        task["asked"]["mode"]["changes"]["since"]
            .as_str()
            .map(str::to_owned),
        task["evidence"].clone(),
    )
}

#[test]
fn a_base_and_the_changes_of_later_nights_add_up_to_the_live_rows() {
    let mut context = living(4_000);
    let mut units = Vec::new();
    let mut before = BTreeSet::new();
    // The third and the fourth day are missed, the sixth is not.
    for day in [0, 1, 4, 5] {
        let night = on_day(&mut context, day, REPORT);
        let report = context.run().expect(0).json();
        assert_eq!(report["reports"][0]["tasks"]["complete"], 1, "{report}");
        units.push(report["units"].as_u64().unwrap());
        let live = live(&context);
        assert_eq!(added_up(&context), live, "day {day}");
        assert!(day == 0 || before.difference(&live).count() > 5, "links go");
        assert!(
            day == 0 || live.difference(&before).count() > 5,
            "links come"
        );
        before = live;
        let (asked_since, evidence) = changes_since(&context, night);
        let since = [
            ("base", None),
            ("since", Some(0 - 2)),
            ("since", Some(1 - 2)),
            ("since", Some(4 - 2)),
        ];
        let since = since[units.len() - 1]
            .1
            .map(|day| (today() + Duration::days(day)).to_string());
        assert_eq!(asked_since, since);
        assert_eq!(
            evidence["changes_since"],
            since.unwrap_or_else(|| "base".to_owned())
        );
    }
    let mut words = BTreeSet::new();
    for (place, rows) in nights(&context).into_values().enumerate() {
        words.extend(rows.iter().map(|(_, change)| change.clone()));
        assert!(
            rows.iter()
                .all(|(_, change)| (change == "base") == (place == 0))
        );
        // True duplicates of the source are in the base as often as there; no night has a row twice as something else.
        let distinct: BTreeSet<_> = rows
            .iter()
            .map(|(identity, change)| (identity, change))
            .collect();
        let identities: BTreeSet<_> = rows.iter().map(|(identity, _)| identity).collect();
        assert_eq!(distinct.len(), identities.len());
    }
    assert_eq!(
        words.into_iter().collect::<Vec<_>>(),
        ["base", "lost", "new"]
    );
    assert!(
        units[1..].iter().all(|night| night * 8 < units[0]),
        "{units:?}"
    );
    context.backhaul(&["verify"]).expect(0);
    let before = nights(&context);
    context.backhaul(&["rebuild"]).expect(0);
    assert_eq!(nights(&context), before, "a rebuild tells the same");
}

#[test]
fn a_night_that_is_finished_later_asks_since_the_same_day() {
    let mut context = living(6_000);
    context.options.row_cap = Some(100);
    on_day(&mut context, 0, REPORT);
    context.run().expect(0);
    // The second night is cut off after its first answer; the third begins with what is left of it.
    let second = on_day(&mut context, 1, REPORT);
    context
        .backhaul(&["run", "--json", "--max-units", "1200"])
        .expect(4);
    let third = on_day(&mut context, 2, REPORT);
    let report = context.run().expect(0).json();
    assert!(
        report["notes"].to_string().contains("was not finished"),
        "{report}"
    );
    let day = |day: i64| (today() + Duration::days(day)).to_string();
    assert_eq!(changes_since(&context, second).0, Some(day(-2)));
    assert_eq!(added_up(&context), live(&context));
    let since = changes_since(&context, third).0.expect("no base");
    assert!(since == day(-2) || since == day(-1), "{since}");
}

#[test]
fn a_changed_configuration_begins_with_a_base_again() {
    let mut context = living(1_500);
    on_day(&mut context, 0, REPORT);
    context.run().expect(0);
    let second = on_day(
        &mut context,
        1,
        &REPORT.replace("\"minimal\"", "\"minimal\", \"+title\""),
    );
    context.run().expect(0);
    assert_eq!(changes_since(&context, second).1["changes_since"], "base");
    assert!(
        nights(&context)[&second.date_naive().to_string()]
            .iter()
            .all(|(_, change)| change == "base")
    );
    // A column that is no longer wanted is no reason.
    let third = on_day(&mut context, 2, REPORT);
    context.run().expect(0);
    assert_ne!(changes_since(&context, third).1["changes_since"], "base");
    assert_eq!(added_up(&context), live(&context));
    // A capped base is none: the next night begins again.
    std::fs::remove_dir_all(context.destination()).unwrap();
    on_day(&mut context, 3, &format!("{REPORT}max_rows = 100\n"));
    context.run().expect(0);
    let fifth = on_day(&mut context, 4, REPORT);
    context.run().expect(0);
    assert_eq!(changes_since(&context, fifth).1["changes_since"], "base");
}

#[test]
fn a_night_that_is_fetched_again_asks_for_the_same_days_and_a_new_base_is_had_on_demand() {
    let mut context = living(2_000);
    let other = "[[report]]\nname = \"rating\"\nendpoint = \"site-explorer/domain-rating\"\n";
    let reports = format!("{REPORT}\n{other}");
    on_day(&mut context, 0, &reports);
    context.run().expect(0);
    let base = context.stats().units;
    let second = on_day(&mut context, 1, &reports);
    let estimated = context.backhaul(&["estimate", "--json"]).expect(0).json();
    assert!(
        estimated["reports"][0]["basis"] == "upper bound",
        "a base bounds the changes since: {estimated}"
    );
    context.run().expect(0);
    let (before, since) = (nights(&context), changes_since(&context, second).0.clone());
    // Later that day: what was committed after a run began counts as another's work, and is not fetched again.
    let end = second
        .date_naive()
        .and_hms_opt(23, 50, 0)
        .unwrap()
        .and_utc();
    context.set_time(end);
    let again = context
        .backhaul(&["run", "--json", "--refetch", "--report", "links"])
        .expect(0)
        .json();
    assert!(again["requests"].as_u64() > Some(0), "{again}");
    assert_eq!(
        (nights(&context), changes_since(&context, second).0.clone()),
        (before, since)
    );
    // Two nights of changes have cost a part of the base.
    assert!(
        context.stats().units * 4 < base,
        "{} of {base}",
        context.stats().units
    );
    context.set_time(end + Duration::minutes(5));
    let report = context
        .backhaul(&["run", "--json", "--base"])
        .expect(0)
        .json();
    assert_eq!(
        report["reports"].as_array().unwrap().len(),
        1,
        "other reports are left alone: {report}"
    );
    assert_eq!(changes_since(&context, second).1["changes_since"], "base");
    assert!(
        nights(&context)[&second.date_naive().to_string()]
            .iter()
            .all(|(_, change)| change == "base")
    );
    assert_eq!(added_up(&context), live(&context));
    assert_eq!(
        context.run().expect(0).json()["requests"],
        0,
        "it is this night's answer from now on"
    );
    on_day(&mut context, 2, &reports);
    context.run().expect(0);
    assert_eq!(added_up(&context), live(&context));
    for arguments in [
        &["run", "--base", "--report", "rating"][..],
        &["run", "--base", "--sample"],
    ] {
        context.backhaul(arguments).expect(2);
    }
    on_day(&mut context, 2, other);
    let ran = context.backhaul(&["run", "--base"]).expect(2);
    assert!(
        ran.stderr.contains("the configuration has none"),
        "{}",
        ran.stderr
    );
}

#[test]
fn changes_keep_to_the_filter_of_their_report() {
    let mut context = living(3_000);
    let filtered =
        format!("{REPORT}where_json = {{ field = \"is_dofollow\", is = [\"eq\", true] }}\n");
    for day in [0, 1, 2] {
        on_day(&mut context, day, &filtered);
        context.run().expect(0);
    }
    let columns: Vec<String> = IDENTITY.iter().map(|name| (*name).to_owned()).collect();
    let filter = r#"{"field":"is_dofollow","is":["eq",true]}"#;
    let query = [
        ("target", "acme.com"),
        ("history", "live"),
        ("aggregation", "all"),
        ("where", filter),
    ];
    let live: BTreeSet<Vec<String>> = context
        .oracle_rows(LINKS, &columns, &query)
        .into_iter()
        .collect();
    assert_eq!(added_up(&context), live);
    let before = nights(&context);
    context.backhaul(&["rebuild"]).expect(0);
    assert_eq!(nights(&context), before);
}

#[test]
fn a_living_source_is_a_function_of_seed_and_date() {
    let mut context = living(2_000);
    let mut sizes = Vec::new();
    let mut days: Vec<BTreeSet<Vec<String>>> = Vec::new();
    for day in [0, 30, 60, 0] {
        on_day(&mut context, day, REPORT);
        let rows = live(&context);
        sizes.push(rows.len());
        days.push(rows);
    }
    assert_eq!(days[0], days[3]);
    assert!(
        days[0].intersection(&days[1]).count() < sizes[0] * 95 / 100,
        "{sizes:?}"
    );
    assert!(
        sizes.iter().all(|size| (1_200..2_600).contains(size)),
        "{sizes:?}"
    );
    // All that is live or was lost since a day is shown since then, and nothing that came later than today.
    let columns: Vec<String> = ["first_seen_link", "last_seen"].map(str::to_owned).to_vec();
    let today = today();
    let since = format!("since:{}", today - Duration::days(10));
    let query = [
        ("target", "acme.com"),
        ("history", since.as_str()),
        ("aggregation", "all"),
    ];
    let rows = context.oracle_rows(LINKS, &columns, &query);
    let micros = |day: chrono::NaiveDate| {
        day.and_time(chrono::NaiveTime::MIN)
            .and_utc()
            .timestamp_micros()
    };
    let lost: Vec<i64> = rows.iter().filter_map(|row| row[1].parse().ok()).collect();
    assert!(
        lost.len() > 10
            && lost
                .iter()
                .all(|lost| *lost >= micros(today - Duration::days(10)))
    );
    let newest = rows
        .iter()
        .map(|row| row[0].parse::<i64>().unwrap())
        .max()
        .unwrap();
    assert!((micros(today)..micros(today + Duration::days(1))).contains(&newest));
}
