//! How much computing time a process has taken, alone or with its helpers.

use std::time::Duration;

/// The place of the process group among the fields after the program's name.
const GROUP_FIELD: usize = 2;

/// The place of the first of the four times: user and system time of the process, then of the children that it waited
/// for.
const FIRST_TIME_FIELD: usize = 11;
const TIME_FIELDS: usize = 4;

/// The computing time of a process that has not been waited for yet; `None` where the system does not tell.
pub fn cpu_time(process: u32) -> Option<Duration> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    let ticks_per_second = rustix::param::clock_ticks_per_second();
    let ticks = ticks_in(&stat)?;
    Some(Duration::from_nanos(ticks.checked_mul(1_000_000_000)? / ticks_per_second.max(1)))
}

/// The computing time of all processes of a group, in ticks. It looks at every process of the machine.
fn ticks_of_group(leader: u32) -> u64 {
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let stats = processes.filter_map(|process| std::fs::read_to_string(process.path().join("stat")).ok());
    stats.filter(|stat| group_in(stat) == Some(leader)).filter_map(|stat| ticks_in(&stat)).sum()
}

/// Tells whether a process and its helpers work, between two looks at them.
#[derive(Debug)]
pub(crate) struct WorkWatch {
    leader: Option<u32>,
    ticks: u64,
}

impl WorkWatch {
    /// Watches the group that this process leads; where there is none, there is no work.
    pub(crate) fn of(leader: Option<u32>) -> Self {
        Self { leader, ticks: leader.map(ticks_of_group).unwrap_or_default() }
    }

    /// Whether the group has computed anything since the last look.
    pub(crate) fn has_worked(&mut self) -> bool {
        let now = self.leader.map(ticks_of_group).unwrap_or_default();
        let has_worked = now > self.ticks;
        self.ticks = now;
        has_worked
    }
}

/// The fields after the name of the program, which stands in parentheses and may hold anything.
fn fields_in(stat: &str) -> Option<impl Iterator<Item = &str>> {
    stat.rsplit_once(')').map(|(_, fields)| fields.split_whitespace())
}

fn group_in(stat: &str) -> Option<u32> {
    fields_in(stat)?.nth(GROUP_FIELD)?.parse().ok()
}

fn ticks_in(stat: &str) -> Option<u64> {
    let times = fields_in(stat)?.skip(FIRST_TIME_FIELD).take(TIME_FIELDS);
    let times = times.map(|time| time.parse().ok()).collect::<Option<Vec<u64>>>()?;
    (times.len() == TIME_FIELDS).then(|| times.iter().sum())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_four_times_are_added_whatever_the_program_is_called() {
        let stat = "12 (a) b) S 1 12 12 0 -1 4194560 100 0 0 0 7 5 30 2 20 0 1 0 99 1000 10 184 1 1";
        assert_eq!((ticks_in(stat), group_in(stat)), (Some(44), Some(12)));
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

    #[test]
    #[expect(clippy::disallowed_methods, reason = "a stand-in for git that does what is told")]
    fn helpers_count_as_work_and_waiting_does_not() {
        use std::io::{BufRead, BufReader, Write};
        use std::os::unix::process::CommandExt;
        use std::process::{Command, Stdio};

        // Says when it has worked and waits for a word before it goes on; the work is done by a helper.
        let script = "read word; sh -c 'i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done'; echo; read word";
        let mut command = Command::new("sh");
        command.args(["-c", script]).stdin(Stdio::piped()).stdout(Stdio::piped()).process_group(0);
        let mut process = command.spawn().expect("sh runs");
        let mut watch = WorkWatch::of(Some(process.id()));
        let mut input = process.stdin.take().expect("piped");
        input.write_all(b"go\n").expect("it reads");
        let mut output = BufReader::new(process.stdout.take().expect("piped"));
        output.read_line(&mut String::new()).expect("it says something");
        assert!(watch.has_worked());
        // It may need a moment to come to rest.
        let rests = (0..1000).any(|_| !watch.has_worked());
        assert!(rests);
        drop(input);
        process.wait().expect("it ends");
        assert!(!WorkWatch::of(None).has_worked());
    }
}
