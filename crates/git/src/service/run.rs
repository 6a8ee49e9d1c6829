//! Answering clients that read: one `git` per request, its input fed and its output handed on piece by piece.
//!
//! The response stream does everything when it is polled: it feeds the request to `git`, takes output, and keeps the
//! end of what `git` says. There is no task beside it, so a slow client slows `git` down through the pipe, and a
//! client that goes away ends `git` by dropping the stream.

use std::any::Any;
use std::ffi::OsString;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::{FutureExt, Stream, StreamExt, stream};
use heliostat_git_wire::{
    FatalErrorWatch, GitProtocol, GitService, PacketLine, encode_packet, ends_with_error_packet, error_packet,
};

use crate::process::{
    ByteStream, Fault, GitCommand, GitError, GitProcess, Lane, OnProgress, pieces, read_said, read_tail,
};
use crate::repository::Repository;
use crate::service::feed::{feed, pending_when_none};
use crate::service::prepare_push::{checked, prepare_push, taking_a_push};
use crate::service::{MAX_PUSH_BYTES, ServiceEnd, bounded};

/// Most that a client may send to fetch: wants and haves, of a very large repository.
pub const MAX_FETCH_REQUEST_BYTES: u64 = 256 * 1024 * 1024;

/// How a client talks to a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServeMode {
    /// Only the advertisement, as for `GET info/refs`.
    Advertise,
    /// One request and its response, as for `POST git-upload-pack`.
    Exchange,
    /// A conversation over one connection, as over SSH.
    Session,
}

/// How to run a service.
#[derive(Debug, Clone)]
pub struct ServeOptions {
    /// What the client said about its protocol.
    pub protocol: GitProtocol,
    /// How the client talks.
    pub mode: ServeMode,
    /// Added to the environment of the process.
    pub extra_env: Vec<(OsString, OsString)>,
}

/// The response of a service. Dropping it ends the process. It ends with an error when the response is incomplete,
/// so that the connection must be broken off and the client notices.
pub struct GitOutput(ByteStream);

impl GitOutput {
    /// The response in these pieces.
    pub fn new(output: ByteStream) -> Self {
        Self(output)
    }
}

impl Stream for GitOutput {
    type Item = io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_next_unpin(context)
    }
}

impl std::fmt::Debug for GitOutput {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("GitOutput(..)")
    }
}

/// Starts a service on this repository; the caller moves the bytes, and must read what it says on stderr.
pub async fn serve(
    repository: &Repository,
    service: GitService,
    options: ServeOptions,
) -> Result<GitProcess, GitError> {
    let command = service_command(repository, service, options);
    let command = match service {
        GitService::UploadPack => command,
        GitService::ReceivePack => {
            let command = checked(repository, command).await;
            taking_a_push(command, repository.change_under_way())
        }
    };
    command.spawn(lane_of(service)).await
}

fn service_command(repository: &Repository, service: GitService, options: ServeOptions) -> GitCommand {
    let mut command = repository.command(operation_of(service)).arg(service.subcommand());
    command = match options.mode {
        ServeMode::Advertise => command.args(["--stateless-rpc", "--http-backend-info-refs"]),
        ServeMode::Exchange => command.arg("--stateless-rpc"),
        ServeMode::Session => command,
    };
    command = command.settings(service_settings(service));
    if let Some(protocol) = options.protocol.as_str() {
        command = command.env("GIT_PROTOCOL", protocol);
    }
    for (name, value) in options.extra_env {
        command = command.env(name, value);
    }
    command.arg(repository.path())
}

/// The body of the answer to `GET info/refs`, as `git` makes it.
pub async fn advertise_by_git(
    repository: &Repository,
    service: GitService,
    protocol: &GitProtocol,
) -> Result<GitOutput, GitError> {
    let running = exchange(repository, service, ServeMode::Advertise, protocol, stream::empty()).await?;
    // Version 2 has no header, but version 2 has no push: receive-pack answers in an older one.
    let has_header = protocol.version() < 2 || service == GitService::ReceivePack;
    running.into_output(has_header.then(|| service_header(service))).await
}

/// The body of the answer to `POST git-upload-pack`, as `git` makes it while the request arrives. Returns when the
/// first piece is there.
pub async fn upload_pack_by_git(
    repository: &Repository,
    request: impl Stream<Item = io::Result<Bytes>> + Send + 'static,
    protocol: &GitProtocol,
) -> Result<GitOutput, GitError> {
    let running =
        exchange(repository, GitService::UploadPack, ServeMode::Exchange, protocol, request).await?;
    running.into_output(None).await
}

