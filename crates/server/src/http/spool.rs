//! Bodies of requests that are received before anything else is done for them.
//!
//! A short body stays in memory. What is longer goes to disk as it was sent: a client that packs a lot into little takes as
//! much disk as it has sent bytes. So a request that is still arriving holds a connection and a little memory, and nothing
//! that others wait for.

use std::hash::{BuildHasher, RandomState};
use std::io;
use std::path::Path;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use futures_util::{StreamExt, stream};
use heliostat_git::ByteStream;
use heliostat_peer::AddressPrefix;
use poem::Body;
use tokio::task::spawn_blocking;

use super::shared_places::{Place, SharedPlaces};
use super::shared_room::{SharedRoom, TakenRoom};
use super::spool_file::{BLOCK_BYTES, Blocks, SharedFile};

/// Longest body that is kept in memory, and the length of the pieces in which a longer one is written and read.
const MAX_BYTES_IN_MEMORY: usize = BLOCK_BYTES;
/// Most disk that all bodies take which are being received or used. Free blocks of the shared files come on top.
const MAX_SPOOLED_BYTES: u64 = 2 * 1024 * 1024 * 1024;
/// Shared files. The bodies of one address prefix lie in one, because writes to the same file wait for each other.
const SHARED_FILES: usize = 16;
/// Pieces that are written at once. Each takes a thread, and a crowd must not wake hundreds of threads.
const MAX_WRITES: usize = 8;
/// How many of them are of the clients of one address prefix.
const MAX_WRITES_OF_A_PREFIX: usize = 2;

/// Receives bodies. Cloning is cheap and shares the room.
#[derive(Debug, Clone)]
pub struct Spool {
    files: Arc<[SharedFile; SHARED_FILES]>,
    /// Says which file is whose. It is random, so that no client can choose to share one with another.
    hasher: RandomState,
    room: SharedRoom,
    writes: SharedPlaces,
}

