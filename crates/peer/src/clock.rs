//! Where the time comes from, so that tests need not wait for it.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

/// Calls between two servers are refused when their clocks differ by more, in seconds.
pub const MAX_SKEW_SECONDS: i64 = heliostat_auth::LEEWAY_SECONDS;

/// Clocks that are kept in step do not differ by more, in seconds.
pub const DOUBTFUL_SKEW_SECONDS: i64 = 5;

/// A source of epoch milliseconds; cheap to clone.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> i64 + Send + Sync>);

impl Clock {
    /// The clock of this machine.
    pub fn system() -> Self {
        Self::reading(|| {
            let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            i64::try_from(elapsed.as_millis()).unwrap_or(i64::MAX)
        })
    }

    /// A clock that shows what `read` returns.
    pub fn reading(read: impl Fn() -> i64 + Send + Sync + 'static) -> Self {
        Self(Arc::new(read))
    }

    /// Epoch milliseconds.
    pub fn now_ms(&self) -> i64 {
        (self.0)()
    }

    /// Epoch seconds, as tokens count them.
    pub fn now_seconds(&self) -> i64 {
        self.now_ms() / 1_000
    }
}

impl std::fmt::Debug for Clock {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Clock({})", self.now_ms())
    }
}
