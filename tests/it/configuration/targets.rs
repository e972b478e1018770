//! `[[target]]`: sites of the file and of CSV files.

use backhaul::config::{self, RunConfig};
use backhaul::error::Errors;

use super::{SOUND, environment, faults};

#[test]
fn wrong_targets_and_selectors_are_refused() {
    let text = SOUND.replace("acme.com", "acme com")
        + "\n[[target]]\nname = \"Acme\"\nurl = \"https://acme.com\"\n[[target]]\nurl = \"b.com\"\nmode = \"domains\"\n\n[[report]]\nname = \"links\"\nendpoint = \"site-explorer/all-backlinks\"\ntargets = [\"b.con\", { role = \"rival\" }]\n";
    insta::assert_snapshot!(faults(&text), @r#"
    error[BH-TARGET]: `acme com` is no site
      --> backhaul.toml:9:7
       | url = "acme com"
       |       ^^^^^^^^^^ a site has no blanks
    next: fix the line, then: backhaul check --offline
    cost: 0 units, nothing was sent

    error[BH-TARGET]: `Acme` is no name for a target
      --> backhaul.toml:17:8
       | name = "Acme"
       |        ^^^^^^ lower-case letters, digits, `.`, `_` and `-`, beginning with a letter or digit
    next: fix the line, then: backhaul check --offline
    cost: 0 units, nothing was sent

    error[BH-CONFIG]: `mode` cannot be `domains`
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
       |                     ^^^^^^^^^^^^^^^^^^ no [[target]] fits it
    next: fix the line, then: backhaul check --offline
    cost: 0 units, nothing was sent
    "#);
}

fn with_csv(csv: &str) -> Result<RunConfig, Errors> {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("sites.csv"), csv).expect("written");
    let text =
        format!("{SOUND}\n[[target]]\nfile = \"sites.csv\"\nlabels = {{ role = \"rival\" }}\n");
    config::parse(&text, &folder.path().join("backhaul.toml"), &environment())
}

#[test]
fn targets_come_from_a_csv_file_with_labels() {
    let config = with_csv("name,url,mode,client\nb,b.com,domain,\"B, Inc.\"\n,https://c.com/x,,\n")
        .expect("sound");
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
fn faults_of_a_csv_file_name_its_line() {
    let errors =
        with_csv("name,url,mode\nb,b.com,domain\nb,c.com,\nd,d com,\ne,e.com,all\nf,f.com\n")
            .expect_err("faults");
    insta::assert_snapshot!(errors.render(), @r#"
    error[BH-TARGET]: two targets have the name `b`
      --> sites.csv:3:1
       | b,c.com,
       | ^^^^^^^^ the first is in sites.csv:2; give this one another name
    next: fix the line, then: backhaul check --offline
    cost: 0 units, nothing was sent

    error[BH-TARGET]: `d com` is no site
      --> sites.csv:4:1
       | d,d com,
       | ^^^^^^^^ a site has no blanks
    next: fix the line, then: backhaul check --offline
    cost: 0 units, nothing was sent

    error[BH-TARGET]: `mode` cannot be `all`
      --> sites.csv:5:1
       | e,e.com,all
       | ^^^^^^^^^^^ one of: exact, prefix, domain, subdomains
    next: fix the line, then: backhaul check --offline
    cost: 0 units, nothing was sent

    error[BH-TARGET]: a line with 2 fields under 3 columns
      --> sites.csv:6:1
       | f,f.com
       | ^^^^^^^ quote fields that hold commas
    next: fix the line, then: backhaul check --offline
    cost: 0 units, nothing was sent
    "#);
    let errors = with_csv("name,site\nb,b.com\n").expect_err("a fault");
    insta::assert_snapshot!(errors.render(), @r#"
    error[BH-TARGET]: sites.csv has no column `url`
      --> sites.csv:1:1
       | name,site
       | ^^^^^^^^^ the header is name,url,mode
    next: fix the line, then: backhaul check --offline
    cost: 0 units, nothing was sent
    "#);
    let errors = with_csv("name,url\nb,\"b.com\n").expect_err("a fault");
    insta::assert_snapshot!(errors.render(), @r#"
    error[BH-TARGET]: sites.csv is no CSV
      --> sites.csv:2:1
       | b,"b.com
       | ^^^^^^^^ a quote opens here and never closes
    next: fix the line, then: backhaul check --offline
    cost: 0 units, nothing was sent
    "#);
}
