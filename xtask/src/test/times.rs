//! How long each stage took and how many cores it kept busy, as a table at the end of a run.
//!
//! A stage that leaves cores idle waits for something: it could run beside another one. What a process that was killed
//! had started, and no process waited for, is not counted.

use std::fmt;
use std::fs;
use std::time::{Duration, Instant};

/// What was measured so far, in order.
#[derive(Debug, Default)]
pub struct Times {
    stages: Vec<Stage>,
    /// A process that works for this one and is not its child.
    helper: Option<u32>,
}

#[derive(Debug)]
struct Stage {
    name: String,
    took: Duration,
    /// Time of processors; none where the system does not tell it.
    worked: Option<Duration>,
}

impl Times {
    /// From now on, counts what this process of another parent does as well.
    pub fn count_helper(&mut self, helper: Option<u32>) {
        self.helper = helper;
    }

    /// Does something and remembers how long it took, whatever came of it.
    pub fn measure<T>(&mut self, name: String, work: impl FnOnce() -> T) -> T {
        let (started, before) = (Instant::now(), self.worked());
        let done = work();
        let took = started.elapsed();
        let worked = self.worked().zip(before).map(|(after, before)| after.saturating_sub(before));
        self.stages.push(Stage { name, took, worked });
        done
    }

    /// What this process, its helper and all that they waited for have worked until now.
    fn worked(&self) -> Option<Duration> {
        let helper = self.helper.map(|process| process.to_string());
        let processes = ["self"].into_iter().chain(helper.as_deref());
        processes.map(|process| worked_in(&fs::read_to_string(format!("/proc/{process}/stat")).ok()?)).sum()
    }
}

/// The time of processors in a line of `/proc/PID/stat`: of the process and of its children that have ended, for programs
/// and for the kernel.
fn worked_in(stat: &str) -> Option<Duration> {
    /// The kernel counts hundredths of a second for programs, whatever it uses itself.
    const TICK: Duration = Duration::from_millis(10);
    /// `utime`, `stime`, `cutime` and `cstime`, counted from the state, which follows the name in parentheses.
    const TIMES: std::ops::RangeInclusive<usize> = 11..=14;
    let (_, fields) = stat.rsplit_once(')')?;
    let fields: Vec<&str> = fields.split_whitespace().collect();
    let ticks: Option<u32> = fields.get(TIMES)?.iter().map(|field| field.parse::<u32>().ok()).sum();
    Some(TICK * ticks?)
}

impl fmt::Display for Times {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole: Duration = self.stages.iter().map(|stage| stage.took).sum();
        writeln!(formatter, "{:<10} {:>7} {:>6} {:>5}", "stage", "seconds", "share", "cores")?;
        for Stage { name, took, worked } in &self.stages {
            let share = 100.0 * ratio(*took, whole);
            let cores = cores(*worked, *took);
            writeln!(formatter, "{name:<10} {:>7.1} {share:>5.1}% {cores:>5}", took.as_secs_f64())?;
        }
        let cores = cores(self.stages.iter().map(|stage| stage.worked).sum(), whole);
        writeln!(formatter, "{:<10} {:>7.1} {:>6} {cores:>5}", "all", whole.as_secs_f64(), "")
    }
}

fn cores(worked: Option<Duration>, took: Duration) -> String {
    worked.map_or_else(|| "?".to_owned(), |worked| format!("{:.2}", ratio(worked, took)))
}

fn ratio(part: Duration, whole: Duration) -> f64 {
    part.as_secs_f64() / whole.as_secs_f64().max(f64::MIN_POSITIVE)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stage(name: &str, took: u64, worked: Option<u64>) -> Stage {
        let (took, worked) = (Duration::from_secs(took), worked.map(Duration::from_secs));
        Stage { name: name.to_owned(), took, worked }
    }

    #[test]
    fn the_table_shows_each_stage_and_the_whole() {
        let stages = vec![stage("Format", 1, Some(1)), stage("Sqlite", 3, Some(5))];
        let expected = "stage      seconds  share cores\n\
                        Format         1.0  25.0%  1.00\n\
                        Sqlite         3.0  75.0%  1.67\n\
                        all            4.0         1.50\n";
        assert_eq!(Times { stages, helper: None }.to_string(), expected);
    }

    #[test]
    fn what_the_system_does_not_tell_is_not_guessed() {
        let stages = vec![stage("Format", 1, Some(1)), stage("Sqlite", 3, None)];
        let expected = "stage      seconds  share cores\n\
                        Format         1.0  25.0%  1.00\n\
                        Sqlite         3.0  75.0%     ?\n\
                        all            4.0            ?\n";
        assert_eq!(Times { stages, helper: None }.to_string(), expected);
    }

    #[test]
    fn a_stage_that_fails_is_measured_too() {
        let mut times = Times::default();
        assert_eq!(times.measure("Drift".to_owned(), || Err::<(), u8>(7)), Err(7));
        assert!(times.to_string().contains("Drift"));
    }

    #[test]
    fn time_of_children_counts_and_a_name_may_hold_anything() {
        let stat = "77 (a) name 1) S 1 77 77 0 -1 4194560 900 80 0 0 100 20 3000 400 20 0 1 0 555 1 2";
        assert_eq!(worked_in(stat), Some(Duration::from_millis(35_200)));
        assert_eq!(worked_in("77 (short) S 1 77"), None);
        assert_eq!(worked_in(""), None);
    }

    #[test]
    fn a_helper_that_is_gone_is_not_guessed_either() {
        let mut times = Times::default();
        assert!(times.worked().is_some());
        times.count_helper(Some(u32::MAX));
        assert_eq!(times.worked(), None);
    }
}
