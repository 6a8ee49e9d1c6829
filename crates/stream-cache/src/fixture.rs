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

use crate::recording::BLOCK_BYTES;
use crate::store::{DiskWriter, FileWriter};
use crate::{CacheCounters, CacheKey, CacheOptions, EntryReader, Pace, Piece, ResponseCache, ResponseStream};

pub(crate) type Cache = ResponseCache<String>;

pub(crate) const COST: Duration = Duration::from_secs(2);

/// Longest that a test waits for something that happens in another thread.
const PATIENCE: Duration = Duration::from_mins(4);

pub(crate) fn key(number: u8) -> CacheKey {
    CacheKey { group: u64::from(number) / 10, digest: [number; 32] }
}

pub(crate) fn options(max_bytes: u64) -> CacheOptions {
    CacheOptions { max_bytes, ahead_bytes: 1 << 20, ..CacheOptions::default() }
}

/// Bytes in which each position tells where it is.
pub(crate) fn content(length: usize) -> Bytes {
    (0..length).map(|at| ((at * 31) ^ (at >> 8)) as u8).collect()
}

pub(crate) fn response(output: Vec<io::Result<Bytes>>) -> ResponseStream {
    let output = stream::iter(output).boxed();
    ResponseStream { output, cost: Box::new(|| COST), permit: None, progress: None, pace: Pace::Readers }
}

/// A computation that yields this at once.
pub(crate) fn yields(
    content: &Bytes,
) -> impl FnOnce() -> BoxFuture<'static, Result<ResponseStream, String>> + Send + use<> {
    let pieces = content.chunks(64 * 1024).map(|chunk| Ok(Bytes::copy_from_slice(chunk))).collect();
    move || async move { Ok(response(pieces)) }.boxed()
}

/// How many pieces of this length are written down at once.
pub(crate) fn pieces_at_once(length: usize) -> usize {
    BLOCK_BYTES.div_ceil(length)
}

/// A computation that must not happen.
pub(crate) fn nothing() -> BoxFuture<'static, Result<ResponseStream, String>> {
    async { panic!("the answer was there") }.boxed()
}

/// A computation that a test feeds; it knows when it is dropped.
pub(crate) struct Spring {
    pub(crate) feed: mpsc::UnboundedSender<io::Result<Bytes>>,
    output: Option<mpsc::UnboundedReceiver<io::Result<Bytes>>>,
    /// Pieces that were taken from it.
    pub(crate) taken: Arc<AtomicUsize>,
}

impl Spring {
    pub(crate) fn new() -> Self {
        let (feed, output) = mpsc::unbounded_channel();
        Self { feed, output: Some(output), taken: Arc::default() }
    }

    pub(crate) fn flows(
        &mut self,
    ) -> impl FnOnce() -> BoxFuture<'static, Result<ResponseStream, String>> + Send + use<> {
        let output = self.output.take().expect("flows once");
        let taken = Arc::clone(&self.taken);
        move || {
            let output = stream::unfold((output, taken), |(mut output, taken)| async move {
                let piece = output.recv().await?;
                taken.fetch_add(1, Ordering::Relaxed);
                Some((piece, (output, taken)))
            });
            let output = output.boxed();
            async move { Ok(ResponseStream { output, ..response(Vec::new()) }) }.boxed()
        }
    }

    pub(crate) fn send(&self, bytes: &Bytes) {
        self.feed.send(Ok(bytes.clone())).expect("it is being computed");
    }

    /// Returns when the computation was given up.
    pub(crate) async fn given_up(&self) {
        tokio::time::timeout(PATIENCE, self.feed.closed()).await.expect("it is given up");
    }

    /// Ends the output, if nothing else feeds it.
    pub(crate) fn end(self) {}
}

pub(crate) async fn next(reader: &mut EntryReader, limit: u64) -> Option<io::Result<Piece>> {
    let piece = poll_fn(|context| reader.poll_piece(context, limit));
    tokio::time::timeout(PATIENCE, piece).await.expect("a piece or the end")
}

pub(crate) fn bytes_of(piece: &Piece) -> Bytes {
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
pub(crate) async fn take(reader: &mut EntryReader, mut length: usize) -> Vec<u8> {
    let mut all = Vec::new();
    while length > 0 {
        let piece = next(reader, length as u64).await.expect("not the end").expect("no error");
        let bytes = bytes_of(&piece);
        length -= bytes.len();
        all.extend_from_slice(&bytes);
    }
    all
}

pub(crate) async fn rest(reader: &mut EntryReader) -> io::Result<Vec<u8>> {
    let mut all = Vec::new();
    while let Some(piece) = next(reader, 100_000).await {
        all.extend_from_slice(&bytes_of(&piece?));
    }
    Ok(all)
}

/// Waits until a condition holds that other tasks or threads bring about.
pub(crate) async fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let wait = async {
        while !condition() {
            tokio::task::yield_now().await;
        }
    };
    assert!(tokio::time::timeout(PATIENCE, wait).await.is_ok(), "in vain: {what}");
}

/// Waits until no computation is under way.
pub(crate) async fn quiet(cache: &Cache) -> CacheCounters {
    eventually("all computations end", || cache.counters().growing == 0).await;
    cache.counters()
}

pub(crate) fn files_below(folder: &Path) -> Vec<PathBuf> {
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
pub(crate) struct FullDisk {
    writes: AtomicUsize,
    fails: std::ops::Range<usize>,
}

impl FullDisk {
    pub(crate) fn at(fails: std::ops::Range<usize>) -> Arc<Self> {
        Arc::new(Self { writes: AtomicUsize::new(0), fails })
    }
}

impl FileWriter for FullDisk {
    fn write(&self, file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
        if self.fails.contains(&self.writes.fetch_add(1, Ordering::Relaxed)) {
            // Some of it gets through, as on a real disk.
            DiskWriter.write(file, &bytes[..bytes.len() / 2], offset)?;
            return Err(io::Error::from(io::ErrorKind::StorageFull));
        }
        DiskWriter.write(file, bytes, offset)
    }
}
