//! What the system says about this process, under the names that every Prometheus client uses.

use std::fmt;
use std::sync::LazyLock;
use std::time::Duration;

use super::encoder::Encoder;
use crate::http::OpenFiles;

/// When the system started, in seconds since the epoch, as it was told first: a clock that is set later must not look like
/// another start of this process.
static SYSTEM_STARTED_AT: LazyLock<f64> = LazyLock::new(|| {
    let stat = std::fs::read_to_string("/proc/stat").unwrap_or_default();
    stat.lines().find_map(|line| line.strip_prefix("btime ")?.parse().ok()).unwrap_or(0.0)
});

/// What the process has taken so far, and takes now.
#[derive(Debug, Clone, Copy, Default)]
pub struct ProcessMetrics {
    cpu: Duration,
    /// In seconds since the epoch.
    started_at: f64,
    resident_bytes: u64,
    virtual_bytes: u64,
    open_files: u64,
    max_open_files: u64,
    threads: u64,
}

impl ProcessMetrics {
    /// Reads what there is; what cannot be read is zero.
    pub fn now() -> Self {
        let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
        // The second field is the program's name and may hold spaces; the third is the first after its bracket.
        let fields: Vec<&str> = stat.rsplit_once(") ").map_or("", |(_, rest)| rest).split(' ').collect();
        let field =
            |number: usize| fields.get(number - 3).and_then(|text| text.parse::<u64>().ok()).unwrap_or(0);
        let seconds = |ticks: u64| ticks as f64 / rustix::param::clock_ticks_per_second() as f64;
        ProcessMetrics {
            cpu: Duration::from_secs_f64(seconds(field(14) + field(15))),
            started_at: *SYSTEM_STARTED_AT + seconds(field(22)),
            virtual_bytes: field(23),
            resident_bytes: field(24) * rustix::param::page_size() as u64,
            open_files: std::fs::read_dir("/proc/self/fd").map_or(0, |folder| folder.count() as u64),
            max_open_files: OpenFiles::now().limit,
            threads: field(20),
        }
    }

    pub(super) fn encode(&self, encoder: &mut Encoder<'_>) -> fmt::Result {
        encoder.counter(
            "process_cpu_seconds_total",
            "Seconds of CPU time that this process has used, without its children.",
            self.cpu.as_secs_f64(),
        )?;
        encoder.gauge(
            "process_start_time_seconds",
            "When this process was started, in seconds since 1970.",
            self.started_at,
        )?;
        encoder.gauge(
            "process_virtual_memory_bytes",
            "Bytes of memory that this process has reserved addresses for.",
            self.virtual_bytes,
        )?;
        encoder.gauge(
            "process_resident_memory_bytes",
            "Bytes of memory that this process has in use.",
            self.resident_bytes,
        )?;
        encoder.gauge(
            "process_open_fds",
            "Open file descriptors: files and connections.",
            self.open_files,
        )?;
        encoder.gauge(
            "process_max_fds",
            "File descriptors that may be open at once.",
            self.max_open_files,
        )?;
        encoder.gauge("process_threads", "Threads of this process.", self.threads)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_running_process_has_taken_something() {
        let now = ProcessMetrics::now();
        assert!(now.resident_bytes > 1024 * 1024, "{now:?}");
        assert!(now.virtual_bytes >= now.resident_bytes, "{now:?}");
        assert!(now.open_files >= 3 && now.threads >= 1, "{now:?}");
        let age =
            std::time::SystemTime::UNIX_EPOCH.elapsed().expect("after 1970").as_secs_f64() - now.started_at;
        assert!((-2.0..1_000_000.0).contains(&age), "{now:?}");
    }
}
