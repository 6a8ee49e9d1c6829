//! Delivers stored events to their receivers: the loop that mirrors and webhooks share.
//!
//! It is woken by a signal and by a timer; what a lost signal leaves behind, the timer finds. Each receiver that has
//! something due gets one task at a time, so that its events stay in order and no receiver waits for another.

use std::collections::HashSet;
use std::fmt::Display;
use std::hash::Hash;
use std::time::Duration;

use heliostat_storage::StoreError;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// How often the store is looked at without a signal.
const CHECK_INTERVAL: Duration = Duration::from_secs(2);

/// One kind of receivers.
pub trait Receivers: Clone + Send + Sync + 'static {
    /// Names one of them.
    type Id: Clone + Eq + Hash + Display + Send + Sync + 'static;

    /// What they are called in the log.
    const NAME: &'static str;
    /// How many of them are told at the same time.
    const AT_ONCE: usize;

    /// The signal that something was stored for them.
    fn wake(&self) -> &Notify;

    /// Epoch milliseconds.
    fn now_ms(&self) -> i64;

    /// The receivers that have something due.
    fn due(&self) -> impl Future<Output = Result<Vec<Self::Id>, StoreError>> + Send;

    /// When something will be due for the next of them, in epoch milliseconds.
    fn next_at(&self) -> impl Future<Output = Result<Option<i64>, StoreError>> + Send;

    /// Delivers a part of what is due for one, and returns whether there may be more now.
    fn deliver_some(&self, id: &Self::Id) -> impl Future<Output = Result<bool, StoreError>> + Send;
}

/// Runs until `stop` is cancelled.
pub async fn deliver<R: Receivers>(receivers: R, stop: CancellationToken) {
    let mut tasks: JoinSet<R::Id> = JoinSet::new();
    let mut busy: HashSet<R::Id> = HashSet::new();
    loop {
        let pause = match receivers.due().await {
            Ok(due) => {
                for id in due {
                    if busy.len() < R::AT_ONCE && busy.insert(id.clone()) {
                        let receivers = receivers.clone();
                        tasks.spawn(async move {
                            deliver_to(&receivers, &id).await;
                            id
                        });
                    }
                }
                until_next(&receivers).await
            }
            Err(error) => {
                tracing::warn!(error = %error, receivers = R::NAME, "cannot read what is to be delivered");
                CHECK_INTERVAL
            }
        };
        tokio::select! {
            () = stop.cancelled() => break,
            () = receivers.wake().notified() => {}
            () = tokio::time::sleep(pause) => {}
            // What was announced while this receiver's task was ending is found by the next look.
            Some(ended) = tasks.join_next(), if !tasks.is_empty() => match ended {
                Ok(id) => drop(busy.remove(&id)),
                Err(error) => {
                    tracing::error!(error = %error, receivers = R::NAME, "a delivery has panicked");
                    busy.clear();
                    tasks.abort_all();
                }
            },
        }
    }
    // An interrupted delivery is repeated after the next start.
    tasks.shutdown().await;
}

/// How long to wait for a signal. Receivers that are due now have a task or must wait for one.
async fn until_next<R: Receivers>(receivers: &R) -> Duration {
    let next = receivers.next_at().await.ok().flatten();
    let pause = next.map(|next| next - receivers.now_ms()).filter(|pause| *pause > 0);
    let pause = pause.and_then(|pause| u64::try_from(pause).ok()).map(Duration::from_millis);
    pause.unwrap_or(CHECK_INTERVAL).min(CHECK_INTERVAL)
}

/// Delivers what waits for a receiver until nothing does, or until it fails.
async fn deliver_to<R: Receivers>(receivers: &R, id: &R::Id) {
    loop {
        match receivers.deliver_some(id).await {
            Ok(true) => {}
            Ok(false) => return,
            Err(error) => {
                tracing::warn!(
                    receiver.id = %id, error = %error, receivers = R::NAME, "cannot work on what is to be delivered"
                );
                // It stays due: without a pause the receiver would be told the same again and again.
                tokio::time::sleep(CHECK_INTERVAL).await;
                return;
            }
        }
    }
}
