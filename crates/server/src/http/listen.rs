//! The accept loop: HTTP/1.1 connections, with or without TLS, each with its own task around the one endpoint.
//!
//! poem's own server keeps a request's future and body after the client has gone, so that a `git` child would
//! live on until its next write. Here hyper drops both at once. It also sets what poem's server does not:
//! `TCP_NODELAY` and a time limit for request headers.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use heliostat_peer::AddressPrefix;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioTimer;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use poem::endpoint::{DynEndpoint, ToDynEndpoint};
use poem::http::uri::Scheme;
use poem::web::{LocalAddr, RemoteAddr};
use poem::{Addr, Endpoint, EndpointExt, Request, Response};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio_util::sync::CancellationToken;

use super::answer_memory::AnswerMemory;
use super::client_wait::WatchedAnswer;
use super::connection_options::ConnectionOptions;
use super::connection_starts::ConnectionStarts;
use super::connections::{Connection, ConnectionCounters, Connections};
use super::open_files::OpenFiles;
use super::proxies::TrustedProxies;
use super::request_counters::RequestCounters;
use super::request_record::RequestRecord;
use super::rest_places::{PlaceCounters, RestPlaces};
use super::sendfile_queue::SendfileQueue;
use super::socket::Socket;
use super::spool::Spool;
use super::tls::{self, Tls};
use super::transport::Transport;
use super::write_pace::WritePace;
use super::{paced_body, unread_body};

/// How long a client may take to send its request headers, and how long a connection may be idle.
const HEADER_READ_TIMEOUT: Duration = Duration::from_secs(30);
/// Most bytes of request headers, and most that is gathered to be written at once.
const MAX_CONNECTION_BUFFER_BYTES: usize = 64 * 1024;
/// Pause after a failed accept, which mostly means that file descriptors ran out.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// How many connections may wait to be accepted; the system may allow fewer.
const LISTEN_BACKLOG: u32 = 4_096;
/// What a client is told for whom there is no room.
const NO_ROOM: &[u8] =
    b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 2\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";

type SharedEndpoint = Arc<dyn DynEndpoint<Output = Response>>;

/// What there is for clients: how many and how slow they may be, and what they may take.
#[derive(Debug, Clone)]
pub struct ClientRoom {
    options: ConnectionOptions,
    proxies: Arc<TrustedProxies>,
    connections: Connections,
    starts: ConnectionStarts,
    requests: RequestCounters,
    places: RestPlaces,
    answers: AnswerMemory,
    spool: Spool,
    tls: Option<Tls>,
}

impl ClientRoom {
    /// As the operator wants it, as far as files may be open; what is too long for memory goes into `folder`.
    pub fn new(options: ConnectionOptions, proxies: TrustedProxies, folder: &Path) -> Self {
        let files = OpenFiles::raise();
        let max_connections = files.connections(options.max_connections);
        tracing::info!(
            limit = files.limit,
            reserved = files.reserved(),
            connections = max_connections,
            "files that may be open"
        );
        let spool = Spool::in_folder(folder);
        Self {
            options,
            proxies: Arc::new(proxies),
            connections: Connections::new(max_connections),
            starts: ConnectionStarts::default(),
            requests: RequestCounters::default(),
            places: RestPlaces::new(),
            answers: AnswerMemory::new(spool.clone()),
            spool,
            tls: None,
        }
    }

    /// The same, for clients that speak TLS, if there is a certificate.
    pub fn with_tls(self, tls: Option<Tls>) -> Self {
        Self { tls, ..self }
    }

    /// TLS, where it is spoken.
    pub fn tls(&self) -> Option<&Tls> {
        self.tls.as_ref()
    }

    /// What is counted of requests.
    pub fn requests(&self) -> &RequestCounters {
        &self.requests
    }

    /// The places of REST requests.
    pub fn places(&self) -> &RestPlaces {
        &self.places
    }

    /// All that is counted of clients.
    pub fn counters(&self) -> ClientCounters {
        ClientCounters {
            connections: self.connections.counters(),
            requests: self.requests.clone(),
            places: self.places.counters(),
            certificate_ends_at: self.tls.as_ref().and_then(Tls::ends_at),
        }
    }

    /// Where bodies of requests arrive.
    pub fn spool(&self) -> &Spool {
        &self.spool
    }
}

/// What is counted of clients.
#[derive(Debug, Clone, Default)]
pub struct ClientCounters {
    /// Of their connections.
    pub connections: ConnectionCounters,
    /// Of their requests.
    pub requests: RequestCounters,
    /// Of the places that REST requests take.
    pub places: PlaceCounters,
    /// When the certificate ends that they are shown, if they are shown one.
    pub certificate_ends_at: Option<SystemTime>,
}

