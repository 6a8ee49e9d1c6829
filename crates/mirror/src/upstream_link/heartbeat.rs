//! Tells the upstream again and again which process follows it, and hears what is wrong with that.
//!
//! Two processes with copies of one data directory have one name and one secret. Of two mirrors each would take the
//! other's events, and the address of the one that started last would count; only the upstream sees both. Of two upstreams
//! each would send events of its own; only a mirror sees that one answers and another one sends. Clocks that differ are
//! noticed before the next comparison with the upstream, and so is a mirror that the upstream does not reach, and an upstream
//! that has another base URL than it had.

use std::time::{Duration, Instant};

use heliostat_auth::Secret;
use heliostat_peer::CallError;
use parking_lot::Mutex;
use tokio::sync::Notify;
use uuid::Uuid;

use super::calls::BeatAnswer;
use super::client::{UpstreamClient, is_about_the_clock};
use super::identity::{UpstreamAddresses, UpstreamUrl};

/// Pause between two beats, at least.
const PAUSE: Duration = Duration::from_secs(5);

/// How long it is told that another process sends events than the one that answers.
const TOLD_FOR: Duration = Duration::from_secs(60);

/// So many events of another process than the one that answers are no rest of a process that has ended.
const FOREIGN_EVENTS: u32 = 2;

/// What a mirror is told that has a double.
const RUNS_TWICE: &str =
    "another process follows the upstream as this mirror: the data directory was copied; stop one of the two";

/// What a mirror says whose upstream has a double.
const UPSTREAM_RUNS_TWICE: &str = "events come from another process than the one that answers as the upstream: the upstream's \
                                   data directory was copied; stop one of the two";

/// The heartbeat of this process.
pub(crate) struct Heartbeat {
    client: UpstreamClient,
    instance: String,
    last: Mutex<Option<Instant>>,
    complaint: Mutex<Option<String>>,
    /// Whether the upstream could not deliver an event when it was heard last.
    was_not_reached: Mutex<bool>,
    upstream: Mutex<Upstream>,
    upstream_restarted: Notify,
}

/// Which processes speak as the upstream.
#[derive(Default)]
struct Upstream {
    /// The one that has answered last.
    answering: Option<String>,
    /// The one that has sent events without being it, how many, and when the last one.
    other: Option<(String, u32, Instant)>,
}

/// Which process has answered, compared with the one that had answered before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum AnsweringProcess {
    /// The same one, or none that says which it is, as before.
    Same,
    /// None had said before which it is.
    First,
    /// Another one: the upstream was started anew.
    Another,
}

impl Upstream {
    /// The process that sends events and is not the one that answers.
    fn other(&self) -> Option<&str> {
        let (other, events, at) = self.other.as_ref()?;
        let is_told = *events >= FOREIGN_EVENTS && at.elapsed() < TOLD_FOR;
        is_told.then_some(other.as_str())
    }

    /// Takes in an event of a process; false where it has to be asked which one answers now.
    fn heard_from(&mut self, instance: &str) -> bool {
        if self.answering.as_deref() == Some(instance) {
            return true;
        }
        let now = Instant::now();
        match &mut self.other {
            Some((other, events, at)) if other.as_str() == instance => {
                (*events, *at) = (events.saturating_add(1), now);
            }
            other => *other = Some((instance.to_owned(), 1, now)),
        }
        false
    }

    /// Takes in which process has answered.
    fn answered_by(&mut self, instance: Option<String>) -> AnsweringProcess {
        if instance.is_none() || self.other.as_ref().map(|(other, ..)| other) == instance.as_ref() {
            // It has been started anew.
            self.other = None;
        }
        let before = std::mem::replace(&mut self.answering, instance);
        if before == self.answering {
            AnsweringProcess::Same
        } else if before.is_none() {
            AnsweringProcess::First
        } else {
            AnsweringProcess::Another
        }
    }
}

impl Heartbeat {
    pub(crate) fn new(client: UpstreamClient) -> Self {
        Self {
            client,
            instance: Uuid::new_v4().to_string(),
            last: Mutex::default(),
            complaint: Mutex::default(),
            was_not_reached: Mutex::default(),
            upstream: Mutex::default(),
            upstream_restarted: Notify::new(),
        }
    }

    /// Ends when another process answers as the upstream than before.
    pub(crate) async fn upstream_restarted(&self) {
        self.upstream_restarted.notified().await;
    }

    /// What is wrong, in words; `None` as far as nothing is known to be.
    pub(crate) fn complaint(&self) -> Option<String> {
        let own = self.complaint.lock().clone();
        own.or_else(|| self.upstream.lock().other().map(|_| UPSTREAM_RUNS_TWICE.to_owned()))
            .or_else(|| self.without_lease())
    }

    /// That the lease is over. While the upstream does not answer, that is what matters.
    fn without_lease(&self) -> Option<String> {
        let link = self.client.link();
        link.lease().complaint().filter(|_| link.facts().reachable)
    }

    /// Names this process to the upstream, unless that was done a moment ago.
    pub(crate) async fn beat(&self, secret: &Secret) -> Result<(), CallError> {
        if self.last.lock().is_some_and(|last| last.elapsed() < PAUSE) {
            return Ok(());
        }
        self.beat_now(secret).await
    }

