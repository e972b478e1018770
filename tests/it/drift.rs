//! The API has changed since the catalog was written: it refuses a column, or sends what does not fit.

use backhaul::sandbox::{Options, Quirk};
use serde_json::Value as Json;

use crate::support::{TestContext, preset, read_rows, unlimited};

const LINKS: &str = "[[report]]\nname = \"links\"\nendpoint = \"site-explorer/all-backlinks\"\naggregation = \"all\"\n\
                     columns = [\"minimal\"]\n";
const TWO: &str = "[[target]]\nname = \"acme\"\nurl = \"acme.com\"\n[[target]]\nname = \"rival\"\nurl = \"rival.com\"\n";

fn removed(rows: u64) -> TestContext {
    let options = Options {
        quirks: vec![Quirk::RemovedColumn],
        row_cap: Some(250),
        ..unlimited(rows)
    };
    TestContext::new(options)
}

fn notes(report: &Json) -> Vec<&str> {
    report["notes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|note| note.as_str().unwrap())
        .collect()
}

#[test]
fn a_column_that_the_api_refuses_fails_by_name_once_with_a_hint() {
    let context = removed(300);
    context.configure_with(TWO, LINKS);
    let ran = context.run().expect(1);
    let report = ran.json();
    let errors = report["errors"].as_array().unwrap();
    assert_eq!(errors.len(), 1, "{errors:?}");
    assert_eq!(errors[0]["code"], "BH-REFUSED");
    assert!(
        errors[0]["message"]
            .as_str()
            .unwrap()
            .contains("column 'is_dofollow' not found"),
        "{errors:?}"
    );
    let next = errors[0]["next"].as_str().unwrap();
    assert!(next.contains("columns = [..., \"-is_dofollow\"]"), "{next}");
    assert!(next.contains("on_removed_column = \"null\""), "{next}");
    assert_eq!(report["reports"][0]["tasks"]["failed"], 2);
    assert_eq!(
        ran.stderr.matches("error[BH-REFUSED]").count(),
        1,
        "{}",
        ran.stderr
    );
}

#[test]
fn a_column_that_the_api_refuses_can_stay_as_nulls_and_is_fetched_again_later() {
    let mut context = removed(600);
    let configure = |context: &TestContext| {
        context.configure_with(TWO, &format!("{LINKS}on_removed_column = \"null\"\n"));
    };
    configure(&context);
    let report = context.run().expect(0).json();
    assert_eq!(report["reports"][0]["tasks"]["complete"], 2, "{report}");
    let removed_notes: Vec<_> = notes(&report)
        .into_iter()
        .filter(|note| note.contains("is_dofollow"))
        .collect();
    assert_eq!(removed_notes.len(), 1, "{removed_notes:?}");
    assert!(
        removed_notes[0].starts_with("links.is_dofollow: the API refuses the column;"),
        "{removed_notes:?}"
    );
    assert!(
        removed_notes[0].contains("is null in 12"),
        "{removed_notes:?}"
    );

    let names = preset("site-explorer/all-backlinks", "minimal");
    let others: Vec<String> = names
        .iter()
        .filter(|name| *name != "is_dofollow")
        .cloned()
        .collect();
    let oracle = context.oracle_rows(
        "site-explorer/all-backlinks",
        &others,
        &[
            ("target", "acme.com"),
            ("aggregation", "all"),
            ("history", "live"),
        ],
    );
    let table = context.table_rows("links", "site-explorer/all-backlinks", &others);
    assert!(table.len() == 1200 && oracle.iter().all(|row| table.contains(row)));
    let nulls = context.table_rows(
        "links",
        "site-explorer/all-backlinks",
        &["is_dofollow".to_owned()],
    );
    assert!(
        nulls.iter().all(|row| *row == nulls[0]) && nulls.len() == 1200,
        "{:?}",
        nulls[0]
    );

    context.restart(Options {
        quirks: Vec::new(),
        ..context.options.clone()
    });
    configure(&context);
    context.backhaul(&["run", "--refetch"]).expect(0);
    let values = context.table_rows(
        "links",
        "site-explorer/all-backlinks",
        &["is_dofollow".to_owned()],
    );
    assert!(
        values.len() == 1200 && values.iter().all(|row| *row != nulls[0]),
        "it is requested again"
    );
}

#[test]
fn a_task_that_continues_without_a_column_pays_for_no_response_twice_when_it_is_resumed() {
    let configure = |context: &TestContext| {
        context.configure(&format!("{LINKS}on_removed_column = \"null\"\n"));
    };
    let (whole, stopped) = (removed(2_000), removed(2_000));
    configure(&whole);
    whole.run().expect(0);
    configure(&stopped);
    let units = whole.stats().units;
    stopped
        .backhaul(&["run", "--max-units", &(units / 2).to_string()])
        .expect(4);
    assert!(
        stopped.stats().units > units / 4,
        "{} of {units}",
        stopped.stats().units
    );
    let report = stopped.run().expect(0).json();
    assert_eq!(report["reports"][0]["tasks"]["complete"], 1, "{report}");
    // Seams differ a little with the size of the last page before the stop.
    assert!(
        stopped.stats().units < units + units / 10,
        "{} instead of {units}",
        stopped.stats().units
    );
    assert_eq!(
        read_rows(&whole.destination().join("links")).len(),
        read_rows(&stopped.destination().join("links")).len()
    );
}

#[test]
fn a_refused_column_that_rows_are_ordered_by_fails_the_report() {
    let context = removed(300);
    context.configure(
        "[[report]]\nname = \"anchors\"\nendpoint = \"site-explorer/anchors\"\ntop = { by = \"dofollow_links\", rows = 10 }\n\
         on_removed_column = \"null\"\n",
    );
    let report = context.run().expect(1).json();
    assert!(
        report["errors"][0]["message"]
            .as_str()
            .unwrap()
            .contains("'dofollow_links'"),
        "{report}"
    );
}

#[test]
fn a_live_check_accepts_refused_columns_that_become_null() {
    let context = removed(300);
    context.configure(&format!("{LINKS}on_removed_column = \"null\"\n"));
    let checked = context.backhaul(&["check", "--live"]).expect(0);
    assert!(
        checked
            .stdout
            .contains("refused and will be null: links.is_dofollow"),
        "{}",
        checked.stdout
    );
}

#[test]
fn values_that_do_not_fit_are_listed_beside_the_report_and_forgotten_with_their_target() {
    let options = Options {
        quirks: vec![Quirk::BadValue],
        row_cap: Some(250),
        ..unlimited(600)
    };
    let context = TestContext::new(options);
    context.configure_with(
        TWO,
        &format!(
            "{}on_bad_value = \"null\"\n",
            LINKS.replace("minimal", "full")
        ),
    );
    let report = context.run().expect(0).json();
    let file = format!(
        "_backhaul/runs/{}.bad-values.jsonl",
        report["run"].as_str().unwrap()
    );
    let summary_note = notes(&report)
        .into_iter()
        .find(|note| note.contains(&file))
        .unwrap_or_else(|| panic!("{report}"));
    let path = context.destination().join(&file);
    let read = || -> Vec<Json> {
        let text = std::fs::read_to_string(&path).unwrap();
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    };
    let listed = read();
    assert!(
        summary_note.starts_with(&format!("{} values", listed.len())) && listed.len() > 10,
        "{summary_note}"
    );
    for bad in &listed {
        assert_eq!(
            (&bad["report"], &bad["column"]),
            (&Json::from("links"), &Json::from("links_external")),
            "{bad}"
        );
        assert!(bad["value"].as_str().unwrap().starts_with('"'), "{bad}");
        assert!(
            bad["row"].as_u64().unwrap() >= 1 && bad["night"].is_string(),
            "{bad}"
        );
    }
    let pages: std::collections::BTreeSet<u64> = listed
        .iter()
        .map(|bad| bad["page"].as_u64().unwrap())
        .collect();
    assert!(pages.contains(&1) && pages.contains(&3), "{pages:?}");
    assert!(
        notes(&report)
            .iter()
            .any(|note| note.contains("values did not fit and are null"))
    );

    let of = |name: &str| read().iter().filter(|bad| bad["target"] == name).count();
    let rivals = of("rival");
    assert!(of("acme") > 0 && rivals > 0);
    context.backhaul(&["forget", "--target", "acme"]).expect(0);
    assert_eq!((of("acme"), of("rival")), (0, rivals));
}
