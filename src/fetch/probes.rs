//! Sends the probes of paging's assumptions to a free target: 0 units, once in 30 days for a workspace.

use std::sync::{Arc, Mutex};

use crate::api::{AttemptRecord, Client, Quote};
use crate::catalog::{Catalog, FREE_ROWS, FREE_TARGETS};
use crate::clock::SharedClock;
use crate::config::RunConfig;
use crate::context::run_context::RunContext;
use crate::decode::{Decoder, OnBadValue, PageSchema};
use crate::error::{Error, ErrorCode, Result};
use crate::fetch::body::decode;
use crate::ledger::request_log::RequestLabels;
use crate::limits::UnitMeter;
use crate::model::{Method, Request};
use crate::paging::{Assumption, PageRequest, Probe, ProbeResult, ProbeStep, Verdict, Verdicts};

use crate::context::client::TimingOverrides;
use crate::state::workspace::Workspace;

/// Is called with the record of each attempt.
type Note<'a> = &'a (dyn Fn(AttemptRecord) + Send + Sync);

/// The request of a probe: an operation, the column that is probed, and fixed parameters.
struct Subject {
    endpoint: &'static str,
    column: &'static str,
    parameters: &'static [(&'static str, &'static str)],
}

/// Links one by one: no grouping between filter and rows.
const TIMES: Subject = Subject {
    endpoint: "site-explorer/all-backlinks",
    column: "first_seen_link",
    parameters: &[("aggregation", "all"), ("history", "live")],
};

/// Anchors mix case, punctuation and scripts, which is where orders of strings differ.
const STRINGS: Subject = Subject {
    endpoint: "site-explorer/anchors",
    column: "anchor",
    parameters: &[("history", "live")],
};

/// Makes sure that fresh verdicts are known before a task is paged.
///
/// # Errors
/// Whatever fails every request (the key); a probe that fails for another reason adds a note and leaves the verdicts
/// unknown, and tasks of more than one page are capped.
pub async fn ensure_verdicts(context: &RunContext, notes: &mut Vec<String>) -> Result<()> {
    let today = context.clock.today();
    let known = context
        .workspace()
        .finding
        .filter(|finding| finding.is_fresh(today));
    let verdicts = match known {
        Some(finding) => finding.verdicts,
        None => match probe(context.client()?, &|attempted| {
            context.note(&RequestLabels::of_probe("", target()), attempted);
        })
        .await
        {
            Ok(verdicts) => {
                let mut workspace = context.workspace();
                workspace.finding = Some(ProbeResult {
                    verdicts,
                    made_on: today,
                });
                workspace.save(&context.store, &context.config.source.base_url)?;
                verdicts
            }
            Err(error)
                if matches!(
                    error.code(),
                    ErrorCode::Unauthorized | ErrorCode::Forbidden | ErrorCode::KeySource
                ) =>
            {
                return Err(error);
            }
            Err(error) => {
                notes.push(format!(
                    "what paging assumes of the API could not be probed: {}",
                    error.one_line()
                ));
                Verdicts::default()
            }
        },
    };
    notes.extend(broken_assumption_notes(verdicts));
    Ok(())
}

/// Probes on demand, and saves the verdicts.
///
/// # Errors
/// Whatever failed the probe; [`ErrorCode::Paging`] if an assumption is false.
pub async fn probe_assumptions(
    config: &RunConfig,
    clock: SharedClock,
    tuning: TimingOverrides,
) -> Result<String> {
    let client = crate::context::client::client(config, UnitMeter::new(Some(0), 0), &clock, tuning)
        .await?
        .free_only();
    let store = crate::state::open::open_for_writing(config)?;
    let verdicts = probe(&client, &|_| {}).await?;
    let mut workspace = Workspace::load(&store, &config.source.base_url);
    workspace.finding = Some(ProbeResult {
        verdicts,
        made_on: clock.today(),
    });
    workspace.save(&store, &config.source.base_url)?;
    let name = |assumption: &Assumption| {
        format!("{assumption} {}", verdict_label(verdicts.get(*assumption)))
    };
    let all = Assumption::ALL
        .iter()
        .map(name)
        .collect::<Vec<_>>()
        .join(", ");
    if Assumption::ALL
        .iter()
        .any(|assumption| verdicts.get(*assumption) == Verdict::Broken)
    {
        return Err(Error::new(
            ErrorCode::Paging,
            "the API does not behave as paging assumes",
        )
        .with_context("assumptions", all)
        .with_hint("runs stay safe: tasks that need the assumption end capped and say so"));
    }
    Ok(format!("{all} (probed on {}, 0 units)", target()))
}

