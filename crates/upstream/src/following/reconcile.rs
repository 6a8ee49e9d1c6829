//! Looks at each source when its time has come, and tells how that went.
//!
//! It takes no input: what follows which source is in the database, and what is equal already stays as it is. A lost
//! signal is made up for by the timer.

use std::sync::Arc;
use std::time::Duration;

use heliostat_peer::BackOff;
use heliostat_storage::{Following, FollowingOutcome};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::followings::Followings;
use super::schedule::{Ended, Look, interval_of};
use super::trouble::Trouble;

/// How many sources are looked at at the same time. Most of that is waiting for an answer.
const PARALLEL_LOOKS: usize = 16;
/// How often the database is asked what follows something.
const LISTING_INTERVAL: Duration = Duration::from_secs(30);
/// How long a source is left alone at most after failures, unless its interval is longer.
const LONGEST_PAUSE: Duration = Duration::from_mins(15);
/// How long a source may ask to be left alone.
const LONGEST_ASKED_PAUSE: Duration = Duration::from_hours(1);
/// After what pause a look is tried again for which the database could not be asked.
const DATABASE_PAUSE: Duration = Duration::from_secs(5);

/// Runs until `stop` is cancelled.
pub(crate) async fn run(followings: Arc<Followings>, stop: CancellationToken) {
    let mut looks = JoinSet::new();
    let mut next_listing = Instant::now();
    loop {
        if next_listing <= Instant::now() {
            list(&followings).await;
            next_listing = Instant::now() + LISTING_INTERVAL;
        }
        for look in followings.schedule.begin_due(PARALLEL_LOOKS.saturating_sub(looks.len())) {
            let followings = Arc::clone(&followings);
            looks.spawn(async move { carry_out(&followings, look).await });
        }
        let next_due = followings.schedule.next_due().filter(|_| looks.len() < PARALLEL_LOOKS);
        let until = next_due.map_or(next_listing, |due| due.min(next_listing));
        tokio::select! {
            () = stop.cancelled() => break,
            () = followings.schedule.changed().notified() => {}
            () = tokio::time::sleep_until(until) => {}
            Some(ended) = looks.join_next(), if !looks.is_empty() => {
                if let Err(error) = ended {
                    tracing::error!(error = %error, "a look at a followed repository has panicked");
                }
            }
        }
    }
    looks.shutdown().await;
}

async fn list(followings: &Followings) {
    let asked_at = Instant::now();
    match followings.store.all_followings().await {
        Ok(all) => followings.schedule.keep(&all, asked_at, followings.now_ms()),
        Err(error) => tracing::warn!(error = %error, "cannot list what repositories follow"),
    }
}

async fn carry_out(followings: &Arc<Followings>, look: Look) {
    let id = look.id();
    let (began, began_at) = (Instant::now(), followings.now_ms());
    let following = match followings.store.following_of(id).await {
        Ok(Some(following)) => following,
        Ok(None) => return followings.schedule.forget(id),
        Err(error) => {
            tracing::warn!(repository.id = id.0, error = %error, "cannot find out what a repository follows");
            return look.ended(Ended::Failed, began, DATABASE_PAUSE);
        }
    };
    let looked = followings.bring_in_step(&following).await;
    tell(&following, &looked);
    let pause = pause_after(&following, looked.as_ref().err());
    let ended = match &looked {
        Ok(false) => Ended::Unchanged,
        Ok(true) => Ended::Changed,
        Err(_) => Ended::Failed,
    };
    let outcome = match looked {
        Ok(false) => FollowingOutcome::Unchanged,
        Ok(true) => FollowingOutcome::Changed,
        Err(trouble) => FollowingOutcome::Failed(trouble.error),
    };
    let url = &following.source.url;
    if let Err(error) = followings.store.record_following_attempt(id, url, began_at, &outcome).await {
        tracing::warn!(repository.id = id.0, error = %error, "cannot record how a look at a followed repository ended");
    }
    look.ended(ended, began, pause);
}

/// The first failure, another one than before, and the end of failures are news.
fn tell(following: &Following, looked: &Result<bool, Trouble>) {
    let (id, url) = (following.repository_id, following.source.url.as_str());
    match looked {
        Ok(changed) => {
            if following.error.is_some() {
                tracing::info!(
                    repository.id = id.0,
                    source.url = url,
                    "a followed repository can be read again"
                );
            }
            if *changed {
                tracing::info!(
                    repository.id = id.0,
                    source.url = url,
                    "took over what a followed repository has"
                );
            }
        }
        Err(Trouble { error, .. }) => {
            let fault = error.fault.as_str();
            if following.error.as_ref().is_none_or(|before| before.fault != error.fault) {
                tracing::warn!(
                    repository.id = id.0,
                    source.url = url,
                    fault,
                    reason = error.message,
                    "a repository cannot be brought in step with what it follows"
                );
            } else {
                tracing::debug!(
                    repository.id = id.0,
                    source.url = url,
                    fault,
                    "it still cannot be brought in step"
                );
            }
        }
    }
}

/// How long a source is left alone after a look, and after one more failure if this is one.
fn pause_after(following: &Following, trouble: Option<&Trouble>) -> Duration {
    let interval = interval_of(following);
    let Some(trouble) = trouble else { return interval };
    let failures = u32::try_from(following.failures).unwrap_or(0).saturating_add(1);
    let pause = BackOff::new(interval, LONGEST_PAUSE.max(interval)).after(failures);
    let asked = trouble.retry_after.map_or(Duration::ZERO, |asked| asked.min(LONGEST_ASKED_PAUSE));
    pause.max(asked)
}
