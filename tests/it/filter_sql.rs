//! `where`: what each form compiles to, how each error is shown, and that rows are chosen as SQL would choose them.

mod duckdb;
mod properties;

use std::path::Path;

use backhaul::catalog::{Catalog, Endpoint};
use backhaul::config::{self, Environment, RunConfig};
use backhaul::error::Errors;
use backhaul::filter::{Filter, FilterError, from_json, from_sql};
use backhaul::model::SnapshotDate;
use backhaul::plan::{self, Selection};
use serde_json::{Value as Json, json};

use crate::support::{TestContext, unlimited};

const BACKLINKS: &str = "site-explorer/all-backlinks";

fn endpoint(name: &str) -> &'static Endpoint {
    Catalog::embedded().endpoint(name).unwrap()
}

fn compiled(text: &str) -> Result<Filter, FilterError> {
    from_sql(text, endpoint(BACKLINKS))
}

fn compiled_json(text: &str) -> Json {
    compiled(text)
        .unwrap_or_else(|error| panic!("{text}: {error}; {}", error.help))
        .to_json()
}

fn is(field: &str, operator: &str, value: impl Into<Json>) -> Json {
    json!({"field": field, "is": [operator, value.into()]})
}

fn parse(lines: &str) -> Result<RunConfig, Errors> {
    let text = format!(
        "source = {{ api_key = {{ env = \"K\" }} }}\ndestination = {{ url = \"d\" }}\ntarget = [{{ url = \"acme.com\" }}]\n\
         [[report]]\nname = \"r\"\n{lines}\n"
    );
    config::parse(
        &text,
        Path::new("backhaul.toml"),
        &[("K", "x")].into_iter().collect::<Environment>(),
    )
}

fn shown(lines: &str) -> String {
    match parse(lines) {
        Ok(_) => panic!("no error in {lines}"),
        Err(errors) => errors.render(),
    }
}

fn shown_where(string: &str) -> String {
    shown(&format!("endpoint = \"{BACKLINKS}\"\nwhere = {string}"))
}

