//! Counts requests while they are answered: how many, how they ended, how long they took, who was turned away.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use prometheus_client::metrics::histogram::Histogram;

use super::route_class::RouteClass;

/// How many kinds of requests there are.
const CLASSES: usize = RouteClass::ALL.len();

/// Upper limits of the latencies that are told apart, in seconds: from a list of references out of memory to the clone of a
/// large repository.
const LATENCY_LIMITS_SECONDS: [f64; 11] = [0.001, 0.005, 0.025, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0, 600.0];

/// How a client says who it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum CredentialKind {
    /// User name with a password, or a token in its place.
    Basic,
    /// An access token.
    Bearer,
    /// Signed by another server.
    Jwt,
    /// A scheme that is not spoken here.
    Other,
}

/// What became of the credentials of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum CredentialOutcome {
    /// The request was answered, or refused for another reason.
    Accepted,
    /// They are wrong.
    Refused,
    /// They were not looked at, because too many wrong ones had come before.
    Throttled,
    /// They could not be checked at that moment.
    Undecided,
}

impl CredentialKind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Basic, Self::Bearer, Self::Jwt, Self::Other];

    /// Its name in labels.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Basic => "basic",
            Self::Bearer => "bearer",
            Self::Jwt => "jwt",
            Self::Other => "other",
        }
    }
}

impl CredentialOutcome {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Accepted, Self::Refused, Self::Throttled, Self::Undecided];

    /// Its name in labels.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Refused => "refused",
            Self::Throttled => "throttled",
            Self::Undecided => "undecided",
        }
    }

    /// Of a request that was answered with this status.
    fn of_status(status: u16) -> Self {
        match status {
            401 => Self::Refused,
            429 => Self::Throttled,
            500.. => Self::Undecided,
            _ => Self::Accepted,
        }
    }
}

/// The counts of a server. Cloning is cheap and shares them.
#[derive(Debug, Clone, Default)]
pub struct RequestCounters(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    classes: [ClassCounters; CLASSES],
    credentials: Mutex<BTreeMap<(CredentialKind, CredentialOutcome), u64>>,
}

impl Default for Inner {
    fn default() -> Self {
        Self { classes: std::array::from_fn(|_| ClassCounters::default()), credentials: Mutex::default() }
    }
}

/// The counts of one kind of requests.
#[derive(Debug)]
pub struct ClassCounters {
    by_status: Mutex<BTreeMap<u16, u64>>,
    begun: AtomicU64,
    ended: AtomicU64,
    aborted: AtomicU64,
    sent_bytes: AtomicU64,
    /// Until an answer begins, in seconds.
    pub until_answer: Histogram,
    /// Until an answer has ended, in seconds.
    pub until_end: Histogram,
}

impl Default for ClassCounters {
    fn default() -> Self {
        Self {
            by_status: Mutex::default(),
            begun: AtomicU64::new(0),
            ended: AtomicU64::new(0),
            aborted: AtomicU64::new(0),
            sent_bytes: AtomicU64::new(0),
            until_answer: Histogram::new(LATENCY_LIMITS_SECONDS),
            until_end: Histogram::new(LATENCY_LIMITS_SECONDS),
        }
    }
}

impl ClassCounters {
    /// How many were answered with each status.
    pub fn by_status(&self) -> Vec<(u16, u64)> {
        self.by_status.lock().iter().map(|(status, count)| (*status, *count)).collect()
    }

    /// How many are being answered now.
    pub fn running(&self) -> u64 {
        // In this order, so that none is counted as ended before it has begun.
        let ended = self.ended.load(Ordering::Acquire);
        self.begun.load(Ordering::Acquire).saturating_sub(ended)
    }

    /// How many clients went away before their answer had ended.
    pub fn aborted(&self) -> u64 {
        self.aborted.load(Ordering::Relaxed)
    }

    /// Bytes of the bodies that went to connections.
    pub fn sent_bytes(&self) -> u64 {
        self.sent_bytes.load(Ordering::Relaxed)
    }
}

