//! Bodies of requests that are received before anything else is done for them.
//!
//! A short body stays in memory. What is longer goes into a file without a name, as it was sent: a client that packs a
//! lot into little takes as much disk as it has sent bytes. So a request that is still arriving holds a connection and
//! a little memory, and nothing that others wait for.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use futures_util::{StreamExt, stream};
use heliostat_git::ByteStream;
use heliostat_peer::AddressPrefix;
use http_body_util::BodyExt;
use http_body_util::combinators::BoxBody;
use parking_lot::Mutex;
use poem::Body;
use tokio::task::spawn_blocking;

/// Longest body that is kept in memory, and the length of the pieces in which a longer one is written and read.
const MAX_BYTES_IN_MEMORY: usize = 64 * 1024;
/// Most disk that all bodies take which are being received or used.
const MAX_SPOOLED_BYTES: u64 = 2 * 1024 * 1024 * 1024;
/// The part of it that clients of one address prefix may take: 1/4.
const PREFIX_SHARE: u64 = 4;

/// Receives bodies. Cloning is cheap and shares the room.
#[derive(Debug, Clone)]
pub struct Spool {
    folder: PathBuf,
    used: Arc<Mutex<Used>>,
}

/// What is taken of the room.
#[derive(Debug, Default)]
struct Used {
    bytes: u64,
    by_prefix: HashMap<AddressPrefix, u64>,
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
    #[error("Too many long requests are arriving; try again")]
    NoRoom,
    /// It cannot be written down or read again.
    #[error("The request's body cannot be kept on disk at the moment")]
    Disk(#[source] io::Error),
}

/// A body that has arrived.
#[derive(Debug)]
pub enum ReceivedBody {
    /// A short one.
    InMemory(Bytes),
    /// A long one.
    OnDisk(SpooledBody),
}

/// A body in a file.
#[derive(Debug)]
pub struct SpooledBody {
    file: Arc<File>,
    length: u64,
    _room: Room,
}

/// What a body takes of the room, given back when dropped.
#[derive(Debug)]
struct Room {
    used: Arc<Mutex<Used>>,
    prefix: AddressPrefix,
    bytes: u64,
}

impl Spool {
    /// One whose files lie in this folder.
    pub fn in_folder(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), used: Arc::default() }
    }

    /// Receives a body to its end.
    pub async fn receive(
        &self,
        body: Body,
        client: AddressPrefix,
        limit_bytes: u64,
    ) -> Result<ReceivedBody, NotReceived> {
        let mut body: BoxBody<Bytes, io::Error> = body.into();
        let mut only = Bytes::new();
        let mut gathered = BytesMut::new();
        let mut spooled: Option<SpooledBody> = None;
        let mut length = 0;
        while let Some(frame) = body.frame().await {
            let Ok(piece) = frame.map_err(NotReceived::Broken)?.into_data() else { continue };
            length += piece.len() as u64;
            if length > limit_bytes {
                return Err(NotReceived::TooLarge { limit_bytes });
            }
            // Nearly every request comes in one piece, which is then used as it is.
            if only.is_empty()
                && gathered.is_empty()
                && spooled.is_none()
                && piece.len() <= MAX_BYTES_IN_MEMORY
            {
                only = piece;
                continue;
            }
            gathered.extend_from_slice(&std::mem::take(&mut only));
            gathered.extend_from_slice(&piece);
            if gathered.len() > MAX_BYTES_IN_MEMORY {
                spooled = Some(self.write(spooled, client, gathered.split().freeze()).await?);
            }
        }
        match spooled {
            None if gathered.is_empty() => Ok(ReceivedBody::InMemory(only)),
            None => Ok(ReceivedBody::InMemory(gathered.freeze())),
            Some(spooled) => {
                Ok(ReceivedBody::OnDisk(self.write(Some(spooled), client, gathered.freeze()).await?))
            }
        }
    }

    /// Appends to the file, which is made with its first piece.
    async fn write(
        &self,
        spooled: Option<SpooledBody>,
        prefix: AddressPrefix,
        piece: Bytes,
    ) -> Result<SpooledBody, NotReceived> {
        let mut spooled = match spooled {
            Some(spooled) => spooled,
            None => {
                let folder = self.folder.clone();
                let file = on_disk(move || tempfile::tempfile_in(folder)).await?;
                let room = Room { used: Arc::clone(&self.used), prefix, bytes: 0 };
                SpooledBody { file: Arc::new(file), length: 0, _room: room }
            }
        };
        spooled._room.grow(piece.len() as u64)?;
        spooled.length += piece.len() as u64;
        let file = Arc::clone(&spooled.file);
        on_disk(move || (&*file).write_all(&piece)).await?;
        Ok(spooled)
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
        let pieces = stream::unfold((self, 0), |(spooled, offset)| async move {
            let wanted = (spooled.length - offset).min(MAX_BYTES_IN_MEMORY as u64);
            if wanted == 0 {
                return None;
            }
            let file = Arc::clone(&spooled.file);
            let mut buffer = vec![0; usize::try_from(wanted).unwrap_or(MAX_BYTES_IN_MEMORY)];
            let read =
                spawn_blocking(move || file.read_exact_at(&mut buffer, offset).map(|()| buffer.into()));
            let piece = read.await.map_err(io::Error::other).flatten();
            // After an error nothing more is asked for.
            Some((piece, (spooled, offset + wanted)))
        });
        pieces.boxed()
    }
}

async fn on_disk<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T, NotReceived> {
    spawn_blocking(work).await.map_err(io::Error::other).flatten().map_err(NotReceived::Disk)
}

impl Room {
    fn grow(&mut self, bytes: u64) -> Result<(), NotReceived> {
        let mut used = self.used.lock();
        let of_prefix = used.by_prefix.get(&self.prefix).copied().unwrap_or(0) + bytes;
        if used.bytes + bytes > MAX_SPOOLED_BYTES || of_prefix > MAX_SPOOLED_BYTES / PREFIX_SHARE {
            return Err(NotReceived::NoRoom);
        }
        used.bytes += bytes;
        used.by_prefix.insert(self.prefix, of_prefix);
        self.bytes += bytes;
        Ok(())
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        let mut used = self.used.lock();
        used.bytes -= self.bytes;
        if let Some(of_prefix) = used.by_prefix.get_mut(&self.prefix) {
            *of_prefix -= self.bytes;
            if *of_prefix == 0 {
                used.by_prefix.remove(&self.prefix);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use futures_util::TryStreamExt;

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
            assert!(spool.used.lock().bytes == if is_on_disk { length as u64 } else { 0 });
            assert_eq!(bytes_of(received).await, noise[..length]);
            assert_eq!(spool.used.lock().bytes, 0);
        }
        assert_eq!(std::fs::read_dir(folder.path()).expect("readable").count(), 0);
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
        assert!(spool.used.lock().by_prefix.is_empty() && spool.used.lock().bytes == 0);
    }

    #[test]
    fn clients_of_one_prefix_leave_room_for_others() {
        let used: Arc<Mutex<Used>> = Arc::default();
        let room = |third| Room { used: Arc::clone(&used), prefix: prefix(third), bytes: 0 };
        let (mut first, mut neighbour, mut other) = (room(1), room(1), room(2));
        first.grow(MAX_SPOOLED_BYTES / PREFIX_SHARE).expect("its share");
        assert!(matches!(neighbour.grow(1), Err(NotReceived::NoRoom)));
        other.grow(1).expect("room for others");
        drop(first);
        neighbour.grow(1).expect("room again");
    }
}
