//! How much is logged, as it can be changed while the process runs: by a request, or by a signal.
//!
//! The log itself belongs to the binary. What changes it comes from there, so that nothing here knows how lines are written.

use std::sync::Arc;

use heliostat_mirror::permit::Administrator;
use heliostat_origin::permit::Operator;
use heliostat_upstream::permit::SystemAdministrator;
use parking_lot::Mutex;
use thiserror::Error;

/// Everything that happens, for a while.
const VERBOSE: &str = "debug";

/// Longest level that is taken, in bytes: a list of modules is far shorter.
const MAX_LEVEL_BYTES: usize = 1024;

type Change = dyn Fn(&str) -> Result<(), String> + Send + Sync;

/// A permission to see and to change how much is logged: every role has its own, and only the role's `permit` makes it. A
/// handler that does not ask for one does not compile.
pub trait ControlsLog {}

impl ControlsLog for SystemAdministrator<'_> {}

impl ControlsLog for Administrator {}

impl ControlsLog for Operator {}

/// How much is logged. Cloning is cheap and shares it.
#[derive(Clone)]
pub struct LogLevel(Arc<Inner>);

struct Inner {
    /// As the process was started.
    first: String,
    now: Mutex<String>,
    change: Box<Change>,
}

/// A level that cannot be used.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("the log level {level:?} cannot be used: {reason}")]
pub struct InvalidLogLevel {
    level: String,
    reason: String,
}

impl LogLevel {
    /// The level with which the process was started, and what changes it.
    pub fn new(first: &str, change: impl Fn(&str) -> Result<(), String> + Send + Sync + 'static) -> Self {
        let (first, now) = (first.to_owned(), Mutex::new(first.to_owned()));
        Self(Arc::new(Inner { first, now, change: Box::new(change) }))
    }

    /// The present level: a word, or a list with modules.
    pub(crate) fn now(&self, _: &impl ControlsLog) -> String {
        self.current()
    }

    /// Logs so much from now on.
    pub(crate) fn set(&self, _: &impl ControlsLog, level: &str) -> Result<(), InvalidLogLevel> {
        self.change(level)
    }

    /// Logs everything that happens, or, if it does so already, as much as at the start; returns the new level. This is for
    /// a signal, and the system lets only those send one who run the process.
    pub fn toggle(&self) -> Result<String, InvalidLogLevel> {
        let next = if self.current() == self.0.first { VERBOSE } else { self.0.first.as_str() };
        self.change(next)?;
        Ok(next.to_owned())
    }

    fn current(&self) -> String {
        self.0.now.lock().clone()
    }

    fn change(&self, level: &str) -> Result<(), InvalidLogLevel> {
        let invalid =
            |reason: String| InvalidLogLevel { level: level.chars().take(MAX_LEVEL_BYTES).collect(), reason };
        if level.len() > MAX_LEVEL_BYTES {
            return Err(invalid(format!("it is longer than {MAX_LEVEL_BYTES} bytes")));
        }
        let mut now = self.0.now.lock();
        (self.0.change)(level).map_err(invalid)?;
        level.clone_into(&mut now);
        Ok(())
    }
}

impl std::fmt::Debug for LogLevel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("LogLevel").field(&self.current()).finish()
    }
}

#[cfg(test)]
mod tests {
    use heliostat_auth::Caller;

    use super::*;

    fn level() -> LogLevel {
        LogLevel::new("info", |level| if level == "loud" { Err("no such level".to_owned()) } else { Ok(()) })
    }

    fn administrator() -> Administrator {
        heliostat_mirror::permit::administer(&Caller::Upstream { id: "u".to_owned() }).expect("it may")
    }

    #[test]
    fn a_level_that_cannot_be_used_changes_nothing() {
        let (level, administrator) = (level(), administrator());
        for wrong in ["loud".to_owned(), "x".repeat(MAX_LEVEL_BYTES + 1)] {
            assert!(level.set(&administrator, &wrong).is_err());
            assert_eq!(level.now(&administrator), "info");
        }
        level.set(&administrator, "warn,heliostat_git=debug").expect("it can be used");
        assert_eq!(level.now(&administrator), "warn,heliostat_git=debug");
    }

    #[test]
    fn the_signal_leads_there_and_back() {
        let level = level();
        assert_eq!(level.toggle().as_deref(), Ok("debug"));
        assert_eq!(level.toggle().as_deref(), Ok("info"));
        level.set(&administrator(), "warn").expect("it can be used");
        assert_eq!(level.toggle().as_deref(), Ok("info"), "what was set by hand is undone");
    }
}
