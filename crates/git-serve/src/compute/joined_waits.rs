//! A computation that several clients wait for begins as soon as one of them may have it.
//!
//! Otherwise who comes later would wait behind everything else that the first one has asked for.

use std::collections::{HashMap, HashSet};

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use heliostat_git::ClientKey;
use heliostat_stream_cache::CacheKey;
use parking_lot::Mutex;
use tokio::sync::mpsc;

/// Most clients that one computation waits for at once; the others get what these have begun.
const MAX_CLIENTS: usize = 64;

/// The computations that wait to begin, each with the way to tell it of one more client.
#[derive(Debug, Default)]
pub(crate) struct JoinedWaits {
    waiting: Mutex<HashMap<CacheKey, mpsc::UnboundedSender<ClientKey>>>,
}

impl JoinedWaits {
    /// One more client waits for this answer. Nothing happens if it has begun.
    pub(crate) fn join(&self, key: &CacheKey, client: ClientKey) {
        if let Some(waiting) = self.waiting.lock().get(key) {
            // It begins at this moment.
            waiting.send(client).ok();
        }
    }

    /// Waits for what any client of this answer gets first, beginning with this one.
    pub(crate) async fn first<T, F: Future<Output = T>>(
        &self,
        key: CacheKey,
        client: ClientKey,
        wait_as: impl Fn(ClientKey) -> F,
    ) -> T {
        let (sender, mut joining) = mpsc::unbounded_channel();
        self.waiting.lock().insert(key, sender);
        let _entry = Entry { waits: self, key };
        let mut clients = HashSet::from([client]);
        let mut waits = FuturesUnordered::from_iter([wait_as(client)]);
        loop {
            tokio::select! {
                biased;
                Some(first) = waits.next() => return first,
                Some(client) = joining.recv() => {
                    if clients.len() < MAX_CLIENTS && clients.insert(client) {
                        waits.push(wait_as(client));
                    }
                }
            }
        }
    }
}

/// A computation that waits, however it ends.
struct Entry<'a> {
    waits: &'a JoinedWaits,
    key: CacheKey,
}

impl Drop for Entry<'_> {
    fn drop(&mut self) {
        self.waits.waiting.lock().remove(&self.key);
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;
    use heliostat_git::{FairQueue, Shares};

    use super::*;

    #[tokio::test]
    async fn a_client_that_joins_does_not_wait_behind_the_first() {
        let queue = FairQueue::new(Shares::of_cores(1));
        let (first, second) = (ClientKey::verified("first"), ClientKey::verified("second"));
        let _running = queue.permit(1, first).await;
        let (waits, key) = (JoinedWaits::default(), CacheKey { group: 2, digest: [0; 32] });
        let mut begun = Box::pin(waits.first(key, first, |client| queue.permit(2, client)));
        assert!((&mut begun).now_or_never().is_none(), "the first one has its share");
        waits.join(&key, first);
        assert!((&mut begun).now_or_never().is_none());
        waits.join(&key, second);
        assert!((&mut begun).now_or_never().is_some());
        drop(begun);
        assert!(waits.waiting.lock().is_empty());
        waits.join(&key, second);
        assert_eq!((queue.running(), queue.waiting()), (1, 0));
    }
}
