//! A configuration that changes between runs, or half way through a night.

use backhaul::sandbox::Options;

use super::support::{count_responses, notes};
use crate::support::{LINKS, RATING, TWO_TARGETS, TestContext, preset, read_rows, unlimited};

#[test]
fn a_changed_configuration_invalidates_what_it_must_and_names_it() {
    let context = TestContext::new(unlimited(1_200));
    let links = LINKS.replace("[\"minimal\"]", "[\"minimal\", \"+title\"]");
    context.configure(&format!("{links}{RATING}"));
    context.run().expect(0);
    let requests = context.stats().requests;
    let text = std::fs::read_to_string(context.configuration()).unwrap();
    let free = text
        .replace(
            "url = \"out\"",
            "url = \"out\"\ncompression = \"zstd(9)\"\nfile_size = \"1 MiB\"\nkeep_responses = \"9d\"",
        )
        .replace("url = \"acme.com\"", "url = \"acme.com\"\nlabels = { client = \"Acme\" }")
        .replace(", \"+title\"", "");
    assert_ne!(free, text);
    context.write_configuration(&free);
    let report = context.run().expect(0).json();
    assert_eq!(
        context.stats().requests,
        requests,
        "labels, layout and fewer columns cost nothing: {report}"
    );
    assert_eq!(
        context.text_rows("targets")[0]["labels"].replace('\\', ""),
        "{\"client\":\"Acme\"}"
    );
    for (change, what) in [
        (
            "columns = [\"minimal\", \"+title\", \"+anchor\", \"+is_dofollow\", \"+http_code\"]",
            "column http_code",
        ),
        (
            "columns = [\"minimal\"]\nwhere_json = { field = \"is_dofollow\", is = [\"eq\", true] }",
            "where",
        ),
        ("columns = [\"minimal\"]\nhistory = \"all_time\"", "history"),
    ] {
        let before = context.stats();
        context.write_configuration(&free.replace("columns = [\"minimal\"]", change));
        let report = context.run().expect(0).json();
        assert!(notes(&report).contains(what), "{what}: {report}");
        assert!(context.stats().requests > before.requests);
        let rating = &report["reports"][1];
        assert_eq!(
            (rating["name"].as_str(), rating["tasks"]["skipped"].as_u64()),
            (Some("rating"), Some(1)),
            "{report}"
        );
        let requests = context.stats().requests;
        context.run().expect(0);
        assert_eq!(
            context.stats().requests,
            requests,
            "{what}: fetched again once"
        );
        context.backhaul(&["verify"]).expect(0);
    }
}

#[test]
fn a_raised_max_rows_fetches_again_only_tasks_that_it_had_cut() {
    let context = TestContext::new(unlimited(1_200));
    context.configure_with(
        TWO_TARGETS,
        &format!("{LINKS}max_rows = 500\n\n{RATING}max_rows = 500\n")
            .replace(
                "\nmax_rows = 500\n\n[[report]]\nname = \"rating\"",
                "max_rows = 500\n\n[[report]]\nname = \"rating\"",
            )
            .replace("domain-rating\"\n\nmax_rows = 500\n", "domain-rating\"\n"),
    );
    let text = std::fs::read_to_string(context.configuration()).unwrap();
    assert_eq!(
        context.run().expect(0).json()["reports"][0]["tasks"]["capped"].as_u64(),
        Some(2)
    );
    let requests = context.stats().requests;
    context.write_configuration(&text.replace("max_rows = 500", "max_rows = 400"));
    context.run().expect(0);
    assert_eq!(
        context.stats().requests,
        requests,
        "a smaller fuse is no reason to fetch"
    );
    context.write_configuration(&text.replace("max_rows = 500\n", ""));
    let report = context.run().expect(0).json();
    assert_eq!(
        report["reports"][0]["tasks"]["complete"].as_u64(),
        Some(2),
        "{report}"
    );
    assert_eq!(
        read_rows(&context.destination().join("links")).len(),
        2 * 1_200
    );
}

#[test]
fn a_column_that_is_dropped_half_way_wastes_no_answer() {
    let context = TestContext::new(Options {
        row_cap: Some(250),
        ..unlimited(3_000)
    });
    context.configure(LINKS);
    context.backhaul(&["check", "--live"]).expect(0);
    let probes = context.stats().rows;
    let links = LINKS.replace(
        "[\"minimal\"]",
        "[\"minimal\", \"+title\", \"+first_seen\", \"+url_to\"]",
    );
    context.configure(&links);
    context
        .backhaul(&["run", "--json", "--max-units", "9000"])
        .expect(4);
    let stopped = context.stats().rows - probes;
    assert!(stopped > 500, "{stopped}");
    context.configure(LINKS);
    context.run().expect(0);
    let rows = context.stats().rows - probes;
    assert!(
        rows < 3_000 + 500,
        "{rows} rows were bought for a table of 3,000, {stopped} before the change"
    );
    let exported = context.table_rows(
        "links",
        "site-explorer/all-backlinks",
        &preset("site-explorer/all-backlinks", "minimal"),
    );
    assert_eq!(exported.len(), 3_000);
}

/// What rows answer is what was asked in the end, not what the task began with: also for `rebuild`, and for a column that
/// comes back.
#[test]
fn a_configuration_that_changes_half_way_leaves_rows_that_rebuild_and_later_runs_understand() {
    let context = TestContext::new(Options {
        row_cap: Some(250),
        ..unlimited(1_200)
    });
    let wide = LINKS.replace("[\"minimal\"]", "[\"minimal\", \"+title\", \"+http_code\"]");
    context.configure(&format!(
        "{}max_rows = 900\n",
        wide.trim_end().to_owned() + "\n"
    ));
    context
        .backhaul(&["run", "--json", "--max-units", "4000"])
        .expect(4);
    assert!(count_responses(&context) > 0);
    context.configure(LINKS);
    let report = context.run().expect(0).json();
    assert_eq!(
        report["reports"][0]["tasks"]["complete"].as_u64(),
        Some(1),
        "{report}"
    );
    let rows = read_rows(&context.destination().join("links"));
    assert_eq!(rows.len(), 1_200);
    assert!(
        context
            .backhaul(&["rebuild"])
            .expect(0)
            .stdout
            .contains("1 task from saved responses")
    );
    assert_eq!(read_rows(&context.destination().join("links")), rows);
    assert_eq!(context.run().expect(0).json()["requests"].as_u64(), Some(0));
    context.configure(&wide);
    let report = context.run().expect(0).json();
    assert!(notes(&report).contains("column http_code"), "{report}");
    let codes = context.table_rows(
        "links",
        "site-explorer/all-backlinks",
        &["http_code".to_owned()],
    );
    assert!(
        codes.len() == 1_200 && codes.iter().all(|row| row[0] != "null"),
        "{} rows",
        codes.len()
    );
}
