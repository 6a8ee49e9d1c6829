//! What the system says about this process, under the names that every Prometheus client uses.

use std::fmt;
use std::time::Duration;

use super::figures::Sheet;

/// What the process has taken so far, and takes now.
#[derive(Debug, Clone, Copy, Default)]
pub struct ProcessFigures {
    cpu: Duration,
    resident_bytes: u64,
    open_files: u64,
    threads: u64,
}

impl ProcessFigures {
    /// Reads what there is; what cannot be read is zero.
    pub fn now() -> Self {
        let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
        // The second field is the program's name and may hold spaces; the third is the first after its bracket.
        let fields: Vec<&str> = stat.rsplit_once(") ").map_or("", |(_, rest)| rest).split(' ').collect();
        let field =
            |number: usize| fields.get(number - 3).and_then(|text| text.parse::<u64>().ok()).unwrap_or(0);
        let ticks = field(14) + field(15);
        ProcessFigures {
            cpu: Duration::from_secs_f64(ticks as f64 / rustix::param::clock_ticks_per_second() as f64),
            resident_bytes: field(24) * rustix::param::page_size() as u64,
            open_files: std::fs::read_dir("/proc/self/fd").map_or(0, |folder| folder.count() as u64),
            threads: field(20),
        }
    }

    pub(super) fn encode(&self, sheet: &mut Sheet<'_>) -> fmt::Result {
        sheet.seconds("process_cpu", "Processor time of this process, without its children", self.cpu)?;
        sheet.gauge(
            "process_resident_memory_bytes",
            "Memory that this process has in use",
            self.resident_bytes,
        )?;
        sheet.gauge("process_open_fds", "Open files and connections", self.open_files)?;
        sheet.gauge("process_threads", "Threads", self.threads)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_running_process_has_taken_something() {
        let now = ProcessFigures::now();
        assert!(now.resident_bytes > 1024 * 1024, "{now:?}");
        assert!(now.open_files >= 3 && now.threads >= 1, "{now:?}");
    }
}
