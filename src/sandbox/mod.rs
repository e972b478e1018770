//! The local imitation of the Ahrefs API: same paths, parameters, filters, prices, limits, errors and manners.
//!
//! It shares the catalog with the client and nothing else, on purpose: a misreading of the API in shared request,
//! filter or paging code would cancel itself out. Data is a pure function of the seed; between two requests it changes
//! only with churn, and from one day to the next only where it is living. What is assumed of the real API and can be made false has a [`Quirk`].
//!
//! ```text
//! wire ─▶ http ─▶ server ─▶ parameters ─▶ query (condition, filter) ─▶ page ◀─ kept, range ◀─ table (index) ◀─ source (link, columns, web) ◀─ hash
//!                   └ meter, price, faults, refusal                                                            └ sections, figures
//! ```
//!
//! Choices where the real API is unknown: nulls are the smallest values (first ascending, last descending); the
//! expected cost of a request is weighed by its `limit` under the row cap; `country` and `date_compared` change the
//! data, while `mode`, `protocol`, `volume_mode`, `traffic_mode` and, for lists, `date` do not; `history=live` shows
//! exactly [`Options::rows`] rows, the other histories an eighth more, which are lost. An unknown project, report, channel
//! or post is 404; a limit above a documented largest one is refused; wildcards must fit the whole text; `_diff` is now
//! less then; a free operation and one with a fixed price tell 0 units a row; where one number is made of many, `where`
//! chooses what is counted. Batch Analysis is not served here yet.

mod batch;
mod cell;
mod condition;
mod faults;
mod figures;
mod filter;
mod hash;
mod http;
mod index;
mod kept;
mod meter;
mod page;
mod parameters;
mod price;
mod query;
mod quirks;
mod range;
mod refusal;
mod sections;
mod server;
mod shelf;
mod source;
mod table;
mod web;
mod wire;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

pub use faults::{Fault, Faults};
pub use meter::{EndpointStats, Stats};
pub use quirks::Quirk;

use crate::error::{Code, Error, Result};

/// How long a stopping sandbox waits for answers under way.
const GRACE: Duration = Duration::from_secs(1);

/// What a sandbox serves and how it misbehaves.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// Port on 127.0.0.1; 0 picks a free one.
    pub port: u16,
    /// Live rows per target and list operation.
    pub rows: u64,
    /// The same seed gives the same data everywhere.
    pub seed: u64,
    /// The key that requests must bear.
    pub key: String,
    /// Units of the workspace; `None`: no limit.
    pub units: Option<u64>,
    /// Requests that may be made in any minute; `None`: no limit.
    pub requests_per_minute: Option<u32>,
    /// Rows that an answer is silently cut at; `None`: no cap.
    pub row_cap: Option<u32>,
    /// Rows that share each leading key; `None`: a few, at random.
    pub ties: Option<u32>,
    /// Probability that the asked table changes before a request is answered.
    pub churn: f64,
    /// Whether links, domains and anchors come and go, and the last periods of a history are corrected, from day to day, as
    /// a function of seed and date.
    pub living: bool,
    /// Assumptions made false.
    pub quirks: Vec<Quirk>,
    /// What goes wrong, and how often.
    pub faults: Faults,
    /// How far its clock is ahead of the machine's.
    pub clock_offset: chrono::Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            port: 7070,
            rows: 20_000,
            seed: 1,
            key: "sandbox-key".to_owned(),
            units: Some(1_000_000),
            requests_per_minute: Some(60),
            row_cap: None,
            ties: None,
            churn: 0.0,
            living: false,
            quirks: Vec::new(),
            faults: Faults::default(),
            clock_offset: chrono::Duration::zero(),
        }
    }
}

/// A running sandbox. Dropping it ends it at once; [`Sandbox::stop`] lets answers under way finish.
#[derive(Debug)]
pub struct Sandbox {
    address: SocketAddr,
    server: Arc<server::Server>,
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<()>,
}

/// Starts a sandbox on 127.0.0.1.
///
/// # Errors
/// [`Code::Usage`] if the options contradict each other, [`Code::Network`] if the port cannot be had.
pub async fn start(options: Options) -> Result<Sandbox> {
    if !(0.0..=1.0).contains(&options.churn) {
        return Err(Error::new(
            Code::Usage,
            format!("churn is a probability from 0 to 1, not {}", options.churn),
        ));
    }
    if options.rows > u64::from(u32::MAX / 4) {
        return Err(Error::new(
            Code::Usage,
            format!("the sandbox cannot serve {} rows a target", options.rows),
        ));
    }
    let wanted = SocketAddr::from((Ipv4Addr::LOCALHOST, options.port));
    let unusable =
        |error| Error::new(Code::Network, format!("cannot listen on {wanted}")).with_source(error);
    let listener = TcpListener::bind(wanted).await.map_err(unusable)?;
    let address = listener.local_addr().map_err(unusable)?;
    let server = Arc::new(server::Server::new(options));
    let service =
        http::router(Arc::clone(&server)).into_make_service_with_connect_info::<wire::Switch>();
    let (stop, stopped) = oneshot::channel::<()>();
    let serving = axum::serve(wire::Wires(listener), service).with_graceful_shutdown(async move {
        // An error means that the handle is gone, which asks for the same.
        let _ = stopped.await;
    });
    let task = tokio::spawn(async move {
        // axum's serve ends only by the signal above.
        let _ = serving.await;
    });
    Ok(Sandbox {
        address,
        server,
        stop: Some(stop),
        task,
    })
}

impl Sandbox {
    /// The base URL for clients: `http://127.0.0.1:PORT/v3`.
    pub fn url(&self) -> String {
        format!("http://{}/v3", self.address)
    }

    /// The port that it listens on.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// What was served since the start or the last reset.
    pub fn stats(&self) -> Stats {
        self.server.meter().stats.clone()
    }

    /// Stops accepting, waits a moment for answers under way, and ends.
    pub async fn stop(mut self) {
        if let Some(stop) = self.stop.take() {
            // The receiver is gone only when serving has ended already.
            let _ = stop.send(());
        }
        let _ = tokio::time::timeout(GRACE, &mut self.task).await;
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.task.abort();
    }
}
