//! A load of HTTP requests over a few connections that are kept: what a busy client of the REST API does.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use http_body_util::{BodyExt, Empty};
use hyper::body::Bytes;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;

/// How long answers may take after the last request was sent.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);

/// What is asked for, again and again.
#[derive(Debug, Clone)]
pub struct Target {
    /// Host and port.
    pub authority: String,
    /// Path of every request.
    pub path: String,
    /// The value of the header that says who calls; none without credentials.
    pub authorization: Option<String>,
}

/// What the load was.
#[derive(Debug, Clone, Copy)]
pub struct Load {
    /// Requests that were answered, all of them with success.
    pub requests: u64,
    /// How long it took.
    pub wall: Duration,
}

/// Asks over so many connections at once for so long; every answer must be a success and have a body.
pub async fn run(target: &Target, connections: usize, duration: Duration) -> anyhow::Result<Load> {
    let started = Instant::now();
    let mut tasks = JoinSet::new();
    for _ in 0..connections {
        tasks.spawn(ask_until(target.clone(), started + duration));
    }
    let mut requests = 0;
    let all_are_answered = async {
        while let Some(answered) = tasks.join_next().await {
            requests += answered.context("a connection's task has failed")??;
        }
        anyhow::Ok(())
    };
    let limit = duration + ANSWER_TIMEOUT;
    let ended = timeout(limit, all_are_answered).await;
    ended
        .with_context(|| format!("{} has not answered within {} s", target.authority, limit.as_secs()))??;
    ensure!(requests > 0, "nothing was answered");
    Ok(Load { requests, wall: started.elapsed() })
}

async fn ask_until(target: Target, end: Instant) -> anyhow::Result<u64> {
    let mut connection = connect(&target.authority).await?;
    let mut answered = 0;
    while Instant::now() < end {
        ask(&target, &mut connection).await?;
        answered += 1;
    }
    Ok(answered)
}

async fn connect(authority: &str) -> anyhow::Result<SendRequest<Empty<Bytes>>> {
    let stream = TcpStream::connect(authority).await.with_context(|| format!("cannot reach {authority}"))?;
    stream.set_nodelay(true)?;
    let (sender, connection) = handshake(TokioIo::new(stream)).await?;
    // Ends with the sender; what goes wrong is told to the sender too.
    tokio::spawn(connection);
    Ok(sender)
}

async fn ask(target: &Target, connection: &mut SendRequest<Empty<Bytes>>) -> anyhow::Result<()> {
    connection.ready().await.context("the server has closed a connection that should be kept")?;
    let mut request = Request::get(&target.path).header("Host", &target.authority);
    if let Some(value) = &target.authorization {
        request = request.header("Authorization", value);
    }
    let response = connection.send_request(request.body(Empty::new())?).await?;
    let status = response.status();
    let body = response.into_body().collect().await?.to_bytes();
    ensure!(status == StatusCode::OK && !body.is_empty(), "{} answered {status}", target.path);
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use super::*;
    use crate::peers::plain_hyper;

    #[tokio::test]
    async fn a_plain_handler_answers_everything() {
        let listener = plain_hyper::listen().await.expect("a port is free");
        let address: SocketAddr = listener.local_addr().expect("it listens");
        tokio::spawn(plain_hyper::answer_all(listener, Bytes::from_static(b"{}")));
        let target = Target { authority: address.to_string(), path: "/x".into(), authorization: None };
        // A busy machine may let a short time pass before anything is asked.
        for duration in [50, 1_000, 10_000, 60_000].map(Duration::from_millis) {
            match run(&target, 2, duration).await {
                Ok(load) => {
                    assert!(load.wall >= duration, "{load:?}");
                    if load.requests > 1 {
                        return;
                    }
                }
                Err(error) => assert_eq!(error.to_string(), "nothing was answered"),
            }
        }
        panic!("next to nothing is answered in a minute");
    }
}
