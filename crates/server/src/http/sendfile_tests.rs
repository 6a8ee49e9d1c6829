//! Stored answers over real connections: what arrives is what is in the files, whatever the client does.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Write};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use heliostat_git_serve::Piece;
use parking_lot::Mutex;
use poem::endpoint::make_sync;
use poem::{Request, Response};
use rustix::fs::{Advice, fadvise};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio_util::sync::CancellationToken;

use super::sendfile_queue::MAX_REGION_BYTES;
use super::stored_body::Pieces;
use super::{ClientRoom, ConnectionOptions, SendfileQueue, TrustedProxies, stored_response};

/// How long anything here may take.
pub const PATIENCE: Duration = Duration::from_mins(4);
/// Smaller than any answer that is read slowly.
const SMALL_RECEIVE_BUFFER_BYTES: u32 = 4096;

/// Parts of an answer, cut to the length that is asked for.
pub struct Parts {
    total: Option<u64>,
    left: VecDeque<Piece>,
}

impl Pieces for Parts {
    fn total_bytes(&self) -> Option<u64> {
        self.total
    }

    fn poll_piece(&mut self, _: &mut Context<'_>, limit_bytes: u64) -> Poll<Option<io::Result<Piece>>> {
        let piece = self.left.pop_front().map(|piece| match piece {
            Piece::File { file, offset, length } if length > limit_bytes => {
                let rest = Piece::File {
                    file: file.clone(),
                    offset: offset + limit_bytes,
                    length: length - limit_bytes,
                };
                self.left.push_front(rest);
                Piece::File { file, offset, length: limit_bytes }
            }
            whole => whole,
        });
        Poll::Ready(piece.map(Ok))
    }
}

/// Bytes among which there is no zero, different for each seed.
pub fn noise(seed: u8, length: usize) -> Vec<u8> {
    (0..length)
        .map(|position| ((position * 31 + position / 251 + usize::from(seed)) % 255) as u8 + 1)
        .collect()
}

pub fn file_with(bytes: &[u8]) -> Arc<File> {
    let mut file = tempfile::tempfile().expect("a file can be made");
    file.write_all(bytes).expect("it can be written");
    Arc::new(file)
}

pub fn region(file: &Arc<File>, offset: usize, length: usize) -> Piece {
    Piece::File { file: Arc::clone(file), offset: offset as u64, length: length as u64 }
}

/// A server whose every answer is made by a function of the request's path.
pub struct Scene {
    pub address: std::net::SocketAddr,
    stop: CancellationToken,
}

impl Scene {
    async fn answering(answer: impl Fn(&str) -> (Option<usize>, Vec<Piece>) + Send + Sync + 'static) -> Self {
        Self::in_room(room(ConnectionOptions::default()), answer).await
    }

    /// The same, with other room for clients.
    pub async fn in_room(
        room: ClientRoom,
        answer: impl Fn(&str) -> (Option<usize>, Vec<Piece>) + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has free ports");
        let address = listener.local_addr().expect("it is bound");
        let endpoint = make_sync(move |request: Request| {
            let queue =
                request.extensions().get::<SendfileQueue>().expect("every connection has one").clone();
            let (total, pieces) = answer(request.uri().path());
            let parts = Parts { total: total.map(|total| total as u64), left: pieces.into() };
            stored_response(Response::builder(), parts, queue)
        });
        let stop = CancellationToken::new();
        tokio::spawn(super::serve(listener, endpoint, room, stop.clone()));
        Scene { address, stop }
    }