    /// Takes in which process of the upstream has sent an event.
    pub(crate) async fn heard_from(&self, instance: &str, secret: &Secret) {
        let was_told = self.upstream.lock().other().is_some();
        if self.upstream.lock().heard_from(instance) || was_told {
            return;
        }
        self.client.link().lease().ask_soon();
        // It may have been started anew a moment ago. One that does not answer proves nothing.
        if self.beat_now(secret).await.is_err() {
            self.upstream.lock().other = None;
        }
        if self.upstream.lock().other().is_some() {
            tracing::error!("{UPSTREAM_RUNS_TWICE}");
        }
    }

    async fn beat_now(&self, secret: &Secret) -> Result<(), CallError> {
        let other_upstream = self.upstream.lock().other().map(str::to_owned);
        let answer = self.client.beat(&self.instance, other_upstream, secret).await;
        self.take_in(&answer);
        let answer = answer?;
        let process = self.upstream.lock().answered_by(answer.upstream);
        if process != AnsweringProcess::Same {
            self.client.link().lease().ask_soon();
        }
        if process == AnsweringProcess::Another {
            self.upstream_restarted.notify_one();
        }
        *self.last.lock() = Some(Instant::now());
        Ok(())
    }

    fn take_in(&self, answer: &Result<BeatAnswer, CallError>) {
        let complaint = match answer {
            Ok(answer) => self.told_by(answer),
            Err(error) if is_about_the_clock(error) => Some(format!(
                "the upstream refuses the calls of this mirror for their time: {error} NTP keeps clocks in step, for instance"
            )),
            // Others tell that the upstream is away, and nothing else is known meanwhile.
            Err(error) if error.is_outage() => None,
            Err(_) => return,
        };
        let before = std::mem::replace(&mut *self.complaint.lock(), complaint.clone());
        match complaint {
            Some(complaint) if before.is_none() => tracing::error!("{complaint}"),
            None if before.is_some() && answer.is_ok() => {
                tracing::info!("what was wrong with following the upstream is over");
            }
            Some(_) | None => {}
        }
    }

    /// What an upstream that answers finds wrong.
    fn told_by(&self, answer: &BeatAnswer) -> Option<String> {
        let is_not_reached = answer.delivery_error.is_some();
        // What it could not deliver while this mirror was away, it delivers as soon as it hears of it.
        let is_lasting =
            std::mem::replace(&mut *self.was_not_reached.lock(), is_not_reached) && is_not_reached;
        if answer.runs_twice {
            return Some(RUNS_TWICE.to_owned());
        }
        match &answer.delivery_error {
            Some(error) if is_lasting => Some(format!(
                "the upstream cannot deliver its events, and changes come only when all is compared: {error}; where it does not \
                 reach this mirror, the address at which it calls this mirror (internal-url, or else base-url) is wrong or \
                 closed on the way"
            )),
            _ => moved(self.client.link().addresses(), answer.base_url.as_deref()?),
        }
    }
}

/// That the upstream calls itself by another address than the one by which it is followed, which it told when it let this
/// mirror in.
fn moved(addresses: &UpstreamAddresses, told: &str) -> Option<String> {
    let told = UpstreamUrl::parse(told).ok().filter(|told| !addresses.has(told))?;
    let followed = &addresses.followed;
    Some(format!(
        "the base URL of the upstream is {told} now, and this mirror follows {followed}: give the upstream its former one back \
         (base-url), or start this mirror with --upstream-public-url {told} if that is only its address for people, or remove \
         this mirror at the upstream, start it with --upstream {told}, and accept its new request"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_upstream_that_was_started_anew_has_no_double_and_a_copy_that_sends_events_is_one() {
        let mut upstream = Upstream::default();
        assert_eq!(upstream.answered_by(Some("first".to_owned())), AnsweringProcess::First);
        assert_eq!(upstream.answered_by(Some("first".to_owned())), AnsweringProcess::Same);
        assert!(upstream.heard_from("first"));
        for _ in 0..FOREIGN_EVENTS {
            assert!(!upstream.heard_from("second"), "it has to be asked who answers now");
        }
        assert_eq!(upstream.answered_by(Some("second".to_owned())), AnsweringProcess::Another);
        assert_eq!(upstream.other(), None);

        assert!(!upstream.heard_from("copy"));
        upstream.answered_by(Some("second".to_owned()));
        assert_eq!(upstream.other(), None, "it may be the last word of a process that has ended");
        assert!(!upstream.heard_from("copy"));
        upstream.answered_by(Some("second".to_owned()));
        assert!(upstream.heard_from("second"));
        assert_eq!(upstream.other(), Some("copy"));
        upstream.answered_by(None);
        assert_eq!(upstream.other(), None, "nothing is known of one that does not say so");
    }

    #[test]
    fn an_upstream_that_calls_itself_otherwise_has_moved() {
        let url = |text: &str| UpstreamUrl::parse(text).expect("a URL");
        let addresses = UpstreamAddresses {
            followed: url("http://git.internal:7990"),
            public: url("https://git.example.com"),
        };
        assert_eq!(moved(&addresses, "https://GIT.example.com:443/"), None);
        assert_eq!(moved(&addresses, "http://git.internal:7990"), None);
        assert_eq!(moved(&addresses, "no URL"), None);
        let told = moved(&addresses, "https://code.example.com").expect("another address");
        for word in
            ["http://git.internal:7990", "--upstream https://code.example.com", "--upstream-public-url"]
        {
            assert!(told.contains(word), "{told}");
        }
    }
}
