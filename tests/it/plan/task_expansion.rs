//! What a report varies becomes tasks: targets, lists of keywords and values of parameters.

use backhaul::catalog::{Catalog, Pricing};
use backhaul::fetch::request::first_request;
use backhaul::model::Method;
use backhaul::model::SnapshotDate;
use backhaul::plan::{self, Selection, Task};
use backhaul::state::schema::table_schema;
use proptest::prelude::*;
use serde_json::Value as Json;

use super::support::{HEAD, configuration, faults, report, said, sound, tasks, value};
use crate::operations::{LIST, TARGET, required_inputs};

#[test]
fn every_operation_can_be_a_report_with_what_it_requires_and_nothing_else() {
    let mut checked = 0;
    for endpoint in Catalog::embedded().endpoints() {
        let needs = required_inputs(endpoint);
        let config = sound(&configuration(endpoint, &needs.iter().collect::<Vec<_>>()));
        let report = &config.reports[0];
        let schema = table_schema(report)
            .unwrap_or_else(|error| panic!("{}: {}", endpoint.name, error.render()));
        assert_eq!(schema.columns()[0].name, "_target");
        let tasks = tasks(&config);
        assert!(!tasks.is_empty(), "{}", endpoint.name);
        for task in &tasks {
            let takes_target = ["target", "targets"].iter().any(|name| {
                endpoint
                    .inputs()
                    .any(|parameter| parameter.name == *name && parameter.required)
            });
            assert_eq!(task.target.is_some(), takes_target, "{}", endpoint.name);
            for (name, _) in &task.parameters {
                assert!(
                    schema.column(&format!("_{name}")).is_some(),
                    "{} {name}",
                    endpoint.name
                );
            }
            let request = first_request(report, task);
            assert_eq!(request.method, endpoint.method, "{}", endpoint.name);
            assert_eq!(
                request.body.is_some(),
                request.method == Method::Post && request.query.is_empty()
            );
            let said = said(&request);
            for (name, value) in &said {
                assert!(
                    endpoint.parameter(name).is_some(),
                    "{} does not know {name}",
                    endpoint.name
                );
                assert!(
                    !value.is_empty() && !value.starts_with("\"["),
                    "{} {name} = {value}",
                    endpoint.name
                );
            }
            let has = |name: &str| said.iter().any(|(known, _)| known == name);
            for parameter in endpoint.inputs().filter(|parameter| parameter.required) {
                assert!(
                    has(&parameter.name),
                    "{} lacks {}",
                    endpoint.name,
                    parameter.name
                );
            }
            for group in &endpoint.requires_one_of {
                assert_eq!(
                    group.iter().filter(|name| has(name)).count(),
                    1,
                    "{} {group:?}",
                    endpoint.name
                );
            }
            match endpoint.pricing {
                Pricing::Free => assert_eq!(
                    (task.units_per_row, task.bound_units),
                    (0, Some(0)),
                    "{}",
                    endpoint.name
                ),
                Pricing::Fixed(_) => assert_eq!(task.units_per_row, 0, "{}", endpoint.name),
                Pricing::PerRow => assert!(task.units_per_row > 0, "{}", endpoint.name),
            }
        }
        checked += 1;
    }
    assert_eq!(checked, 121);
}

#[test]
fn what_looks_up_no_target_needs_none_and_takes_none() {
    let config = sound(&format!(
        "{HEAD}{}",
        report("subscription-info/limits-and-usage", "")
    ));
    assert!(config.targets.is_empty());
    let all = tasks(&config);
    assert_eq!((all.len(), all[0].target), (1, None));
    let shown = faults(&format!(
        "{HEAD}{TARGET}{}",
        report("management/projects", "targets = [\"acme.com\"]")
    ));
    assert!(
        shown.contains("management/projects takes no target"),
        "{shown}"
    );
    // Beside reports that do, and left out where a target is selected.
    let both = format!(
        "{HEAD}{TARGET}{}[[report]]\nname = \"two\"\nendpoint = \"site-explorer/domain-rating\"\n",
        report("public/crawler-ips", "")
    );
    let config = sound(&both);
    assert_eq!(
        tasks(&config)
            .iter()
            .map(|task| task.target)
            .collect::<Vec<_>>(),
        [None, Some(0)]
    );
    let selection = Selection {
        targets: vec!["acme.com".to_owned()],
        ..Selection::default()
    };
    let night = "2026-11-23".parse().unwrap();
    assert_eq!(
        plan::tasks(&config, SnapshotDate::new(night), night, &selection)
            .unwrap()
            .len(),
        1
    );
    assert_eq!(config.target_name(None), "");
}