#[test]
fn every_form_compiles_to_the_operator_of_the_api() {
    let not = |filter: Json| json!({"not": filter});
    let known = |filter: Json, field: &str| json!({"and": [filter, {"not": {"field": field, "is": "is_null"}}]});
    for (text, expected) in [
        (
            "domain_rating_source = 30",
            is("domain_rating_source", "eq", 30),
        ),
        (
            "domain_rating_source != 30",
            is("domain_rating_source", "neq", 30),
        ),
        (
            "domain_rating_source <> 30.5",
            is("domain_rating_source", "neq", 30.5),
        ),
        (
            "domain_rating_source < 3e1",
            is("domain_rating_source", "lt", 30),
        ),
        (
            "domain_rating_source <= 30.0",
            is("domain_rating_source", "lte", 30),
        ),
        ("class_c > -1", is("class_c", "gt", -1)),
        ("class_c >= 1_000", is("class_c", "gte", 1000)),
        ("30 <= class_c", is("class_c", "gte", 30)),
        ("30 = class_c", is("class_c", "eq", 30)),
        ("CLASS_C = 1", is("class_c", "eq", 1)),
        ("\"class_c\" = 1 -- a comment", is("class_c", "eq", 1)),
        (
            "class_c IN (1, 2)",
            json!({"or": [is("class_c", "eq", 1), is("class_c", "eq", 2)]}),
        ),
        ("class_c IN (1, 1)", is("class_c", "eq", 1)),
        (
            "class_c NOT IN (1, 2)",
            json!({"and": [is("class_c", "neq", 1), is("class_c", "neq", 2)]}),
        ),
        (
            "class_c BETWEEN 1 AND 2",
            json!({"and": [is("class_c", "gte", 1), is("class_c", "lte", 2)]}),
        ),
        (
            "class_c NOT BETWEEN 1 AND 2",
            json!({"or": [is("class_c", "lt", 1), is("class_c", "gt", 2)]}),
        ),
        ("anchor LIKE 'it''s%'", is("anchor", "prefix", "it's")),
        ("anchor LIKE '%a'", is("anchor", "suffix", "a")),
        ("anchor LIKE '%a%'", is("anchor", "substring", "a")),
        ("anchor ILIKE '%a%'", is("anchor", "isubstring", "a")),
        ("anchor LIKE 'a'", is("anchor", "eq", "a")),
        ("anchor NOT LIKE 'a%'", not(is("anchor", "prefix", "a"))),
        (
            "NOT anchor ILIKE '%a%'",
            not(is("anchor", "isubstring", "a")),
        ),
        ("anchor ~ '^a\\d'", is("anchor", "regex", "^a\\d")),
        ("NOT anchor ~ 'a'", not(is("anchor", "regex", "a"))),
        ("phrase(anchor, 'a b')", is("anchor", "phrase_match", "a b")),
        (
            "IPHRASE(anchor, 'a b')",
            is("anchor", "iphrase_match", "a b"),
        ),
        ("alt IS NULL", json!({"field": "alt", "is": "is_null"})),
        (
            "alt IS NOT NULL",
            not(json!({"field": "alt", "is": "is_null"})),
        ),
        (
            "NOT alt IS NOT NULL",
            json!({"field": "alt", "is": "is_null"}),
        ),
        ("empty(alt)", json!({"field": "alt", "is": "empty"})),
        (
            "NOT empty(languages)",
            not(json!({"field": "languages", "is": "empty"})),
        ),
        (
            "'us' = ANY(languages)",
            json!({"field": "languages", "list_is": {"any": ["eq", "us"]}}),
        ),
        (
            "'us' <> ALL(languages)",
            json!({"field": "languages", "list_is": {"all": ["neq", "us"]}}),
        ),
        (
            "300 < SOME(redirect_kind)",
            json!({"field": "redirect_kind", "list_is": {"any": ["gt", 300]}}),
        ),
        (
            "NOT 'us' = ANY(languages)",
            not(json!({"field": "languages", "list_is": {"any": ["eq", "us"]}})),
        ),
        ("is_dofollow", is("is_dofollow", "eq", true)),
        ("NOT is_dofollow", is("is_dofollow", "eq", false)),
        ("is_dofollow <> TRUE", is("is_dofollow", "eq", false)),
        ("NOT is_dofollow <> TRUE", is("is_dofollow", "eq", true)),
        (
            "first_seen >= '2024-01-31'",
            is("first_seen", "gte", "2024-01-31T00:00:00Z"),
        ),
        (
            "first_seen < '2024-01-31T02:30:00+02:00'",
            is("first_seen", "lt", "2024-01-31T00:30:00Z"),
        ),
        (
            "source_page_publish_date = '2024-01-31'",
            is("source_page_publish_date", "eq", "2024-01-31"),
        ),
        (
            "discovered_status = 'linkfound'",
            is("discovered_status", "eq", "linkfound"),
        ),
        (
            "discovered_status = 'something_new'",
            is("discovered_status", "eq", "something_new"),
        ),
        // What null must not pass, SQL's way.
        ("alt <> 'a'", known(is("alt", "neq", "a"), "alt")),
        ("NOT alt = 'a'", known(is("alt", "neq", "a"), "alt")),
        (
            "alt NOT LIKE 'a%'",
            known(not(is("alt", "prefix", "a")), "alt"),
        ),
        (
            "NOT empty(alt)",
            known(not(json!({"field": "alt", "is": "empty"})), "alt"),
        ),
        (
            "NOT last_seen > '2024-01-31'",
            is("last_seen", "lte", "2024-01-31T00:00:00Z"),
        ),
    ] {
        assert_eq!(compiled_json(text), expected, "{text}");
    }
    let nested = from_sql(
        "'a' = ANY(entities.name) AND \"entities.id\" = 'b'",
        endpoint("site-explorer/organic-keywords"),
    );
    let any = json!({"field": "entities.name", "list_is": {"any": ["eq", "a"]}});
    assert_eq!(
        nested.unwrap().to_json(),
        json!({"and": [any, is("entities.id", "eq", "b")]})
    );
}

#[test]
fn not_in_excludes_null_once() {
    let is_null = json!({"not": {"field": "alt", "is": "is_null"}});
    let expected = json!({"and": [is("alt", "neq", "a"), is_null, is("alt", "neq", "b")]});
    assert_eq!(compiled_json("alt NOT IN ('a', 'b')"), expected);
}

