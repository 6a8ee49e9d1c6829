//! Computing the answer to a fetch: `git upload-pack` on the canonical request, with the settings that make it cheap.
//!
//! What costs most is different in shape. A shallow clone has no use for bitmaps; its time goes into searching deltas
//! between files that have none in common, and into compressing again what was stored as a delta. So that search is
//! left out or cut short, and compression is light: a third of the computing time for a tenth more bytes. A whole
//! clone copies stored packs with the help of bitmaps, and is left alone. The memory of either is bounded.
//!
//! A clone of whole histories asks nothing that upload-pack would have to decide, so its pack is wrapped here. Where it
//! can, it is the pack behind the bundle with what has come since; else `git pack-objects` makes it.
//!
//! The answer is what `git` says. Whether it is kept, and for whom it is computed, is decided elsewhere.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::{StreamExt, stream};

use crate::cpu_time::cpu_time;
use crate::error::GitError;
use crate::pkt_line::{PacketLine, decode_packet};
use crate::protocol::GitProtocol;
use crate::repository::Repository;
use crate::response_cache::Production;
use crate::serve::Serving;
use crate::serving::joined_pack::JoinedPack;
use crate::version::GitVersion;
use crate::wire::{Deepen, DepthFrom, Dialect, FetchRequest, Wrapping};

/// Histories of up to this many commits hold few versions of the same file, between which a delta would be small.
const FEW_COMMITS: u32 = 5;

/// How many neighbours an object is compared with when a longer history is cut.
const SHORT_DELTA_WINDOW: &str = "1";

/// The fastest compression that still compresses.
const LIGHT_COMPRESSION: &str = "1";

/// Threads of one computation that search for deltas.
const DELTA_THREADS: &str = "2";

/// Memory in which each of them holds the objects it compares.
const DELTA_WINDOW_MEMORY: &str = "128m";

/// Memory in which deltas wait to be written.
const DELTA_CACHE_MEMORY: &str = "64m";

/// After so long without output the client is told that there is somebody: the same as in `git`
/// (`uploadpack.keepAlive`).
const KEEP_ALIVE_AFTER: Duration = Duration::from_secs(5);

/// From this version on objects are copied from all packs of a multi-pack index and not from one of them. The first
/// versions that could do so had faults: objects were lost, and packs that went away broke an answer off.
const COPIES_FROM_MANY_PACKS: GitVersion = GitVersion::new(2, 48, 0);

/// Starts the computation for a client that may want what it wants. Returns when the first piece of the answer is
/// there, or the whole failure.
pub(crate) async fn compute(repository: &Repository, request: &FetchRequest) -> Result<Production, GitError> {
    let Some(clone) = request.as_plain_clone() else {
        return compute_by_upload_pack(repository, request).await;
    };
    let started = Instant::now();
    let settings = settings(request, repository.git().version());
    let joined = repository.pack_from_bundle(request, settings.clone()).await.unwrap_or_else(|error| {
        let error = &error as &dyn std::error::Error;
        tracing::info!(error, repository.path = %repository.path().display(), "git makes the whole pack of a clone");
        None
    });
    let source = match joined {
        Some(pack) => {
            repository.engine().count_from_bundle();
            Source::Joined(pack)
        }
        None => {
            let packing = repository.pack_objects(&clone.options, clone.revisions.clone(), settings);
            Source::Process(Box::new(packing.await?))
        }
    };
    produce(repository.clone(), source, Some(Wrapping::of(&clone)), request, started).await
}

/// The same by `git upload-pack`, which says what is wrong with what is wanted.
pub(crate) async fn compute_by_upload_pack(
    repository: &Repository,
    request: &FetchRequest,
) -> Result<Production, GitError> {
    let protocol = match request.dialect() {
        Dialect::Second => GitProtocol::from_header(Some("version=2")),
        Dialect::Original { .. } => GitProtocol::default(),
    };
    let settings = settings(request, repository.git().version());
    let started = Instant::now();
    let serving = repository.answer_of_upload_pack(request.canonical(), protocol, settings).await?;
    produce(repository.clone(), Source::Process(Box::new(serving)), None, request, started).await
}

async fn produce(
    repository: Repository,
    source: Source,
    wrapping: Option<Wrapping>,
    request: &FetchRequest,
    started: Instant,
) -> Result<Production, GitError> {
    let cost = Arc::new(Mutex::new(None));
    let mut computation = Computation {
        has_ended: false,
        repository,
        source,
        wrapping,
        failure: None,
        cost: Arc::clone(&cost),
    };
    let begun = beginning(&mut computation, request.deepen()).await?;
    if let Some(message) = begun.first().and_then(|piece| refusal(piece)) {
        return Err(GitError::Refused { operation: "serve a fetch", message });
    }
    let rest = stream::unfold((!begun.is_empty()).then_some(computation), |computation| async move {
        let mut computation = computation?;
        match computation.next().await? {
            Ok(piece) => Some((Ok(piece), Some(computation))),
            Err(error) => Some((Err(io::Error::other(error)), None)),
        }
    });
    let output = stream::iter(begun.into_iter().map(Ok)).chain(rest).boxed();
    let cost = move || {
        let measured = *cost.lock().unwrap_or_else(PoisonError::into_inner);
        measured.unwrap_or_else(|| started.elapsed())
    };
    Ok(Production { output, cost: Box::new(cost), turn: None })
}

