//! What some work cost: wall time, and CPU time of servers and of the processes that were run for it.

use std::time::Instant;

use crate::measuring::cpu;
use crate::measuring::samples::Samples;

/// Wall and CPU time of the same work, round by round.
#[derive(Debug, Default)]
pub struct Efforts {
    /// Seconds that passed.
    pub wall: Samples,
    /// Seconds of CPU that all processes together have used.
    pub cpu: Samples,
}

impl Efforts {
    /// Does the work and adds what it cost. Counted are the given servers with their children, and what this
    /// process has started and waited for meanwhile; not this process itself.
    pub fn add<T>(&mut self, servers: &[u32], work: impl FnOnce() -> anyhow::Result<T>) -> anyhow::Result<T> {
        let cpu_before = cpu_seconds(servers)?;
        let started = Instant::now();
        let result = work()?;
        self.wall.push(started.elapsed().as_secs_f64());
        self.cpu.push(cpu_seconds(servers)? - cpu_before);
        Ok(result)
    }
}

fn cpu_seconds(servers: &[u32]) -> anyhow::Result<f64> {
    let servers = cpu::of_trees(servers)?;
    Ok((servers + cpu::of_finished_children()?).as_secs_f64())
}
