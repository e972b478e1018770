//! The pages of `backhaul catalog`.

use std::collections::BTreeSet;
use std::path::Path;

use backhaul::catalog::Catalog;
use backhaul::cli::catalog as pages;
use backhaul::config::{self, Environment};
use backhaul::error::ErrorCode;
use serde_json::Value as Json;

use super::lookup::{endpoint, endpoints};

#[test]
fn an_operation_is_found_by_its_former_name_and_by_a_near_one() {
    let nearest = |name| {
        Catalog::embedded()
            .nearest_endpoint(name)
            .map(|endpoint| endpoint.name.as_str())
    };
    assert_eq!(
        nearest("site-explorer/best-by-external-links"),
        Some("site-explorer/pages-by-backlinks")
    );
    assert_eq!(
        nearest("site-explorer/anchor"),
        Some("site-explorer/anchors")
    );
    assert_eq!(nearest("refdomains"), Some("site-explorer/refdomains"));
    assert_eq!(
        nearest("metrics-by-country"),
        Some("site-explorer/metrics-by-country")
    );
    assert_eq!(nearest("zzzzzz"), None);
}

#[test]
fn no_line_of_a_page_is_wider_than_a_terminal() {
    let catalog = Catalog::embedded();
    for page in endpoints().map(pages::show).chain([pages::list(catalog)]) {
        for line in page.lines() {
            assert!(line.chars().count() <= 110, "{line}");
            assert_eq!(line.trim_end(), line, "trailing space");
        }
    }
}

#[test]
fn the_list_names_every_operation_under_its_section() {
    let list = pages::list(Catalog::embedded());
    let mut section = String::new();
    let mut names = Vec::new();
    for line in list.lines().take_while(|line| !line.starts_with("Prices")) {
        if let Some(name) = line
            .strip_prefix("  ")
            .and_then(|line| line.split_whitespace().next())
        {
            names.push(format!("{section}{name}"));
        } else if line.ends_with('/') {
            line.clone_into(&mut section);
        }
    }
    let wanted: Vec<_> = endpoints().map(|endpoint| endpoint.name.clone()).collect();
    assert_eq!(names, wanted);
}

#[test]
fn a_page_names_every_column_and_parameter() {
    for endpoint in endpoints() {
        let page = pages::show(endpoint);
        let words: BTreeSet<_> = page
            .split_whitespace()
            .map(|word| word.trim_end_matches(','))
            .collect();
        for column in &endpoint.columns {
            assert!(
                words.contains(column.name.as_str()),
                "{} {}",
                endpoint.name,
                column.name
            );
        }
        for parameter in &endpoint.parameters {
            assert!(
                words.contains(parameter.name.as_str()),
                "{} {}",
                endpoint.name,
                parameter.name
            );
        }
    }
}

#[test]
fn the_filter_that_a_page_shows_is_one() {
    let mut shown = 0;
    for endpoint in endpoints().filter(|endpoint| endpoint.parameter("where").is_some()) {
        let page = pages::show(endpoint);
        let Some((_, after)) = page.split_once("for example       where = \"") else {
            continue;
        };
        let text = after.split('"').next().expect("its text");
        if let Err(error) = backhaul::filter::from_sql(text, endpoint) {
            panic!("{}: {text}: {error}", endpoint.name);
        }
        shown += 1;
    }
    assert!(shown > 20, "{shown}");
}