/// Serves connections until `stop` is cancelled, then lets running requests finish; the caller
/// bounds the time.
pub async fn serve<E>(listener: TcpListener, endpoint: E, room: ClientRoom, stop: CancellationToken)
where
    E: Endpoint<Output = Response> + 'static,
{
    let endpoint: SharedEndpoint = Arc::new(ToDynEndpoint(endpoint.map_to_response()));
    let connections = room.connections.clone();
    let graceful = GracefulShutdown::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.cancelled() => break,
        };
        match accepted {
            Ok((stream, peer)) => match connections.admit(peer.ip().into()) {
                Some(connection) => {
                    let client = Client { stream, peer, admitted: connection };
                    let (room, endpoint) = (room.clone(), endpoint.clone());
                    spawn_connection(client, endpoint, room, graceful.watcher(), stop.clone());
                }
                // Nothing waits for this to arrive; who speaks TLS would not understand it.
                None if room.tls.is_none() => drop(stream.try_write(NO_ROOM)),
                None => {}
            },
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                connections.make_room();
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    graceful.shutdown().await;
}

/// A client that was let in.
struct Client {
    stream: TcpStream,
    peer: SocketAddr,
    admitted: Connection,
}

fn spawn_connection(
    client: Client,
    endpoint: SharedEndpoint,
    room: ClientRoom,
    watcher: Watcher,
    stop: CancellationToken,
) {
    if let Err(error) = client.stream.set_nodelay(true) {
        tracing::debug!(%error, "cannot set TCP_NODELAY");
    }
    let (peer, end) = (client.peer, client.admitted.end.clone());
    // A proxy speaks for many.
    let waits = client.admitted.is_of_a_crowd && !room.proxies.trusts(peer.ip());
    tokio::spawn(async move {
        let conversation = async {
            if waits {
                tokio::select! {
                    () = room.starts.wait_to_start(peer.ip().into()) => {}
                    () = stop.cancelled() => return,
                }
                // The server has made it wait; from now on it waits for the client.
                client.admitted.wait.client_moved();
            }
            converse(client, endpoint, &room, watcher, &stop).await;
        };
        tokio::select! {
            () = conversation => {}
            () = end.cancelled() => tracing::debug!(%peer, "a connection made room for others"),
        }
    });
}

/// Everything that happens on one connection, from the handshake on.
async fn converse(
    client: Client,
    endpoint: SharedEndpoint,
    room: &ClientRoom,
    watcher: Watcher,
    stop: &CancellationToken,
) {
    let Client { stream, peer, admitted } = client;
    let ends = (stream.local_addr().unwrap_or(peer), peer);
    let transport = match &room.tls {
        None => Transport::plain(stream),
        Some(tls) => {
            let accepted = tokio::select! {
                accepted = tls.accept(stream, peer.ip().into()) => accepted,
                () = stop.cancelled() => return,
            };
            match accepted {
                Ok(transport) => transport,
                Err(error) if tls::is_silent(&error) => return,
                Err(error) => {
                    admitted.handshake_failed();
                    tracing::debug!(%error, %peer, "a handshake failed");
                    return;
                }
            }
        }
    };
    answer(transport, ends, admitted, endpoint, room, watcher).await;
}

