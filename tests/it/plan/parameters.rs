//! Parameters of a report: what is refused, and what depends on them.

use backhaul::catalog::Catalog;

use super::support::{HEAD, configuration, faults, parse_in, report, sound, tasks, value};
use crate::operations::{LIST, RequiredInput, required_inputs};

#[test]
fn whatever_a_report_lacks_is_named_with_the_line_to_add() {
    let mut checked = 0;
    for endpoint in Catalog::embedded().endpoints() {
        let needs = required_inputs(endpoint);
        for missing in 0..needs.len() {
            let others: Vec<&RequiredInput> = needs
                .iter()
                .enumerate()
                .filter(|(place, _)| *place != missing)
                .map(|(_, need)| need)
                .collect();
            let need = &needs[missing];
            let shown = faults(&configuration(endpoint, &others));
            let (place, line) = match need.of_report.split_once(" = ") {
                Some((key, _)) => ("report", format!("{key} = ")),
                None => ("file", format!("[[{}]]", need.name)),
            };
            let next = format!("add to the {place}: {line}");
            assert!(
                shown.contains(&next),
                "{}: no `{next}` in\n{shown}",
                endpoint.name
            );
            assert_eq!(
                shown.matches("error[").count(),
                1,
                "{}\n{shown}",
                endpoint.name
            );
            checked += 1;
        }
    }
    assert!(checked > 150, "{checked}");
}

#[test]
fn the_line_that_an_error_adds_fixes_it() {
    let lacking = format!("{HEAD}{}", report("rank-tracker/overview", ""));
    let shown = faults(&lacking);
    let lines = shown
        .lines()
        .filter_map(|line| line.strip_prefix("next: add to the report: "));
    let mended = lines.fold(lacking, |text, line| text + line + "\n");
    assert_eq!(tasks(&sound(&mended)).len(), 1);
}

#[test]
fn one_of_several_parameters_is_given_and_not_two() {
    let ids = "countries = [\"us\"]\nkeyword_list_ids = [5]\n";
    let config = sound(&format!(
        "{HEAD}{LIST}{}",
        report("keywords-explorer/matching-terms", ids)
    ));
    let all = tasks(&config);
    assert_eq!(
        (
            value(&all[0], "keyword_list_id"),
            value(&all[0], "keywords")
        ),
        (Some("5"), None)
    );
    let both = format!("{ids}keyword_lists = [\"brand\"]\n");
    let shown = faults(&format!(
        "{HEAD}{LIST}{}",
        report("keywords-explorer/matching-terms", &both)
    ));
    assert!(
        shown.contains("takes one of `keywords` and `keyword_list_id`, not both"),
        "{shown}"
    );
    let shown = faults(&format!(
        "{HEAD}{}",
        report("gsc/keywords", "date_from = \"-28d\"")
    ));
    assert!(
        shown.contains("requires `project_id` or `portfolio_id`"),
        "{shown}"
    );
    assert!(
        shown.contains(
            "next: add to the report: projects = [1]; or add to the report: portfolios = [1]"
        ),
        "{shown}"
    );
}

#[test]
fn an_empty_value_is_refused_as_empty() {
    let shown = faults(&format!(
        "{HEAD}{}",
        report("brand-radar/mentions-overview", "report_ids = [\"\"]")
    ));
    assert!(
        shown.contains("invalid value for `report_id`: an empty string"),
        "{shown}"
    );
}

