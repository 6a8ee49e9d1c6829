//! Writing a computation's output down while its readers follow.
//!
//! An answer goes to a file as long as the disk budget and the disk allow; one at a pace of its own, as long as the disk
//! allows. When they no longer do, what is written stays for the readers that are still there, the rest passes through
//! memory, and nothing is stored. A full disk costs readers speed, never an answer.

use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::poll_immediate;
use futures_util::stream::Fuse;
use futures_util::{FutureExt, StreamExt};
use tokio::task::spawn_blocking;
use tokio::time::{Instant, timeout_at};

use crate::cache::Shared;
use crate::counters::count;
use crate::footer::FOOTER_BYTES;
use crate::in_flight::InFlight;
use crate::response_stream::{ByteStream, Pace, ResponseStream};
use crate::store::{GrowingFile, remove, remove_all};

/// An answer is written in aligned blocks of so many bytes, as far as it comes fast enough. The page cache then holds
/// it in large folios, which saves two fifths of the computing time of writing. And each write wakes every reader.
pub(crate) const BLOCK_BYTES: usize = 1024 * 1024;

/// How long the next piece is waited for until a block is full. The beginning of an answer is never held up.
const GATHERING: Duration = Duration::from_millis(5);

/// How long a block takes at most of what comes at a pace of its own, over a slow network for instance: readers are to have
/// it steadily, and not a block at a time.
const MAX_GATHERING: Duration = Duration::from_millis(20);

/// How often a write that fails is tried again after making room.
const MAX_WRITE_RETRIES: usize = 3;

/// How much room is made before a write is tried again, in bytes.
const RETRY_ROOM_BYTES: u64 = 64 * 1024 * 1024;

/// What is written at once.
struct Batch {
    pieces: Vec<Bytes>,
    /// What came instead of another piece.
    failure: Option<io::Error>,
}

/// Output on its way into blocks.
struct Gathering {
    output: Fuse<ByteStream>,
    /// How long a block may take in all.
    limit: Option<Duration>,
    /// What of the last piece belongs to the next block.
    carried: Option<Bytes>,
}

impl Gathering {
    /// Waits for output and takes as much as fits into the block that contains this position; `None` at the end.
    async fn next(&mut self, position: u64) -> Option<Batch> {
        let mut room = BLOCK_BYTES - usize::try_from(position % BLOCK_BYTES as u64).unwrap_or_default();
        let mut batch = Batch { pieces: Vec::new(), failure: None };
        let mut next = match self.carried.take() {
            Some(carried) => Some(Ok(carried)),
            None => Some(self.output.next().await?),
        };
        let full_by = self.limit.map(|limit| Instant::now() + limit);
        while let Some(piece) = next {
            match piece {
                Ok(piece) if piece.is_empty() => {}
                Ok(mut piece) => {
                    let rest = piece.split_off(room.min(piece.len()));
                    self.carried = Some(rest).filter(|rest| !rest.is_empty());
                    room -= piece.len();
                    batch.pieces.push(piece);
                }
                Err(error) => {
                    batch.failure = Some(error);
                    break;
                }
            }
            if room == 0 {
                break;
            }
            next = match position {
                0 => self.output.next().now_or_never().flatten(),
                _ => {
                    let due = Instant::now() + GATHERING;
                    let due = full_by.map_or(due, |full_by| due.min(full_by));
                    timeout_at(due, self.output.next()).await.ok().flatten()
                }
            };
        }
        Some(batch)
    }
}

/// One answer that is being written down.
pub(crate) struct Recording<E> {
    shared: Arc<Shared<E>>,
    in_flight: Arc<InFlight<E>>,
    file: Option<GrowingFile>,
    length: u64,
    /// What the index has set aside for it.
    reserved: u64,
    spilled: bool,
    pace: Pace,
    /// It is in the file, and must not stay there.
    is_too_long: bool,
}