    pub async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.expect("it listens")
    }

    /// A connection through which little passes at a time.
    pub async fn connect_slowly(&self) -> TcpStream {
        let socket = TcpSocket::new_v4().expect("a socket can be made");
        socket.set_recv_buffer_size(SMALL_RECEIVE_BUFFER_BYTES).expect("the size is allowed");
        socket.connect(self.address).await.expect("it listens")
    }

    async fn get(&self, path: &str) -> Received {
        let mut stream = self.connect().await;
        ask(&mut stream, path).await;
        receive(&mut stream).await.expect("a whole response")
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// Room for clients as there is by default.
pub fn room(options: ConnectionOptions) -> ClientRoom {
    ClientRoom::new(options, TrustedProxies::default(), &std::env::temp_dir())
}

pub async fn ask(stream: &mut (impl AsyncWrite + Unpin), path: &str) {
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n");
    stream.write_all(request.as_bytes()).await.expect("the server reads");
    stream.flush().await.expect("the server reads");
}

/// A response, its body put together again.
pub struct Received {
    pub head: String,
    pub body: Vec<u8>,
}

impl Received {
    /// Compares without printing megabytes.
    #[track_caller]
    pub fn expect_body(&self, expected: &[u8]) {
        let differs = self.body.iter().zip(expected).position(|(found, wanted)| found != wanted);
        assert_eq!(differs, None, "the first byte that differs");
        assert_eq!(self.body.len(), expected.len(), "length");
    }
}

pub async fn receive(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Received> {
    let receiving = async {
        let head = line_by_line(stream).await?;
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        let body = match length {
            Some(length) => exactly(stream, length.parse().expect("a number")).await?,
            None => chunks(stream).await?,
        };
        Ok(Received { head, body })
    };
    tokio::time::timeout(PATIENCE, receiving).await.map_err(io::Error::other)?
}

pub async fn exactly(stream: &mut (impl AsyncRead + Unpin), length: usize) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; length];
    stream.read_exact(&mut bytes).await?;
    Ok(bytes)
}

/// The head of a response, up to the empty line.
async fn line_by_line(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    Ok(String::from_utf8_lossy(&head).to_lowercase())
}

async fn chunks(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let mut size = Vec::new();
        while !size.ends_with(b"\r\n") {
            size.push(stream.read_u8().await?);
        }
        let size = String::from_utf8_lossy(&size).trim().to_owned();
        let length = usize::from_str_radix(&size, 16).map_err(io::Error::other)?;
        body.extend(exactly(stream, length).await?);
        assert_eq!(exactly(stream, 2).await?, b"\r\n", "the end of a chunk of {length} bytes");
        if length == 0 {
            return Ok(body);
        }
    }
}

#[tokio::test]
async fn files_of_every_length_arrive_whole_and_their_length_is_told() {
    for length in [1, 4_095, 16_383, 16_384, 16_385, MAX_REGION_BYTES, MAX_REGION_BYTES + 1, 5_000_003] {
        let content = noise(1, length);
        let file = file_with(&content);
        let scene = Scene::answering(move |_| (Some(length), vec![region(&file, 0, length)])).await;
        let received = scene.get("/").await;
        assert!(received.head.contains(&format!("content-length: {length}\r\n")), "{}", received.head);
        received.expect_body(&content);
    }
}

#[tokio::test]
async fn several_files_and_memory_make_one_body_in_order() {
    let (first, second) = (noise(2, 300_000), noise(3, 2_500_000));
    let expected: Vec<u8> = [
        b"head".as_slice(),
        &first[100_000..250_000],
        &second,
        b"between",
        &first[..20],
        &second[..40_000],
        &noise(9, 70_000),
    ]
    .concat();
    let total = expected.len();
    let (one, two) = (file_with(&first), file_with(&second));
    let pieces = move || {
        vec![
            Piece::Memory(Bytes::from_static(b"head")),
            region(&one, 100_000, 150_000),
            region(&two, 0, 2_500_000),
            Piece::Memory(Bytes::from_static(b"between")),
            region(&one, 0, 20),
            region(&two, 0, 40_000),
            Piece::Memory(noise(9, 70_000).into()),
        ]
    };
    let scene = Scene::answering(move |path| ((path == "/whole").then_some(total), pieces())).await;
    let whole = scene.get("/whole").await;
    assert!(whole.head.contains(&format!("content-length: {total}\r\n")), "{}", whole.head);
    whole.expect_body(&expected);
    let chunked = scene.get("/growing").await;
    assert!(chunked.head.contains("transfer-encoding: chunked"), "{}", chunked.head);
    chunked.expect_body(&expected);
}