/// Answers requests until one side has had enough.
async fn answer(
    transport: Transport,
    (local, peer): (SocketAddr, SocketAddr),
    admitted: Connection,
    endpoint: SharedEndpoint,
    room: &ClientRoom,
    watcher: Watcher,
) {
    let scheme = match transport {
        Transport::Plain(_) => Scheme::HTTP,
        Transport::Encrypted(_) | Transport::Kernel(_) => Scheme::HTTPS,
    };
    let queue = SendfileQueue::default();
    let wait = admitted.wait.clone();
    let pace = WritePace::new(&room.options, Some((local, peer)), wait.clone());
    let socket = Socket::new(transport, queue.clone(), pace);
    let (options, answers, proxies) = (room.options, room.answers.clone(), room.proxies.clone());
    let service = service_fn(move |mut request: hyper::Request<hyper::body::Incoming>| {
        wait.for_server();
        let (endpoint, wait, answers) = (endpoint.clone(), wait.clone(), answers.clone());
        request.extensions_mut().insert(queue.clone());
        let client = proxies.client(peer.ip(), request.headers());
        let client = client.map_or(peer, |address| SocketAddr::new(address, 0));
        let prefix = AddressPrefix::from(client.ip());
        admitted.is_for(prefix);
        let local = LocalAddr(Addr::SocketAddr(local));
        let remote = RemoteAddr(Addr::SocketAddr(client));
        let scheme = scheme.clone();
        async move {
            let mut request = Request::from((request, local, remote, scheme));
            let pace = options.body_pace(request.uri().path());
            paced_body::set_pace(&mut request, pace, &wait);
            unread_body::read_to_its_end(&mut request);
            let mut response = endpoint.get_response(request).await;
            let record = response.extensions_mut().remove::<Arc<RequestRecord>>();
            let response = answers.bounded(response.into(), prefix).await;
            let (head, body) = response.into_parts();
            let body = WatchedAnswer::new(body, &head.headers, wait, record);
            Ok::<_, Infallible>(hyper::Response::from_parts(head, body))
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_READ_TIMEOUT)
        .max_buf_size(MAX_CONNECTION_BUFFER_BYTES)
        .serve_connection(socket, service);
    if let Err(error) = watcher.watch(connection).await {
        tracing::debug!(%error, %peer, "a connection ended early");
    }
}

/// Opens the listening socket.
pub async fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // As the library does it: a server that starts again need not wait for its old connections.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(LISTEN_BACKLOG)
}

#[cfg(test)]
mod tests {
    use poem::endpoint::make_sync;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::time::timeout;

    use super::*;

    /// How long anything here may take.
    const PATIENCE: Duration = Duration::from_mins(4);

    const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

    /// Room for two connections, which wait to start until the test lets them.
    struct Scene {
        listener: TcpListener,
        room: ClientRoom,
        graceful: GracefulShutdown,
        stop: CancellationToken,
    }

    impl Scene {
        async fn new() -> Self {
            let listener = bind(([127, 0, 0, 1], 0).into()).await.expect("a free port");
            let (options, proxies) = (ConnectionOptions::default(), TrustedProxies::default());
            let room = ClientRoom {
                connections: Connections::new(2),
                starts: ConnectionStarts::stopped(),
                ..ClientRoom::new(options, proxies, &std::env::temp_dir())
            };
            Self { listener, room, graceful: GracefulShutdown::new(), stop: CancellationToken::new() }
        }

        /// A client that was let in as one of a crowd.
        async fn client(&self) -> TcpStream {
            let address = self.listener.local_addr().expect("it listens");
            let client = TcpStream::connect(address).await.expect("connected");
            let (stream, peer) = self.listener.accept().await.expect("accepted");
            let mut admitted = self.room.connections.admit(peer.ip().into()).expect("there is room");
            admitted.is_of_a_crowd = true;
            let endpoint: SharedEndpoint =
                Arc::new(ToDynEndpoint(make_sync(|_| "answered").map_to_response()));
            let accepted = Client { stream, peer, admitted };
            spawn_connection(
                accepted,
                endpoint,
                self.room.clone(),
                self.graceful.watcher(),
                self.stop.clone(),
            );
            client
        }
    }

    /// What a client is sent until its connection ends.
    async fn all_of(mut client: TcpStream) -> String {
        let mut received = String::new();
        let read = timeout(PATIENCE, client.read_to_string(&mut received)).await;
        read.expect("the connection ends").expect("it ends in order");
        received
    }

    #[tokio::test]
    async fn a_connection_that_waits_to_start_makes_room_and_takes_no_start_from_others() {
        let scene = Scene::new().await;
        let (first, mut second) = (scene.client().await, scene.client().await);
        let prefix = first.local_addr().expect("connected").ip().into();
        let third = scene.room.connections.admit(prefix);
        assert!(third.is_some(), "room is made for it");
        assert_eq!(all_of(first).await, "");
        let counters = scene.room.connections.counters();
        assert_eq!((counters.open, counters.displaced, counters.refused), (2, 1, 0));
        scene.room.starts.let_start(1);
        second.write_all(REQUEST).await.expect("sent");
        let answer = all_of(second).await;
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.contains("answered"), "{answer}");
    }

    #[tokio::test]
    async fn a_connection_that_waits_to_start_does_not_hold_up_the_end() {
        let scene = Scene::new().await;
        let client = scene.client().await;
        let Scene { room, graceful, stop, .. } = scene;
        stop.cancel();
        timeout(PATIENCE, graceful.shutdown()).await.expect("nothing is waited for");
        assert_eq!(all_of(client).await, "");
        assert_eq!(room.connections.counters().open, 0);
    }
}
