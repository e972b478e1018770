//! `[[target]]`: sites of the file and of CSV files.

use backhaul::config::{self, RunConfig};
use backhaul::error::Errors;

use super::{VALID, environment, errors_of};

#[test]
fn wrong_targets_and_selectors_are_refused() {
    let text = VALID.replace("acme.com", "acme com")
        + "\n[[target]]\nname = \"Acme\"\nurl = \"https://acme.com\"\n[[target]]\nurl = \"b.com\"\nmode = \"domains\"\n\n[[report]]\nname = \"links\"\nendpoint = \"site-explorer/all-backlinks\"\ntargets = [\"b.con\", { role = \"rival\" }]\n";
    insta::assert_snapshot!(errors_of(&text), @r#"
    error[BH-TARGET]: invalid site `acme com`
      --> backhaul.toml:9:7
       | url = "acme com"
       |       ^^^^^^^^^^ remove the whitespace
    next: fix the line, then: backhaul check --offline
    cost: 0 units, nothing was sent

    error[BH-TARGET]: invalid target name `Acme`
      --> backhaul.toml:17:8
       | name = "Acme"
       |        ^^^^^^ use lower-case letters, digits, `.`, `_`, `-`, beginning with a letter or digit
    next: fix the line, then: backhaul check --offline
    cost: 0 units, nothing was sent

    error[BH-CONFIG]: invalid value `domains` for `mode`
      --> backhaul.toml:21:8
       | mode = "domains"
       |        ^^^^^^^^^ one of: exact, prefix, domain, subdomains
    next: fix the line, then: backhaul check --offline
    cost: 0 units, nothing was sent

    error[BH-TARGET]: no target is named `b.con`
      --> backhaul.toml:26:12
       | targets = ["b.con", { role = "rival" }]
       |            ^^^^^^^ did you mean `b.com`?
    next: fix the line, then: backhaul check --offline
    cost: 0 units, nothing was sent

    error[BH-TARGET]: no target is labelled role = "rival"
      --> backhaul.toml:26:21
       | targets = ["b.con", { role = "rival" }]
       |                     ^^^^^^^^^^^^^^^^^^ no [[target]] matches it
    next: fix the line, then: backhaul check --offline
    cost: 0 units, nothing was sent
    "#);
}

fn with_csv(csv: &str) -> Result<RunConfig, Errors> {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("sites.csv"), csv).expect("written");
    let text =
        format!("{VALID}\n[[target]]\nfile = \"sites.csv\"\nlabels = {{ role = \"rival\" }}\n");
    config::parse(&text, &folder.path().join("backhaul.toml"), &environment())
}

#[test]
fn targets_come_from_a_csv_file_with_labels() {
    let config = with_csv("name,url,mode,client\nb,b.com,domain,\"B, Inc.\"\n,https://c.com/x,,\n")
        .expect("a configuration");
    let [_, b, c] = config.targets.as_slice() else {
        panic!("three targets")
    };
    assert_eq!(
        (
            b.name.as_str(),
            b.mode.as_str(),
            b.labels["client"].as_str()
        ),
        ("b", "domain", "B, Inc.")
    );
    assert_eq!(
        (c.name.as_str(), c.mode.as_str(), c.labels["role"].as_str()),
        ("c.com-x", "subdomains", "rival")
    );
    assert!(!c.labels.contains_key("client"));
}

#[test]
fn errors_of_a_csv_file_name_its_line() {
    let errors =
        with_csv("name,url,mode\nb,b.com,domain\nb,c.com,\nd,d com,\ne,e.com,all\nf,f.com\n")
            .expect_err("errors");
    insta::assert_snapshot!(errors.render(), @r#"
    error[BH-TARGET]: duplicate target name `b`
      --> sites.csv:3:1
       | b,c.com,
       | ^^^^^^^^ first used in sites.csv:2: set another name
    next: fix the line, then: backhaul check --offline
    cost: 0 units, nothing was sent

    error[BH-TARGET]: invalid site `d com`
      --> sites.csv:4:1
       | d,d com,
       | ^^^^^^^^ remove the whitespace
    next: fix the line, then: backhaul check --offline
    cost: 0 units, nothing was sent

    error[BH-TARGET]: invalid value `all` for `mode`
      --> sites.csv:5:1
       | e,e.com,all
       | ^^^^^^^^^^^ one of: exact, prefix, domain, subdomains
    next: fix the line, then: backhaul check --offline
    cost: 0 units, nothing was sent

    error[BH-TARGET]: expected 3 fields, found 2
      --> sites.csv:6:1
       | f,f.com
       | ^^^^^^^ quote fields that contain commas
    next: fix the line, then: backhaul check --offline
    cost: 0 units, nothing was sent
    "#);
    let errors = with_csv("name,site\nb,b.com\n").expect_err("an error");
    insta::assert_snapshot!(errors.render(), @r#"
    error[BH-TARGET]: missing column `url` in sites.csv
      --> sites.csv:1:1
       | name,site
       | ^^^^^^^^^ write the header name,url,mode
    next: fix the line, then: backhaul check --offline
    cost: 0 units, nothing was sent
    "#);
    let errors = with_csv("name,url\nb,\"b.com\n").expect_err("an error");
    insta::assert_snapshot!(errors.render(), @r#"
    error[BH-TARGET]: invalid CSV in sites.csv
      --> sites.csv:2:1
       | b,"b.com
       | ^^^^^^^^ misplaced or unclosed quote
    next: fix the line, then: backhaul check --offline
    cost: 0 units, nothing was sent
    "#);
}
