//! The columns of a report, its ranking and its changes.

use backhaul::plan;
use backhaul::table::FetchMode;

use super::{errors_of, parse, planned, report, valid};

#[test]
fn a_wrong_column_is_underlined_with_the_nearest_name_and_its_price() {
    let text = report(
        "name = \"keywords\"\nendpoint = \"site-explorer/organic-keywords\"\ncountries = [\"us\"]\ncolumns = [\"keyword\", \"traffic\"]",
    );
    insta::assert_snapshot!(errors_of(&text), @r#"
    error[BH-COLUMN]: site-explorer/organic-keywords has no column `traffic`
      --> backhaul.toml:20:23
       | columns = ["keyword", "traffic"]
       |                       ^^^^^^^^^ did you mean `sum_traffic` (10 units a row)?
    next: backhaul catalog site-explorer/organic-keywords
    cost: 0 units, nothing was sent
    "#);
}

#[test]
fn a_column_that_does_not_exist_under_a_parameter_is_refused_by_name_and_left_out_of_presets() {
    let links = "name = \"links\"\nendpoint = \"site-explorer/all-backlinks\"\naggregation = \"all\"\ncolumns = ";
    insta::assert_snapshot!(errors_of(&report(&format!("{links}[\"url_from\", \"link_group_count\"]"))), @r#"
    error[BH-COLUMN]: site-explorer/all-backlinks has no `link_group_count` with `aggregation = "all"`
      --> backhaul.toml:20:24
       | columns = ["url_from", "link_group_count"]
       |                        ^^^^^^^^^^^^^^^^^^ remove the column, or change the parameter
    next: backhaul catalog
    cost: 0 units, nothing was sent
    "#);
    let config = valid(&report(&format!("{links}[\"full\"]")));
    assert!(
        !config.reports[1]
            .columns
            .contains(&"link_group_count".to_owned())
    );
}

#[test]
fn columns_are_added_and_taken_away_in_order() {
    let links = "name = \"links\"\nendpoint = \"site-explorer/all-backlinks\"\ncolumns = ";
    let config = valid(&report(&format!(
        "{links}[\"url_from\", \"url_to\", \"+title\", \"-url_to\", \"title\"]"
    )));
    assert_eq!(config.reports[1].columns, ["url_from", "title"]);
    for wrong in [
        "[]",
        "[\"+title\"]",
        "[\"title\", \"-url_to\"]",
        "[\"title\", \"-title\"]",
        "\"title\"",
        "[1]",
    ] {
        assert!(
            parse(&report(&format!("{links}{wrong}"))).is_err(),
            "{wrong}"
        );
    }
}

#[test]
fn a_ranking_names_a_column_that_the_operation_can_order_by() {
    let links = |top: &str| {
        report(&format!(
            "name = \"links\"\nendpoint = \"site-explorer/all-backlinks\"\ncolumns = [\"url_from\"]\n{top}"
        ))
    };
    let config = valid(&links(
        "top = { by = \"domain_rating_source\", rows = 100 }\nmax_rows = 100",
    ));
    let top = config.reports[1].top.clone().expect("a ranking");
    assert_eq!(
        (top.by.as_str(), top.rows, config.reports[1].max_rows),
        ("domain_rating_source", 100, None)
    );
    let task = planned(&config).pop().expect("a task");
    // url_from, the column that ranks, and the column by which similar links are grouped.
    assert_eq!(
        (task.units_per_row, task.surcharge_per_row, task.bound_rows),
        (3, 2, Some(100))
    );
    assert_eq!(task.order_key[0], "domain_rating_source");
    let top = FetchMode::Top {
        by: "domain_rating_source".to_owned(),
        rows: 100,
    };
    assert_eq!(task.spec.mode, top);
    let shown = plan::describe(&config, &planned(&config));
    assert!(
        shown.contains(
            "3 units a row, 2 of them for ranking by domain_rating_source, root_name_source"
        ),
        "{shown}"
    );
    assert!(
        shown.contains("the 100 rows of a task with the greatest domain_rating_source"),
        "{shown}"
    );
    let whole = valid(&links(""));
    assert_ne!(planned(&whole), planned(&config));
    let rating = "name = \"ranks\"\nendpoint = \"site-explorer/domain-rating\"\ntop = { by = \"ahrefs_rank\", rows = 1 }";
    let wrong = [
        links("top = { by = \"domain_rating\", rows = 10 }"),
        links("top = { by = \"link_group_count\", rows = 10 }"),
        links("top = { by = \"traffic\" }"),
        links("top = { by = \"traffic\", rows = 10 }\nmax_rows = 5"),
        report(rating),
    ];
    insta::assert_snapshot!(wrong.iter().map(|text| errors_of(text)).collect::<Vec<_>>().join("\n"), @r#"
    error[BH-COLUMN]: site-explorer/all-backlinks has no column `domain_rating`
      --> backhaul.toml:20:14
       | top = { by = "domain_rating", rows = 10 }
       |              ^^^^^^^^^^^^^^^ did you mean `domain_rating_target`?
    next: backhaul catalog site-explorer/all-backlinks
    cost: 0 units, nothing was sent

    error[BH-COLUMN]: site-explorer/all-backlinks cannot order its rows by `link_group_count`
      --> backhaul.toml:20:14
       | top = { by = "link_group_count", rows = 10 }
       |              ^^^^^^^^^^^^^^^^^^ no column that it can order by has a similar name
    next: backhaul catalog site-explorer/all-backlinks
    cost: 0 units, nothing was sent

    error[BH-CONFIG]: missing `rows` in `top`
      --> backhaul.toml:20:7
       | top = { by = "traffic" }
       |       ^^^^^^^^^^^^^^^^^^ for example: top = { by = "domain_rating_source", rows = 1000 }
    next: fix the line, then: backhaul check --offline
    cost: 0 units, nothing was sent

    error[BH-CONFIG]: `max_rows` is less than the 10 rows of `top`
      --> backhaul.toml:21:12
       | max_rows = 5
       |            ^ remove this: a ranking fetches the rows that it names and no more
    next: fix the line, then: backhaul check --offline
    cost: 0 units, nothing was sent

    error[BH-PARAMETER]: site-explorer/domain-rating does not support `top`: it has no order, or always answers with all rows
      --> backhaul.toml:19:7
       | top = { by = "ahrefs_rank", rows = 1 }
       |       ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ remove `top`
    next: fix the line, then: backhaul check --offline
    cost: 0 units, nothing was sent
    "#);
}

#[test]
fn a_report_of_changes_has_what_identifies_and_dates_a_row() {
    let links = |lines: &str| {
        report(&format!(
            "name = \"links\"\nendpoint = \"site-explorer/all-backlinks\"\ncolumns = [\"title\"]\nmode = \"changes\"\n{lines}"
        ))
    };
    let config = valid(&links(""));
    let columns = [
        "title",
        "url_from",
        "url_to",
        "anchor",
        "link_type",
        "first_seen_link",
        "last_seen",
    ];
    assert_eq!(config.reports[1].columns, columns);
    assert_eq!(config.reports[1].parameter("aggregation"), Some("all"));
    let task = planned(&config).pop().expect("a task");
    assert_eq!(task.spec.mode, FetchMode::Changes { since: None });
    let shown = plan::describe(&config, &planned(&config));
    assert!(
        shown.contains(
            "all live rows the first night, then what came or went since the last complete one"
        ),
        "{shown}"
    );
    assert_eq!((task.units_per_row, task.surcharge_per_row), (7, 0));
    let schema = backhaul::state::schema::table_schema(&config.reports[1]).expect("a schema");
    let names: Vec<_> = schema
        .columns()
        .iter()
        .map(|column| column.name.as_str())
        .collect();
    assert_eq!(
        names[..6],
        [
            "_target",
            "_snapshot_date",
            "_exported_at",
            "_run_id",
            "_change",
            "title"
        ]
    );
    let snapshot = valid(&links("").replace("changes", "snapshot"));
    assert_ne!(planned(&snapshot), planned(&config));
    let wrong = [
        links("aggregation = \"similar_links\""),
        links("history = \"all_time\""),
        links("top = { by = \"traffic\", rows = 10 }"),
        links("").replace("changes", "changed"),
        links("")
            .replace("all-backlinks", "refdomains")
            .replace("title", "domain"),
    ];
    insta::assert_snapshot!(wrong.iter().map(|text| errors_of(text)).collect::<Vec<_>>().join("\n"), @r#"
    error[BH-PARAMETER]: `aggregation` cannot be combined with `mode = "changes"`
      --> backhaul.toml:21:15
       | aggregation = "similar_links"
       |               ^^^^^^^^^^^^^^^ changes are of single links: use `all`, or remove this
    next: fix the line, then: backhaul check --offline
    cost: 0 units, nothing was sent

    error[BH-PARAMETER]: `history` cannot be combined with `mode = "changes"`
      --> backhaul.toml:21:11
       | history = "all_time"
       |           ^^^^^^^^^^ remove this: each night asks since the last complete one
    next: fix the line, then: backhaul check --offline
    cost: 0 units, nothing was sent

    error[BH-PARAMETER]: `top` cannot be combined with `mode = "changes"`
      --> backhaul.toml:21:7
       | top = { by = "traffic", rows = 10 }
       |       ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ remove this or `mode`: a ranking is read again each night, changes are added up
    next: fix the line, then: backhaul check --offline
    cost: 0 units, nothing was sent

    error[BH-CONFIG]: invalid value `changed` for `mode` of a report
      --> backhaul.toml:20:8
       | mode = "changed"
       |        ^^^^^^^^^ `snapshot` or `changes`; the scope of a site is set by the target's `mode`
    next: fix the line, then: backhaul check --offline
    cost: 0 units, nothing was sent

    error[BH-PARAMETER]: site-explorer/refdomains does not support `mode = "changes"`
      --> backhaul.toml:20:8
       | mode = "changes"
       |        ^^^^^^^^^ supported by site-explorer/all-backlinks
    next: fix the line, then: backhaul check --offline
    cost: 0 units, nothing was sent
    "#);
}
