//! Writers of one partition side by side, while requests fail, while they are killed at any await and while they sleep
//! through their leases. Whatever happens, readers see whole generations, each extending the one before; no commit
//! that was acknowledged is lost; the commit number only grows; and nothing is left in the end.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use backhaul::store::bucket::{Bucket, BucketOptions};

use super::proxy::{Fault, Proxy, Seen};
use super::server::{BUCKET, KEY, SECRET, Server};
use super::{OBJECT, PARTITION, REPORT, options, prepare, read_parquet};

const LEASE: Duration = Duration::from_secs(1);

/// A future that ends without a result when it has been polled so often.
struct KilledAfter<F> {
    polls: u32,
    future: Pin<Box<F>>,
}

impl<F: Future> Future for KilledAfter<F> {
    type Output = Option<F::Output>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if self.polls == 0 {
            return Poll::Ready(None);
        }
        self.polls -= 1;
        self.future.as_mut().poll(context).map(Some)
    }
}

/// One request in eight fails in some way; one in sixty hangs for longer than a lease, heartbeats too.
fn random_faults(seed: u64) -> impl FnMut(&Seen) -> Option<Fault> {
    let mut chance = fastrand::Rng::with_seed(seed);
    move |_| {
        let millis = chance.u64(1..200);
        match chance.u32(..480) {
            0..8 => Some(Fault::Late(Duration::from_millis(3_000 + 10 * millis))),
            8..20 => Some(Fault::Zombie(Duration::from_millis(20 * millis))),
            20..35 => Some(Fault::LostAnswer),
            35..45 => Some(Fault::LostRequest),
            45..55 => Some(Fault::Refuse(503, "SlowDown")),
            55..60 => Some(Fault::Refuse(500, "InternalError")),
            60..68 => Some(Fault::Late(Duration::from_millis(millis))),
            _ => None,
        }
    }
}

/// One process: commits again and again. Returns the commits that were acknowledged.
async fn writer(server: std::net::SocketAddr, seed: u64, rounds: u32) -> Vec<String> {
    let proxy = Proxy::start(server).await;
    proxy.plan(random_faults(seed));
    let mut chance = fastrand::Rng::with_seed(!seed);
    let options = BucketOptions {
        lease: LEASE,
        patience: Duration::from_secs(8),
        ..options(&proxy.endpoint(), KEY, SECRET)
    };
    let bucket = Bucket::open(&format!("s3://{BUCKET}/lake"), options).unwrap();
    let mut acknowledged = Vec::new();
    for round in 0..rounds {
        let id = format!("w{seed}-{round}");
        let work = async {
            let (committing, next) = prepare(&bucket, &id, Duration::from_secs(5)).await?;
            committing.publish(next).await
        };
        let polls = if chance.u32(..3) == 0 {
            chance.u32(1..60)
        } else {
            u32::MAX
        };
        match (KilledAfter {
            polls,
            future: Box::pin(work),
        })
        .await
        {
            Some(Ok(_)) => acknowledged.push(id),
            // Every error but these two is a defect.
            Some(Err(error)) => {
                let code = error.code().as_str();
                assert!(
                    ["BH-LOCKED", "BH-DESTINATION"].contains(&code),
                    "{}",
                    error.render()
                );
            }
            None => {}
        }
    }
    acknowledged
}

/// Records what readers see until it is stopped.
async fn reader(bucket: Bucket, is_over: Arc<AtomicBool>, seen: Arc<Mutex<Vec<String>>>) {
    let mut number = 0;
    loop {
        let is_last = is_over.load(Ordering::Relaxed);
        if let Some(object) = bucket.get(OBJECT).await.unwrap() {
            let (commit, base, texts) = read_parquet(object.bytes);
            assert_eq!(texts.last(), Some(&commit), "a whole file of one commit");
            assert_eq!(base + 1, texts.len() as u64, "each generation adds one row");
            let mut before = seen.lock().unwrap();
            assert!(
                texts.starts_with(&before),
                "{texts:?} does not extend {before:?}"
            );
            *before = texts;
        }
        let now = bucket.table(REPORT).await.unwrap().commit_number;
        assert!(
            now >= number,
            "the commit number fell from {number} to {now}"
        );
        number = now;
        if is_last {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn commit_side_by_side(seed: u64, writers: u64, rounds: u32) {
    let server = Server::start().await;
    let direct = |lease| {
        let options = BucketOptions {
            lease,
            ..options(&format!("http://{}", server.address), KEY, SECRET)
        };
        Bucket::open(&format!("s3://{BUCKET}/lake"), options).unwrap()
    };
    let (is_over, seen) = (
        Arc::new(AtomicBool::new(false)),
        Arc::<Mutex<Vec<String>>>::default(),
    );
    let watching = tokio::spawn(reader(
        direct(LEASE),
        Arc::clone(&is_over),
        Arc::clone(&seen),
    ));
    let working: Vec<_> = (0..writers)
        .map(|number| tokio::spawn(writer(server.address, seed * 100 + number, rounds)))
        .collect();
    let mut acknowledged = Vec::new();
    for task in working {
        acknowledged.extend(task.await.unwrap());
    }
    // The last delayed requests arrive, the last leases expire.
    tokio::time::sleep(Duration::from_secs(6)).await;
    let clearing = direct(Duration::ZERO);
    clearing
        .collect_garbage_older_than("gc", Duration::ZERO)
        .await
        .unwrap();
    is_over.store(true, Ordering::Relaxed);
    watching.await.unwrap();
    let texts = seen.lock().unwrap().clone();
    for id in &acknowledged {
        assert_eq!(
            texts.iter().filter(|text| *text == id).count(),
            1,
            "{id} was acknowledged: {texts:?}"
        );
    }
    assert!(!acknowledged.is_empty(), "nothing got through: seed {seed}");
    let state = clearing
        .partition(REPORT, PARTITION)
        .await
        .unwrap()
        .expect("present");
    assert_eq!(
        (state.generation, state.pending, state.owner),
        (texts.len() as u64, None, None)
    );
    assert!(clearing.table(REPORT).await.unwrap().commit_number >= state.generation);
    assert_eq!(server.open_uploads(), Vec::<String>::new(), "seed {seed}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writers_that_compete_fail_and_are_killed_lose_nothing() {
    commit_side_by_side(1, 3, 6).await;
}

/// The same for longer: `BACKHAUL_TEST_SEEDS=200..220 cargo test … -- --ignored many_seeds`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "minutes for each seed"]
async fn many_seeds_lose_nothing() {
    let seeds = std::env::var("BACKHAUL_TEST_SEEDS").unwrap_or_else(|_| "2..6".to_owned());
    let (first, last) = seeds.split_once("..").expect("a range of seeds");
    for seed in first.parse::<u64>().unwrap()..last.parse::<u64>().unwrap() {
        commit_side_by_side(seed, 4, 12).await;
    }
}