#[tokio::test]
async fn pipelined_requests_are_answered_one_after_the_other() {
    const LENGTHS: [usize; 5] = [3_000_000, 10, 20_000, 1_048_576, 700];
    let contents: Vec<_> = (0..5).map(|number| noise(number as u8 + 1, LENGTHS[number])).collect();
    let files: Vec<_> = contents.iter().map(|content| file_with(content)).collect();
    let scene = Scene::answering(move |path| {
        let number: usize = path[1..].parse().expect("a number");
        let total = (number != 2).then_some(LENGTHS[number]);
        (total, vec![region(&files[number], 0, LENGTHS[number])])
    })
    .await;
    let mut stream = scene.connect().await;
    for number in 0..5 {
        ask(&mut stream, &format!("/{number}")).await;
    }
    for content in &contents {
        receive(&mut stream).await.expect("a whole response").expect_body(content);
    }
}

#[tokio::test]
async fn slow_readers_get_every_byte_while_others_are_served() {
    let content = noise(4, 6_000_000);
    let file = file_with(&content);
    let scene = Scene::answering(move |path| {
        ((path == "/whole").then_some(6_000_000), vec![region(&file, 0, 6_000_000)])
    })
    .await;
    let mut slow = scene.connect_slowly().await;
    ask(&mut slow, "/whole").await;
    let mut slower = scene.connect_slowly().await;
    ask(&mut slower, "/growing").await;
    // Both have more to get than fits anywhere on the way, so they are in the middle now.
    let head = line_by_line(&mut slow).await.expect("a head");
    let start = exactly(&mut slow, 1_000).await.expect("a beginning");
    scene.get("/whole").await.expect_body(&content);
    receive(&mut slower).await.expect("a whole response").expect_body(&content);
    let rest = exactly(&mut slow, 6_000_000 - 1_000).await.expect("the rest");
    Received { head, body: [start, rest].concat() }.expect_body(&content);
}

#[tokio::test]
async fn a_file_that_is_not_in_memory_arrives_whole() {
    let content = noise(5, 4_000_000);
    let file = file_with(&content);
    file.sync_all().expect("it can be written to disk");
    let pieces = [region(&file, 0, 3_999_000), region(&file, 3_999_000, 1_000)];
    let cold = file.clone();
    let scene = Scene::answering(move |_| {
        fadvise(&*cold, 0, None, Advice::DontNeed).expect("the system takes the hint");
        (Some(4_000_000), pieces.to_vec())
    })
    .await;
    scene.get("/").await.expect_body(&content);
}

#[tokio::test]
async fn a_file_that_is_too_short_breaks_the_connection() {
    let content = noise(6, 100_000);
    let file = file_with(&content);
    let scene = Scene::answering(move |path| {
        ((path == "/whole").then_some(300_000), vec![region(&file, 0, 300_000)])
    })
    .await;
    for path in ["/whole", "/growing"] {
        let mut stream = scene.connect().await;
        ask(&mut stream, path).await;
        let mut all = Vec::new();
        // Whether the end is orderly or a reset does not matter: it comes too early.
        let _ = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut all)).await.expect("the end comes");
        assert!(all.len() < 150_000, "{} bytes", all.len());
        assert!(!all.contains(&0), "bytes that stand for others must not leave the server");
    }
}

#[tokio::test]
async fn more_or_less_than_was_promised_breaks_the_connection() {
    let content = noise(7, 200_000);
    let file = file_with(&content);
    let scene = Scene::answering(move |path| {
        let promised = if path == "/more" { 150_000 } else { 250_000 };
        (Some(promised), vec![region(&file, 0, 100_000), region(&file, 100_000, 100_000)])
    })
    .await;
    for path in ["/more", "/less"] {
        let mut stream = scene.connect().await;
        ask(&mut stream, path).await;
        assert!(receive(&mut stream).await.is_err(), "{path}");
    }
}

#[tokio::test]
async fn a_client_that_leaves_takes_everything_with_it() {
    let file = file_with(&noise(8, 8_000_000));
    let only_file = Arc::new(Mutex::new(Some(file.clone())));
    let scene = Scene::answering(move |_| {
        let file = only_file.lock().take().expect("it is asked once");
        (Some(8_000_000), vec![region(&file, 0, 8_000_000)])
    })
    .await;
    let mut stream = scene.connect_slowly().await;
    ask(&mut stream, "/").await;
    exactly(&mut stream, 1_000).await.expect("a beginning");
    assert!(Arc::strong_count(&file) > 1, "the server is at work on it");
    drop(stream);
    let gone = async {
        while Arc::strong_count(&file) > 1 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, gone).await.expect("nothing of the request is left");
}
