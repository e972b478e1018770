//! Changes that `estimate --fit` proposes fit when they are made.

use backhaul::sandbox::Options;
use serde_json::Value as Json;

use super::support::{estimated, next_day};
use crate::support::{LINKS, MANY, TWO_TARGETS, TestContext, number, unlimited};

/// Puts the lines that `--fit` prints for a proposal into the configuration, as a person would.
fn paste(reports: &str, proposal: &Json) -> String {
    let mut blocks: Vec<String> = reports
        .split("[[report]]")
        .skip(1)
        .map(|block| format!("[[report]]{block}"))
        .collect();
    for change in proposal["changes"].as_array().unwrap() {
        let name = format!("name = {}", change["report"]);
        let block = blocks
            .iter_mut()
            .find(|block| block.contains(&name))
            .unwrap();
        let mut lines: Vec<String> = block.lines().map(str::to_owned).collect();
        let mut put = |key: &str, value: Option<String>| {
            if let Some(value) = value {
                lines.retain(|line| !line.starts_with(key));
                lines.push(format!("{key} = {value}"));
            }
        };
        let dropped = !change["dropped"].as_array().unwrap().is_empty();
        put("columns", dropped.then(|| change["columns"].to_string()));
        put(
            "every",
            change["every"].as_str().map(|every| format!("\"{every}\"")),
        );
        put(
            "max_rows",
            change["max_rows"].as_u64().map(|rows| rows.to_string()),
        );
        put(
            "top",
            change["top"]
                .as_array()
                .map(|top| format!("{{ by = {}, rows = {} }}", top[0], top[1])),
        );
        *block = lines.join("\n") + "\n\n";
    }
    blocks.concat()
}

fn fit_into(context: &TestContext, units: u64) -> Json {
    context
        .backhaul(&["estimate", "--json", "--fit", &units.to_string()])
        .expect(0)
        .json()["fit"]
        .clone()
}

#[test]
fn each_change_that_fit_proposes_fits_when_it_is_pasted_and_run() {
    let mut context = TestContext::new(Options {
        row_cap: Some(500),
        ..unlimited(2_000)
    });
    let top = "\n[[report]]\nname = \"ranked\"\nendpoint = \"site-explorer/refdomains\"\ncolumns = [\"standard\"]\n\
               top = { by = \"domain_rating\", rows = 1500 }\n";
    let reports = format!("{MANY}{top}");
    let configure = |context: &TestContext| context.configure_with(TWO_TARGETS, &reports);
    configure(&context);
    context.run().expect(0);
    let mut day = 0;
    for (share, loses) in [(80, "freshness"), (70, "columns"), (80, "rows")] {
        day += 1;
        next_day(&mut context, day, configure);
        let wanted = number(&estimated(&context), "/units") * share / 100;
        let fit = fit_into(&context, wanted);
        let proposals = fit["proposals"].as_array().unwrap();
        assert!(
            proposals[0]["loses"]
                .as_str()
                .unwrap()
                .starts_with("freshness"),
            "the least first: {fit}"
        );
        let text = context
            .backhaul(&["estimate", "--fit", &wanted.to_string()])
            .expect(0)
            .stdout;
        assert!(
            text.contains("what the columns cost") && text.contains("every = \""),
            "{text}"
        );
        let one = proposals
            .iter()
            .find(|one| one["loses"].as_str().unwrap().starts_with(loses))
            .unwrap();
        assert_eq!(one["fits"], true, "{share}%: {one}");
        context.configure_with(TWO_TARGETS, &paste(&reports, one));
        let after = estimated(&context);
        assert_eq!(
            number(&after, "/units"),
            number(one, "/units"),
            "{share}%: {one}"
        );
        assert!(
            number(&after, "/units") <= wanted && number(one, "/later") <= wanted,
            "{one}"
        );
        context.run().expect(0);
        let billed = context.stats().units;
        assert!(
            billed * 50 <= wanted * 51,
            "{billed} billed, {wanted} wanted at {share}%"
        );
    }
    next_day(&mut context, 5, configure);
    let fit = fit_into(&context, 10);
    assert!(
        fit["fits"] == false
            && fit["proposals"]
                .as_array()
                .unwrap()
                .iter()
                .all(|one| one["fits"] == false)
    );
}

#[test]
fn a_proposed_slower_cadence_fits_every_night_and_tasks_never_fetched_are_reported() {
    let target = |at| format!("[[target]]\nname = \"t{at}\"\nurl = \"t{at}.com\"\n\n");
    let targets = (0..12).map(target).collect::<Vec<_>>().concat();
    let mut context = TestContext::new(unlimited(120));
    let reports = format!("{}max_rows = 120\n", LINKS.trim_end().to_owned() + "\n");
    context.configure_with(&targets, &reports);
    let whole = number(&estimated(&context), "/units");
    // Units for seven of twelve: slots that crowd a night by chance must not lead to months, of which no night is seen here.
    let wanted = whole * 3 / 5;
    let fit = fit_into(&context, wanted);
    let slower = fit["proposals"]
        .as_array()
        .unwrap()
        .iter()
        .find(|one| !one["changes"][0]["every"].is_null())
        .unwrap();
    assert_eq!(
        (&slower["fits"], number(slower, "/units")),
        (&Json::Bool(false), whole),
        "new is due at once: {fit}"
    );
    let text = context
        .backhaul(&["estimate", "--fit", &wanted.to_string()])
        .expect(0)
        .stdout;
    assert!(
        text.contains("what was never fetched is due at once"),
        "{text}"
    );
    let pasted = paste(&reports, slower);
    let mut dearest = 0;
    // Two fetches of a monthly report are half a month apart at least.
    for day in 0..32 {
        next_day(&mut context, day, |context| {
            context.configure_with(&targets, &pasted);
        });
        context.run().expect(0);
        dearest = if day == 0 {
            0
        } else {
            context.stats().units.max(dearest)
        };
    }
    assert!(
        0 < dearest && dearest <= wanted,
        "{dearest} of {wanted}: {slower}"
    );
    let told = number(slower, "/later");
    assert!(
        told.abs_diff(dearest) * 50 <= dearest,
        "{dearest}, {told} were told"
    );
    // Tomorrow nothing is new: the same change fits every run.
    next_day(&mut context, 32, |context| {
        context.configure_with(&targets, &reports);
    });
    let fit = fit_into(&context, wanted);
    assert_eq!(
        (
            &fit["proposals"][0]["fits"],
            fit["proposals"][0]["changes"][0]["every"].is_null()
        ),
        (&Json::Bool(true), false),
        "{fit}"
    );
}
