//! What can go wrong between a client and a store: a proxy that refuses, breaks and delays by plan.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;

/// What happens to one request.
#[derive(Debug, Clone)]
pub enum Fault {
    /// The proxy answers itself; the store never sees it.
    Refuse(u16, &'static str),
    /// The connection breaks before the store sees it.
    LostRequest,
    /// The store carries it out and the connection breaks before the answer is back.
    LostAnswer,
    /// The store carries it out and the proxy answers that it did not.
    Misreported(u16, &'static str),
    /// The store gets it later.
    Late(Duration),
    /// The client is cut off at once; the store gets it later all the same.
    Zombie(Duration),
}

/// A request that passes by.
#[derive(Debug, Clone)]
pub struct Seen {
    pub method: String,
    pub path: String,
    pub query: String,
    pub is_conditional: bool,
}

impl Seen {
    /// Its operation, as far as tests distinguish them.
    pub fn operation(&self) -> &'static str {
        let has = |name: &str| {
            self.query
                .split('&')
                .any(|pair| pair.split('=').next() == Some(name))
        };
        match self.method.as_str() {
            "PUT" if has("partNumber") => "part",
            "PUT" if self.is_conditional => "conditional",
            "PUT" => "put",
            "POST" if has("uploads") => "start",
            "POST" if has("uploadId") => "complete",
            "DELETE" if has("uploadId") => "abort",
            "DELETE" => "delete",
            "GET" if has("uploads") => "uploads",
            "GET" if has("list-type") => "list",
            "GET" | "HEAD" => "get",
            _ => "other",
        }
    }
}

type Plan = Box<dyn FnMut(&Seen) -> Option<Fault> + Send>;

#[derive(Clone)]
pub struct Proxy {
    pub address: SocketAddr,
    plan: Arc<Mutex<Plan>>,
    log: Arc<Mutex<Vec<Seen>>>,
    _task: Arc<tokio_util::task::AbortOnDropHandle<()>>,
}

impl Proxy {
    pub async fn start(upstream: SocketAddr) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let plan: Arc<Mutex<Plan>> = Arc::new(Mutex::new(Box::new(|_| None)));
        let log = Arc::<Mutex<Vec<Seen>>>::default();
        let (planned, logged) = (Arc::clone(&plan), Arc::clone(&log));
        let task = tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let (plan, log) = (Arc::clone(&planned), Arc::clone(&logged));
                let service = service_fn(move |request| {
                    pass(request, upstream, Arc::clone(&plan), Arc::clone(&log))
                });
                tokio::spawn(
                    hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(socket), service),
                );
            }
        });
        let task = Arc::new(tokio_util::task::AbortOnDropHandle::new(task));
        Self {
            address,
            plan,
            log,
            _task: task,
        }
    }

    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// From now on this plan decides about every request.
    pub fn plan(&self, plan: impl FnMut(&Seen) -> Option<Fault> + Send + 'static) {
        *self.plan.lock().unwrap() = Box::new(plan);
    }

    /// The next `times` requests of an operation fail like this.
    pub fn fail(&self, operation: &'static str, times: usize, fault: Fault) {
        let mut left = times;
        self.plan(move |seen| {
            let meets = left > 0 && seen.operation() == operation;
            left -= usize::from(meets);
            meets.then(|| fault.clone())
        });
    }

    pub fn quiet(&self) {
        self.plan(|_| None);
    }

    /// Operations so far, and forgets them.
    pub fn take_log(&self) -> Vec<Seen> {
        std::mem::take(&mut self.log.lock().unwrap())
    }
}

async fn pass(
    request: Request<Incoming>,
    upstream: SocketAddr,
    plan: Arc<Mutex<Plan>>,
    log: Arc<Mutex<Vec<Seen>>>,
) -> Result<Response<Full<Bytes>>, std::io::Error> {
    let (head, body) = request.into_parts();
    let body = body
        .collect()
        .await
        .map_err(std::io::Error::other)?
        .to_bytes();
    let seen = Seen {
        method: head.method.to_string(),
        path: head.uri.path().to_owned(),
        query: head.uri.query().unwrap_or_default().to_owned(),
        is_conditional: head.headers.contains_key("if-match")
            || head.headers.contains_key("if-none-match"),
    };
    let fault = (plan.lock().unwrap())(&seen);
    log.lock().unwrap().push(seen);
    let request = Request::from_parts(head, Full::new(body));
    let broken = || std::io::Error::other("broken by plan");
    match fault {
        None => forward(request, upstream).await,
        Some(Fault::Refuse(status, code)) => Ok(refusal(status, code)),
        Some(Fault::Misreported(status, code)) => {
            forward(request, upstream).await?;
            Ok(refusal(status, code))
        }
        Some(Fault::LostRequest) => Err(broken()),
        Some(Fault::LostAnswer) => {
            forward(request, upstream).await?;
            Err(broken())
        }
        Some(Fault::Late(delay)) => {
            tokio::time::sleep(delay).await;
            forward(request, upstream).await
        }
        Some(Fault::Zombie(delay)) => {
            tokio::spawn(async move {
                tokio::time::sleep(delay).await;
                let _ = forward(request, upstream).await;
            });
            Err(broken())
        }
    }
}

fn refusal(status: u16, code: &str) -> Response<Full<Bytes>> {
    let body = format!("<Error><Code>{code}</Code><Message>by plan</Message></Error>");
    Response::builder()
        .status(status)
        .body(Full::from(body))
        .unwrap()
}

async fn forward(
    request: Request<Full<Bytes>>,
    upstream: SocketAddr,
) -> Result<Response<Full<Bytes>>, std::io::Error> {
    let stream = tokio::net::TcpStream::connect(upstream).await?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .map_err(std::io::Error::other)?;
    let task = tokio_util::task::AbortOnDropHandle::new(tokio::spawn(connection));
    let response = sender
        .send_request(request)
        .await
        .map_err(std::io::Error::other)?;
    let (head, body) = response.into_parts();
    let body = body
        .collect()
        .await
        .map_err(std::io::Error::other)?
        .to_bytes();
    drop(task);
    Ok(Response::from_parts(head, Full::new(body)))
}
