//! A pack that is put together from a stored one and from what has come since, without `git` passing on what is stored.
//!
//! ```text
//! head with the count of both | objects of the stored pack, byte for byte | objects of `git pack-objects` | hash of all
//! ```
//!
//! Each part moves as a whole, so that the distances by which deltas name their bases stay right. A new object may also
//! name a base in the stored part, which comes first because there are clients that must have seen a base before what
//! is built upon it. That no object is in both parts is for the caller to see to: clients that check what
//! they are sent refuse a pack that holds something twice.
//!
//! The hash of all would hide from the client that the stored pack has rotted on the disk. So what is read of it is compared
//! with the hash at its own end, and the answer breaks off where the two differ.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use futures_util::future::BoxFuture;
use futures_util::stream::{self, BoxStream, StreamExt};
use heliostat_git::{GitError, RunningService, cpu_time};
use heliostat_git_wire::ObjectFormat;
use rustix::buffer::spare_capacity;
use rustix::io::{pread, retry_on_intr};
use sha1::Sha1;
use sha2::{Digest, Sha256};
use tokio::task::spawn_blocking;

/// `PACK`, the version, the number of objects.
const PACK_HEAD_BYTES: usize = 12;

/// The version of all packs so far that `git` writes.
const PACK_START: [u8; 8] = *b"PACK\0\0\0\x02";

/// How much of the stored pack is read at once.
const READ_BYTES: usize = 1024 * 1024;

const OPERATION: &str = "put a pack together";

/// The objects of a pack that is stored.
#[derive(Debug)]
pub(super) struct StoredPack {
    file: File,
    objects: u32,
    /// What is left of the objects, as places in the file.
    next: u64,
    end: u64,
    /// The hash of all before, which stands at its end.
    trailer: Vec<u8>,
}

/// A `git pack-objects` that starts when the pack has come to it, and how many objects it is told to pack.
pub(super) struct Packing {
    pub(super) packing: BoxFuture<'static, Result<RunningService, GitError>>,
    pub(super) objects: u32,
}

/// A pack on its way to a client.
pub(super) struct JoinedPack {
    output: BoxStream<'static, Result<Bytes, GitError>>,
    busy: Arc<AtomicU64>,
}

impl StoredPack {
    /// The pack in this file; fails when it is not the one that its index tells of. Blocks.
    pub(super) fn new(file: File, bytes: u64, objects: u32, format: ObjectFormat) -> io::Result<Self> {
        let mut head = [0; PACK_HEAD_BYTES];
        file.read_exact_at(&mut head, 0)?;
        let end = bytes.saturating_sub(hash_bytes(format) as u64);
        if head != pack_head(objects) || end < PACK_HEAD_BYTES as u64 {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "a pack does not begin as its index says",
            ));
        }
        let mut trailer = vec![0; hash_bytes(format)];
        file.read_exact_at(&mut trailer, end)?;
        Ok(Self { file, objects, next: PACK_HEAD_BYTES as u64, end, trailer })
    }

    fn is_read(&self) -> bool {
        self.next == self.end
    }

    /// The next part of its objects. Blocks.
    fn read(&mut self) -> io::Result<Bytes> {
        let wanted = usize::try_from(self.end - self.next).map_or(READ_BYTES, |left| left.min(READ_BYTES));
        let mut part = Vec::with_capacity(wanted);
        while part.len() < wanted {
            let at = self.next + part.len() as u64;
            if retry_on_intr(|| pread(&self.file, spare_capacity(&mut part), at))? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        // The file may go on, and more of it may have been read than was asked for.
        part.truncate(wanted);
        self.next += wanted as u64;
        Ok(part.into())
    }
}

impl JoinedPack {
    /// Begins it, after so much computing. `None` stands for nothing new.
    pub(super) fn new(
        stored: StoredPack,
        new: Option<Packing>,
        format: ObjectFormat,
        spent: Duration,
    ) -> Self {
        let busy = Arc::new(AtomicU64::new(0));
        add_time(&busy, spent);
        // Where nothing is added, the two packs are one.
        let stored_hash = new.is_some().then(|| {
            let mut hash = PackHash::new(format);
            hash.update(&pack_head(stored.objects));
            hash
        });
        let joining = Joining {
            stage: Stage::Head,
            stored,
            new,
            hash: PackHash::new(format),
            stored_hash,
            trailer_bytes: hash_bytes(format),
            busy: Arc::clone(&busy),
        };
        let output = stream::unfold(Some(joining), |joining| async move {
            match joining?.next().await {
                Ok(None) => None,
                Ok(Some((part, joining))) => Some((Ok(part), Some(joining))),
                Err(error) => Some((Err(error), None)),
            }
        });
        Self { output: output.boxed(), busy }
    }

    /// The next part; `None` at the end of a whole pack. A call that was given up is taken up by the next one.
    pub(super) async fn next(&mut self) -> Option<Result<Bytes, GitError>> {
        self.output.next().await
    }

    /// The computing time that it took so far.
    pub(super) fn cost(&self) -> Duration {
        Duration::from_nanos(self.busy.load(Ordering::Relaxed))
    }
}

struct Joining {
    stage: Stage,
    stored: StoredPack,
    new: Option<Packing>,
    hash: PackHash,
    /// Over the stored pack alone, if it is another one than that over all.
    stored_hash: Option<PackHash>,
    trailer_bytes: usize,
    busy: Arc<AtomicU64>,
}

/// What comes next.
enum Stage {
    Head,
    Stored,
    New(Box<Unpacked>),
    Trailer,
    Nothing,
}