/// A request being answered by `git` while it arrives.
pub async fn exchange(
    repository: &Repository,
    service: GitService,
    mode: ServeMode,
    protocol: &GitProtocol,
    request: impl Stream<Item = io::Result<Bytes>> + Send + 'static,
) -> Result<RunningService, GitError> {
    exchange_with(repository, service, mode, protocol, request, Vec::new(), ()).await
}

/// The same, with these settings besides the usual ones, and with something that lives until git is gone.
pub(super) async fn exchange_with(
    repository: &Repository,
    service: GitService,
    mode: ServeMode,
    protocol: &GitProtocol,
    request: impl Stream<Item = io::Result<Bytes>> + Send + 'static,
    settings: Vec<(&'static str, String)>,
    until_it_is_gone: impl Any + Send + Sync,
) -> Result<RunningService, GitError> {
    let limit_bytes = match service {
        GitService::UploadPack => MAX_FETCH_REQUEST_BYTES,
        GitService::ReceivePack => MAX_PUSH_BYTES,
    };
    let options = ServeOptions { protocol: protocol.clone(), mode, extra_env: Vec::new() };
    let command = service_command(repository, service, options).settings(settings);
    let mut command = command.holding(until_it_is_gone);
    let mut request = bounded(request, limit_bytes).boxed();
    if service == GitService::ReceivePack {
        (command, request) = prepare_push(repository, command, request).await;
    }
    let mut process = command.spawn(lane_of(service)).await?;
    let output = process.take_stdout().expect("spawned with a piped stdout").boxed();
    Ok(RunningService::by(process, output, operation_of(service), repository, request, None))
}

/// The answer of upload-pack to a request that is there already, with these settings besides its usual ones.
pub async fn answer_of_upload_pack(
    repository: &Repository,
    request: Bytes,
    protocol: GitProtocol,
    settings: Vec<(&'static str, String)>,
) -> Result<RunningService, GitError> {
    let mode = ServeMode::Exchange;
    let options = ServeOptions { protocol, mode, extra_env: Vec::new() };
    let command = service_command(repository, GitService::UploadPack, options).settings(settings);
    answer_of(repository, &command, request, None).await
}

/// A pack without anything around it. `on_progress` takes what the option `--progress` makes it say.
pub async fn pack_objects(
    repository: &Repository,
    options: &[&'static str],
    input: Bytes,
    settings: Vec<(&'static str, String)>,
    on_progress: Option<OnProgress>,
) -> Result<RunningService, GitError> {
    let command = repository.command(operation_of(GitService::UploadPack));
    let command = command.arg("pack-objects").args(options).settings(settings);
    answer_of(repository, &command, input, on_progress).await
}

async fn answer_of(
    repository: &Repository,
    command: &GitCommand,
    input: Bytes,
    on_progress: Option<OnProgress>,
) -> Result<RunningService, GitError> {
    let (process, output) = command.spawn_with_pipe(Lane::Fetch).await?;
    let input = stream::iter([Ok(input)]).boxed();
    Ok(RunningService::by(process, pieces(output), command.operation(), repository, input, on_progress))
}

/// A request being answered.
pub struct RunningService {
    /// Moves the request to `git`; `None` when all of it has arrived there.
    feed: Option<BoxFuture<'static, io::Result<()>>>,
    /// Reads what `git` says to people; `None` when it has said everything.
    saying: Option<BoxFuture<'static, io::Result<String>>>,
    /// The end of what it said.
    said: String,
    output: ByteStream,
    process: GitProcess,
    /// The piece that was handed on last.
    last: Bytes,
    fatal_errors: FatalErrorWatch,
    /// A piece that tells of a failure and waits until that is noted.
    held: Option<Bytes>,
    /// What comes after it: `None` inside when that is the end.
    ahead: Option<Option<Result<Bytes, GitError>>>,
    /// Whether the pack has begun.
    packs: bool,
    /// Whether the process closed its output before it had the whole request.
    was_cut_short: bool,
    /// How the process ended, once it was waited for.
    ended: Option<ServiceEnd>,
    /// Whether that is noted where it was a failure.
    is_noted: bool,
    /// Whether the request names something that git may be unable to read although nothing is damaged.
    doubts_request: bool,
    operation: &'static str,
    repository: Repository,
}

impl RunningService {
    /// Feeds this input to a process that answers.
    fn by(
        mut process: GitProcess,
        output: ByteStream,
        operation: &'static str,
        repository: &Repository,
        input: ByteStream,
        on_progress: Option<OnProgress>,
    ) -> Self {
        let stdin = process.stdin.take().expect("spawned with a piped stdin");
        let stderr = process.stderr.take().expect("spawned with a piped stderr");
        let saying = match on_progress {
            None => read_tail(stderr).boxed(),
            Some(on_progress) => read_said(stderr, on_progress).boxed(),
        };
        Self {
            feed: Some(feed(stdin, input).boxed()),
            saying: Some(saying),
            said: String::new(),
            output,
            process,
            last: Bytes::new(),
            fatal_errors: FatalErrorWatch::default(),
            held: None,
            ahead: None,
            packs: false,
            was_cut_short: false,
            ended: None,
            is_noted: false,
            doubts_request: false,
            operation,
            repository: repository.clone(),
        }
    }

    /// The next piece of output; `None` when there will be no more.
    ///
    /// A client that reads that the answer has failed may ask again at once, so what is wrong is noted before it reads so.
    pub async fn next(&mut self) -> Option<Result<Bytes, GitError>> {
        if self.held.is_none() {
            let piece = match self.ahead.take() {
                Some(piece) => piece,
                None => self.read().await,
            };
            match piece {
                Some(Ok(bytes)) if self.fatal_errors.ends_with(&bytes) => self.held = Some(bytes),
                piece => return piece,
            }
        }
        if self.ahead.is_none() {
            self.ahead = Some(self.read().await);
        }
        if matches!(self.ahead, Some(None))
            && let Ok(end) = self.end().await
            && !end.status.success()
        {
            self.failure(&end);
        }
        self.held.take().map(Ok)
    }

    async fn read(&mut self) -> Option<Result<Bytes, GitError>> {
        let operation = self.operation;
        let io_error = |error| GitError::Io { operation, error };
        loop {
            tokio::select! {
                fed = pending_when_none(&mut self.feed) => {
                    self.feed = None;
                    if let Err(error) = fed {
                        return Some(Err(GitError::Request(error)));
                    }
                }
                text = pending_when_none(&mut self.saying) => {
                    self.saying = None;
                    self.said = text.unwrap_or_default();
                }
                piece = self.output.next() => {
                    if let Some(Ok(bytes)) = &piece {
                        self.last = bytes.clone();
                        self.note_begin_of_pack();
                    }
                    return piece.map(|piece| piece.map_err(io_error));
                }
            }
        }
    }

    /// `git` begins to write a pack when it knows where each of its objects lies.
    fn note_begin_of_pack(&mut self) {
        if !self.packs && begins_pack(&self.last) {
            self.packs = true;
            self.process.settle();
        }
    }

    /// The number of the process, until [`RunningService::end`] has waited for it.
    pub fn process_id(&self) -> Option<u32> {
        self.process.id()
    }

    /// Waits for the end of a process that has closed its output.
    pub async fn end(&mut self) -> Result<ServiceEnd, GitError> {
        if let Some(end) = &self.ended {
            return Ok(end.clone());
        }
        // Dropping an unfinished feed closes the input, so that the process cannot wait for more.
        self.was_cut_short |= self.feed.take().is_some();
        if let Some(saying) = &mut self.saying {
            self.said = saying.await.unwrap_or_default();
            self.saying = None;
        }
        let operation = self.operation;
        let status = self.process.wait().await.map_err(|error| GitError::Io { operation, error })?;
        let stderr = std::mem::take(&mut self.said);
        let end = ServiceEnd { status, stderr, request_was_whole: !self.was_cut_short };
        Ok(self.ended.insert(end).clone())
    }

    /// Takes what upload-pack only supposes about the repository for the fault of the request, which names something by
    /// itself: any client could have the repository examined.
    #[must_use]
    pub fn doubting_its_request(mut self) -> Self {
        self.doubts_request = true;
        self
    }

    /// The error that tells of this end, which is noted. Whatever breaks off a pack that has begun may be damage, in
    /// words that are not known to be about it.
    pub fn failure(&mut self, end: &ServiceEnd) -> GitError {
        let path = self.repository.path();
        let mut error =
            GitError::from_failure(self.operation, Some(path), &end.status.to_string(), &end.stderr);
        if self.doubts_request && error.only_supposes_damage() {
            error = GitError::unreadable_filter(self.operation);
        }
        if !std::mem::replace(&mut self.is_noted, true) {
            self.repository.note(&error);
            if self.packs && !error.is_broken_repository() && !matches!(error, GitError::Refused { .. }) {
                self.repository.suspect(&Fault::CannotReadNow(error.to_string()));
            }
        }
        error
    }

    /// Waits for the first piece, because a failure before it can still be told to the client in full.
    async fn into_output(mut self, header: Option<Bytes>) -> Result<GitOutput, GitError> {
        let first = match self.next().await {
            Some(piece) => piece?,
            None => {
                self.check_end().await?;
                return Ok(GitOutput(stream::iter(header.map(Ok)).boxed()));
            }
        };
        let start = stream::iter(header.into_iter().chain([first]).map(Ok));
        let rest = stream::unfold(Some(self), |serving| async move {
            let mut serving = serving?;
            match serving.next().await {
                Some(Ok(piece)) => Some((Ok(piece), Some(serving))),
                Some(Err(error)) => Some((Err(io::Error::other(error)), None)),
                None => {
                    let error = serving.check_end().await.err()?;
                    if let GitError::Refused { message, .. } = &error {
                        return Some((Ok(error_packet(message)), None));
                    }
                    tracing::warn!(%error, repository.path = %serving.repository.path().display(), "incomplete answer");
                    Some((Err(io::Error::other(error)), None))
                }
            }
        });
        Ok(GitOutput(start.chain(rest).boxed()))
    }

    async fn check_end(&mut self) -> Result<(), GitError> {
        let end = self.end().await?;
        if end.status.success() || end.is_hang_up() || ends_with_error_packet(&self.last) {
            return Ok(());
        }
        Err(self.failure(&end))
    }
}

/// Whether a pack begins with this piece, or within it in a packet of the first band. One that is cut in two there is
/// not seen, and holds up more than it needs.
fn begins_pack(piece: &[u8]) -> bool {
    const WITHIN: &[u8] = b"\x01PACK";
    piece.starts_with(&WITHIN[1..]) || piece.windows(WITHIN.len()).any(|part| part == WITHIN)
}

fn lane_of(service: GitService) -> Lane {
    match service {
        GitService::UploadPack => Lane::Fetch,
        GitService::ReceivePack => Lane::Push,
    }
}

fn operation_of(service: GitService) -> &'static str {
    match service {
        GitService::UploadPack => "serve a fetch",
        GitService::ReceivePack => "receive a push",
    }
}

fn service_settings(service: GitService) -> Vec<(&'static str, String)> {
    let settings: &[(&str, &str)] = match service {
        GitService::UploadPack => &[
            ("uploadpack.allowFilter", "true"),
            ("uploadpack.allowAnySHA1InWant", "true"),
            ("lsrefs.unborn", "advertise"),
        ],
        GitService::ReceivePack => &[
            ("receive.denyDeletes", "false"),
            ("receive.denyNonFastForwards", "false"),
            ("receive.denyCurrentBranch", "ignore"),
            // A clone would check nothing out any more. Who wants to delete it makes another branch the default one first.
            ("receive.denyDeleteCurrent", "refuse"),
            ("receive.updateServerInfo", "false"),
            ("receive.advertiseAtomic", "true"),
            ("receive.advertisePushOptions", "true"),
            // Where new objects wait for the rest of the push, the repository itself counts as another one, whose references
            // are listed by one more process although they were taken into account already.
            ("core.alternateRefsCommand", "true"),
        ],
    };
    let mut settings: Vec<_> = settings.iter().map(|(key, value)| (*key, (*value).to_owned())).collect();
    if service == GitService::ReceivePack {
        settings.push(("receive.maxInputSize", MAX_PUSH_BYTES.to_string()));
    }
    settings
}

fn service_header(service: GitService) -> Bytes {
    let mut header = Vec::new();
    let line = format!("# service={service}\n");
    for packet in [PacketLine::Data(line.as_bytes()), PacketLine::Flush] {
        encode_packet(packet, &mut header).expect("a short line fits");
    }
    header.into()
}

#[cfg(test)]
#[path = "run_tests.rs"]
mod tests;
