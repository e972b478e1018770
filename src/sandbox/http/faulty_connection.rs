//! Connections that can be broken on purpose: a listener whose streams have a fault that can be triggered.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};

/// Wait after a failed accept.
const ACCEPT_RETRY_WAIT: Duration = Duration::from_millis(50);

/// States of a connection.
const INTACT: u8 = 0;
const DROPPED: u8 = 1;
const RESET: u8 = 2;

/// Breaks the connection that it belongs to: nothing more is written to it.
#[derive(Debug, Clone, Default)]
pub(crate) struct ConnectionFault(Arc<AtomicU8>);

impl ConnectionFault {
    /// The connection ends as if the server had crashed.
    pub(crate) fn drop_connection(&self) {
        self.0.store(DROPPED, Ordering::SeqCst);
    }

    /// The connection ends with a reset.
    pub(crate) fn reset_connection(&self) {
        self.0.store(RESET, Ordering::SeqCst);
    }

    fn state(&self) -> u8 {
        self.0.load(Ordering::SeqCst)
    }
}

impl Connected<IncomingStream<'_, FaultyListener>> for ConnectionFault {
    fn connect_info(stream: IncomingStream<'_, FaultyListener>) -> Self {
        stream.io().fault.clone()
    }
}

/// Accepts connections that can be broken.
#[derive(Debug)]
pub(crate) struct FaultyListener(pub(crate) TcpListener);

impl Listener for FaultyListener {
    type Io = FaultyStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (FaultyStream, SocketAddr) {
        loop {
            match self.0.accept().await {
                Ok((stream, address)) => {
                    // Without it small answers wait for the client's delayed acknowledgement; correctness does not depend on it.
                    let _ = stream.set_nodelay(true);
                    return (
                        FaultyStream {
                            stream,
                            fault: ConnectionFault::default(),
                        },
                        address,
                    );
                }
                // Out of descriptors, or the client gave up: the next may succeed.
                Err(_) => tokio::time::sleep(ACCEPT_RETRY_WAIT).await,
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

/// A connection with its fault.
#[derive(Debug)]
pub(crate) struct FaultyStream {
    stream: TcpStream,
    fault: ConnectionFault,
}

impl Drop for FaultyStream {
    fn drop(&mut self) {
        if self.fault.state() == RESET {
            // If the system refuses, the client sees an orderly end without an answer, which is a fault as well.
            let _ = self.stream.set_zero_linger();
        }
    }
}

impl AsyncRead for FaultyStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for FaultyStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.fault.state() != INTACT {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.fault.state() == RESET {
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
