//! Requests that nights in a bucket take: they are charged for too.

use std::collections::BTreeMap;

use super::proxy::Proxy;
use super::server::{BUCKET, KEY, SECRET, Server};
use crate::support::{TestContext, unlimited};

/// Requests by operation.
type Counts = BTreeMap<&'static str, i64>;

/// What a night of so many targets in two tables takes, and the same command once more.
fn counts(targets: usize) -> [Counts; 2] {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let (_server, proxy) = runtime.block_on(async {
        let server = Server::start().await;
        let proxy = Proxy::start(server.address).await;
        (server, proxy)
    });
    let mut context = TestContext::new(unlimited(20));
    for (name, value) in [
        ("AWS_ACCESS_KEY_ID", KEY),
        ("AWS_SECRET_ACCESS_KEY", SECRET),
        ("AWS_REGION", "us-east-1"),
    ] {
        context.env(name, value);
    }
    let target = |number| format!("[[target]]\nname = \"t{number}\"\nurl = \"t{number}.com\"\n");
    let targets: String = (0..targets).map(target).collect();
    let text = format!(
        "[source]\nbase_url = \"{}\"\napi_key = {{ env = \"AHREFS_API_KEY\" }}\n\n[source.limits]\n\
         requests_per_minute = 60000\n\n[budget]\nper_run = 1_000_000_000\n\n[destination]\n\
         url = \"s3://{BUCKET}/lake\"\nendpoint = \"{}\"\n\n{targets}\n\
         [[report]]\nname = \"anchors\"\nendpoint = \"site-explorer/anchors\"\n\n\
         [[report]]\nname = \"domains\"\nendpoint = \"site-explorer/refdomains\"\n",
        context.url(),
        proxy.endpoint()
    );
    context.write_configuration(&text);
    [(), ()].map(|()| {
        proxy.take_log();
        context.run().expect(0);
        let mut counts = Counts::new();
        for seen in proxy.take_log() {
            *counts.entry(seen.operation()).or_default() += 1;
        }
        counts
    })
}

#[test]
fn a_complete_night_is_listed_once_and_a_new_one_takes_no_listing_per_task() {
    const MORE: i64 = 10;
    let ([few_night, few_again], [many_night, many_again]) = (counts(2), counts(12));
    let more = |few: &Counts, many: &Counts, name: &str| {
        many.get(name).unwrap_or(&0) - few.get(name).unwrap_or(&0)
    };
    let told = format!("{few_night:?}\n{few_again:?}\n{many_night:?}\n{many_again:?}");
    let tasks = 2 * MORE;
    for name in ["list", "get"] {
        // A renewal of the lease or a reservation of units may come between.
        assert!(
            more(&few_night, &many_night, name) < tasks,
            "{name}, night:\n{told}"
        );
    }
    // Claims on task and question, taken and released; the attempt; the response.
    let writes: i64 = ["put", "conditional"]
        .map(|name| more(&few_night, &many_night, name))
        .iter()
        .sum();
    assert!(writes <= 6 * tasks + MORE, "{told}");
    let sum = |counts: &Counts| counts.values().sum::<i64>();
    assert!(sum(&many_again) - sum(&few_again) < MORE, "{told}");
    assert!(sum(&few_again) > 0, "{told}");
}
