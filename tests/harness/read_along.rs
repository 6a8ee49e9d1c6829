//! Something in front of a server that passes everything on and writes down what came: so a test learns what only the
//! two servers know.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use serde_json::Value;
use url::Url;

use super::tiny_http::{Received, Reply, TinyHttp};

/// What the server behind it would be told about this line alone.
const OF_THE_LINE: [&str; 2] = ["connection", "accept-encoding"];

/// A running line. It carries answers that are JSON.
#[derive(Debug)]
pub struct ReadAlong {
    /// Where it listens.
    pub base: Url,
    server: TinyHttp,
}

impl ReadAlong {
    /// Starts one in front of a server that listens there, now or later.
    pub fn before(target: SocketAddr) -> Self {
        let pass_on = move |request: &Received| {
            pass_on(target, request).unwrap_or_else(|error| (502, Value::String(error.to_string())))
        };
        let server = TinyHttp::start(|_| pass_on);
        ReadAlong { base: server.base.clone(), server }
    }

    /// The newest body that was posted to a path with this end.
    pub fn posted_to(&self, end: &str) -> Option<Value> {
        let received = self.server.received();
        let posted = received
            .into_iter()
            .rev()
            .find(|request| request.method == "POST" && request.path.ends_with(end));
        posted.map(|request| request.body)
    }
}

fn pass_on(target: SocketAddr, request: &Received) -> std::io::Result<Reply> {
    let mut stream = TcpStream::connect(target)?;
    let mut head = format!("{} {} HTTP/1.1\r\nconnection: close\r\n", request.method, request.path);
    for (name, value) in request.headers.iter().filter(|(name, _)| !OF_THE_LINE.contains(&name.as_str())) {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    stream.write_all(&[head.as_bytes(), b"\r\n", &request.bytes].concat())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(502);
    Ok((status, serde_json::from_str(body).unwrap_or_default()))
}