/// The pack of the new objects, of which head and trailer are left out.
struct Unpacked {
    packing: RunningService,
    objects: u32,
    has_begun: bool,
    /// What has come and may belong to the head or the trailer.
    held: BytesMut,
}

impl Joining {
    async fn next(mut self) -> Result<Option<(Bytes, Self)>, GitError> {
        loop {
            match &mut self.stage {
                Stage::Head => {
                    let new = self.new.as_ref().map_or(0, |new| new.objects);
                    let objects = self.stored.objects.checked_add(new);
                    let head = pack_head(
                        objects.ok_or_else(|| GitError::unexpected(OPERATION, b"too many objects"))?,
                    );
                    self.hash.update(&head);
                    self.stage = Stage::Stored;
                    return Ok(Some((Bytes::copy_from_slice(&head), self)));
                }
                Stage::Stored if self.stored.is_read() => {
                    self.check_stored()?;
                    self.stage = match self.new.take() {
                        None => Stage::Trailer,
                        Some(new) => Stage::New(Box::new(Unpacked::begin(new).await?)),
                    };
                }
                Stage::Stored => return self.next_of_stored().await.map(Some),
                Stage::New(unpacked) => match unpacked.next(self.trailer_bytes).await? {
                    Some(part) => {
                        self.hash.update(&part);
                        return Ok(Some((part, self)));
                    }
                    None => {
                        add_time(&self.busy, unpacked.end(self.trailer_bytes).await?);
                        self.stage = Stage::Trailer;
                    }
                },
                Stage::Trailer => {
                    self.stage = Stage::Nothing;
                    return Ok(Some((self.hash.finish(), self)));
                }
                Stage::Nothing => return Ok(None),
            }
        }
    }

    /// Whether what was read of the stored pack is what was once written.
    fn check_stored(&self) -> Result<(), GitError> {
        let read = self.stored_hash.as_ref().unwrap_or(&self.hash).clone().finish();
        if *read == *self.stored.trailer {
            return Ok(());
        }
        let error = io::Error::new(io::ErrorKind::InvalidData, "a stored pack has another hash than it says");
        Err(GitError::Io { operation: OPERATION, error })
    }

    /// Reads on a thread that may wait for a disk.
    async fn next_of_stored(mut self) -> Result<(Bytes, Self), GitError> {
        let reading = spawn_blocking(move || {
            let started = Instant::now();
            let part = self.stored.read()?;
            self.hash.update(&part);
            if let Some(hash) = &mut self.stored_hash {
                hash.update(&part);
            }
            add_time(&self.busy, started.elapsed());
            Ok((part, self))
        });
        let read = reading.await.map_err(io::Error::other).flatten();
        read.map_err(|error| GitError::Io { operation: OPERATION, error })
    }
}

impl Unpacked {
    async fn begin(new: Packing) -> Result<Self, GitError> {
        let Packing { packing, objects } = new;
        Ok(Self { packing: packing.await?, objects, has_begun: false, held: BytesMut::new() })
    }

    /// The next that is certainly of the objects; `None` at the end of the output.
    async fn next(&mut self, trailer_bytes: usize) -> Result<Option<Bytes>, GitError> {
        while let Some(piece) = self.packing.next().await {
            self.held.extend_from_slice(&piece?);
            if !self.has_begun && self.held.len() >= PACK_HEAD_BYTES {
                let head = self.held.split_to(PACK_HEAD_BYTES);
                if head[..] != pack_head(self.objects) {
                    return Err(GitError::unexpected(OPERATION, &head));
                }
                self.has_begun = true;
            }
            let certain = self.held.len().saturating_sub(trailer_bytes);
            if self.has_begun && certain > 0 {
                return Ok(Some(self.held.split_to(certain).freeze()));
            }
        }
        Ok(None)
    }

    /// Waits for the process, and returns the computing time that it took.
    async fn end(&mut self, trailer_bytes: usize) -> Result<Duration, GitError> {
        let took = self.packing.process_id().and_then(cpu_time).unwrap_or_default();
        let end = self.packing.end().await?;
        if !end.status.success() {
            return Err(self.packing.failure(&end));
        }
        if !self.has_begun || self.held.len() != trailer_bytes {
            return Err(GitError::unexpected(OPERATION, &self.held));
        }
        Ok(took)
    }
}

fn add_time(busy: &AtomicU64, took: Duration) {
    busy.fetch_add(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
}

fn pack_head(objects: u32) -> [u8; PACK_HEAD_BYTES] {
    let mut head = [0; PACK_HEAD_BYTES];
    let (start, count) = head.split_at_mut(PACK_START.len());
    start.copy_from_slice(&PACK_START);
    count.copy_from_slice(&objects.to_be_bytes());
    head
}

fn hash_bytes(format: ObjectFormat) -> usize {
    format.hex_len() / 2
}

/// The hash over a pack.
#[derive(Clone)]
enum PackHash {
    Sha1(Sha1),
    Sha256(Sha256),
}

impl PackHash {
    fn new(format: ObjectFormat) -> Self {
        match format {
            ObjectFormat::Sha1 => Self::Sha1(Sha1::new()),
            ObjectFormat::Sha256 => Self::Sha256(Sha256::new()),
        }
    }

    fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Sha1(hash) => hash.update(bytes),
            Self::Sha256(hash) => hash.update(bytes),
        }
    }

    fn finish(&mut self) -> Bytes {
        match self {
            Self::Sha1(hash) => Bytes::copy_from_slice(&hash.finalize_reset()),
            Self::Sha256(hash) => Bytes::copy_from_slice(&hash.finalize_reset()),
        }
    }
}
