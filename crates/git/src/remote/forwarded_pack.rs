//! A pack that is forwarded to those who wait for it while it is taken here, so that none of them waits for it twice.
//!
//! Who takes the pack goes first: those who follow and do not keep up are left behind after a while.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::process::GitError;

/// How many pieces may be under way between the two sides; each is what came at once over the network.
const PIECES_UNDER_WAY: usize = 16;

/// How long the taking is held up at once: where the pack comes from, who is silent for longer is given up.
const HELD_UP_AT_ONCE: Duration = Duration::from_secs(10);

/// How long in all the taking of one pack is held up by those who follow. What they are given goes to the disk at its own
/// pace; where that has no room, it goes at the pace of the slowest client.
const HELD_UP_LIMIT: Duration = Duration::from_mins(5);

/// The side of who takes the pack. Dropped before the pack is finished, it breaks the other side off.
#[derive(Debug)]
pub struct PackForwarder {
    /// What the log calls the repository.
    path: String,
    pieces: Mutex<Option<mpsc::Sender<Bytes>>>,
    given_up: CancellationToken,
    /// What is left of [`HELD_UP_LIMIT`].
    patience: Mutex<Duration>,
    is_whole: Arc<AtomicBool>,
}

/// The side of who follows.
pub struct ForwardedPack {
    pieces: mpsc::Receiver<Bytes>,
    is_whole: Arc<AtomicBool>,
    first: Option<Bytes>,
    /// What must live as long as this.
    _kept: Option<Box<dyn Send>>,
}

/// The two sides of one pack. The log names its repository by this path.
pub fn forwarded_pack(path: &str) -> (PackForwarder, ForwardedPack) {
    let (sender, receiver) = mpsc::channel(PIECES_UNDER_WAY);
    let is_whole = Arc::new(AtomicBool::new(false));
    let forwarder = PackForwarder {
        path: path.to_owned(),
        pieces: Mutex::new(Some(sender)),
        given_up: CancellationToken::new(),
        patience: Mutex::new(HELD_UP_LIMIT),
        is_whole: Arc::clone(&is_whole),
    };
    (forwarder, ForwardedPack { pieces: receiver, is_whole, first: None, _kept: None })
}

impl PackForwarder {
    /// More of the pack has come. Waits while those who follow have taken too little of what came before.
    pub async fn forward(&self, piece: &Bytes) {
        let Some(pieces) = self.pieces.lock().clone().filter(|_| !piece.is_empty()) else { return };
        let (begun, patience) = (Instant::now(), *self.patience.lock());
        let sent = tokio::select! {
            biased;
            () = self.given_up.cancelled() => return,
            sent = tokio::time::timeout(patience.min(HELD_UP_AT_ONCE), pieces.send(piece.clone())) => sent,
        };
        *self.patience.lock() = patience.saturating_sub(begun.elapsed());
        if let Ok(Ok(())) = sent {
            return;
        }
        if sent.is_err() {
            tracing::info!(
                repository.path = self.path.as_str(),
                limit = ?HELD_UP_LIMIT,
                "those who follow a pack that is fetched read too slowly; it is forwarded no further"
            );
        }
        self.give_up();
    }

    /// All of the pack has come, and it is right. Those who follow need not have taken it yet.
    pub fn finish(&self) {
        let mut pieces = self.pieces.lock();
        // What was given up is not whole at the other side.
        self.is_whole.store(pieces.is_some(), Ordering::Release);
        *pieces = None;
    }

    /// What is wanted does not come as this pack, or cannot be forwarded further. `false` if nothing was being forwarded.
    pub fn give_up(&self) -> bool {
        self.given_up.cancel();
        self.pieces.lock().take().is_some()
    }
}

impl ForwardedPack {
    /// Waits for the first piece. `false` if there will be none.
    pub async fn has_begun(&mut self) -> bool {
        if self.first.is_none() {
            self.first = self.pieces.recv().await;
        }
        self.first.is_some()
    }

    /// The same, which keeps this as long as it lives.
    #[must_use]
    pub fn keeping(self, kept: impl Send + 'static) -> Self {
        Self { _kept: Some(Box::new(kept)), ..self }
    }

    /// The next piece; `None` at the end of a whole pack.
    pub async fn next(&mut self) -> Option<Result<Bytes, GitError>> {
        if let Some(first) = self.first.take() {
            return Some(Ok(first));
        }
        match self.pieces.recv().await {
            Some(piece) => Some(Ok(piece)),
            None if self.is_whole.load(Ordering::Acquire) => None,
            None => Some(Err(GitError::ForwardedPack)),
        }
    }
}

impl fmt::Debug for ForwardedPack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ForwardedPack").field("has_begun", &self.first.is_some()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn all(mut pack: ForwardedPack) -> Result<Vec<u8>, GitError> {
        let mut bytes = Vec::new();
        while let Some(piece) = pack.next().await {
            bytes.extend_from_slice(&piece?);
        }
        Ok(bytes)
    }

    #[tokio::test]
    async fn a_pack_is_whole_only_if_it_was_finished() {
        for is_finished in [true, false] {
            let (forwarder, mut pack) = forwarded_pack("one");
            for piece in [&b"PA"[..], b"", b"CK"] {
                forwarder.forward(&Bytes::from_static(piece)).await;
            }
            assert!(pack.has_begun().await);
            match is_finished {
                true => forwarder.finish(),
                false => assert!(forwarder.give_up()),
            }
            assert!(!forwarder.give_up(), "there is nothing left to give up");
            assert_eq!(all(pack).await.ok(), is_finished.then(|| b"PACK".to_vec()));
        }
    }

    #[tokio::test]
    async fn nothing_begins_where_nothing_is_forwarded() {
        let (forwarder, mut pack) = forwarded_pack("one");
        drop(forwarder);
        assert!(!pack.has_begun().await);
    }

    #[tokio::test(start_paused = true)]
    async fn who_follows_too_slowly_holds_nothing_up_for_ever() {
        let (forwarder, pack) = forwarded_pack("one");
        let begun = Instant::now();
        for _ in 0..=PIECES_UNDER_WAY + 10 {
            forwarder.forward(&Bytes::from_static(b"PACK")).await;
        }
        assert_eq!(begun.elapsed(), HELD_UP_AT_ONCE);
        forwarder.finish();
        assert!(all(pack).await.is_err(), "it was forwarded to the end all the same");
    }

    #[tokio::test(start_paused = true)]
    async fn who_follows_slowly_and_steadily_is_left_behind_in_the_end() {
        let (forwarder, mut pack) = forwarded_pack("one");
        let begun = Instant::now();
        let forwarding = async {
            while !forwarder.given_up.is_cancelled() {
                forwarder.forward(&Bytes::from_static(b"PACK")).await;
            }
            begun.elapsed()
        };
        let following = async {
            loop {
                tokio::time::sleep(HELD_UP_AT_ONCE / 2).await;
                if !matches!(pack.next().await, Some(Ok(_))) {
                    break;
                }
            }
        };
        let (held_up, ()) = tokio::join!(forwarding, following);
        assert_eq!(held_up, HELD_UP_LIMIT);
    }

    #[tokio::test]
    async fn who_gives_up_waits_for_nothing() {
        let (forwarder, _pack) = forwarded_pack("one");
        let piece = Bytes::from_static(b"PACK");
        let forwarding = async {
            for _ in 0..=PIECES_UNDER_WAY {
                forwarder.forward(&piece).await;
            }
        };
        tokio::join!(forwarding, async { assert!(forwarder.give_up()) });
    }
}
