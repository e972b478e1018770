//! The S3 server of the tests as a process of its own, so that its processor time is not counted as the exporter's.
//!
//! Says where it listens. For every line on its input it tells, as JSON, which requests came since the last one; it ends
//! with its input.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a part of a benchmark, which reads what it prints"
)]

#[expect(dead_code, reason = "what only tests need")]
#[path = "../tests/it/bucket/proxy.rs"]
mod proxy;
#[expect(dead_code, reason = "what only tests need")]
#[path = "../tests/it/bucket/server.rs"]
mod server;

use std::collections::BTreeMap;

#[tokio::main]
async fn main() {
    let server = server::Server::start().await;
    let proxy = proxy::Proxy::start(server.address).await;
    println!("listening on {}", proxy.endpoint());
    let telling = move || {
        for line in std::io::stdin().lines() {
            line.unwrap();
            let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
            for seen in proxy.take_log() {
                *counts.entry(seen.operation()).or_default() += 1;
            }
            println!("{}", serde_json::to_string(&counts).unwrap());
        }
    };
    tokio::task::spawn_blocking(telling).await.unwrap();
}