/// Why a body was not received, in words for its client.
#[derive(Debug, thiserror::Error)]
pub enum NotReceived {
    /// It broke off, or came too slowly.
    #[error("The request's body cannot be read: {0}")]
    Broken(#[source] io::Error),
    /// It is too long.
    #[error("The body is longer than {limit_bytes} bytes")]
    TooLarge {
        /// What is taken at most.
        limit_bytes: u64,
    },
    /// There is no room for it now.
    #[error("There is no room now for what clients send and for answers that they have not taken; try again")]
    NoRoom,
    /// It cannot be written down or read again.
    #[error("The request's body cannot be kept on disk at the moment")]
    Disk(#[source] io::Error),
}

/// A body that has arrived. A clone reads it once more.
#[derive(Debug, Clone)]
pub enum ReceivedBody {
    /// A short one.
    InMemory(Bytes),
    /// A long one.
    OnDisk(SpooledBody),
}

/// A body on disk.
#[derive(Debug, Clone)]
pub struct SpooledBody {
    blocks: Arc<Blocks>,
    /// Taken for as long as the body is referenced.
    _room: Arc<TakenRoom>,
}

impl Spool {
    /// One whose files lie in this folder.
    pub fn in_folder(folder: &Path) -> Self {
        let folder: Arc<Path> = folder.into();
        let files = std::array::from_fn(|_| SharedFile::in_folder(Arc::clone(&folder)));
        let (room, hasher) = (SharedRoom::new(MAX_SPOOLED_BYTES), RandomState::new());
        let writes = SharedPlaces::new(MAX_WRITES, MAX_WRITES_OF_A_PREFIX);
        Self { files: Arc::new(files), hasher, room, writes }
    }

    /// Receives a body to its end.
    pub async fn receive(
        &self,
        body: Body,
        client: AddressPrefix,
        limit_bytes: u64,
    ) -> Result<ReceivedBody, NotReceived> {
        let mut body = body.into_bytes_stream();
        let mut received = Receiving::new(self, client);
        while let Some(piece) = body.next().await {
            let piece = piece.map_err(NotReceived::Broken)?;
            if received.length + piece.len() as u64 > limit_bytes {
                return Err(NotReceived::TooLarge { limit_bytes });
            }
            received.take(piece).await?;
        }
        received.finish().await
    }

    /// Receives a body, or so much of the beginning of one that is long; what follows comes as it is sent.
    pub async fn receive_beginning(
        &self,
        body: Body,
        client: AddressPrefix,
        beginning_bytes: u64,
    ) -> Result<ByteStream, NotReceived> {
        let mut body = body.into_bytes_stream().boxed();
        let mut received = Receiving::new(self, client);
        while received.length < beginning_bytes {
            let Some(piece) = body.next().await else { break };
            match received.take(piece.map_err(NotReceived::Broken)?).await {
                // It need not be there whole: better early than not at all.
                Err(NotReceived::NoRoom | NotReceived::Disk(_)) => break,
                taken => taken?,
            }
        }
        let (spooled, rest) = received.parts();
        let beginning =
            spooled.map_or_else(|| stream::empty().boxed(), |spooled| spooled.end().into_stream());
        Ok(beginning.chain(ReceivedBody::InMemory(rest).into_stream()).chain(body).boxed())
    }

    /// Nothing yet of a body that goes to disk.
    fn begin(&self, client: AddressPrefix) -> Spooling {
        let file = &self.files[(self.hasher.hash_one(client) % SHARED_FILES as u64) as usize];
        Spooling { blocks: Blocks::of(file.clone()), room: self.room.place(client) }
    }
}

/// A body as far as it has come.
struct Receiving<'a> {
    spool: &'a Spool,
    client: AddressPrefix,
    length: u64,
    /// With its first piece on disk; a thread has it while it writes.
    spooled: Option<Spooling>,
    /// What is not written, as long as it is one piece: nearly every body comes in one, which is then used as it is.
    only: Bytes,
    /// What is not written.
    gathered: BytesMut,
}

/// What is on disk of a body that is still being received.
struct Spooling {
    blocks: Blocks,
    room: TakenRoom,
}

impl Spooling {
    fn end(self) -> SpooledBody {
        SpooledBody { blocks: Arc::new(self.blocks), _room: Arc::new(self.room) }
    }
}

impl<'a> Receiving<'a> {
    fn new(spool: &'a Spool, client: AddressPrefix) -> Self {
        Self { spool, client, length: 0, spooled: None, only: Bytes::new(), gathered: BytesMut::new() }
    }

    async fn take(&mut self, piece: Bytes) -> Result<(), NotReceived> {
        self.length += piece.len() as u64;
        let unwritten = self.unwritten_bytes();
        if unwritten == 0 && piece.len() <= MAX_BYTES_IN_MEMORY {
            self.only = piece;
            return Ok(());
        }
        if unwritten + piece.len() <= MAX_BYTES_IN_MEMORY {
            self.gather(&piece);
            return Ok(());
        }
        // Gathered only afterwards: a request that waits for its place has what came in memory once, not twice.
        let place = self.spool.writes.take(self.client).await;
        self.gather(&piece);
        drop(piece);
        self.write(self.gathered.len() / BLOCK_BYTES * BLOCK_BYTES, place).await
    }

    fn unwritten_bytes(&self) -> usize {
        self.only.len() + self.gathered.len()
    }

    fn gather(&mut self, piece: &[u8]) {
        self.gathered.extend_from_slice(&std::mem::take(&mut self.only));
        self.gathered.extend_from_slice(piece);
    }