#[test]
fn the_page_of_an_operation_reads_well() {
    insta::assert_snapshot!(pages::show(endpoint("site-explorer/anchors")), @r#"
    site-explorer/anchors
    Anchor texts of the links to the target

      request   GET /v3/site-explorer/anchors
      response  rows under `anchors`
      price     rows × units of the columns that are selected, filtered or ordered by, at least 50
      paging    by first_seen, anchor (added to the request, at their cost, if not selected)
      a row is  anchor

    Parameters, with the API's defaults
      where         text
      protocol      both | http | https, default both, set with the target
      mode          exact | prefix | domain | subdomains, default subdomains, set with the target
      history       text, default all_time
      set for you   timeout, limit, order_by, select, target, output

    Presets   columns  units a row  for 1,000 rows  paging adds
      minimal       4            4           4,000  nothing
      standard      8           12          12,000  nothing
      full         11           15          15,000  nothing

    Columns, cheapest first (? may be null)
      1 unit
        anchor             text        minimal   Words of the link
        dofollow_links     integer     minimal   Links with this anchor that search engines may follow
        first_seen         date-time   minimal   When a link with this anchor was first found
        is_spam            boolean     full      The links come from domains known for spam
        last_seen          date-time?  standard  When its last link was found to be lost; null while one exists
        links_to_target    integer     minimal   Links with this anchor that exist now
        lost_links         integer     full      Links with this anchor lost in the period asked for
        new_links          integer     full      Links with this anchor found in the period asked for
        refpages           integer     standard  Pages that link with this anchor
        top_domain_rating  float       standard  Highest Domain Rating among the linking domains; score 0-100
      5 units
        refdomains         integer     standard  Domains that link with this anchor

    Filters (`where`)
      only in filters   discovered_status (text), domain_rating (float), drop_reason (text), is_content (boolean),
                        is_dofollow (boolean), is_homepage_link (boolean), is_nofollow (boolean), is_non_html
                        (boolean), is_root_domain (boolean), is_sponsored (boolean), is_ugc (boolean), languages
                        (list of text), len_url_redirect (integer), link_type (text), linked_domains (integer),
                        links_external (integer), lost_reason (text), noindex (boolean), positions (integer),
                        positions_source_domain (integer), powered_by (list of text), refdomains_source (integer,
                        5 units), root_domain_name (text), snippet_left (text), snippet_right (text),
                        source_page_author (text), title (text), traffic_domain (integer, 10 units), traffic_page
                        (integer, 10 units), url_from (text), url_redirect (list of text),
                        url_redirect_with_target (list of text), url_to (text)
      not in filters    none
      not in the order  none
      conditions        = <> < <= > >=, IN, BETWEEN, LIKE, ILIKE, ~, IS NULL, phrase(), iphrase(), empty(), ANY(),
                        ALL(), joined by AND, OR, NOT and parentheses
      for example       where = "domain_rating >= 30 AND is_content"

    Example report
      [[report]]
      name = "anchors"
      endpoint = "site-explorer/anchors"
      columns = ["standard"]
    "#);
}

#[test]
fn the_page_of_a_free_record_reads_well() {
    insta::assert_snapshot!(pages::show(endpoint("subscription-info/limits-and-usage")), @r#"
    subscription-info/limits-and-usage
    Units used and left, and when they renew

      request   GET /v3/subscription-info/limits-and-usage
      response  one row under `limits_and_usage`
      price     free
      paging    not needed: a response is complete

    Parameters, with the API's defaults
      set for you   output

    Columns (? may be null)
        api_key_expiration_date  date-time  When the key stops working
        subscription             text       Name of the plan
        units_limit_api_key      integer?   Units that the key may use a month; null without a limit
        units_limit_workspace    integer?   Units that the workspace may use a month; null without a limit
        units_usage_api_key      integer    Units that the key has used since the last reset
        units_usage_workspace    integer?   Units that the workspace has used since the last reset
        usage_reset_date         date       When the used units are set back to zero

    Example report
      [[report]]
      name = "limits_and_usage"
      endpoint = "subscription-info/limits-and-usage"
    "#);
}

#[test]
fn the_page_of_a_billed_record_shows_the_price_of_a_request() {
    let page = pages::show(endpoint("site-explorer/ai-responses-count"));
    let presets: Vec<_> = page
        .lines()
        .skip_while(|line| !line.starts_with("Presets"))
        .take(4)
        .collect();
    insta::assert_snapshot!(presets.join("\n"), @r"
    Presets   columns  units a request
      minimal       3               50
      standard      6               90
      full          8              120
    ");
    assert!(
        pages::show(endpoint("site-explorer/metrics")).contains("  price     50 units a request\n")
    );
}

#[test]
fn an_unknown_endpoint_is_refused_with_the_nearest_name() {
    let error = pages::find(Catalog::embedded(), "site-explorer/backlinks").expect_err("refused");
    assert_eq!(error.code(), ErrorCode::Endpoint);
    insta::assert_snapshot!(error.render(), @r"
    error[BH-ENDPOINT]: no endpoint `site-explorer/backlinks`
    next: backhaul catalog site-explorer/backlinks-stats
    cost: 0 units, nothing was sent
    ");
}

#[test]
fn an_example_is_a_valid_report_of_its_endpoint() {
    const REST: &str = "[source]\napi_key = { env = \"AHREFS_API_KEY\" }\n[destination]\nurl = \"data\"\n\
                        [[target]]\nurl = \"acme.com\"\n[[keyword_list]]\nname = \"brand\"\nkeywords = [\"acme\"]\n";
    let mut wrong = Vec::new();
    for endpoint in endpoints() {
        let page = pages::show(endpoint);
        let (_, example) = page.split_once("Example report\n").expect("an example");
        match config::parse(
            &format!("{REST}{example}"),
            Path::new("backhaul.toml"),
            &Environment::default(),
        ) {
            Ok(config) => assert_eq!(config.reports[0].endpoint.name, endpoint.name),
            Err(errors) => wrong.push(errors.render()),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_pages_as_json_hold_what_the_catalog_holds() {
    let catalog = Catalog::embedded();
    let list: Json = serde_json::from_str(&pages::list_json(catalog)).unwrap();
    assert_eq!(list.as_array().map(Vec::len), Some(121));
    let anchors: Json =
        serde_json::from_str(&pages::show_json(endpoint("site-explorer/anchors"))).unwrap();
    assert_eq!(anchors["columns"].as_array().map(Vec::len), Some(11));
    assert_eq!(
        anchors["order_key"],
        serde_json::json!(["first_seen", "anchor"])
    );
    assert_eq!(anchors["presets"]["minimal"]["units_per_1000_rows"], 4000);
    let usage: Json = serde_json::from_str(&pages::show_json(endpoint(
        "subscription-info/limits-and-usage",
    )))
    .unwrap();
    assert_eq!(
        (&usage["pricing"], &usage["presets"]),
        (&Json::from("free"), &Json::Null)
    );
}
