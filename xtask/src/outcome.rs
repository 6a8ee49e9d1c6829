//! How a task ends: the exit codes that tell "mend it with this command" from "something is broken".

use std::fmt;
use std::process::ExitCode;

/// Exit code of a check that found something a command can mend.
pub const EXIT_STALE: u8 = 4;
/// Exit code of a task that could not do its work, or of a check that found something a person must mend.
pub const EXIT_BROKEN: u8 = 100;

/// A check's finding: what is wrong, and what mends it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What is wrong, and where.
    pub problem: String,
    /// The command or the edit that mends it.
    pub remedy: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}\n    remedy: {}", self.problem, self.remedy)
    }
}

/// How a task ended.
#[derive(Debug)]
pub enum Outcome {
    /// Done, or nothing to complain about; the sentence says what was done.
    Good(String),
    /// Found something that the named command mends.
    Stale(Vec<Finding>),
    /// Found something that a person must mend.
    Broken(Vec<Finding>),
}

impl Outcome {
    /// `Good` when there is no finding, else `Broken`.
    pub fn of_findings(findings: Vec<Finding>, good: impl Into<String>) -> Self {
        if findings.is_empty() { Outcome::Good(good.into()) } else { Outcome::Broken(findings) }
    }
}

/// Prints how a task ended and chooses the exit code.
pub fn exit_code(outcome: anyhow::Result<Outcome>) -> ExitCode {
    match outcome {
        Ok(Outcome::Good(done)) => {
            println!("{done}");
            ExitCode::SUCCESS
        }
        Ok(Outcome::Stale(findings)) => {
            print_findings("stale", &findings);
            ExitCode::from(EXIT_STALE)
        }
        Ok(Outcome::Broken(findings)) => {
            print_findings("broken", &findings);
            ExitCode::from(EXIT_BROKEN)
        }
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(EXIT_BROKEN)
        }
    }
}

fn print_findings(word: &str, findings: &[Finding]) {
    for finding in findings {
        eprintln!("{word:>7}  {finding}");
    }
    eprintln!("{} finding(s)", findings.len());
}