impl<E: Send + Sync + 'static> Recording<E> {
    pub(crate) fn new(shared: Arc<Shared<E>>, in_flight: Arc<InFlight<E>>) -> Self {
        let pace = Pace::default();
        Self {
            shared,
            in_flight,
            file: None,
            length: 0,
            reserved: 0,
            spilled: false,
            pace,
            is_too_long: false,
        }
    }

    /// Takes all of the output, at its pace.
    pub(crate) async fn record(mut self, response: ResponseStream) {
        let ResponseStream { output, cost, mut permit, progress, pace } = response;
        self.in_flight.entry.goes_at(pace);
        if let Some(progress) = progress {
            self.in_flight.entry.tells(progress);
        }
        self.pace = pace;
        let limit = (pace == Pace::Own).then_some(MAX_GATHERING);
        let mut output = Gathering { output: output.fuse(), limit, carried: None };
        let mut position = 0;
        loop {
            if poll_immediate(pin!(self.in_flight.entry.room())).await.is_none() {
                // Who waits for slow readers computes nothing, and others may.
                permit = None;
                self.in_flight.entry.room().await;
            }
            let Some(Batch { pieces, failure }) = output.next(position).await else {
                break;
            };
            position += pieces.iter().map(|piece| piece.len() as u64).sum::<u64>();
            self.take(pieces).await;
            if let Some(error) = failure {
                self.in_flight.entry.break_off(error);
                return;
            }
        }
        drop(permit);
        let cost = cost();
        self.in_flight.cost.set(cost).ok();
        self.in_flight.entry.finish();
        let joined = {
            let _none_join = self.shared.directory.lock();
            self.in_flight.joined.load(Ordering::Relaxed)
        };
        self.shared.counters.saved(cost * joined);
        if self.spilled || self.is_too_long || self.in_flight.is_forgotten() {
            count(&self.shared.counters.not_stored);
        } else if let Err(error) = self.keep(cost).await {
            count(&self.shared.counters.not_stored);
            if !self.in_flight.is_forgotten() {
                tracing::warn!(error = %error, "an answer cannot be stored");
            }
        }
    }

    async fn take(&mut self, pieces: Vec<Bytes>) {
        let length: u64 = pieces.iter().map(|piece| piece.len() as u64).sum();
        if length == 0 {
            return;
        }
        self.shared.counters.generated(length);
        let entry = Arc::clone(&self.in_flight.entry);
        if !self.spilled {
            if self.write(pieces.clone(), length).await {
                self.length += length;
                if let Some(growing) = &self.file {
                    entry.filed(growing.file(), length);
                }
                return;
            }
            self.spilled = true;
            // Unlinks the file; those who read it have it open.
            self.file = None;
            entry.spill();
        }
        for piece in pieces {
            entry.room().await;
            entry.keep_in_memory(piece);
        }
    }

    /// Whether the pieces are in the file now.
    async fn write(&mut self, pieces: Vec<Bytes>, length: u64) -> bool {
        let fits = !self.is_too_long && self.length + length <= self.shared.options.max_entry_bytes();
        let evicted = match fits.then(|| self.reserve(length)).flatten() {
            Some(evicted) => evicted,
            None if self.pace == Pace::Own => {
                self.is_too_long = true;
                Vec::new()
            }
            None => return false,
        };
        let pieces: Arc<[Bytes]> = pieces.into();
        let (shared, in_flight) = (Arc::clone(&self.shared), Arc::clone(&self.in_flight));
        let append = move |growing: Option<GrowingFile>| {
            let mut growing = match growing {
                Some(growing) => growing,
                None => begin_file(&shared, &in_flight).map_err(|error| (None, error))?,
            };
            match growing.append(&pieces) {
                Ok(()) => Ok((growing, ())),
                Err(error) => Err((Some(growing), error)),
            }
        };
        match self.persistently(evicted, append).await {
            Ok(()) => true,
            Err(error) => {
                match error.kind() {
                    // Who looks after the disk tells it.
                    io::ErrorKind::StorageFull => {
                        tracing::debug!("there is no room for an answer; it passes through memory");
                    }
                    _ => tracing::warn!(%error, "an answer cannot be written down; it passes through memory"),
                }
                false
            }
        }
    }

    /// Makes an entry of what was written.
    async fn keep(&mut self, cost: Duration) -> io::Result<()> {
        let Some(evicted) = self.reserve(FOOTER_BYTES as u64) else {
            return Err(io::Error::other("the whole disk budget is taken by answers in the making"));
        };
        let (shared, in_flight) = (Arc::clone(&self.shared), Arc::clone(&self.in_flight));
        let seal = move |growing: Option<GrowingFile>| {
            let growing = match growing {
                Some(growing) => growing,
                None => begin_file(&shared, &in_flight).map_err(|error| (None, error))?,
            };
            match growing.seal(in_flight.key, cost).and_then(|footer| shared.store.place(&growing, footer)) {
                Ok(stored) => Ok((growing, stored)),
                Err(error) => Err((Some(growing), error)),
            }
        };
        let stored = Arc::new(self.persistently(evicted, seal).await?);
        let gone = {
            let mut directory = self.shared.directory.lock();
            directory.leave_in_flight(&self.in_flight);
            if self.in_flight.is_forgotten() {
                // Its file went with the group, and under its name there may be that of a newer answer.
                Vec::new()
            } else {
                directory.index.release(std::mem::take(&mut self.reserved));
                let evicted = directory.index.insert(stored);
                directory.index.want(&self.in_flight.key, self.in_flight.joined.load(Ordering::Relaxed));
                evicted
            }
        };
        remove_all(gone).await;
        Ok(())
    }

    fn reserve(&mut self, bytes: u64) -> Option<Vec<std::path::PathBuf>> {
        let evicted = self.shared.directory.lock().index.reserve(bytes)?;
        self.reserved += bytes;
        Some(evicted)
    }

    /// Does something with the file, again after giving up other entries when it fails.
    async fn persistently<T, F>(&mut self, mut evicted: Vec<std::path::PathBuf>, action: F) -> io::Result<T>
    where
        T: Send + 'static,
        F: Fn(Option<GrowingFile>) -> Result<(GrowingFile, T), (Option<GrowingFile>, io::Error)>
            + Clone
            + Send
            + 'static,
    {
        let mut retries = 0;
        loop {
            let (growing, attempt) = (self.file.take(), action.clone());
            let done = spawn_blocking(move || {
                evicted.iter().for_each(|path| remove(path));
                attempt(growing)
            });
            match done.await.map_err(io::Error::other)? {
                Ok((growing, outcome)) => {
                    self.file = Some(growing);
                    return Ok(outcome);
                }
                Err((growing, error)) => {
                    self.file = growing;
                    if self.in_flight.is_forgotten() {
                        return Err(error);
                    }
                    count(&self.shared.counters.write_failures);
                    evicted = self.shared.directory.lock().index.evict(RETRY_ROOM_BYTES);
                    retries += 1;
                    if evicted.is_empty() || retries > MAX_WRITE_RETRIES {
                        return Err(error);
                    }
                    tracing::debug!(%error, evicted = evicted.len(), "the response cache makes room to write again");
                }
            }
        }
    }
}

/// Begins the file of an answer. Where its group was forgotten before, the file has no name any more: those who follow have it
/// open.
fn begin_file<E>(shared: &Shared<E>, in_flight: &InFlight<E>) -> io::Result<GrowingFile> {
    let growing = shared.store.begin()?;
    let is_forgotten = {
        // Under the lock under which groups are forgotten: either the one who forgets sees the file, or this sees that.
        let _directory = shared.directory.lock();
        in_flight.file.set(growing.path().to_owned()).ok();
        in_flight.is_forgotten()
    };
    if is_forgotten {
        remove(growing.path());
    }
    Ok(growing)
}

impl<E> Drop for Recording<E> {
    fn drop(&mut self) {
        self.shared.directory.lock().index.release(self.reserved);
    }
}
