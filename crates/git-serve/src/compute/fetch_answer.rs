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
//! Where nothing is here yet, it is the pack that is on its way here.
//!
//! `git upload-pack` tells how far it is in packets between those of the pack. They are taken out of the answer, and told
//! to those who wait for it.
//!
//! The answer is what `git` says. Whether it is kept, and for whom it is computed, is decided elsewhere.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use heliostat_git::{
    Fault, ForwardedPack, GitError, GitVersion, RunningService, SaidLines, answer_of_upload_pack, cpu_time,
    pack_objects,
};
use heliostat_git_wire::{
    Deepen, DepthFrom, FetchRequest, GitProtocol, KEEP_ALIVE, PacketLine, Parted, PeopleBand,
    ProtocolVersion, SidebandWriter, decode_packet,
};
use heliostat_stream_cache::{Pace, ResponseStream};
use parking_lot::Mutex;
use tokio::time::{Instant as Moment, timeout_at};

use crate::compute::from_bundle::pack_from_bundle;
use crate::compute::joined_pack::JoinedPack;
use crate::followed::followed;
use crate::served::ServedRepository;

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

/// After so long without output the client is told that the server lives: the same as in `git`
/// (`uploadpack.keepAlive`).
const KEEP_ALIVE_AFTER: Duration = Duration::from_secs(5);

/// What `git` says of an object that it does not find.
const NOT_OURS: &str = "not our ref";

/// What a client is told of a pack that breaks off while it is forwarded.
const FORWARDING_FAILED: &str = "what the origin gives broke off, or is not right: try again";

/// Most of an answer that is held until it is certain that there will be one: a list of where a long history is cut.
const MAX_HELD_BYTES: usize = 4 * 1024 * 1024;

/// From this version on objects are copied from all packs of a multi-pack index and not from one of them. The first
/// versions that could do so had faults: objects were lost, and packs that went away broke an answer off.
const COPIES_FROM_MANY_PACKS: GitVersion = GitVersion::new(2, 48, 0);

/// Starts the computation for a client that may want what it wants. Returns when the first piece of the answer is
/// there, or the whole failure.
pub(crate) async fn compute(
    served: &ServedRepository,
    request: &FetchRequest,
) -> Result<ResponseStream, GitError> {
    let Some(clone) = request.as_full_clone() else {
        return compute_by_upload_pack(served, request).await;
    };
    let started = Instant::now();
    let settings = settings(request, served.repository.git().version());
    let joined = pack_from_bundle(served, request, settings.clone()).await.unwrap_or_else(|error| {
        let error = &error as &dyn std::error::Error;
        tracing::info!(error, repository.path = %served.repository.path().display(), "git makes the whole pack of a clone");
        None
    });
    let (source, progress) = match joined {
        Some(pack) => {
            served.engine().count_from_bundle();
            (Source::Joined(pack), None)
        }
        None => {
            let (on_progress, progress) = followed();
            let revisions = clone.revisions.clone();
            let packing =
                pack_objects(&served.repository, &clone.options, revisions, settings, Some(on_progress));
            (Source::Process(Box::new(packing.await?)), Some(progress))
        }
    };
    let framing = Framing::Writing(SidebandWriter::of(&clone));
    let response = produce(served.clone(), source, framing, request, started);
    Ok(ResponseStream { progress, ..response.await? })
}

/// The same by `git upload-pack`, which says what is wrong with what is wanted.
pub(crate) async fn compute_by_upload_pack(
    served: &ServedRepository,
    request: &FetchRequest,
) -> Result<ResponseStream, GitError> {
    let protocol = match request.version() {
        ProtocolVersion::V2 => GitProtocol::from_header(Some("version=2")),
        ProtocolVersion::V0 { .. } => GitProtocol::default(),
    };
    let settings = settings(request, served.repository.git().version());
    let started = Instant::now();
    let (body, framing, progress) = match PeopleBand::of(request) {
        None => (request.canonical(), Framing::Whole, None),
        Some(band) => {
            let (on_progress, progress) = followed();
            let parting = Parting::new(band, SaidLines::new(on_progress));
            (request.canonical_with_progress(), Framing::Parting(parting), Some(progress))
        }
    };
    let mut serving = answer_of_upload_pack(&served.repository, body, protocol, settings).await?;
    if request.may_name_an_object_by_filter() {
        serving = serving.doubting_its_request();
    }
    let source = Source::Process(Box::new(serving));
    let response = produce(served.clone(), source, framing, request, started).await?;
    Ok(ResponseStream { progress, ..response })
}

