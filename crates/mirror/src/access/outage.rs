//! Whether the upstream can be asked about users at this moment.
//!
//! The first question that it does not answer begins an outage. From then on no request waits for the upstream: known
//! users are served as before, and one probe in the background finds out when it answers again.

use std::sync::Arc;
use std::time::Duration;

use heliostat_peer::CallError;
use heliostat_refusal::Refusal;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::upstream_link::{UpstreamClient, UpstreamLink, is_about_the_clock, is_no_answer};

/// Pause between two probes.
const PROBE_PAUSE: Duration = Duration::from_secs(2);

/// Whether the upstream answers, for all who would ask it.
pub(super) struct Outage {
    /// What users whom this mirror does not know are told, while it lasts.
    told: watch::Sender<Option<Arc<str>>>,
}

impl Outage {
    pub(super) fn new() -> Self {
        Self { told: watch::Sender::new(None) }
    }

    /// Whether questions are pointless now.
    pub(super) fn lasts(&self) -> bool {
        self.told.borrow().is_some()
    }

    /// Why a user whom this mirror does not know is refused.
    pub(super) fn refusal(&self) -> Refusal {
        let told = self.told.borrow().clone();
        Refusal::unavailable(
            told.as_deref().unwrap_or("The upstream, which knows the users, cannot be reached."),
        )
    }

    /// Takes in that a question was not answered. The same question may be answered later although nothing changes: see
    /// [`is_passing`].
    pub(super) fn begin(&self, error: &CallError) {
        let told = told_about(error);
        let began = self.told.send_if_modified(|present| {
            let is_new = present.is_none();
            *present = Some(told);
            is_new
        });
        if began {
            tracing::warn!(error = %error, "the upstream cannot be asked about users; known users are served as before");
        }
    }

    /// Ends when an outage has begun.
    pub(super) async fn begun(&self) {
        let mut told = self.told.subscribe();
        if told.wait_for(Option::is_some).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// The one probe: while an outage lasts, asks the upstream for its time until it answers. Ends with the token.
    pub(super) async fn probe(&self, link: &UpstreamLink, client: &UpstreamClient, stop: &CancellationToken) {
        let probing = async {
            loop {
                self.begun().await;
                tokio::time::sleep(PROBE_PAUSE).await;
                let Some(secret) = link.secret_in_force() else {
                    self.end();
                    continue;
                };
                match client.server_time_ms(&secret).await {
                    Err(error) if is_passing(&error) => self.begin(&error),
                    // Whatever it says now, it says it to those who ask.
                    _ => self.end(),
                }
            }
        };
        tokio::select! {
            () = stop.cancelled() => {}
            () = probing => {}
        }
    }

    fn end(&self) {
        if self.told.send_replace(None).is_some() {
            tracing::info!("the upstream can be asked about users again");
        }
    }
}

/// Whether a call failed for a reason that has nothing to do with what was asked, so that every question fails like it.
pub(super) fn is_passing(error: &CallError) -> bool {
    let is_about_the_answer = matches!(error, CallError::TooLarge { .. } | CallError::Malformed { .. });
    (is_no_answer(error) && !is_about_the_answer) || is_about_the_clock(error)
}

fn told_about(error: &CallError) -> Arc<str> {
    match error {
        CallError::Refused { problem, .. } if is_about_the_clock(error) => {
            format!("The upstream does not take this mirror's questions about users: {}", problem.message)
                .into()
        }
        _ => "The upstream, which knows the users, cannot be reached.".into(),
    }
}

#[cfg(test)]
mod tests {
    use heliostat_api::ErrorName;
    use heliostat_peer::PeerProblem;
    use reqwest::StatusCode;

    use super::*;

    fn refused(status: StatusCode, name: ErrorName, message: &str) -> CallError {
        let problem = PeerProblem { name: Some(name), message: message.to_owned() };
        CallError::Refused { url: "http://upstream/".to_owned(), status, problem }
    }

    #[test]
    fn clocks_that_differ_are_an_outage_that_says_so_and_a_wrong_secret_is_none() {
        let clock = refused(StatusCode::UNAUTHORIZED, ErrorName::ServerClock, "The clocks differ by 300 s.");
        assert!(is_passing(&clock));
        assert!(!is_passing(&refused(StatusCode::UNAUTHORIZED, ErrorName::ServerToken, "Unknown.")));
        let page = CallError::Refused {
            url: "http://upstream/".to_owned(),
            status: StatusCode::NOT_FOUND,
            problem: PeerProblem::default(),
        };
        assert!(is_passing(&page));
        let malformed = CallError::Malformed { url: "http://upstream/".to_owned(), problem: String::new() };
        assert!(!is_passing(&malformed), "others may be answered well");
        assert!(!is_passing(&refused(StatusCode::TOO_MANY_REQUESTS, ErrorName::TooManyRequests, "Busy.")));
        let outage = Outage::new();
        outage.begin(&clock);
        assert!(outage.lasts() && outage.refusal().to_string().ends_with("The clocks differ by 300 s."));
        outage.end();
        assert!(!outage.lasts());
    }

    #[tokio::test]
    async fn who_waits_hears_of_an_outage_that_begins() {
        let outage = Arc::new(Outage::new());
        let waiting = tokio::spawn({
            let outage = Arc::clone(&outage);
            async move { outage.begun().await }
        });
        tokio::task::yield_now().await;
        outage.begin(&refused(StatusCode::BAD_GATEWAY, ErrorName::Unavailable, ""));
        waiting.await.expect("it ends");
    }
}
