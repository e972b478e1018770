//! A running sandbox: it listens on 127.0.0.1 until it is stopped or dropped.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::http::{ConnectionFault, FaultyListener, router};
use super::options::Options;
use super::server::{Server, Stats};
use crate::error::{Error, ErrorCode, Result};

/// How long a stopping sandbox waits for answers in progress.
const STOP_TIMEOUT: Duration = Duration::from_secs(1);

/// A running sandbox. Dropping it ends it at once; [`Sandbox::stop`] lets answers in progress finish.
#[derive(Debug)]
pub struct Sandbox {
    address: SocketAddr,
    server: Arc<Server>,
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<()>,
}

/// Starts a sandbox on 127.0.0.1.
///
/// # Errors
/// [`ErrorCode::Usage`] if an option is out of range, [`ErrorCode::Network`] if the port is not available.
pub async fn start(options: Options) -> Result<Sandbox> {
    check(&options)?;
    let (listener, address) = listen(options.port).await?;
    let server = Arc::new(Server::new(options));
    let service =
        router(Arc::clone(&server)).into_make_service_with_connect_info::<ConnectionFault>();
    let (stop, stopped) = oneshot::channel::<()>();
    let listener = FaultyListener(listener);
    let serving = axum::serve(listener, service).with_graceful_shutdown(async move {
        // An error means that the handle was dropped, which asks for the same.
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

fn check(options: &Options) -> Result<()> {
    if !(0.0..=1.0).contains(&options.churn) {
        return Err(Error::new(
            ErrorCode::Usage,
            format!("churn is a probability from 0 to 1, not {}", options.churn),
        ));
    }
    if options.rows > u64::from(u32::MAX / 4) {
        return Err(Error::new(
            ErrorCode::Usage,
            format!("the sandbox cannot serve {} rows a target", options.rows),
        ));
    }
    Ok(())
}

async fn listen(port: u16) -> Result<(TcpListener, SocketAddr)> {
    let wanted = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let listener = TcpListener::bind(wanted)
        .await
        .map_err(|error| cannot_listen(wanted, error))?;
    let address = listener
        .local_addr()
        .map_err(|error| cannot_listen(wanted, error))?;
    Ok((listener, address))
}

fn cannot_listen(address: SocketAddr, cause: std::io::Error) -> Error {
    Error::new(ErrorCode::Network, format!("cannot listen on {address}")).with_source(cause)
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
        self.server.stats()
    }

    /// Stops accepting, waits a moment for answers in progress, and ends.
    pub async fn stop(mut self) {
        if let Some(stop) = self.stop.take() {
            // The receiver is dropped only when serving has ended already.
            let _ = stop.send(());
        }
        let _ = tokio::time::timeout(STOP_TIMEOUT, &mut self.task).await;
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.task.abort();
    }
}
