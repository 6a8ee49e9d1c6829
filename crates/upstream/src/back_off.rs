//! How long to leave something alone after it has failed.

use std::time::Duration;

/// Delay after the first failure.
const FIRST_DELAY: Duration = Duration::from_millis(500);
/// No delay is longer than this.
const LONGEST_DELAY: Duration = Duration::from_secs(30);

/// The delay after this many failures in a row: doubling, bounded, and shortened by up to a half at random so
/// that servers that failed together do not return together.
pub(crate) fn back_off(failures: u32) -> Duration {
    with_jitter(failures, rand::random::<f64>())
}

fn with_jitter(failures: u32, jitter: f64) -> Duration {
    let doublings = failures.saturating_sub(1).min(16);
    let delay = FIRST_DELAY.saturating_mul(1 << doublings).min(LONGEST_DELAY);
    delay.mul_f64(1.0 - jitter / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_up_to_a_bound() {
        let ms: Vec<u128> =
            [0, 1, 2, 3, 7, u32::MAX].map(|count| with_jitter(count, 0.0).as_millis()).to_vec();
        assert_eq!(ms, [500, 500, 1_000, 2_000, 30_000, 30_000]);
        assert_eq!(with_jitter(7, 1.0), LONGEST_DELAY / 2);
    }
}