impl RequestCounters {
    /// A request of this kind is to be answered.
    pub fn begin(&self, class: RouteClass, credentials: Option<CredentialKind>) -> CountedRequest {
        self.of(class).begun.fetch_add(1, Ordering::AcqRel);
        CountedRequest {
            counters: self.clone(),
            class,
            credentials,
            began: Instant::now(),
            is_complete: false,
        }
    }

    /// The counts of one kind of requests.
    pub fn of(&self, class: RouteClass) -> &ClassCounters {
        &self.0.classes[class as usize]
    }

    /// How many credentials of each kind came to each end.
    pub fn credentials(&self, kind: CredentialKind, outcome: CredentialOutcome) -> u64 {
        self.0.credentials.lock().get(&(kind, outcome)).copied().unwrap_or(0)
    }
}

/// A request that is being answered. Dropped before its answer is complete, its client has gone away.
#[derive(Debug)]
pub struct CountedRequest {
    counters: RequestCounters,
    class: RouteClass,
    credentials: Option<CredentialKind>,
    began: Instant,
    is_complete: bool,
}

impl CountedRequest {
    /// Its answer begins.
    pub fn answered(&self, status: u16) {
        let counters = self.counters.of(self.class);
        *counters.by_status.lock().entry(status).or_default() += 1;
        counters.until_answer.observe(self.took().as_secs_f64());
        if let Some(kind) = self.credentials {
            let outcome = CredentialOutcome::of_status(status);
            *self.counters.0.credentials.lock().entry((kind, outcome)).or_default() += 1;
        }
    }

    /// So many bytes of its answer have gone to the connection.
    pub fn sent(&self, bytes: u64) {
        self.counters.of(self.class).sent_bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// All of its answer has.
    pub fn complete(&mut self) {
        self.is_complete = true;
    }

    /// How long it has taken so far.
    pub fn took(&self) -> Duration {
        self.began.elapsed()
    }
}

impl Drop for CountedRequest {
    fn drop(&mut self) {
        let counters = self.counters.of(self.class);
        if self.is_complete {
            counters.until_end.observe(self.took().as_secs_f64());
        } else {
            counters.aborted.fetch_add(1, Ordering::Relaxed);
        }
        counters.ended.fetch_add(1, Ordering::AcqRel);
    }
}

/// How many times something was observed: the library shows it in its text alone.
#[cfg(test)]
pub fn observations(histogram: &Histogram) -> u64 {
    let mut registry = prometheus_client::registry::Registry::default();
    registry.register("observed", "Observed", histogram.clone());
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, &registry).expect("a string takes everything");
    let count = text.lines().find_map(|line| line.strip_prefix("observed_count ")).expect("it has a count");
    count.parse().expect("a number")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_counted_when_it_begins_is_answered_and_ends() {
        let counters = RequestCounters::default();
        let of = || counters.of(RouteClass::GitFetch);
        let mut request = counters.begin(RouteClass::GitFetch, None);
        assert_eq!((of().running(), of().by_status()), (1, vec![]));
        request.answered(200);
        request.sent(17);
        request.complete();
        drop(request);
        assert_eq!((of().running(), of().aborted(), of().sent_bytes()), (0, 0, 17));
        assert_eq!((of().by_status(), observations(&of().until_end)), (vec![(200, 1)], 1));
        drop(counters.begin(RouteClass::GitFetch, None));
        assert_eq!((of().running(), of().aborted(), observations(&of().until_end)), (0, 1, 1));
    }

    #[test]
    fn the_status_says_what_became_of_credentials() {
        let counters = RequestCounters::default();
        for status in [200, 404, 401, 429, 503] {
            counters.begin(RouteClass::Rest, Some(CredentialKind::Basic)).answered(status);
        }
        counters.begin(RouteClass::Rest, None).answered(401);
        let counted =
            CredentialOutcome::ALL.map(|outcome| counters.credentials(CredentialKind::Basic, outcome));
        assert_eq!(counted, [2, 1, 1, 1]);
    }
}
