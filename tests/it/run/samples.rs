//! `run --sample` exports free targets only, into a folder of its own.

use backhaul::sandbox::Options;

use crate::support::{ANCHORS, MANY, RATING, TWO_TARGETS, TestContext, number, unlimited};

#[test]
fn a_sample_is_free_and_has_a_folder_of_its_own() {
    let context = TestContext::new(Options {
        row_cap: Some(500),
        ..unlimited(700)
    });
    context.configure_with(TWO_TARGETS, MANY);
    let report = context
        .backhaul(&["run", "--sample", "--json"])
        .expect(0)
        .json();
    let stats = context.stats();
    assert_eq!((number(&report, "/units"), stats.units), (0, 0));
    assert!(number(&report, "/rows") > 100, "{report}");
    let out = context.destination();
    assert!(out.join("_sample/links").is_dir() && out.join("_sample/_backhaul").is_dir());
    assert!(!out.join("links").exists() && !out.join("_backhaul").exists());
    let targets = ["ahrefs.com", "yep.com", "firehose.com"];
    let rows = crate::support::read_rows(&out.join("_sample/links"));
    assert!(
        targets.iter().all(|target| rows
            .iter()
            .any(|row| row.contains(&format!("\"{target}\"")))),
        "{}",
        rows[0]
    );
    // A second one has nothing to do, and the night itself is not touched by it.
    assert_eq!(
        number(
            &context
                .backhaul(&["run", "--sample", "--json"])
                .expect(0)
                .json(),
            "/requests"
        ),
        0
    );
    assert!(number(&context.run().expect(0).json(), "/units") > 0);
}

#[test]
fn a_sample_leaves_out_reports_that_may_cost_units_and_names_them() {
    let context = TestContext::new(unlimited(50));
    let overview = "[[report]]\nname = \"overview\"\nendpoint = \"batch-analysis/batch-analysis\"\n\
                    columns = [\"url\", \"domain_rating\"]\n\n";
    context.configure_with(TWO_TARGETS, &format!("{overview}{RATING}{ANCHORS}"));
    let dry = context
        .backhaul(&["run", "--sample", "--dry-run"])
        .expect(0)
        .stdout;
    assert!(
        dry.contains("overview") && dry.contains("at most 0 units"),
        "{dry}"
    );
    let report = context
        .backhaul(&["run", "--sample", "--json"])
        .expect(0)
        .json();
    assert_eq!(
        (number(&report, "/units"), context.stats().units),
        (0, 0),
        "{report}"
    );
    let notes = report["notes"].to_string();
    assert!(
        notes.contains("overview") && notes.contains("not promised to be free"),
        "{notes}"
    );
    let tables: Vec<_> = ["overview", "rating", "anchors"]
        .into_iter()
        .filter(|table| context.destination().join("_sample").join(table).is_dir())
        .collect();
    assert_eq!(tables, ["rating", "anchors"]);
}