    /// Writes so much of what is gathered.
    async fn write(&mut self, bytes: usize, place: Place) -> Result<(), NotReceived> {
        let mut spooled = self.spooled.take().unwrap_or_else(|| self.spool.begin(self.client));
        if !spooled.room.grow(bytes as u64) {
            self.spooled = Some(spooled);
            return Err(NotReceived::NoRoom);
        }
        let piece = self.gathered.split_to(bytes).freeze();
        let written = piece.clone();
        // The client may go while the thread writes, and this future with it. So the thread has all that others get after
        // this body: its blocks, its room and the place. They are given back when nothing writes to them any more.
        let writing = spawn_blocking(move || {
            let _place = place;
            let result = spooled.blocks.write(&written);
            (spooled, result)
        });
        // A thread that did not come to its end has lost what was written before, too: the rest alone is of no use.
        let (spooled, result) =
            writing.await.map_err(|error| NotReceived::Broken(io::Error::other(error)))?;
        self.spooled = Some(spooled);
        result.map_err(|error| {
            let rest = self.gathered.split();
            self.gathered.extend_from_slice(&piece);
            self.gathered.extend_from_slice(&rest);
            NotReceived::Disk(error)
        })
    }

    /// What is written, and what follows it.
    fn parts(self) -> (Option<Spooling>, Bytes) {
        (self.spooled, if self.gathered.is_empty() { self.only } else { self.gathered.freeze() })
    }

    async fn finish(mut self) -> Result<ReceivedBody, NotReceived> {
        if self.spooled.is_some() && self.unwritten_bytes() > 0 {
            let place = self.spool.writes.take(self.client).await;
            self.gather(&[]);
            self.write(self.gathered.len(), place).await?;
        }
        let (spooled, rest) = self.parts();
        Ok(spooled.map_or(ReceivedBody::InMemory(rest), |spooled| ReceivedBody::OnDisk(spooled.end())))
    }
}

impl ReceivedBody {
    /// Its bytes, read piece by piece.
    pub fn into_stream(self) -> ByteStream {
        match self {
            Self::InMemory(bytes) => stream::iter((!bytes.is_empty()).then_some(Ok(bytes))).boxed(),
            Self::OnDisk(spooled) => spooled.into_stream(),
        }
    }

