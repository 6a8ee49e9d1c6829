//! How much computing time a process has taken, together with the children that it waited for.

use std::time::Duration;

/// The place of the first of the four times among the fields after the program's name: user and system time of the
/// process, then of its children.
const FIRST_TIME_FIELD: usize = 11;
const TIME_FIELDS: usize = 4;

/// The computing time of a process that nobody has waited for yet; `None` where the system does not tell.
pub(crate) fn cpu_time(process: u32) -> Option<Duration> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    let ticks_per_second = rustix::param::clock_ticks_per_second();
    let ticks = ticks_in(&stat)?;
    Some(Duration::from_nanos(ticks.checked_mul(1_000_000_000)? / ticks_per_second.max(1)))
}

fn ticks_in(stat: &str) -> Option<u64> {
    // The name of the program stands in parentheses and may hold anything.
    let (_, fields) = stat.rsplit_once(')')?;
    let times = fields.split_whitespace().skip(FIRST_TIME_FIELD).take(TIME_FIELDS);
    let times = times.map(|time| time.parse().ok()).collect::<Option<Vec<u64>>>()?;
    (times.len() == TIME_FIELDS).then(|| times.iter().sum())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_four_times_are_added_whatever_the_program_is_called() {
        let stat = "12 (a) b) S 1 12 12 0 -1 4194560 100 0 0 0 7 5 30 2 20 0 1 0 99 1000 10 184 1 1";
        assert_eq!(ticks_in(stat), Some(44));
        assert_eq!(ticks_in("12 (cat) S 1 12"), None);
        assert_eq!(ticks_in(""), None);
    }

    #[test]
    fn a_process_that_works_takes_time() {
        let started = std::time::Instant::now();
        let mut sum = 0_u64;
        while cpu_time(std::process::id()).expect("told on Linux").is_zero() {
            assert!(started.elapsed() < Duration::from_mins(1), "no time is counted");
            sum = std::hint::black_box(sum.wrapping_mul(31).wrapping_add(7));
        }
        assert_eq!(cpu_time(u32::MAX), None);
    }
}
