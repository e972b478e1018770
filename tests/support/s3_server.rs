//! The S3 server of the tests as a process of its own, so that its processor time is not counted as the exporter's.
//!
//! Prints its address first. For every line of its input it prints, as JSON, the requests since the line before; it ends
//! with its input.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a part of a benchmark, which reads its output"
)]

#[expect(dead_code, reason = "used by the tests only")]
#[path = "../it/bucket/proxy.rs"]
mod proxy;
#[expect(dead_code, reason = "used by the tests only")]
#[path = "../it/bucket/server.rs"]
mod server;

use std::collections::BTreeMap;

#[tokio::main]
async fn main() {
    let server = server::Server::start().await;
    let proxy = proxy::Proxy::start(server.address).await;
    println!("listening on {}", proxy.endpoint());
    let count_requests = move || {
        for line in std::io::stdin().lines() {
            line.unwrap();
            let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
            for seen in proxy.take_log() {
                *counts.entry(seen.operation()).or_default() += 1;
            }
            println!("{}", serde_json::to_string(&counts).unwrap());
        }
    };
    tokio::task::spawn_blocking(count_requests).await.unwrap();
}
