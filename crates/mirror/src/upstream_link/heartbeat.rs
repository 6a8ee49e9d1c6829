//! Tells the upstream again and again which process follows it, and hears what is wrong with that.
//!
//! Two processes with copies of one data directory have one name and one secret. Each would take the other's events, and
//! the address of the one that started last would count. Only the upstream sees both. And clocks that differ are noticed
//! before the next comparison with the upstream.

use std::sync::Arc;
use std::time::Duration;

use heliostat_peer::CallError;
use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::client::{UpstreamClient, is_about_the_clock};
use super::link::UpstreamLink;

/// Pause between two beats.
const PAUSE: Duration = Duration::from_secs(10);

const RUNS_TWICE: &str = "another process follows the upstream under this mirror's name: the data directory was copied;                           stop one of the two";

/// The heartbeat of this process.
pub(crate) struct Heartbeat {
    link: Arc<UpstreamLink>,
    client: UpstreamClient,
    instance: String,
    complaint: Mutex<Option<String>>,
}

impl Heartbeat {
    pub(crate) fn new(link: Arc<UpstreamLink>, client: UpstreamClient) -> Self {
        Self { link, client, instance: Uuid::new_v4().to_string(), complaint: Mutex::default() }
    }

    /// What is wrong, in words; `None` as far as the upstream did not say anything.
    pub(crate) fn complaint(&self) -> Option<String> {
        self.complaint.lock().clone()
    }

    /// Beats until the token ends.
    pub(crate) async fn run(self: Arc<Self>, stop: CancellationToken) {
        loop {
            if let Some(secret) = self.link.secret_in_force() {
                self.take_in(self.client.runs_twice(&self.instance, &secret).await);
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(PAUSE) => {}
            }
        }
    }

    fn take_in(&self, answer: Result<bool, CallError>) {
        let complaint = match answer {
            Ok(runs_twice) => runs_twice.then(|| RUNS_TWICE.to_owned()),
            Err(error) if is_about_the_clock(&error) => Some(error.to_string()),
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
