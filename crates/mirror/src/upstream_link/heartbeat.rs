//! Tells the upstream again and again which process follows it, and hears what is wrong with that.
//!
//! Two processes with copies of one data directory have one name and one secret. Each would take the other's events, and
//! the address of the one that started last would count. Only the upstream sees both. And clocks that differ are noticed
//! before the next comparison with the upstream.

use std::time::{Duration, Instant};

use heliostat_auth::Secret;
use heliostat_peer::CallError;
use parking_lot::Mutex;
use uuid::Uuid;

use super::client::{UpstreamClient, is_about_the_clock};

/// Pause between two beats, at least.
const PAUSE: Duration = Duration::from_secs(5);

/// What a mirror is told that has a double.
const RUNS_TWICE: &str =
    "another process follows the upstream as this mirror: the data directory was copied; stop one of the two";

/// The heartbeat of this process.
pub(crate) struct Heartbeat {
    client: UpstreamClient,
    instance: String,
    last: Mutex<Option<Instant>>,
    complaint: Mutex<Option<String>>,
}

impl Heartbeat {
    pub(crate) fn new(client: UpstreamClient) -> Self {
        Self {
            client,
            instance: Uuid::new_v4().to_string(),
            last: Mutex::default(),
            complaint: Mutex::default(),
        }
    }

    /// What is wrong, in words; `None` as far as the upstream did not say anything.
    pub(crate) fn complaint(&self) -> Option<String> {
        self.complaint.lock().clone()
    }

    /// Names this process to the upstream, unless that was done a moment ago.
    pub(crate) async fn beat(&self, secret: &Secret) -> Result<(), CallError> {
        if self.last.lock().is_some_and(|last| last.elapsed() < PAUSE) {
            return Ok(());
        }
        let answer = self.client.runs_twice(&self.instance, secret).await;
        self.take_in(&answer);
        answer?;
        *self.last.lock() = Some(Instant::now());
        Ok(())
    }

    fn take_in(&self, answer: &Result<bool, CallError>) {
        let complaint = match answer {
            Ok(runs_twice) => runs_twice.then(|| RUNS_TWICE.to_owned()),
            Err(error) if is_about_the_clock(error) => Some(error.to_string()),
            // Others tell that the upstream is away.
            Err(_) => return,
        };
        let before = std::mem::replace(&mut *self.complaint.lock(), complaint.clone());
        match complaint {
            Some(complaint) if before.is_none() => tracing::error!("{complaint}"),
            _ => {}
        }
    }
}