/// The first piece; the second one too where `git` may begin to answer before it finds out that it cannot: a cut
/// that leaves no commit.
async fn beginning(computation: &mut Computation, deepen: &Deepen) -> Result<Vec<Bytes>, GitError> {
    let count = if matches!(deepen, Deepen::Cut { .. }) { 2 } else { 1 };
    let mut begun = Vec::new();
    while begun.len() < count {
        match computation.next().await.transpose()? {
            Some(piece) => begun.push(piece),
            None => break,
        }
    }
    Ok(begun)
}

/// Where the bytes come from.
enum Source {
    Process(Box<Serving>),
    Joined(JoinedPack),
}

impl Source {
    async fn next(&mut self) -> Option<Result<Bytes, GitError>> {
        match self {
            Self::Process(serving) => serving.next().await,
            Self::Joined(pack) => pack.next().await,
        }
    }

    /// The computing time that it took; asked before [`Source::finish`].
    fn cost(&self) -> Option<Duration> {
        match self {
            // Once the process has been waited for, nobody can tell any more what it took.
            Self::Process(serving) => serving.process_id().and_then(cpu_time),
            Self::Joined(pack) => Some(pack.cost()),
        }
    }

    /// After the last piece: whether that was all.
    async fn finish(&mut self) -> Result<(), GitError> {
        let Self::Process(serving) = self else { return Ok(()) };
        let end = serving.end().await?;
        if end.status.success() || end.is_hang_up() { Ok(()) } else { Err(serving.failure(&end)) }
    }
}

/// What is being computed, with what is known of it.
struct Computation {
    has_ended: bool,
    repository: Repository,
    source: Source,
    /// Where the source gives only the pack.
    wrapping: Option<Wrapping>,
    /// Told after what the client is told of it.
    failure: Option<GitError>,
    cost: Arc<Mutex<Option<Duration>>>,
}

impl Computation {
    /// The next piece; `None` at the end of a whole answer.
    async fn next(&mut self) -> Option<Result<Bytes, GitError>> {
        if self.wrapping.is_some() {
            return self.next_wrapped().await;
        }
        if self.has_ended {
            return None;
        }
        match self.source.next().await {
            Some(piece) => Some(piece),
            None => self.finish().await.err().map(Err),
        }
    }

    async fn next_wrapped(&mut self) -> Option<Result<Bytes, GitError>> {
        loop {
            let wrapping = self.wrapping.as_mut()?;
            if let Some(piece) = wrapping.next() {
                return Some(Ok(piece));
            }
            if let Some(error) = self.failure.take() {
                return Some(Err(error));
            }
            if self.has_ended {
                return None;
            }
            let failure = match tokio::time::timeout(KEEP_ALIVE_AFTER, self.source.next()).await {
                Err(_) => {
                    wrapping.keep_alive();
                    continue;
                }
                Ok(Some(Ok(pack))) => {
                    wrapping.pack(pack);
                    continue;
                }
                Ok(Some(Err(error))) => {
                    self.has_ended = true;
                    tracing::warn!(%error, "incomplete answer");
                    if let Source::Joined(_) = &self.source {
                        // Whoever tries again is served by git; the upkeep looks what is wrong.
                        self.repository.doubt_bundle();
                    }
                    Some(error)
                }
                Ok(None) => self.finish().await.err(),
            };
            let wrapping = self.wrapping.as_mut()?;
            match &failure {
                None => wrapping.end(),
                Some(_) => wrapping.fail(),
            }
            self.failure = failure;
        }
    }

    async fn finish(&mut self) -> Result<(), GitError> {
        self.has_ended = true;
        *self.cost.lock().unwrap_or_else(PoisonError::into_inner) = self.source.cost();
        let outcome = self.source.finish().await;
        if let Err(error) = &outcome {
            tracing::warn!(%error, "incomplete answer");
        }
        outcome
    }
}

/// What the client should be told, when that is all that there is.
fn refusal(output: &[u8]) -> Option<String> {
    match decode_packet(output) {
        Ok(Some((PacketLine::Data(line), length))) if length == output.len() => {
            Some(String::from_utf8_lossy(line.strip_prefix(b"ERR ")?.trim_ascii_end()).into_owned())
        }
        _ => None,
    }
}

fn settings(request: &FetchRequest, git: GitVersion) -> Vec<(&'static str, String)> {
    let mut settings = vec![
        ("pack.threads", DELTA_THREADS),
        ("pack.windowMemory", DELTA_WINDOW_MEMORY),
        ("pack.deltaCacheSize", DELTA_CACHE_MEMORY),
    ];
    if *request.deepen() != Deepen::No {
        settings.push(("pack.compression", LIGHT_COMPRESSION));
        settings
            .push(("pack.window", if is_near_the_tips(request.deepen()) { "0" } else { SHORT_DELTA_WINDOW }));
    } else if git >= COPIES_FROM_MANY_PACKS {
        settings.push(("pack.allowPackReuse", "multi"));
    }
    settings.into_iter().map(|(key, value)| (key, value.to_owned())).collect()
}

fn is_near_the_tips(deepen: &Deepen) -> bool {
    matches!(deepen, Deepen::Depth { commits: ..=FEW_COMMITS, from: DepthFrom::Wants })
}
