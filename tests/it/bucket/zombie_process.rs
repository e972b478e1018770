//! A process that is stopped, taken for dead and woken again: its run is finished by another meanwhile, and the requests
//! that it has sent or sends next do no harm.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::time::Duration;

use backhaul::sandbox::Options;
use rustix::process::Signal;

use super::proxy::{Fault, Seen};
use super::support::{ANCHORS, LINKS, Night, ended, targets, wait_until};
use crate::support::unlimited;

/// The delay of a request that arrives long after its sender was taken over.
const LATE: Duration = Duration::from_secs(8);

/// When the process is stopped, and what happens to the request that it has just sent.
struct Case {
    name: &'static str,
    at: fn(&Seen) -> bool,
    request: Option<Fault>,
}

fn is_at(seen: &Seen, operation: &str, place: &str) -> bool {
    seen.operation() == operation && seen.path.contains(place)
}

fn cases() -> Vec<Case> {
    let case = |name, at, request| Case { name, at, request };
    vec![
        case(
            "an upload is started",
            |seen| is_at(seen, "start", "/lake/links/"),
            None,
        ),
        case(
            "a part is sent",
            |seen| is_at(seen, "part", "/lake/links/"),
            None,
        ),
        case(
            "a part arrives late",
            |seen| is_at(seen, "part", "/lake/links/"),
            Some(Fault::Zombie(LATE)),
        ),
        case(
            "an upload is completed",
            |seen| is_at(seen, "complete", "/lake/links/"),
            None,
        ),
        case(
            "a completion arrives late",
            |seen| is_at(seen, "complete", "/lake/links/"),
            Some(Fault::Zombie(LATE)),
        ),
        case(
            "a change of state arrives late",
            |seen| is_at(seen, "conditional", "/tables/links/"),
            Some(Fault::Zombie(LATE)),
        ),
        case(
            "an answer is saved",
            |seen| is_at(seen, "conditional", "/responses/"),
            None,
        ),
        case(
            "a saved answer arrives late",
            |seen| is_at(seen, "conditional", "/responses/"),
            Some(Fault::Zombie(LATE)),
        ),
    ]
}

fn lists() -> Night {
    let night = Night::in_bucket(Options {
        row_cap: Some(250),
        ..unlimited(600)
    });
    night.configure(&targets(&["zebra", "quokka"]), &format!("{LINKS}{ANCHORS}"));
    night.backhaul(&["check", "--live"]).expect(0);
    night
}

fn woken(case: Case, tables: &std::collections::BTreeMap<String, Vec<String>>, requests: u64) {
    let Case { name, at, request } = case;
    let night = lists();
    let before = night.stats().requests;
    let (process, is_stopped) = (
        Arc::new(AtomicI32::new(0)),
        Arc::new(AtomicBool::new(false)),
    );
    let (id, stopped) = (Arc::clone(&process), Arc::clone(&is_stopped));
    night.proxy().plan(move |seen| {
        if stopped.load(Ordering::SeqCst) || !at(seen) {
            return None;
        }
        // The id is known a moment after the start, and no request is as fast.
        let id = rustix::process::Pid::from_raw(id.load(Ordering::SeqCst))?;
        rustix::process::kill_process(id, Signal::STOP).unwrap();
        stopped.store(true, Ordering::SeqCst);
        request.clone()
    });
    let stale = night.start(&["run", "--json"]);
    process.store(stale.id().as_raw_nonzero().get(), Ordering::SeqCst);
    wait_until(name, || is_stopped.load(Ordering::SeqCst));
    let proxy = night.cloud().other_proxy();
    let other = night.through(&proxy);
    let took_over = night.backhaul_as(&other, &["run", "--json"]);
    assert_eq!(took_over.code, 0, "{name}: {took_over:?}");
    let names = ["links", "anchors", "targets"];
    assert_eq!(night.tables(&names), *tables, "{name}");
    night.backhaul_as(&other, &["verify"]).expect(0);

    stale.signal(Signal::CONT);
    let woken = ended(stale);
    assert!([0, 5].contains(&woken.code), "{name}: {woken:?}");
    let said_so = woken.stderr.contains("error[BH-LOCKED]")
        && woken
            .stderr
            .contains("did not renew its lease for too long");
    assert!(woken.code == 0 || said_so, "{name}: {woken:?}");
    night.proxy().quiet();
    assert_eq!(night.tables(&names), *tables, "{name}: after it woke");
    night.backhaul(&["verify"]).expect(0);
    // Delayed requests have arrived by now, or arrive while others are at work.
    night
        .backhaul(&["run", "--json", "--refetch", "--report", "links"])
        .expect(0);
    assert_eq!(
        night.tables(&names),
        *tables,
        "{name}: after another commit"
    );
    night.backhaul(&["verify"]).expect(0);
    let now = night.stats().requests;
    assert_eq!(
        night.run().expect(0).json()["requests"].as_u64(),
        Some(0),
        "{name}"
    );
    // Four tasks, each of which may have had one answer in flight when the process was stopped.
    let links = requests / 2;
    assert!(
        now - before <= requests + links + 4,
        "{name}: {} requests instead of {requests}",
        now - before
    );
    night.is_swept();
}

#[test]
fn a_process_that_wakes_after_it_was_taken_over_does_no_harm() {
    let undisturbed = lists();
    let before = undisturbed.stats().requests;
    undisturbed.run().expect(0);
    let requests = undisturbed.stats().requests - before;
    let tables = undisturbed.tables(&["links", "anchors", "targets"]);
    super::kills::in_parallel(cases(), |case| woken(case, &tables, requests));
}
