//! How far a fetch from another server is, for people who wait for what it brings.
//!
//! Only lines of known steps are told: whatever else another server says to people, it says to the one with whose
//! credentials it is asked.

use std::fmt;
use std::sync::Arc;

use crate::process::{OnProgress, ProgressLine};

/// How the lines of the steps begin, of the other server and of `git` here.
const STEPS: &[&str] = &[
    "Enumerating objects:",
    "Counting objects:",
    "Compressing objects:",
    "Receiving objects:",
    "Unpacking objects:",
    "Resolving deltas:",
];

/// What stands before what the other server says.
const OF_THE_OTHER: &str = "remote: ";

/// Hears each line.
type Listener = dyn Fn(ProgressLine<'_>) + Send + Sync;

/// Where the progress of a fetch is noted; by default nowhere. Cheap to clone.
#[derive(Clone, Default)]
pub struct FetchProgress(Option<Arc<Listener>>);

impl FetchProgress {
    /// Tells each line.
    pub fn told_to(listener: impl Fn(ProgressLine<'_>) + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(listener)))
    }

    /// Takes lines of progress from where they are read.
    pub fn listener(&self) -> OnProgress {
        let progress = self.clone();
        Box::new(move |line| match line {
            ProgressLine::UnderWay(line) | ProgressLine::Done(line) => progress.tell(line),
        })
    }

    /// Tells a line, if it is about a step.
    pub(crate) fn tell(&self, line: &str) {
        let Some(listener) = &self.0 else { return };
        if let Some(step) = step_in(line) {
            let is_done = step.ends_with(", done.");
            listener(if is_done { ProgressLine::Done(step) } else { ProgressLine::UnderWay(step) });
        }
    }
}

impl fmt::Debug for FetchProgress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "FetchProgress(told)" } else { "FetchProgress(not told)" })
    }
}

/// What this line says of a step, if it is about one.
pub(super) fn step_in(line: &str) -> Option<&str> {
    let line = line.strip_prefix(OF_THE_OTHER).unwrap_or(line).trim();
    STEPS.iter().any(|beginning| line.starts_with(beginning)).then_some(line)
}

#[cfg(test)]
mod tests {
    use parking_lot::Mutex;

    use super::*;

    #[test]
    fn steps_are_told_and_nothing_that_is_for_one_reader() {
        let lines: Arc<Mutex<Vec<String>>> = Arc::default();
        let heard = Arc::clone(&lines);
        let progress = FetchProgress::told_to(move |line| heard.lock().push(format!("{line:?}")));
        for line in [
            "remote: Welcome back, ada!",
            "remote: Compressing objects:  50% (1/2)        ",
            "Receiving objects: 100% (3/3), 1.00 KiB | 1.00 KiB/s, done.",
            "fatal: unable to access 'https://ada:secret@git.example.com/'",
        ] {
            progress.tell(line);
            (progress.listener())(ProgressLine::UnderWay(line));
            FetchProgress::default().tell(line);
        }
        let compressing = "UnderWay(\"Compressing objects:  50% (1/2)\")";
        let receiving = "Done(\"Receiving objects: 100% (3/3), 1.00 KiB | 1.00 KiB/s, done.\")";
        assert_eq!(*lines.lock(), [compressing, compressing, receiving, receiving]);
    }
}