/// The same from a pack that comes from elsewhere and is forwarded: what a plain clone wants, and nothing else.
pub(crate) async fn compute_from_forwarded(
    served: &ServedRepository,
    request: &FetchRequest,
    pack: ForwardedPack,
) -> Result<ResponseStream, GitError> {
    let clone = request.as_full_clone().expect("nothing else is forwarded");
    let framing = Framing::Writing(SidebandWriter::of(&clone));
    let source = Source::Forwarded(pack);
    let response = produce(served.clone(), source, framing, request, Instant::now()).await?;
    Ok(ResponseStream { pace: Pace::Own, ..response })
}

async fn produce(
    served: ServedRepository,
    source: Source,
    framing: Framing,
    request: &FetchRequest,
    started: Instant,
) -> Result<ResponseStream, GitError> {
    let cost = Arc::new(Mutex::new(None));
    let mut computation =
        Computation { has_ended: false, served, source, framing, failure: None, cost: Arc::clone(&cost) };
    let begun = beginning(&mut computation, request).await?;
    let rest = stream::unfold((!begun.is_empty()).then_some(computation), |computation| async move {
        let mut computation = computation?;
        match computation.next().await? {
            Ok(piece) => Some((Ok(piece), Some(computation))),
            Err(error) => Some((Err(io::Error::other(error)), None)),
        }
    });
    let output = stream::iter(begun.into_iter().map(Ok)).chain(rest).boxed();
    let cost = move || {
        let measured = *cost.lock();
        measured.unwrap_or_else(|| started.elapsed())
    };
    Ok(ResponseStream { output, cost: Box::new(cost), permit: None, progress: None, pace: Pace::Readers })
}

/// As much of the answer as must be there before it is certain that `git` answers: the first piece. Where it may find
/// out later that it cannot (a cut that leaves no commit), that is everything before the pack, however it is cut into
/// pieces; a client is then told in the same way each time.
async fn beginning(computation: &mut Computation, request: &FetchRequest) -> Result<Vec<Bytes>, GitError> {
    let mut start = matches!(request.deepen(), Deepen::Cut { .. }).then(|| request.pack_start());
    let (mut begun, mut held_bytes) = (Vec::new(), 0);
    while let Some(piece) = computation.next().await.transpose()? {
        if begun.is_empty()
            && let Some(message) = refusal(&piece)
        {
            if message.contains(NOT_OURS) {
                // What is wanted was found to be here, or references name it.
                computation.served.repository.suspect(&Fault::CannotReadNow(message.clone()));
            }
            return Err(GitError::Refused { operation: "serve a fetch", message });
        }
        held_bytes += piece.len();
        let is_certain = start.as_mut().is_none_or(|start| start.find(&piece).is_some());
        begun.push(piece);
        if is_certain || held_bytes > MAX_HELD_BYTES {
            break;
        }
    }
    Ok(begun)
}

/// Where the bytes come from.
enum Source {
    Process(Box<RunningService>),
    Joined(JoinedPack),
    Forwarded(ForwardedPack),
}

impl Source {
    async fn next(&mut self) -> Option<Result<Bytes, GitError>> {
        match self {
            Self::Process(serving) => serving.next().await,
            Self::Joined(pack) => pack.next().await,
            Self::Forwarded(pack) => pack.next().await,
        }
    }

    /// The computing time that it took; asked before [`Source::finish`].
    fn cost(&self) -> Option<Duration> {
        match self {
            // Once the process has been waited for, the system no longer tells what it took.
            Self::Process(serving) => serving.process_id().and_then(cpu_time),
            Self::Joined(pack) => Some(pack.cost()),
            // To make it from what is here then costs little.
            Self::Forwarded(_) => Some(Duration::ZERO),
        }
    }

    /// After the last piece: whether that was all.
    async fn finish(&mut self) -> Result<(), GitError> {
        let Self::Process(serving) = self else { return Ok(()) };
        let end = serving.end().await?;
        if end.status.success() || end.is_hang_up() { Ok(()) } else { Err(serving.failure(&end)) }
    }
}

/// What becomes of the source's bytes on their way into the answer.
enum Framing {
    /// They are the answer.
    Whole,
    /// They are the pack alone.
    Writing(SidebandWriter),
    /// They are the answer, and words for people between its packets.
    Parting(Parting),
}