#[test]
fn an_optional_target_is_looked_up_where_the_report_names_it() {
    let endpoint = "keywords-explorer/overview";
    let text = |lines: &str| {
        format!(
            "{HEAD}{TARGET}{LIST}{}",
            report(endpoint, &format!("countries = [\"us\"]\n{lines}"))
        )
    };
    let all = tasks(&sound(&text("")));
    assert_eq!(
        (
            all[0].target,
            value(&all[0], "target"),
            value(&all[0], "mode")
        ),
        (None, None, None)
    );
    let all = tasks(&sound(&text("targets = [\"acme.com\"]")));
    assert_eq!(
        (value(&all[0], "target"), value(&all[0], "mode")),
        (Some("acme.com"), Some("subdomains"))
    );
}

#[test]
fn lists_make_a_task_of_each_combination_in_the_order_of_the_file() {
    let text = |lines: &str| format!("{HEAD}{}", report("rank-tracker/overview", lines));
    let config = sound(&text(
        "projects = [9, 3]\ndevices = [\"mobile\", \"desktop\"]",
    ));
    let all = tasks(&config);
    let of = |task: &Task| {
        format!(
            "{}/{}",
            value(task, "project_id").unwrap(),
            value(task, "device").unwrap()
        )
    };
    assert_eq!(
        all.iter().map(of).collect::<Vec<_>>(),
        ["9/mobile", "9/desktop", "3/mobile", "3/desktop"]
    );
    let schema = table_schema(&config.reports[0]).unwrap();
    assert_eq!(schema.parameters(), ["project_id", "device"]);
    // One value under the parameter's own name is a list of one: table and ids stay when more are added.
    let single = tasks(&sound(&text("projects = [9]\ndevice = \"mobile\"")));
    assert_eq!(single[0].id, all[0].id);
    insta::assert_snapshot!(faults(&text("projects = [9, 9]\ndevices = [\"watch\"]\ndata_sources = [\"grok\"]")), @r#"
    error[BH-PARAMETER]: duplicate project id `9`
      --> ./backhaul.toml:8:16
       | projects = [9, 9]
       |                ^ remove this
    next: fix the line, then: backhaul check --offline
    cost: 0 units, nothing was sent

    error[BH-PARAMETER]: invalid value for `device`: `watch`
      --> ./backhaul.toml:9:12
       | devices = ["watch"]
       |            ^^^^^^^ one of: desktop, mobile
    next: fix the line, then: backhaul check --offline
    cost: 0 units, nothing was sent

    error[BH-PARAMETER]: rank-tracker/overview has no parameter `data_source`
      --> ./backhaul.toml:10:16
       | data_sources = ["grok"]
       |                ^^^^^^^^ remove this
    next: fix the line, then: backhaul check --offline
    cost: 0 units, nothing was sent
    "#);
}

#[test]
fn a_keyword_of_two_lists_is_looked_up_once() {
    let more = "[[keyword_list]]\nname = \"more\"\nkeywords = [\"Acme\", \"boots\"]\n";
    let text = |lines: &str| {
        format!(
            "{HEAD}{LIST}{more}{}",
            report(
                "serp-overview/serp-overview",
                &format!("countries = [\"us\"]\n{lines}")
            )
        )
    };
    let config = sound(&text(""));
    let words: Vec<_> = tasks(&config)
        .iter()
        .map(|task| value(task, "keyword").unwrap().to_owned())
        .collect();
    assert_eq!(words, ["acme", "acme shoes", "boots"]);
    assert_eq!(
        table_schema(&config.reports[0]).unwrap().parameters(),
        ["keyword", "country"]
    );
    assert_eq!(tasks(&sound(&text("keyword_lists = [\"more\"]"))).len(), 2);
    let shown = faults(&text("keyword_lists = [\"mor\"]"));
    assert!(shown.contains("did you mean `more`?"), "{shown}");
}

#[test]
fn seeds_of_one_answer_are_never_split() {
    let words: Vec<String> = (0..600).map(|at| format!("\"keyword {at}\"")).collect();
    let list = format!(
        "[[keyword_list]]\nname = \"long\"\nkeywords = [{}]\n",
        words.join(", ")
    );
    let text = |endpoint: &str| {
        format!(
            "{HEAD}{list}{}",
            report(endpoint, "countries = [\"us\"]\nkeyword_lists = [\"long\"]")
        )
    };
    for endpoint in ["matching-terms", "related-terms", "search-suggestions"] {
        let shown = faults(&text(&format!("keywords-explorer/{endpoint}")));
        assert!(
            shown.contains("the keyword list `long` is too long")
                && shown.contains("split the list"),
            "{shown}"
        );
    }
    let config = sound(&text("keywords-explorer/overview"));
    let all = tasks(&config);
    assert_eq!(
        (all.len(), all[0].segments.len(), all[0].bound_rows),
        (1, 7, Some(600))
    );
    // Each part of the list costs a request at least; a fuse may end the task before the others.
    assert_eq!(
        plan::monthly_cost(&config, &all.iter().collect::<Vec<_>>()).least,
        30 * 7 * 50
    );
    let config = sound(&(text("keywords-explorer/overview") + "max_rows = 10\n"));
    assert_eq!(
        plan::monthly_cost(&config, &tasks(&config).iter().collect::<Vec<_>>()).least,
        30 * 50
    );
    let ranked = text("keywords-explorer/overview") + "top = { by = \"volume\", rows = 5 }\n";
    assert!(faults(&ranked).contains("cannot be ranked by keyword list"));
}

#[test]
fn each_keyword_of_a_list_has_a_history_of_its_own() {
    let words: Vec<String> = (0..250).map(|at| format!("\"keyword {at}\"")).collect();
    let list = format!(
        "[[keyword_list]]\nname = \"long\"\nkeywords = [{}]\n",
        words.join(", ")
    );
    let lines = "projects = [1]\nkeyword_lists = [\"long\"]\nsince = \"2026-11-14\"\nhistory_grouping = \"daily\"\n";
    let config = sound(&format!(
        "{HEAD}{list}{}",
        report("gsc/keyword-history", lines)
    ));
    let mut task = tasks(&config).remove(0);
    let rows = |task: &Task| {
        (0..4)
            .map(|place| Some(task.segment(place)?.bound_rows))
            .collect::<Vec<_>>()
    };
    assert_eq!(task.bound_rows, Some(10 * 250));
    assert_eq!(
        rows(&task),
        [Some(Some(990)), Some(Some(990)), Some(Some(520)), None]
    );
    let days = ["2026-11-20", "2026-11-23"].map(|day| day.parse().unwrap());
    plan::set_window(
        &config,
        &mut task,
        backhaul::table::DateRange::new(days[0], days[1]).unwrap(),
    );
    assert_eq!(task.bound_rows, Some(4 * 250));
}

#[test]
fn a_changed_list_is_asked_for_again_and_a_night_is_not() {
    let text = |words: &str| {
        format!(
            "{HEAD}[[keyword_list]]\nname = \"brand\"\nkeywords = [{words}]\n{}",
            report("keywords-explorer/overview", "countries = [\"us\"]")
        )
    };
    let of = |words: &str| tasks(&sound(&text(words))).remove(0);
    let (one, same, other) = (of("\"a\", \"b\""), of("\"a\", \"b\""), of("\"a\", \"c\""));
    assert_eq!((&one.id, &one.spec), (&other.id, &same.spec));
    assert_eq!(other.spec.stale_fields(&one.spec, false), ["keywords"]);
    assert_ne!(tasks(&sound(&text("\"a\""))), tasks(&sound(&text("\"b\""))));
    // A day relative to the night is the same question on every night.
    let compared = format!(
        "{HEAD}{}",
        report(
            "rank-tracker/overview",
            "projects = [1]\ndevices = [\"desktop\"]\ndate_compared = \"-7d\""
        )
    );
    let config = sound(&compared);
    let on = |night: &str| {
        plan::tasks_of_any_night(&config, night.parse().unwrap(), &Selection::default())
            .unwrap()
            .remove(0)
    };
    let (monday, tuesday) = (on("2026-11-23"), on("2026-11-24"));
    assert_eq!(
        (
            value(&monday, "date_compared"),
            value(&tuesday, "date_compared")
        ),
        (Some("2026-11-16"), Some("2026-11-17"))
    );
    assert_eq!(monday.spec, tuesday.spec);
    assert_eq!(monday.spec.parameters["date_compared"], "-7d");
}

#[test]
fn thousands_of_values_are_described_by_a_few() {
    let words: Vec<String> = (0..2_000).map(|at| format!("\"keyword {at}\"")).collect();
    let text = format!(
        "{HEAD}[[keyword_list]]\nname = \"long\"\nkeywords = [{}]\n{}",
        words.join(", "),
        report("keywords-explorer/volume-by-country", "")
    );
    let config = sound(&text);
    let shown = plan::describe(&config, &tasks(&config));
    assert!(shown.contains("2 columns, 2000 tasks"), "{shown}");
    assert!(
        shown.contains("keyword 19 and 1980 more\n") && !shown.contains("keyword 20,"),
        "{shown}"
    );
}

#[test]
fn a_batch_names_each_target_with_its_scope() {
    let targets = "[[target]]\nurl = \"acme.com\"\n[[target]]\nurl = \"https://b.com/x\"\nmode = \"exact\"\nprotocol = \"https\"\n";
    let config = sound(&format!(
        "{HEAD}{targets}{}",
        report(
            "batch-analysis/batch-analysis",
            "columns = [\"index\", \"url\"]\ncountry = \"us\""
        )
        .replace("country = \"us\"", "countries = [\"us\"]")
    ));
    let all = tasks(&config);
    assert_eq!((all.len(), all[0].bound_rows), (2, Some(1)));
    let body = |task: &Task| -> Json {
        serde_json::from_str(&first_request(&config.reports[0], task).body.unwrap()).unwrap()
    };
    let acme = serde_json::json!({"url": "acme.com", "mode": "subdomains", "protocol": "both"});
    let b = serde_json::json!({"url": "https://b.com/x", "mode": "exact", "protocol": "https"});
    assert_eq!(
        body(&all[0]),
        serde_json::json!({"select": ["index", "url"], "country": "us", "targets": [&acme], "output": "json"})
    );
    assert_eq!(body(&all[1])["targets"], serde_json::json!([b]));
}

#[test]
fn a_body_has_its_fields_with_their_types() {
    let lines = "since = \"2026-01-01\"\ndata_sources = [\"grok\"]\ncountries = [\"us\"]\nmarket = [\"shoes, boots\"]\n\
                 brands = [{ names = [\"Acme\"], url_groups = [{ target = \"acme.com\", scope = \"domain\" }] }]\n\
                 tags_filter = { any = [\"a\"] }";
    let config = sound(&format!(
        "{HEAD}{}",
        report("brand-radar/citations-history", lines)
    ));
    let task = tasks(&config).remove(0);
    let body: Json =
        serde_json::from_str(&first_request(&config.reports[0], &task).body.unwrap()).unwrap();
    assert_eq!(
        body,
        serde_json::json!({
            "date_from": "2026-01-01",
            "date_to": "2026-11-23",
            "data_source": ["grok"],
            "country": ["us"],
            "market": ["shoes, boots"],
            "brands": [{"names": ["Acme"], "url_groups": [{"target": "acme.com", "scope": "domain"}]}],
            "tags_filter": {"any": ["a"]},
            "output": "json",
        })
    );
    assert_eq!(
        task.parameters[0],
        ("country".to_owned(), "us".to_owned()),
        "columns hold plain values"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn a_list_goes_out_whole_and_in_order_and_no_url_is_too_long(
        words in proptest::collection::btree_set("[a-zà-ÿ一-龥]{1,20}( [a-zà-ÿ一-龥]{1,20}){0,4}", 1..250),
        filter in "[a-z]{0,700}",
    ) {
        let mut seen = std::collections::BTreeSet::new();
        let words: Vec<String> = words.into_iter().filter(|word| seen.insert(word.to_lowercase())).collect();
        let list = words.iter().map(|word| format!("\"{word}\"")).collect::<Vec<_>>().join(", ");
        let lines = format!("countries = [\"us\"]\nwhere_json = {{ field = \"parent_topic\", is = [\"eq\", \"{filter}\"] }}");
        let text = format!("{HEAD}[[keyword_list]]\nname = \"w\"\nkeywords = [{list}]\n{}", report("keywords-explorer/overview", &lines));
        let config = sound(&text);
        let task = tasks(&config).remove(0);
        let mut sent = Vec::new();
        for place in 0..task.segments.len() {
            let part = task.segment(place).unwrap();
            let request = first_request(&config.reports[0], &part);
            let url = config.source.base_url.as_str().len() + request.endpoint.len() + backhaul::api::encoded_query(&request).len() + 2;
            prop_assert!(url <= 8 * 1024, "{url}");
            let own: Vec<String> = value(&part, "keywords").unwrap().split(',').map(str::to_owned).collect();
            prop_assert!(own.len() < 100);
            prop_assert_eq!(part.bound_rows, Some(own.len() as u64));
            sent.extend(own);
        }
        prop_assert_eq!(sent, words);
        prop_assert!(task.segment(task.segments.len()).is_none());
    }
}