#[test]
fn spellings_of_one_question_compile_alike() {
    let (a, b, c) = (
        is("class_c", "gt", 1),
        is("is_dofollow", "eq", true),
        is("anchor", "eq", "x"),
    );
    let all = json!({"and": [a, b, c]});
    for text in [
        "class_c > 1 AND is_dofollow AND anchor = 'x'",
        "class_c > 1 AND (is_dofollow AND anchor = 'x')",
        "((1 < class_c) and is_dofollow = true) and ('x' = anchor)",
        "NOT (NOT class_c > 1 OR NOT is_dofollow OR anchor <> 'x')",
        "NOT NOT (class_c > 1 AND is_dofollow AND anchor LIKE 'x')",
        "class_c > 1\n  AND is_dofollow -- ours\n  AND anchor IN ('x') AND class_c > 1.0",
    ] {
        assert_eq!(compiled_json(text), all, "{text}");
    }
    let either = json!({"or": [is("class_c", "lte", 1), is("is_dofollow", "eq", false), is("anchor", "neq", "x")]});
    assert_eq!(
        compiled_json("NOT (class_c > 1 AND is_dofollow AND anchor = 'x')"),
        either
    );
}

#[test]
fn properties_of_events_have_any_name() {
    let sources = endpoint("web-analytics/sources");
    let filter = from_sql("\"event_prop:Plan\" = 'team'", sources)
        .expect("a filter")
        .to_json();
    assert_eq!(filter, is("event_prop:Plan", "eq", "team"));
    assert!(from_json(&filter, sources).is_ok());
    assert!(from_sql("\"event:Plan\" = 'team'", sources).is_err());
}

#[test]
fn operations_that_know_only_wildcards_take_nothing_else() {
    let terms = endpoint("keywords-explorer/overview");
    assert_eq!(
        from_sql("keyword ~ 'shoes*red'", terms).unwrap().to_json(),
        is("keyword", "regex", "shoes*red")
    );
    for pattern in ["^shoes", "a.*b", "a|b", "(?i)a", "[ab]", "a\\d", "a+"] {
        let error = from_sql(&format!("keyword ~ '{pattern}'"), terms).unwrap_err();
        let message =
            format!("keywords-explorer/overview supports only `*` in a pattern: {pattern}");
        assert_eq!(error.message, message);
    }
    let error = from_sql("keyword LIKE 'a%b'", terms).unwrap_err();
    assert_eq!(error.help, "write keyword ~ '…', where * matches any text");
}

/// Every refusal, with what is wrong in it.
const REFUSED: [&str; 62] = [
    "",
    "  -- nothing",
    "domain_rating >= 30",
    "similar_links_count > 1",
    "\"class\" = 1",
    "anchor = \"x y\"",
    "anchor = shoes",
    "anchor = 'shoes",
    "anchor = 'a' 'b'",
    "anchor = 30",
    "class_c = '30'",
    "class_c = 30.5",
    "class_c = 99999999999999999999",
    "domain_rating_source >= '30'",
    "domain_rating_source LIKE '3%'",
    "domain_rating_source LIKE 3",
    "anchor LIKE 3",
    "anchor ~ 3",
    "domain_rating_source",
    "is_dofollow AND anchor",
    "is_dofollow > TRUE",
    "is_dofollow = 1",
    "is_dofollow = 'true'",
    "first_seen > '31.01.2024'",
    "first_seen > '2024-02-30'",
    "first_seen > DATE '2024-01-31'",
    "first_seen > now() - INTERVAL '7 days'",
    "discovered_status = 'LinkFound'",
    "discovered_status IN ('pagefound', 'linkfond')",
    "alt = NULL",
    "alt IN ('a', NULL)",
    "class_c = domain_rating_source",
    "class_c BETWEEN 1 AND links_external",
    "30 = 30",
    "TRUE",
    "class_c + 1 > 30",
    "is_dofollow AND class_c > 2 * 15",
    "-class_c < 3",
    "anchor || 'x' = 'yx'",
    "class_c::text = '1'",
    "CAST(class_c AS text) = '1'",
    "class_c IN (SELECT 1)",
    "EXISTS (SELECT 1)",
    "class_c = ANY(SELECT 1)",
    "lower(anchor) = 'x'",
    "phrases(anchor, 'x')",
    "phrase(anchor)",
    "phrase(anchor, 'x') = TRUE",
    "empty(class_c)",
    "anchor LIKE 'a_c%'",
    "anchor LIKE '%a%c'",
    "anchor LIKE '%'",
    "anchor LIKE 'a\\%b'",
    "anchor LIKE 'a!%b' ESCAPE '!'",
    "anchor ILIKE 'it''s%'",
    "anchor ~ '(?=a)'",
    "anchor ~* 'a'",
    "anchor !~ 'a'",
    "languages = 'us'",
    "languages = ANY('us')",
    "'us' = ANY(anchor)",
    "is_dofollow IS TRUE AND class_c = 1",
];

