//! How long each stage took, as a table at the end of a run.

use std::fmt;
use std::time::{Duration, Instant};

/// What was measured so far, in order.
#[derive(Debug, Default)]
pub struct Times {
    stages: Vec<(String, Duration)>,
}

impl Times {
    /// Does something and remembers how long it took, whatever came of it.
    pub fn measure<T>(&mut self, name: String, work: impl FnOnce() -> T) -> T {
        let started = Instant::now();
        let done = work();
        self.stages.push((name, started.elapsed()));
        done
    }
}

impl fmt::Display for Times {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole: Duration = self.stages.iter().map(|(_, took)| *took).sum();
        writeln!(formatter, "{:<10} {:>7} {:>6}", "stage", "seconds", "share")?;
        for (name, took) in &self.stages {
            let share = 100.0 * took.as_secs_f64() / whole.as_secs_f64().max(f64::MIN_POSITIVE);
            writeln!(formatter, "{name:<10} {:>7.1} {share:>5.1}%", took.as_secs_f64())?;
        }
        writeln!(formatter, "{:<10} {:>7.1}", "all", whole.as_secs_f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_shows_each_stage_and_the_whole() {
        let stages = [("Format", 1), ("Sqlite", 3)];
        let times =
            Times { stages: stages.map(|(name, s)| (name.to_owned(), Duration::from_secs(s))).into() };
        let expected = "stage      seconds  share\n\
                        Format         1.0  25.0%\n\
                        Sqlite         3.0  75.0%\n\
                        all            4.0\n";
        assert_eq!(times.to_string(), expected);
    }

    #[test]
    fn a_stage_that_fails_is_measured_too() {
        let mut times = Times::default();
        assert_eq!(times.measure("Drift".to_owned(), || Err::<(), u8>(7)), Err(7));
        assert!(times.to_string().contains("Drift"));
    }
}