fn verdict_label(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Holds => "holds",
        Verdict::Broken => "is false",
        Verdict::Unknown => "could not be seen",
    }
}

/// One line on each assumption that is known to be false.
fn broken_assumption_notes(verdicts: Verdicts) -> impl Iterator<Item = String> {
    Assumption::ALL
        .into_iter()
        .filter(move |assumption| verdicts.get(*assumption) == Verdict::Broken)
        .map(|assumption| {
            format!("the API was seen to break an assumption of paging: {assumption}")
        })
}

async fn probe(client: &Client, note: Note<'_>) -> Result<Verdicts> {
    let times = run_probe(
        client,
        note,
        &TIMES,
        Probe::on_times(TIMES.column, FREE_ROWS),
    )
    .await?;
    let strings = run_probe(
        client,
        note,
        &STRINGS,
        Probe::on_strings(STRINGS.column, FREE_ROWS),
    )
    .await?;
    Ok(times.with_string_verdicts(strings))
}

/// Sends the requests of a probe until it is done.
async fn run_probe(
    client: &Client,
    note: Note<'_>,
    subject: &Subject,
    mut probe: Probe,
) -> Result<Verdicts> {
    let endpoint = Catalog::embedded()
        .endpoint(subject.endpoint)
        .ok_or_else(|| {
            Error::new(
                ErrorCode::Internal,
                format!(
                    "a probe requests {}, which is not in the catalog",
                    subject.endpoint
                ),
            )
        })?;
    let columns = [subject.column.to_owned()];
    let schema = PageSchema::new(endpoint, &columns, &columns, OnBadValue::Fail)?;
    let decoder = Arc::new(Mutex::new(Decoder::new(schema)));
    loop {
        match probe.next() {
            ProbeStep::Done(verdicts) => return Ok(verdicts),
            ProbeStep::Request(ask) => {
                let request = request(subject, &ask);
                let sent = client.send_recorded(&request, Quote::default(), note, |answer| {
                    decode(Arc::clone(&decoder), Arc::clone(client.keys()), answer)
                });
                let (page, _) = sent.await?.value;
                probe.answer(&page.keys)?;
            }
        }
    }
}

fn target() -> &'static str {
    FREE_TARGETS.first().copied().unwrap_or_default()
}

fn request(subject: &Subject, ask: &PageRequest) -> Request {
    let mut query = vec![
        ("target".to_owned(), target().to_owned()),
        ("mode".to_owned(), "subdomains".to_owned()),
        ("output".to_owned(), "json".to_owned()),
        ("select".to_owned(), subject.column.to_owned()),
        (
            "limit".to_owned(),
            ask.limit.unwrap_or(FREE_ROWS).min(FREE_ROWS).to_string(),
        ),
        (
            "order_by".to_owned(),
            ask.order_by
                .iter()
                .map(|column| format!("{column}:asc"))
                .collect::<Vec<_>>()
                .join(","),
        ),
    ];
    query.extend(
        subject
            .parameters
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned())),
    );
    if let Some(filter) = &ask.filter {
        query.push(("where".to_owned(), filter.to_json().to_string()));
    }
    Request {
        endpoint: subject.endpoint.to_owned(),
        method: Method::Get,
        query,
        body: None,
    }
}
