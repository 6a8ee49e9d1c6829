//! What work costs a contender: time that passes, CPU, and anonymous memory above what it had before.

use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};

use crate::client::clone_request::PackSeen;
use crate::client::conversation::Conversation;
use crate::client::raw_post::Request;
use crate::testbed::Contender;

/// Servers tidy up after the last byte; what they do then is part of the answer's cost.
const AFTERMATH: Duration = Duration::from_millis(50);
const MIB: f64 = 1024.0 * 1024.0;

/// What some work has cost.
#[derive(Debug, Clone, Copy)]
pub struct Cost {
    /// Seconds that passed.
    pub wall: f64,
    /// Seconds of CPU of everything that serves.
    pub cpu: f64,
    /// MiB above what was there before, at most.
    pub memory: f64,
}

/// Does the work and looks at what it costs the one that is asked.
pub fn of(contender: &Contender, work: impl FnOnce() -> anyhow::Result<()>) -> anyhow::Result<Cost> {
    let failed = || format!("{} failed", contender.name);
    let idle = contender.group.anonymous_bytes()?;
    let watch = contender.group.watch_memory();
    let before = contender.group.cpu_seconds()?;
    let started = Instant::now();
    work().with_context(failed)?;
    let wall = started.elapsed().as_secs_f64();
    thread::sleep(AFTERMATH);
    let cpu = contender.group.cpu_seconds()? - before;
    let memory = watch.stop()?.saturating_sub(idle) as f64 / MIB;
    Ok(Cost { wall, cpu, memory })
}

/// How many objects the pack of an answer must have: as many as that of every other server.
#[derive(Debug, Default)]
pub struct Expected(AtomicU32);

impl Expected {
    /// Sends a clone's fetch; a short answer is an error.
    pub fn ask(&self, request: &Request) -> anyhow::Result<()> {
        let mut seen = PackSeen::default();
        request.send(|piece| seen.take(piece))?;
        self.check(seen.objects()?)
    }

    /// The same with all that git asks before.
    pub fn hold(&self, conversation: &Conversation) -> anyhow::Result<()> {
        self.check(conversation.hold()?)
    }

    /// The first one that is told decides.
    fn check(&self, objects: u32) -> anyhow::Result<()> {
        ensure!(objects > 0, "the pack is empty");
        let known = self.0.compare_exchange(0, objects, Ordering::Relaxed, Ordering::Relaxed);
        match known {
            Err(expected) if expected != objects => {
                anyhow::bail!("the pack has {objects} objects, that of others had {expected}")
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_packs_have_the_same_number_of_objects() {
        let expected = Expected::default();
        assert!(expected.check(0).is_err());
        assert!(expected.check(7).is_ok() && expected.check(7).is_ok());
        assert!(expected.check(6).expect_err("it is short").to_string().contains("6 objects"));
    }
}
