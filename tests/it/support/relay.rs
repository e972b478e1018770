//! A server before the sandbox: it may answer a path itself, passes everything else on, and remembers who asked what.

use std::io::{Read as _, Write as _};
use std::net::{IpAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// Where it listens, and what it saw.
pub struct Relay {
    address: String,
    seen: Arc<Mutex<Vec<(IpAddr, String)>>>,
}

impl Relay {
    /// Starts one before the sandbox at this address. Requests whose path contains `path` are answered with `status`.
    pub fn start(sandbox: &str, answers: Option<(&'static str, &'static str)>) -> Self {
        let server = sandbox
            .strip_prefix("http://")
            .unwrap()
            .split('/')
            .next()
            .unwrap()
            .to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let seen: Arc<Mutex<Vec<(IpAddr, String)>>> = Arc::default();
        let notes = Arc::clone(&seen);
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let (server, notes) = (server.clone(), Arc::clone(&notes));
                std::thread::spawn(move || relay(client, &server, answers, &notes));
            }
        });
        Self { address, seen }
    }

    /// Its address as a base URL.
    pub fn url(&self) -> String {
        format!("http://{}/v3", self.address)
    }

    /// Its address as that of a proxy.
    pub fn origin(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The addresses that requests came from, with their first lines.
    pub fn seen(&self) -> Vec<(IpAddr, String)> {
        self.seen.lock().unwrap().clone()
    }
}

/// One request a connection.
fn relay(
    mut client: TcpStream,
    server: &str,
    answers: Option<(&str, &str)>,
    seen: &Mutex<Vec<(IpAddr, String)>>,
) -> std::io::Result<()> {
    let (mut head, mut byte) = (Vec::new(), [0_u8]);
    while !head.ends_with(b"\r\n\r\n") && client.read(&mut byte)? == 1 {
        head.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&head).replacen("\r\n", "\r\nconnection: close\r\n", 1);
    let line = head.lines().next().unwrap_or_default().to_owned();
    seen.lock()
        .unwrap()
        .push((client.peer_addr()?.ip(), line.clone()));
    if let Some((_, status)) = answers.filter(|(path, _)| line.contains(path)) {
        let body = "{\"error\":\"not today\"}";
        let headers = format!(
            "content-type: application/json\r\ncontent-length: {}\r\nconnection: close",
            body.len()
        );
        return client
            .write_all(format!("HTTP/1.1 {status}\r\n{headers}\r\n\r\n{body}").as_bytes());
    }
    let mut server = TcpStream::connect(server)?;
    server.write_all(head.as_bytes())?;
    std::io::copy(&mut server, &mut client).map(|_| ())
}