#[test]
fn each_refusal_says_where_what_and_what_instead() {
    let quoted = |text: &str| {
        if text.contains('\'') {
            format!("{text:?}")
        } else {
            format!("'{text}'")
        }
    };
    let all: Vec<String> = REFUSED
        .iter()
        .map(|text| shown_where(&quoted(text)))
        .collect();
    insta::assert_snapshot!(all.join("\n"));
}

#[test]
fn words_that_do_not_parse_are_underlined_too() {
    let texts = [
        "class_c = 1 AND",
        "class_c = 1 is_dofollow",
        "class_c = 1; DROP TABLE x",
        "AND class_c = 1",
        "(class_c = 1",
        "class_c = 1)",
        "class_c IN ()",
        "class_c ? 1",
        "SELECT 1",
        "{\"field\": \"class_c\", \"is\": [\"eq\", 1]}",
        "class_c = {",
        "class_c = 1 LIMIT 5",
    ];
    let all: Vec<String> = texts
        .iter()
        .map(|text| shown_where(&format!("'{text}'")))
        .collect();
    insta::assert_snapshot!(all.join("\n"));
}

#[test]
fn the_place_is_found_in_strings_of_every_kind() {
    let all = [
        shown_where(r#""\u0061nchor = 'ä' AND \"domain_rating\" > 1""#),
        shown_where("\"\"\"\n  is_dofollow\n  AND domain_rating > 1\n\"\"\""),
        shown_where("\"\"\"is_dofollow \\\n     AND domain_rating > 1\"\"\""),
        shown_where("'''\nanchor = 'x'\n\tAND domain_rating > 1'''"),
        shown_where("12"),
    ];
    insta::assert_snapshot!(all.join("\n"));
}

#[test]
fn filters_are_refused_where_they_cannot_be_and_where_there_are_two() {
    let both = "where = \"class_c > 1\"\nwhere_json = { field = \"class_c\", is = [\"gt\", 1] }";
    let all = [
        shown("endpoint = \"site-explorer/metrics\"\nwhere = \"org_traffic > 1\""),
        shown(&format!("endpoint = \"{BACKLINKS}\"\n{both}")),
        shown(
            "endpoint = \"site-explorer/organic-keywords\"\ncountries = [\"us\"]\nwhere = \"all_positions IS NULL\"",
        ),
        shown("endpoint = \"site-explorer/crawled-pages\"\nwhere = \"http_code = 200\""),
        shown(&format!(
            "endpoint = \"{BACKLINKS}\"\nwhere_json = {{ field = \"discovered_status\", is = [\"eq\", \"LINKFOUND\"] }}"
        )),
    ];
    insta::assert_snapshot!(all.join("\n"));
}

/// In development builds the parser is not optimised and needs more than the stack of a test thread: as much as the main
/// thread has, which reads the configuration.
const STACK_BYTES: usize = if cfg!(debug_assertions) { 8 } else { 2 } * 1024 * 1024;

#[test]
fn no_expression_uses_up_the_stack() {
    let thread = std::thread::Builder::new().stack_size(STACK_BYTES);
    let refusals = thread.spawn(refuse_deep_expressions).unwrap();
    refusals.join().unwrap();
}

fn refuse_deep_expressions() {
    let many = |part: &str, times: usize| part.repeat(times);
    for text in [
        format!("{}is_dofollow{}", many("(", 10_000), many(")", 10_000)),
        format!("{}is_dofollow{}", many("(", 990), many(")", 990)),
        format!("{}is_dofollow", many("NOT ", 1_900)),
        format!("class_c = {}1", many("- ", 1_900)),
        format!("class_c = 1{}", many("+1", 950)),
        format!("class_c{} = 1", many("::int", 600)),
        format!("class_c{}", many(" IS NULL", 900)),
        format!("class_c = {}1{}", many("ANY(", 600), many(")", 600)),
        format!("class_c IN {}1{}", many("(", 900), many(")", 900)),
        format!("{}1{}", many("empty(", 600), many(")", 600)),
        format!("is_dofollow{}", many(" AND is_dofollow", 2_000)),
        many("x", 20_000),
    ] {
        let start = text.get(..40).unwrap_or(&text).to_owned();
        assert!(compiled(&text).is_err(), "{start}");
    }
    let chain = (0..240)
        .map(|number| format!("class_c = {number}"))
        .collect::<Vec<_>>()
        .join(" OR ");
    assert_eq!(compiled_json(&chain)["or"].as_array().unwrap().len(), 240);
    let forty = format!("{}is_dofollow{}", many("(", 20), many(")", 20));
    assert_eq!(compiled_json(&forty), is("is_dofollow", "eq", true));
}

#[test]
fn every_filterable_column_of_the_catalog_can_be_named_without_quotes_if_it_is_a_word() {
    let mut seen = 0;
    for endpoint in Catalog::embedded()
        .endpoints()
        .filter(|endpoint| endpoint.parameter("where").is_some())
    {
        for column in &endpoint.filterable {
            let is_word = column
                .name
                .chars()
                .all(|letter| letter.is_ascii_alphanumeric() || letter == '_');
            let name = if is_word {
                column.name.clone()
            } else {
                format!("\"{}\"", column.name)
            };
            let filter = from_sql(&format!("({name} IS NULL)"), endpoint);
            assert_eq!(
                filter,
                Ok(Filter::IsNull(column.name.clone())),
                "{}: {}",
                endpoint.name,
                column.name
            );
            seen += 1;
        }
    }
    assert!(seen > 500, "{seen}");
}

fn asked(lines: &str) -> (String, u64) {
    let config = parse(&format!(
        "endpoint = \"{BACKLINKS}\"\ncolumns = [\"url_from\"]\n{lines}"
    ))
    .unwrap();
    let day = "2026-11-23".parse().unwrap();
    let task = plan::tasks(&config, SnapshotDate::new(day), day, &Selection::default())
        .unwrap()
        .remove(0);
    let filter = task.spec.filter.expect("a filter").to_string();
    (filter, task.units_per_row)
}

#[test]
fn equal_filters_ask_the_same_whatever_they_are_written_in_and_cost_their_columns() {
    let sql = asked("where = \"class_c > 1\"");
    assert_eq!(sql, asked("where = \"NOT (1 >= class_c)\""));
    assert_eq!(
        sql,
        asked("where_json = { is = [\"gt\", 1], field = \"class_c\" }")
    );
    assert_eq!(sql.0, r#"{"field":"class_c","is":["gt",1]}"#);
    // class_c is 5 units a row, is_dofollow one.
    assert_eq!(sql.1, asked("where = \"is_dofollow\"").1 + 4);
    assert_eq!(sql.1, asked("where = \"class_c > 1 AND class_c < 9\"").1);
}

#[test]
fn a_filter_in_other_words_fetches_nothing_again_and_another_filter_does() {
    let context = TestContext::new(unlimited(400));
    let run = |filter: &str| {
        context.configure(&format!(
            "[[report]]\nname = \"links\"\nendpoint = \"{BACKLINKS}\"\ncolumns = [\"minimal\"]\naggregation = \"all\"\n{filter}\n"
        ));
        context.run().expect(0).json()
    };
    let first = run("where = \"domain_rating_source >= 30 AND is_dofollow\"");
    assert!(first["rows"].as_u64().unwrap() > 10, "{first}");
    let both = r#"{ and = [{ is = ["gte", 30], field = "domain_rating_source" }, { field = "is_dofollow", is = ["eq", true] }] }"#;
    for same in [
        "where = \"30 <= domain_rating_source AND (is_dofollow = TRUE)\"",
        &format!("where_json = {both}"),
    ] {
        let again = run(same);
        assert_eq!(
            (&again["requests"], &again["units"]),
            (&json!(0), &json!(0)),
            "{same}"
        );
    }
    let other = run("where = \"domain_rating_source >= 60 AND is_dofollow\"");
    assert!(other["requests"].as_u64().unwrap() > 0, "{other}");
    assert!(other["rows"].as_u64() < first["rows"].as_u64(), "{other}");
}