/// An answer that is being freed from words for people.
struct Parting {
    band: PeopleBand,
    lines: SaidLines,
    /// What goes into the answer next.
    ready: VecDeque<Bytes>,
    /// When the last of it came.
    told_at: Moment,
}

impl Parting {
    fn new(band: PeopleBand, lines: SaidLines) -> Self {
        Self { band, lines, ready: VecDeque::new(), told_at: Moment::now() }
    }

    fn take(&mut self, piece: Bytes) {
        let Parted { answer, said } = self.band.take(piece);
        self.lines.take(&said);
        if !answer.is_empty() {
            self.told_at = Moment::now();
            self.ready.extend(answer);
        }
    }

    /// Nothing came for the answer, though perhaps for people: those who are told nothing of that know by this that the
    /// server lives.
    fn keep_alive(&mut self) {
        self.told_at = Moment::now();
        if self.band.is_between_packets() {
            self.ready.push_back(KEEP_ALIVE);
        }
    }
}

/// What is being computed, with what is known of it.
struct Computation {
    has_ended: bool,
    served: ServedRepository,
    source: Source,
    framing: Framing,
    /// Told after what the client is told of it.
    failure: Option<GitError>,
    cost: Arc<Mutex<Option<Duration>>>,
}

impl Computation {
    /// The next piece; `None` at the end of a whole answer.
    async fn next(&mut self) -> Option<Result<Bytes, GitError>> {
        match self.framing {
            Framing::Writing(_) => return self.next_wrapped().await,
            Framing::Parting(_) => return self.next_parted().await,
            Framing::Whole => {}
        }
        if self.has_ended {
            return None;
        }
        match self.source.next().await {
            Some(piece) => Some(piece),
            None => self.finish().await.err().map(Err),
        }
    }

    async fn next_parted(&mut self) -> Option<Result<Bytes, GitError>> {
        loop {
            let Framing::Parting(parting) = &mut self.framing else { return None };
            if let Some(piece) = parting.ready.pop_front() {
                return Some(Ok(piece));
            }
            if self.has_ended {
                return None;
            }
            let due = parting.told_at + KEEP_ALIVE_AFTER;
            match timeout_at(due, self.source.next()).await {
                Err(_) => parting.keep_alive(),
                Ok(Some(Ok(piece))) => {
                    parting.take(piece);
                    if parting.ready.is_empty() && Moment::now() >= due {
                        parting.keep_alive();
                    }
                }
                Ok(Some(Err(error))) => return Some(Err(error)),
                Ok(None) => {
                    let said = parting.lines.end();
                    let failure = self.finish().await.err();
                    if failure.is_some() && !said.is_empty() {
                        tracing::warn!(said, "what git told those who were waiting");
                    }
                    return failure.map(Err);
                }
            }
        }
    }

    async fn next_wrapped(&mut self) -> Option<Result<Bytes, GitError>> {
        loop {
            let Framing::Writing(writer) = &mut self.framing else { return None };
            if let Some(piece) = writer.next_piece() {
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
                    writer.keep_alive();
                    continue;
                }
                Ok(Some(Ok(pack))) => {
                    writer.pack(pack);
                    continue;
                }
                Ok(Some(Err(error))) => {
                    self.has_ended = true;
                    tracing::warn!(%error, "incomplete answer");
                    Some(error)
                }
                Ok(None) => self.finish().await.err(),
            };
            let Framing::Writing(writer) = &mut self.framing else { return None };
            // The repository is suspected before the client reads of the failure.
            match (&failure, &self.source) {
                (None, _) => writer.end(),
                // Nothing is wrong with what is here.
                (Some(_), Source::Forwarded(_)) => writer.fail_saying(FORWARDING_FAILED),
                (Some(error), Source::Joined(_)) => {
                    // A client that tries again is served by git; housekeeping looks what is wrong, and the repository is
                    // examined.
                    self.served.repository.suspect(&Fault::Damaged(error.to_string()));
                    self.served.engine().doubt_bundle(self.served.repository.id());
                    writer.fail();
                }
                (Some(error), Source::Process(_)) => {
                    // In whatever words: git says only "unable to read" of a file's content that it misses.
                    self.served.repository.suspect(&Fault::CannotReadNow(error.to_string()));
                    writer.fail();
                }
            }
            self.failure = failure;
        }
    }

    async fn finish(&mut self) -> Result<(), GitError> {
        self.has_ended = true;
        *self.cost.lock() = self.source.cost();
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

#[cfg(test)]
#[path = "fetch_answer_tests.rs"]
mod tests;