    /// Its bytes as the body of a request.
    pub fn into_body(self) -> Body {
        match self {
            Self::InMemory(bytes) => Body::from(bytes),
            Self::OnDisk(spooled) => Body::from_bytes_stream(spooled.into_stream()),
        }
    }
}

impl SpooledBody {
    fn into_stream(self) -> ByteStream {
        let pieces = stream::unfold((self, 0), |(spooled, next)| async move {
            if next == spooled.blocks.len() {
                return None;
            }
            let blocks = Arc::clone(&spooled.blocks);
            let piece = spawn_blocking(move || blocks.read(next)).await.map_err(io::Error::other).flatten();
            // After an error nothing more is asked for.
            Some((piece, (spooled, next + 1)))
        });
        pieces.boxed()
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use futures_util::{FutureExt, TryStreamExt};
    use tokio::sync::oneshot;

    use super::*;

    fn prefix(third: u8) -> AddressPrefix {
        std::net::IpAddr::from(Ipv4Addr::new(192, 0, third, 1)).into()
    }

    fn body(pieces: Vec<Vec<u8>>) -> Body {
        Body::from_bytes_stream(stream::iter(pieces.into_iter().map(Ok::<_, io::Error>)))
    }

    async fn bytes_of(received: ReceivedBody) -> Vec<u8> {
        received.into_stream().map_ok(|piece| piece.to_vec()).try_concat().await.expect("it is all there")
    }

    #[tokio::test]
    async fn short_bodies_stay_in_memory_and_long_ones_go_to_disk() {
        let folder = tempfile::tempdir().expect("a folder");
        let spool = Spool::in_folder(folder.path());
        let noise: Vec<u8> = (0..300_000_u32).map(|number| number.to_le_bytes()[0] ^ 0x5a).collect();
        for (length, piece, is_on_disk) in [
            (0, 1, false),
            (10, 100, false),
            (60_000, 7_000, false),
            (300_000, 1_000, true),
            (300_000, 300_000, true),
        ] {
            let pieces = noise[..length].chunks(piece).map(<[u8]>::to_vec).collect();
            let received = spool.receive(body(pieces), prefix(1), 300_000).await.expect("received");
            assert_eq!(matches!(received, ReceivedBody::OnDisk(_)), is_on_disk, "{length}");
            assert!(spool.room.used_bytes() == if is_on_disk { length as u64 } else { 0 });
            assert_eq!(bytes_of(received).await, noise[..length]);
            assert_eq!(spool.room.used_bytes(), 0);
        }
        assert_eq!(std::fs::read_dir(folder.path()).expect("readable").count(), 0);
    }

    #[tokio::test]
    async fn of_a_long_body_the_beginning_is_received() {
        let folder = tempfile::tempdir().expect("a folder");
        let spool = Spool::in_folder(folder.path());
        for (count, beginning_bytes) in [(3, 1_000_000), (20, 1_000_000), (20, 30_000), (0, 10)] {
            let pieces: Vec<Vec<u8>> = (0..count).map(|number| vec![number; 100_000]).collect();
            let received = spool.receive_beginning(body(pieces.clone()), prefix(1), beginning_bytes).await;
            let bytes = received.expect("received").map_ok(|piece| piece.to_vec()).try_concat().await;
            assert!(bytes.expect("it is all there") == pieces.concat(), "{count}");
        }
        let waiting = stream::iter([Ok::<_, io::Error>(vec![7; 100_000])]).chain(stream::pending());
        let mut begun = spool.receive_beginning(Body::from_bytes_stream(waiting), prefix(1), 100_000).await;
        assert!(matches!(begun.as_mut().expect("it has begun").next().await, Some(Ok(_))));
        drop(begun);
        assert_eq!(spool.room.used_bytes(), 0);
    }

    #[test]
    fn few_pieces_are_written_at_once_and_what_is_being_written_belongs_to_its_body() {
        let folder = tempfile::tempdir().expect("a folder");
        let spool = Spool::in_folder(folder.path());
        let receiving =
            |byte, third| Box::pin(spool.receive(body(vec![vec![byte; 100_000]]), prefix(third), u64::MAX));
        let begun = |count: usize| spool.room.used_bytes() == (count * BLOCK_BYTES) as u64;
        let runtime = tokio::runtime::Builder::new_current_thread().max_blocking_threads(1).build();
        runtime.expect("a runtime").block_on(async {
            // The one thread that writes is busy until it is let go.
            let (go, gone) = oneshot::channel::<()>();
            let busy = spawn_blocking(move || gone.blocking_recv());
            let mut given_up = receiving(1, 1);
            assert!((&mut given_up).now_or_never().is_none());
            drop(given_up);
            assert!(begun(1), "it is still to be written");
            let (mut second, mut third, mut other) = (receiving(2, 1), receiving(3, 1), receiving(4, 2));
            assert!((&mut second).now_or_never().is_none() && begun(2));
            assert!((&mut third).now_or_never().is_none() && begun(2), "two of a prefix are written at once");
            assert!(
                (&mut other).now_or_never().is_none() && begun(3),
                "another prefix does not wait for them"
            );
            go.send(()).expect("it waits");
            busy.await.expect("it ends").expect("it was let go");
            let received = [second.await, third.await, other.await].map(|body| body.expect("received"));
            assert_eq!(spool.room.used_bytes(), 300_000);
            for (byte, body) in [2, 3, 4].into_iter().zip(received) {
                assert!(bytes_of(body).await == vec![byte; 100_000], "{byte}");
            }
        });
    }

    #[tokio::test]
    async fn a_body_that_is_too_long_or_breaks_off_leaves_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        let spool = Spool::in_folder(folder.path());
        let long = vec![vec![1; 100_000]; 3];
        let refused = spool.receive(body(long.clone()), prefix(1), 299_999).await;
        assert!(matches!(refused, Err(NotReceived::TooLarge { limit_bytes: 299_999 })));
        let pieces = long.into_iter().map(Ok).chain([Err(io::Error::from(io::ErrorKind::TimedOut))]);
        let broken = Body::from_bytes_stream(stream::iter(pieces));
        let refused = spool.receive(broken, prefix(1), u64::MAX).await;
        assert!(
            matches!(refused, Err(NotReceived::Broken(error)) if error.kind() == io::ErrorKind::TimedOut)
        );
        assert_eq!(spool.room.used_bytes(), 0);
    }
}
