//! Coverage, targets, and tables without rows.

use backhaul::sandbox::Options;

use crate::support::{
    LINKS, RATING, TWO_TARGETS, TestContext, parquet_files, read_rows, unlimited,
};

#[test]
fn coverage_has_the_status_of_every_task_and_targets_have_a_table() {
    let context = TestContext::new(Options {
        quirks: vec![backhaul::sandbox::Quirk::BadValue],
        ..unlimited(300)
    });
    context.configure_with(
        TWO_TARGETS,
        &format!("{LINKS}{RATING}").replace("[\"minimal\"]", "[\"minimal\", \"+links_external\"]"),
    );
    let report = context.run().expect(3).json();
    let rows = context.text_rows("coverage");
    assert_eq!(rows.len(), 4, "{rows:?}");
    for row in &rows {
        let failed = row["report"] == "links";
        assert_eq!(
            row["status"],
            if failed { "failed" } else { "complete" },
            "{row:?}"
        );
        assert_eq!(row["reason"].contains("links_external"), failed, "{row:?}");
        assert_eq!(row["run"], report["run"].as_str().unwrap());
        assert_eq!(row["rows"], if failed { "0" } else { "1" });
        assert_eq!(row["evidence"].contains("complete"), !failed, "{row:?}");
        assert_ne!(row["finished_at"], "null");
    }
    let targets = context.text_rows("targets");
    assert_eq!(
        targets
            .iter()
            .map(|row| row["target"].as_str())
            .collect::<Vec<_>>(),
        ["acme", "rival"]
    );
    assert_eq!(targets[0]["url"], "acme.com");
    let state = std::fs::read_dir(context.destination().join("_backhaul/tables/links"))
        .unwrap()
        .next()
        .unwrap()
        .unwrap();
    let state: serde_json::Value =
        serde_json::from_slice(&std::fs::read(state.path()).unwrap()).unwrap();
    assert_eq!(state["unfinished"].as_array().unwrap().len(), 2, "{state}");
}

#[test]
fn an_empty_result_is_a_table_that_can_be_read_and_makes_room_for_rows() {
    let context = TestContext::new(unlimited(300));
    let nothing = "where_json = { field = \"http_code\", is = [\"eq\", 999] }\n\n";
    context.configure(&format!("{}{nothing}", LINKS.trim_end().to_owned() + "\n"));
    let report = context.run().expect(0).json();
    assert_eq!(
        report["reports"][0]["tasks"]["complete"].as_u64(),
        Some(1),
        "{report}"
    );
    let files = parquet_files(&context.destination().join("links"));
    assert_eq!(files.len(), 1);
    let facts = backhaul::sink::read_footer(&files[0]).unwrap();
    assert_eq!(facts.rows, 0);
    assert!(facts.schema.field_with_name("url_from").is_ok());
    assert_eq!(context.text_rows("coverage")[0]["rows"], "0");
    context.backhaul(&["verify"]).expect(0);
    let requests = context.stats().requests;
    context.run().expect(0);
    assert_eq!(
        context.stats().requests,
        requests,
        "nothing is an answer too"
    );
    context.configure(LINKS);
    context.run().expect(0);
    let files = parquet_files(&context.destination().join("links"));
    assert_eq!(files.len(), 1, "the empty file is gone");
    assert_eq!(read_rows(&context.destination().join("links")).len(), 300);
    context.backhaul(&["verify"]).expect(0);
}
