//! The accept loop: HTTP/1.1 connections, each with its own task around the one endpoint.
//!
//! poem's own server keeps a request's future and body after the client has gone, so that a `git` child would
//! live on until its next write. Here hyper drops both at once. It also sets what poem's server does not:
//! `TCP_NODELAY` and a time limit for request headers.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioTimer;
use hyper_util::server::graceful::GracefulShutdown;
use poem::endpoint::{DynEndpoint, ToDynEndpoint};
use poem::http::uri::Scheme;
use poem::web::{LocalAddr, RemoteAddr};
use poem::{Addr, Endpoint, EndpointExt, Request, Response};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

use super::open_files::OpenFiles;
use super::sendfile_queue::SendfileQueue;
use super::socket::Socket;
use super::unread_body;

/// How long a client may take to send its request headers.
const HEADER_READ_TIMEOUT: Duration = Duration::from_secs(30);
/// Pause after a failed accept, which mostly means that file descriptors ran out.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

type SharedEndpoint = Arc<dyn DynEndpoint<Output = Response>>;

/// Serves connections until `stop` is cancelled, then lets running requests finish; the caller
/// bounds the time.
pub async fn serve<E>(listener: TcpListener, endpoint: E, stop: CancellationToken)
where
    E: Endpoint<Output = Response> + 'static,
{
    let endpoint: SharedEndpoint = Arc::new(ToDynEndpoint(endpoint.map_to_response()));
    let files = OpenFiles::raise();
    let connections = Arc::new(Semaphore::new(files.connections()));
    tracing::info!(
        limit = files.limit,
        reserved = files.reserved(),
        connections = files.connections(),
        "files that may be open"
    );
    let graceful = GracefulShutdown::new();
    loop {
        let Ok(permit) = connections.clone().acquire_owned().await else {
            break;
        };
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.cancelled() => break,
        };
        match accepted {
            Ok((stream, peer)) => spawn_connection(stream, peer, endpoint.clone(), &graceful, permit),
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    graceful.shutdown().await;
}

fn spawn_connection(
    stream: TcpStream,
    peer: SocketAddr,
    endpoint: SharedEndpoint,
    graceful: &GracefulShutdown,
    permit: OwnedSemaphorePermit,
) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "cannot set TCP_NODELAY");
    }
    let local = stream.local_addr().unwrap_or(peer);
    let queue = SendfileQueue::default();
    let socket = Socket::new(stream, queue.clone());
    let service = service_fn(move |mut request: hyper::Request<hyper::body::Incoming>| {
        let endpoint = endpoint.clone();
        request.extensions_mut().insert(queue.clone());
        let local = LocalAddr(Addr::SocketAddr(local));
        let remote = RemoteAddr(Addr::SocketAddr(peer));
        async move {
            let mut request = Request::from((request, local, remote, Scheme::HTTP));
            unread_body::read_to_its_end(&mut request);
            let response = endpoint.get_response(request).await;
            Ok::<_, Infallible>(hyper::Response::from(response))
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_READ_TIMEOUT)
        .serve_connection(socket, service);
    let connection = graceful.watch(connection);
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, %peer, "a connection ended early");
        }
        drop(permit);
    });
}

/// Opens the listening socket.
pub async fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    TcpListener::bind(address).await
}
