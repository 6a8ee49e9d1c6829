//! What a check found, and what to do about it.

use std::fmt;

use serde_json::{Value, json};

use crate::output::printable;

/// The result of one check.
#[derive(Debug, PartialEq, Eq)]
pub struct Finding {
    /// What was checked.
    pub item: &'static str,
    /// How it is.
    pub outcome: Outcome,
    /// What was seen.
    pub detail: String,
    /// What to do, where something is to be done.
    pub remedy: Option<String>,
}

/// How a checked thing is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// As it should be.
    Good,
    /// Works now, may not for long.
    Doubtful,
    /// A role would not run, or not for long.
    Failed,
    /// Nothing was given to check.
    Skipped,
}

impl Finding {
    /// As it should be.
    pub fn good(item: &'static str, detail: impl Into<String>) -> Self {
        Self { item, outcome: Outcome::Good, detail: detail.into(), remedy: None }
    }

    /// Not given, so not checked.
    pub fn skipped(item: &'static str, detail: impl Into<String>) -> Self {
        Self { item, outcome: Outcome::Skipped, detail: detail.into(), remedy: None }
    }

    /// Works now, may not for long.
    pub fn doubtful(item: &'static str, detail: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { item, outcome: Outcome::Doubtful, detail: detail.into(), remedy: Some(remedy.into()) }
    }

    /// A role would not run, or not for long.
    pub fn failed(item: &'static str, detail: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { item, outcome: Outcome::Failed, detail: detail.into(), remedy: Some(remedy.into()) }
    }

    /// For programs.
    pub fn as_json(&self) -> Value {
        json!({
            "item": self.item,
            "outcome": self.outcome.name(),
            "detail": self.detail,
            "remedy": self.remedy,
        })
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:<8} {:<15} {}", self.outcome.name(), self.item, printable(&self.detail))?;
        match &self.remedy {
            Some(remedy) => write!(f, "\n{:<25}-> {}", "", printable(remedy)),
            None => Ok(()),
        }
    }
}

impl Outcome {
    fn name(self) -> &'static str {
        match self {
            Self::Good => "ok",
            Self::Doubtful => "warning",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
        }
    }
}
