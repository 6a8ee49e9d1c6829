//! How long to wait before the next attempt, so that a crowd of retries spreads out.

use std::time::Duration;

/// Doubling delays between a first and a longest one, each shortened by a random part of up to a half.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BackOff {
    first: Duration,
    longest: Duration,
}

impl BackOff {
    pub(crate) const fn new(first: Duration, longest: Duration) -> Self {
        Self { first, longest }
    }

    /// The delay after the given number of failures in a row (at least one).
    pub(crate) fn after(&self, failures: u32) -> Duration {
        self.with_jitter(failures, rand::random::<f64>())
    }

    fn with_jitter(&self, failures: u32, random: f64) -> Duration {
        let doublings = failures.saturating_sub(1).min(20);
        let full = self.first.saturating_mul(1 << doublings).min(self.longest);
        full.mul_f64(1.0 - random / 2.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BACK_OFF: BackOff = BackOff::new(Duration::from_secs(1), Duration::from_secs(60));

    #[test]
    fn doubles_up_to_the_longest_delay() {
        let seconds: Vec<u64> =
            [1, 2, 3, 7, 4_000_000_000].iter().map(|n| BACK_OFF.with_jitter(*n, 0.0).as_secs()).collect();
        assert_eq!(seconds, [1, 2, 4, 60, 60]);
    }

    #[test]
    fn jitter_takes_away_at_most_a_half() {
        assert_eq!(BACK_OFF.with_jitter(1, 1.0), Duration::from_millis(500));
    }
}
