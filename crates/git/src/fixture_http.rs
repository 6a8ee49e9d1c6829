//! Just enough of an HTTP server for `git` to talk to a repository of a test.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use heliostat_git_wire::{GitProtocol, GitService, RefRoom};
use parking_lot::Mutex;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::task::AbortOnDropHandle;

use crate::process::{ByteStream, GitError};
use crate::repository::Repository;
use crate::service::{advertise_by_git, decode_request_body, receive_pack, upload_pack_by_git};

/// Answers clients of Git.
pub trait Answers: Clone + Send + Sync + 'static {
    /// The answer to `GET info/refs`.
    fn advertise(
        &self,
        service: GitService,
        protocol: GitProtocol,
    ) -> impl Future<Output = Result<ByteStream, GitError>> + Send;

    /// The answer to `POST git-upload-pack`.
    fn upload_pack(
        &self,
        request: ByteStream,
        protocol: GitProtocol,
    ) -> impl Future<Output = Result<ByteStream, GitError>> + Send;

    /// The repository that takes pushes.
    fn target(&self) -> &Repository;
}

impl Answers for Repository {
    async fn advertise(&self, service: GitService, protocol: GitProtocol) -> Result<ByteStream, GitError> {
        Ok(advertise_by_git(self, service, &protocol).await?.boxed())
    }

    async fn upload_pack(&self, request: ByteStream, protocol: GitProtocol) -> Result<ByteStream, GitError> {
        Ok(upload_pack_by_git(self, request, &protocol).await?.boxed())
    }

    fn target(&self) -> &Repository {
        self
    }
}

/// Serves one repository at every path until it is dropped.
pub struct HttpServer {
    /// Its address.
    pub url: String,
    seen: Arc<Mutex<Vec<Request>>>,
    _task: AbortOnDropHandle<()>,
}

/// A request without its body.
#[derive(Debug, Clone)]
pub struct Request {
    /// Its first line.
    pub line: String,
    /// Its headers, with names in lower case.
    pub headers: Vec<(String, String)>,
}

impl Request {
    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(header, _)| header == name).map(|(_, value)| value.as_str())
    }
}

impl HttpServer {
    /// Serves this repository.
    pub async fn serve(repository: impl Answers) -> Self {
        Self::start(move |request, body, output| {
            let repository = repository.clone();
            async move { answer(&repository, &request, body, output).await }
        })
        .await
    }

    /// Answers every request with this status and nothing else.
    pub async fn refuse(status: &'static str) -> Self {
        Self::start(move |_, _, mut output| async move {
            let head = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
            output.write_all(head.as_bytes()).await
        })
        .await
    }

    /// All requests so far.
    pub fn seen(&self) -> Vec<Request> {
        self.seen.lock().clone()
    }

    async fn start<F, A>(answer: F) -> Self
    where
        F: Fn(Request, Vec<u8>, OwnedWriteHalf) -> A + Send + Sync + 'static,
        A: Future<Output = io::Result<()>> + Send,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}/repository.git", listener.local_addr().expect("bound"));
        let seen: Arc<Mutex<Vec<Request>>> = Arc::default();
        let (log, answer) = (Arc::clone(&seen), Arc::new(answer));
        let task = tokio::spawn(async move {
            loop {
                let (connection, _) = listener.accept().await.expect("listening");
                let (log, answer) = (Arc::clone(&log), Arc::clone(&answer));
                tokio::spawn(async move {
                    let (request, body, output) = read_request(connection).await?;
                    log.lock().push(request.clone());
                    answer(request, body, output).await
                });
            }
        });
        Self { url, seen, _task: AbortOnDropHandle::new(task) }
    }
}

async fn read_request(connection: TcpStream) -> io::Result<(Request, Vec<u8>, OwnedWriteHalf)> {
    let (input, output) = connection.into_split();
    let mut input = BufReader::new(input);
    let line = read_line(&mut input).await?;
    let mut headers = Vec::new();
    loop {
        let header = read_line(&mut input).await?;
        match header.split_once(':') {
            Some((name, value)) => headers.push((name.to_ascii_lowercase(), value.trim().to_owned())),
            None => break,
        }
    }
    let request = Request { line, headers };
    let body = if request.header("transfer-encoding") == Some("chunked") {
        read_chunks(&mut input).await?
    } else {
        let length = request.header("content-length").map_or(0, |length| length.parse().expect("a number"));
        read_exactly(&mut input, length).await?
    };
    Ok((request, body, output))
}

async fn read_chunks(input: &mut BufReader<OwnedReadHalf>) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let length = usize::from_str_radix(&read_line(input).await?, 16).expect("a hex number");
        body.extend(read_exactly(input, length).await?);
        read_line(input).await?;
        if length == 0 {
            return Ok(body);
        }
    }
}

async fn read_exactly(input: &mut BufReader<OwnedReadHalf>, length: usize) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; length];
    input.read_exact(&mut bytes).await?;
    Ok(bytes)
}

async fn read_line(input: &mut BufReader<OwnedReadHalf>) -> io::Result<String> {
    let mut line = String::new();
    input.read_line(&mut line).await?;
    Ok(line.trim_end().to_owned())
}

async fn answer(
    repository: &impl Answers,
    request: &Request,
    body: Vec<u8>,
    output: OwnedWriteHalf,
) -> io::Result<()> {
    let protocol = GitProtocol::from_header(request.header("git-protocol"));
    let service = |name: &str| GitService::from_name(name).expect("a service");
    let target = request.line.split(' ').nth(1).expect("a target");
    if let Some((_, name)) = target.split_once("/info/refs?service=") {
        let service = service(name);
        let advertised = repository.advertise(service, protocol).await.map_err(io::Error::other)?;
        return respond(output, &format!("{service}-advertisement"), advertised).await;
    }
    let service = service(target.rsplit('/').next().expect("a last part"));
    let pieces: Vec<_> = body.chunks(10_000).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
    let body =
        decode_request_body(request.header("content-encoding"), stream::iter(pieces)).expect("supported");
    let content_type = format!("{service}-result");
    match service {
        GitService::UploadPack => {
            let answer = repository.upload_pack(body, protocol).await.map_err(io::Error::other)?;
            respond(output, &content_type, answer).await
        }
        GitService::ReceivePack => {
            let received = receive_pack(repository.target(), body, &protocol, RefRoom::default())
                .await
                .map_err(io::Error::other)?;
            respond(output, &content_type, stream::iter([Ok(received.output)])).await
        }
    }
}

/// In chunks, so that the client notices when the body is cut off.
async fn respond(
    mut output: OwnedWriteHalf,
    content_type: &str,
    body: impl Stream<Item = io::Result<Bytes>>,
) -> io::Result<()> {
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/x-{content_type}\r\nTransfer-Encoding: chunked\r\n\
         Cache-Control: no-cache\r\nConnection: close\r\n\r\n"
    );
    output.write_all(head.as_bytes()).await?;
    let mut body = std::pin::pin!(body);
    while let Some(piece) = body.next().await {
        let piece = piece?;
        if !piece.is_empty() {
            output.write_all(format!("{:x}\r\n", piece.len()).as_bytes()).await?;
            output.write_all(&piece).await?;
            output.write_all(b"\r\n").await?;
        }
    }
    output.write_all(b"0\r\n\r\n").await
}
