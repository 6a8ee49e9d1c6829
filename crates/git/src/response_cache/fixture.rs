//! What the tests of the cache share: computations made by hand, disks that fail, and ways to read.

use std::fs::File;
use std::future::poll_fn;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::{FutureExt, StreamExt, stream};
use tokio::sync::mpsc;

use super::recording::BLOCK_BYTES;
use super::store::{Pen, RealPen};
use super::{CacheCounters, CacheKey, CacheOptions, EntryReader, Piece, Production, ResponseCache};

pub(super) type Cache = ResponseCache<String>;

pub(super) const COST: Duration = Duration::from_secs(2);

/// Longest that a test waits for something that happens in another thread.
const PATIENCE: Duration = Duration::from_secs(30);

pub(super) fn key(number: u8) -> CacheKey {
    CacheKey { repository: u64::from(number) / 10, meaning: [number; 32] }
}

pub(super) fn options(max_bytes: u64) -> CacheOptions {
    CacheOptions { max_bytes, ahead_bytes: 1 << 20, ..CacheOptions::default() }
}

/// Bytes in which each position tells where it is.
pub(super) fn content(length: usize) -> Bytes {
    (0..length).map(|at| ((at * 31) ^ (at >> 8)) as u8).collect()
}

pub(super) fn production(output: Vec<io::Result<Bytes>>) -> Production {
    Production { output: stream::iter(output).boxed(), cost: Box::new(|| COST), turn: None }
}

/// A computation that yields this at once.
pub(super) fn yields(
    content: &Bytes,
) -> impl FnOnce() -> BoxFuture<'static, Result<Production, String>> + Send + use<> {
    let pieces = content.chunks(64 * 1024).map(|chunk| Ok(Bytes::copy_from_slice(chunk))).collect();
    move || async move { Ok(production(pieces)) }.boxed()
}

/// How many pieces of this length are written down at once.
pub(super) fn pieces_at_once(length: usize) -> usize {
    BLOCK_BYTES.div_ceil(length)
}

/// A computation that must not happen.
pub(super) fn nothing() -> BoxFuture<'static, Result<Production, String>> {
    async { panic!("the answer was there") }.boxed()
}

/// A computation that a test feeds; it knows when it is dropped.
pub(super) struct Spring {
    pub(super) feed: mpsc::UnboundedSender<io::Result<Bytes>>,
    output: Option<mpsc::UnboundedReceiver<io::Result<Bytes>>>,
    /// Pieces that were taken from it.
    pub(super) taken: Arc<AtomicUsize>,
}

impl Spring {
    pub(super) fn new() -> Self {
        let (feed, output) = mpsc::unbounded_channel();
        Self { feed, output: Some(output), taken: Arc::default() }
    }

    pub(super) fn flows(
        &mut self,
    ) -> impl FnOnce() -> BoxFuture<'static, Result<Production, String>> + Send + use<> {
        let output = self.output.take().expect("flows once");
        let taken = Arc::clone(&self.taken);
        move || {
            let output = stream::unfold((output, taken), |(mut output, taken)| async move {
                let piece = output.recv().await?;
                taken.fetch_add(1, Ordering::Relaxed);
                Some((piece, (output, taken)))
            });
            async move { Ok(Production { output: output.boxed(), cost: Box::new(|| COST), turn: None }) }
                .boxed()
        }
    }

    pub(super) fn send(&self, bytes: &Bytes) {
        self.feed.send(Ok(bytes.clone())).expect("somebody computes");
    }

    /// Returns when the computation was given up.
    pub(super) async fn given_up(&self) {
        tokio::time::timeout(PATIENCE, self.feed.closed()).await.expect("it is given up");
    }

    /// Ends the output, if nobody else feeds it.
    pub(super) fn end(self) {}
}

pub(super) async fn next(reader: &mut EntryReader, limit: u64) -> Option<io::Result<Piece>> {
    let piece = poll_fn(|context| reader.poll_piece(context, limit));
    tokio::time::timeout(PATIENCE, piece).await.expect("a piece or the end")
}

pub(super) fn bytes_of(piece: &Piece) -> Bytes {
    match piece {
        Piece::Memory(bytes) => bytes.clone(),
        Piece::File { file, offset, length } => {
            let mut buffer = vec![0; usize::try_from(*length).expect("small")];
            file.read_exact_at(&mut buffer, *offset).expect("the region is in the file");
            buffer.into()
        }
    }
}

/// Reads exactly so many bytes.
pub(super) async fn take(reader: &mut EntryReader, mut length: usize) -> Vec<u8> {
    let mut all = Vec::new();
    while length > 0 {
        let piece = next(reader, length as u64).await.expect("not the end").expect("no error");
        let bytes = bytes_of(&piece);
        length -= bytes.len();
        all.extend_from_slice(&bytes);
    }
    all
}

pub(super) async fn rest(reader: &mut EntryReader) -> io::Result<Vec<u8>> {
    let mut all = Vec::new();
    while let Some(piece) = next(reader, 100_000).await {
        all.extend_from_slice(&bytes_of(&piece?));
    }
    Ok(all)
}

/// Waits until a condition holds that other tasks or threads bring about.
pub(super) async fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let wait = async {
        while !condition() {
            tokio::task::yield_now().await;
        }
    };
    assert!(tokio::time::timeout(PATIENCE, wait).await.is_ok(), "in vain: {what}");
}

/// Waits until no computation is under way.
pub(super) async fn quiet(cache: &Cache) -> CacheCounters {
    eventually("all computations end", || cache.counters().growing == 0).await;
    cache.counters()
}

pub(super) fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.path().is_dir() {
            files.extend(files_below(&entry.path()));
        } else {
            files.push(entry.path());
        }
    }
    files
}

/// A disk that is full from the n-th write on, or only for some writes.
#[derive(Debug)]
pub(super) struct FullDisk {
    writes: AtomicUsize,
    fails: std::ops::Range<usize>,
}

impl FullDisk {
    pub(super) fn at(fails: std::ops::Range<usize>) -> Arc<Self> {
        Arc::new(Self { writes: AtomicUsize::new(0), fails })
    }
}

impl Pen for FullDisk {
    fn write(&self, file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
        if self.fails.contains(&self.writes.fetch_add(1, Ordering::Relaxed)) {
            // Some of it gets through, as on a real disk.
            RealPen.write(file, &bytes[..bytes.len() / 2], offset)?;
            return Err(io::Error::from(io::ErrorKind::StorageFull));
        }
        RealPen.write(file, bytes, offset)
    }
}
