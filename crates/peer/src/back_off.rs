//! How long to leave something alone after it has failed.

use std::time::Duration;

/// Doubling delays between a first and a longest one, shortened by up to a half at random so that what failed
/// together does not return together.
#[derive(Debug, Clone, Copy)]
pub struct BackOff {
    first: Duration,
    longest: Duration,
}

impl BackOff {
    /// Delays from `first` up to `longest`.
    pub const fn new(first: Duration, longest: Duration) -> Self {
        Self { first, longest }
    }

    /// The delay after this many failures in a row.
    pub fn after(self, failures: u32) -> Duration {
        self.with_jitter(failures, rand::random::<f64>())
    }

    /// The longest that the delay can be after this many failures in a row.
    pub fn longest_after(self, failures: u32) -> Duration {
        self.with_jitter(failures, 0.0)
    }

    fn with_jitter(self, failures: u32, jitter: f64) -> Duration {
        let doublings = failures.saturating_sub(1).min(20);
        let delay = self.first.saturating_mul(1 << doublings).min(self.longest);
        delay.mul_f64(1.0 - jitter / 2.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_up_to_a_bound() {
        let back_off = BackOff::new(Duration::from_millis(500), Duration::from_secs(30));
        let ms = [0, 1, 2, 3, 7, u32::MAX].map(|count| back_off.with_jitter(count, 0.0).as_millis());
        assert_eq!(ms, [500, 500, 1_000, 2_000, 30_000, 30_000]);
        assert_eq!(back_off.with_jitter(7, 1.0), Duration::from_secs(15));
        assert_eq!(back_off.longest_after(3), Duration::from_secs(2));
        assert!((0..100).all(|_| back_off.after(3) <= back_off.longest_after(3)));
    }

    #[test]
    fn jitter_takes_away_at_most_a_half() {
        let back_off = BackOff::new(Duration::from_secs(1), Duration::from_secs(60));
        assert_eq!(back_off.with_jitter(1, 1.0), Duration::from_millis(500));
        assert_eq!(back_off.with_jitter(4_000_000_000, 0.0), Duration::from_secs(60));
    }
}
