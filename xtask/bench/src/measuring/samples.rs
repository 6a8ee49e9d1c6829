//! Samples of a quantity and what is said of them: median, spread, percentiles, paired ratios.

use serde::Serialize;

/// Samples in the order in which they were taken.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Samples(Vec<f64>);

impl Samples {
    /// Adds a sample.
    pub fn push(&mut self, sample: f64) {
        self.0.push(sample);
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The middle one, or the mean of the two in the middle.
    pub fn median(&self) -> Option<f64> {
        let sorted = self.sorted();
        let upper = *sorted.get(sorted.len() / 2)?;
        let lower = *sorted.get((sorted.len() - 1) / 2)?;
        Some(f64::midpoint(lower, upper))
    }

    /// The smallest one that at least so many percent of all do not exceed.
    pub fn percentile(&self, percent: u8) -> Option<f64> {
        let sorted = self.sorted();
        let rank = (sorted.len() * usize::from(percent.min(100))).div_ceil(100);
        sorted.get(rank.saturating_sub(1)).copied()
    }

    /// The smallest.
    pub fn min(&self) -> Option<f64> {
        self.sorted().first().copied()
    }

    /// The largest.
    pub fn max(&self) -> Option<f64> {
        self.sorted().last().copied()
    }

    /// Each sample divided by the sample of the other series that was taken next to it.
    ///
    /// Load that comes and goes on a machine touches both samples of a pair, so that it cancels out.
    pub fn paired_ratio(&self, divisor: &Samples) -> Samples {
        let pairs = self.0.iter().zip(&divisor.0);
        Samples(
            pairs.filter(|(_, divisor)| **divisor > 0.0).map(|(sample, divisor)| sample / divisor).collect(),
        )
    }

    /// The dividend divided by each sample.
    pub fn inverse(&self, dividend: f64) -> Samples {
        self.0.iter().filter(|sample| **sample > 0.0).map(|sample| dividend / sample).collect()
    }

    fn sorted(&self) -> Vec<f64> {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        sorted
    }
}

impl FromIterator<f64> for Samples {
    fn from_iter<I: IntoIterator<Item = f64>>(samples: I) -> Self {
        Samples(samples.into_iter().collect())
    }
}

/// A number with three significant digits, as a person reads it.
pub fn shown(number: f64) -> String {
    let magnitude = number.abs();
    let digits = match magnitude {
        _ if magnitude >= 100.0 || magnitude == 0.0 => 0,
        _ if magnitude >= 10.0 => 1,
        _ if magnitude >= 1.0 => 2,
        _ if magnitude >= 0.1 => 3,
        _ => 4,
    };
    format!("{number:.digits$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples(values: &[f64]) -> Samples {
        values.iter().copied().collect()
    }

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(samples(&[]).median(), None);
        assert_eq!(samples(&[3.0]).median(), Some(3.0));
        assert_eq!(samples(&[9.0, 1.0, 5.0]).median(), Some(5.0));
        assert_eq!(samples(&[4.0, 1.0, 2.0, 9.0]).median(), Some(3.0));
    }

    #[test]
    fn percentiles_are_samples() {
        let hundred: Samples = (1..=100).rev().map(f64::from).collect();
        assert_eq!(hundred.percentile(50), Some(50.0));
        assert_eq!(hundred.percentile(99), Some(99.0));
        assert_eq!(hundred.percentile(100), Some(100.0));
        assert_eq!(samples(&[7.0, 8.0]).percentile(99), Some(8.0));
        assert_eq!(samples(&[7.0]).percentile(0), Some(7.0));
        assert_eq!(samples(&[]).percentile(99), None);
    }

    #[test]
    fn the_spread_is_from_the_smallest_to_the_largest() {
        let some = samples(&[2.0, -1.0, 5.0]);
        assert_eq!((some.min(), some.max()), (Some(-1.0), Some(5.0)));
    }

    #[test]
    fn ratios_pair_neighbours() {
        let yardstick = samples(&[10.0, 30.0, 5.0]);
        let ours = samples(&[5.0, 10.0, 0.0]);
        assert_eq!(yardstick.paired_ratio(&ours), samples(&[2.0, 3.0]));
    }

    #[test]
    fn numbers_have_three_significant_digits() {
        for (number, text) in [
            (1234.5, "1234"),
            (123.4, "123"),
            (12.34, "12.3"),
            (1.234, "1.23"),
            (0.1234, "0.123"),
            (0.0123, "0.0123"),
            (0.0, "0"),
        ] {
            assert_eq!(shown(number), text);
        }
    }
}
