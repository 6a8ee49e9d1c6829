//! The yardstick of REST speed: a hyper server that answers every request with the same JSON and does nothing else.

use std::convert::Infallible;
use std::path::Path;

use anyhow::Context;
use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, body};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

/// Serves the content of a file on a free loopback port until the process ends.
pub fn serve(file: &Path) -> anyhow::Result<()> {
    let body = Bytes::from(std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = listen().await?;
        println!("plain hyper ready at http://{}", listener.local_addr()?);
        answer_all(listener, body).await
    })
}

/// Takes a free loopback port.
pub async fn listen() -> anyhow::Result<TcpListener> {
    TcpListener::bind(("127.0.0.1", 0)).await.context("cannot listen")
}

/// Answers every request of every connection with the body.
pub async fn answer_all(listener: TcpListener, body: Bytes) -> anyhow::Result<()> {
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let body = body.clone();
        tokio::spawn(async move {
            let service = service_fn(|_: Request<body::Incoming>| {
                let mut response = Response::new(Full::new(body.clone()));
                response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
                async { Ok::<_, Infallible>(response) }
            });
            // A client that goes away is no failure.
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}