#[test]
fn faults_of_keyword_files_name_file_and_line() {
    let folder = tempfile::tempdir().unwrap();
    let text = format!(
        "{HEAD}[[keyword_list]]\nname = \"seo\"\nfile = \"words\"\n{}",
        report("keywords-explorer/volume-by-country", "")
    );
    let with = |words: &str| {
        std::fs::write(folder.path().join("words"), words).unwrap();
        parse_in(&text, folder.path())
    };
    for words in [
        "acme\n\nacme shoes \r\n",
        "\u{feff}volume,keyword\n5,acme\n7,\"acme shoes\"\n",
        "\u{feff}Keyword\r\nacme\r\nacme shoes\r\n",
        "\"Volume, monthly\",\"Keyword\",url\n\"1,000\",acme,a.com\n20,acme shoes,b.com\n",
    ] {
        let config = with(words).unwrap_or_else(|errors| panic!("{}", errors.render()));
        assert_eq!(config.keyword_lists[0].keywords, ["acme", "acme shoes"]);
    }
    let shown = with("acme\nshoes\n Acme\na, b\n")
        .expect_err("faults")
        .render();
    insta::assert_snapshot!(shown, @r"
    error[BH-CONFIG]: duplicate keyword `Acme`
      --> words:3:1
       |  Acme
       | ^^^^^ first used in words:1: remove this line
    next: fix the line, then: backhaul check --offline
    cost: 0 units, nothing was sent

    error[BH-CONFIG]: the keyword `a, b` contains a comma
      --> words:4:1
       | a, b
       | ^^^^ remove the comma: the API separates keywords by it
    next: fix the line, then: backhaul check --offline
    cost: 0 units, nothing was sent
    ");
    let shown = with("keyword,volume\nacme,1\n\"boots\n")
        .expect_err("faults")
        .render();
    assert!(
        shown.contains("words:3") && shown.contains("invalid CSV"),
        "{shown}"
    );
    let shown = with("\n").expect_err("faults").render();
    assert!(shown.contains("missing keywords in words"), "{shown}");
    let many = (0..1_000)
        .map(|at| format!("a,{at}\n"))
        .collect::<Vec<_>>()
        .concat();
    let shown = with(&many).expect_err("faults").render();
    assert!(
        shown.matches("error[").count() == 21 && shown.contains("980 more invalid lines in words"),
        "{shown}"
    );
}

#[test]
fn comparisons_are_in_the_full_preset_where_there_is_something_to_compare_with() {
    let columns = |line: &str| {
        let lines =
            format!("projects = [1]\ndevices = [\"desktop\"]\ncolumns = [\"full\"]\n{line}");
        sound(&format!(
            "{HEAD}{}",
            report("rank-tracker/overview", &lines)
        ))
        .reports[0]
            .columns
            .clone()
    };
    let (plain, compared) = (columns(""), columns("date_compared = \"-1mo\""));
    assert!(compared.starts_with(&plain));
    for column in ["position_prev", "position_diff", "traffic_diff"] {
        assert!(
            !plain.contains(&column.to_owned()) && compared.contains(&column.to_owned()),
            "{column}"
        );
    }
    for wrong in ["-0d", "-7", "7d", "yesterday"] {
        let lines = format!("projects = [1]\ndevices = [\"desktop\"]\ndate_compared = \"{wrong}\"");
        let shown = faults(&format!(
            "{HEAD}{}",
            report("rank-tracker/overview", &lines)
        ));
        assert!(
            shown.contains("invalid value for `date_compared`") && shown.contains("-7d"),
            "{shown}"
        );
    }
}

#[test]
fn a_table_between_two_points_in_time_ends_with_the_night() {
    let text = |line: &str| {
        format!(
            "{HEAD}{}",
            report("web-analytics/browsers", &format!("projects = [1]\n{line}"))
        )
    };
    let of = |line: &str| {
        let task = tasks(&sound(&text(line))).remove(0);
        (
            value(&task, "from").unwrap().to_owned(),
            value(&task, "to").unwrap().to_owned(),
        )
    };
    let night = "2026-11-23T00:00:00Z".to_owned();
    assert_eq!(of(""), ("2026-11-22T00:00:00Z".to_owned(), night.clone()));
    assert_eq!(
        of("from = \"-28d\""),
        ("2026-10-26T00:00:00Z".to_owned(), night)
    );
    assert!(faults(&text("to = \"2026-01-01\"")).contains("`to` cannot be set in a report"));
    assert!(
        faults(&text("since = \"2026-01-01\""))
            .contains("`since` does not apply to web-analytics/browsers")
    );
}

#[test]
fn a_filter_is_refused_where_the_operation_takes_none() {
    let shown = faults(&format!(
        "{HEAD}{}",
        report(
            "public/crawler-ips",
            "where_json = '{\"field\": \"a\", \"is\": \"is_null\"}'"
        )
    ));
    assert!(
        shown.contains("public/crawler-ips takes no filter"),
        "{shown}"
    );
}

#[test]
fn prices_follow_the_parameters_that_tell_them() {
    let brand = |lines: &str| {
        let lines = format!("data_sources = [\"grok\"]\n{lines}");
        tasks(&sound(&format!(
            "{HEAD}{}",
            report("brand-radar/mentions-overview", &lines)
        )))
        .remove(0)
    };
    assert!(brand("prompts = \"ahrefs\"").units_per_row > 0);
    assert_eq!(
        (
            brand("prompts = \"custom\"").units_per_row,
            brand("prompts = \"custom\"").bound_units
        ),
        (0, Some(0))
    );
    let months = |lines: &str| {
        let lines = format!(
            "countries = [\"us\"]\ncolumns = [\"keyword\", \"volume_monthly_history\"]\n{lines}"
        );
        format!(
            "{HEAD}{LIST}{}",
            report("keywords-explorer/overview", &lines)
        )
    };
    let price = |lines: &str| tasks(&sound(&months(lines)))[0].units_per_row;
    assert_eq!(
        price("volume_monthly_date_from = \"-3mo\""),
        1 + 50,
        "at least 50"
    );
    assert_eq!(price("volume_monthly_date_from = \"-59mo\""), 1 + 2 * 60);
    assert_eq!(
        price("volume_monthly_date_from = \"2026-01-01\"\nvolume_monthly_date_to = \"2026-01-31\""),
        51
    );
    assert!(
        faults(&months(""))
            .contains("next: add to the report: volume_monthly_date_from = \"-12mo\"")
    );
    let audit = format!("{HEAD}{}", report("site-audit/issues", "projects = [1]"));
    assert_eq!(tasks(&sound(&audit))[0].bound_units, Some(50));
    let free = format!(
        "{HEAD}{}{}",
        LIST.replace("\"acme\", \"acme shoes\"", "\"yep\""),
        report("keywords-explorer/volume-by-country", "max_rows = 50")
    );
    assert_eq!(tasks(&sound(&free))[0].bound_units, Some(0));
}
