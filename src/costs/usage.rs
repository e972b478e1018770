//! What the account says was used (a free request) beside what this destination's ledger says.

use std::collections::BTreeMap;

use chrono::{Months, NaiveDate};

use crate::clock::SharedClock;
use crate::config::RunConfig;
use crate::context::client::TimingOverrides;
use crate::error::Result;
use crate::fetch::accounts::fetch_account_limits;
use crate::ledger::account::AccountLimits;
use crate::ledger::request_log;
use crate::ledger::request_log::Totals;
use crate::ledger::{month, reservations};
use crate::model::RunId;
use crate::report::{Allowance, Difference, UnitUsage, Usage, UsageShare};

/// Asks the account and reads the ledger.
///
/// # Errors
/// Whatever keeps the account from answering; [`crate::error::ErrorCode::Destination`] if the ledger cannot be read.
pub async fn usage(
    config: &RunConfig,
    clock: SharedClock,
    tuning: TimingOverrides,
) -> Result<Usage> {
    let today = clock.today();
    let live = fetch_account_limits(config, clock, tuning).await?;
    let store = crate::state::open::open_read_only(config)?;
    let mut usage = told(
        &live,
        &request_log::of_all_runs(&store)?,
        &reservations::max_units_by_run(&store)?,
        today,
    );
    usage.budget = month::left_after_asking(config, &store, &live, today)?;
    Ok(usage)
}

fn told(
    live: &AccountLimits,
    runs: &BTreeMap<RunId, Totals>,
    at_most: &BTreeMap<RunId, u64>,
    today: NaiveDate,
) -> Usage {
    let reset = live.reset();
    let since = reset.and_then(|reset| reset.checked_sub_months(Months::new(1)));
    let first = since.map(|since| since.to_string()).unwrap_or_default();
    let mut usage = Usage {
        plan: live.subscription.clone(),
        reset: reset.map(|date| date.to_string()).unwrap_or_default(),
        days_left: reset.and_then(|reset| u64::try_from((reset - today).num_days()).ok()),
        key_expires: live
            .expires()
            .map(|date| date.to_string())
            .unwrap_or_default(),
        warnings: live.expiry_warning(today).into_iter().collect(),
        workspace: Allowance::new(live.units_limit_workspace, live.units_usage_workspace),
        key: Allowance::new(live.units_limit_api_key, live.units_usage_api_key),
        begins: runs
            .values()
            .flat_map(BTreeMap::keys)
            .map(|item| item.day.clone())
            .min()
            .unwrap_or_default(),
        ..Usage::default()
    };
    let mut by: [BTreeMap<&str, UnitUsage>; 4] = Default::default();
    for (item, spent) in runs
        .values()
        .flatten()
        .filter(|(item, _)| item.day >= first)
    {
        usage.here += *spent;
        for (of, name) in by
            .iter_mut()
            .zip([&item.report, &item.endpoint, &item.target, &item.day])
        {
            *of.entry(name).or_default() += *spent;
        }
    }
    let [by_report, by_endpoint, by_target, by_day] = by;
    (usage.by_report, usage.by_endpoint, usage.by_target) =
        (ranked(by_report), ranked(by_endpoint), ranked(by_target));
    usage.by_day = shares(by_day);
    let workspace = live.units_usage_workspace.unwrap_or(0);
    let key = live.units_usage_api_key.unwrap_or(workspace);
    let set_aside = set_aside(runs, at_most, &first);
    usage.difference = Difference::new(key, &usage.here, set_aside, workspace.saturating_sub(key));
    usage.since = first;
    usage
}

/// What runs may have come to beyond what their ledgers tell.
fn set_aside(runs: &BTreeMap<RunId, Totals>, at_most: &BTreeMap<RunId, u64>, first: &str) -> u64 {
    let is_meant = |run: &RunId| {
        run.started_at()
            .is_none_or(|start| start.date().to_string().as_str() >= first)
    };
    let open = at_most
        .iter()
        .filter(|(run, _)| is_meant(run))
        .map(|(run, most)| {
            let told: u64 = runs
                .get(run)
                .into_iter()
                .flatten()
                .map(|(_, spent)| spent.total())
                .sum();
            most.saturating_sub(told)
        });
    open.sum()
}

fn shares(of: BTreeMap<&str, UnitUsage>) -> Vec<UsageShare> {
    of.into_iter()
        .map(|(name, spent)| UsageShare {
            name: name.to_owned(),
            spent,
        })
        .collect()
}

fn ranked(of: BTreeMap<&str, UnitUsage>) -> Vec<UsageShare> {
    let mut shares = shares(of);
    shares.sort_by_key(|share| std::cmp::Reverse(share.spent.total()));
    shares
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::request_log::LogKey;

    #[test]
    fn only_what_was_spent_since_the_reset_counts_and_cut_off_runs_explain_the_rest() {
        let item = |day: &str, report: &str| LogKey {
            day: day.into(),
            report: report.into(),
            ..LogKey::default()
        };
        let units = |units| UnitUsage {
            requests: 1,
            answers: 1,
            units,
            ..UnitUsage::default()
        };
        let runs = BTreeMap::from([
            (
                RunId::new("20261031T010000Z-0"),
                Totals::from([(item("2026-10-31", "links"), units(9_000))]),
            ),
            (
                RunId::new("20261102T010000Z-0"),
                Totals::from([(item("2026-11-02", "links"), units(400))]),
            ),
            (
                RunId::new("20261103T010000Z-0"),
                Totals::from([
                    (item("2026-11-03", "links"), units(100)),
                    (item("2026-11-03", "anchors"), units(600)),
                ]),
            ),
        ]);
        let at_most = BTreeMap::from([
            (RunId::new("20261031T010000Z-0"), 20_000),
            (RunId::new("20261102T010000Z-0"), 650),
            (RunId::new("20261103T010000Z-0"), 700),
        ]);
        let live = AccountLimits {
            usage_reset_date: "2026-12-01T00:00:00Z".into(),
            units_limit_workspace: Some(10_000),
            units_usage_workspace: Some(5_000),
            units_usage_api_key: Some(1_500),
            api_key_expiration_date: "2026-11-20T10:00:00Z".into(),
            ..AccountLimits::default()
        };
        let usage = told(
            &live,
            &runs,
            &at_most,
            "2026-11-24".parse().expect("a date"),
        );
        assert_eq!(
            (
                usage.here.units,
                usage.since.as_str(),
                usage.begins.as_str()
            ),
            (1_100, "2026-11-01", "2026-10-31")
        );
        assert_eq!(
            usage
                .by_report
                .iter()
                .map(|share| share.name.as_str())
                .collect::<Vec<_>>(),
            ["anchors", "links"]
        );
        let Difference {
            other_keys,
            set_aside,
            elsewhere,
            ..
        } = usage.difference;
        assert_eq!((other_keys, set_aside, elsewhere), (3_500, 250, 150));
        assert_eq!(
            (usage.workspace.left, usage.days_left),
            (Some(5_000), Some(7))
        );
        let text = usage.to_text();
        for part in [
            "5,000 of 10,000 units used, 5,000 left",
            "in 7 days",
            "has expired",
            "150  by other users",
            "3,500 units",
        ] {
            assert!(text.contains(part), "{part}:\n{text}");
        }
    }
}
