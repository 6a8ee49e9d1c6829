//! What commands print: tables for people, JSON for programs, errors for both.

mod progress;
mod table;
mod time;

use std::io::Write;

use clap::ValueEnum;
use serde_json::{Value, json};

pub use progress::Progress;
pub use table::Column;

/// Form of what a command prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum OutputFormat {
    /// Columns, for people.
    Table,
    /// JSON as the server gave it, for programs.
    Json,
}

impl OutputFormat {
    /// Prints a list.
    pub fn list(self, values: &[Value], columns: &[Column]) {
        match self {
            Self::Table => line(&table::rows(values, columns)),
            Self::Json => line(&pretty(&Value::from(values))),
        }
    }

    /// Prints one thing.
    pub fn show(self, value: &Value, fields: &[Column]) {
        match self {
            Self::Table => line(&table::fields(value, fields)),
            Self::Json => line(&pretty(value)),
        }
    }

    /// Says what was done, where the server has nothing to show.
    pub fn done(self, message: &str) {
        match self {
            Self::Table => line(message),
            Self::Json => line(&pretty(&json!({ "message": message }))),
        }
    }
}

/// Prints a line on standard output. A closed pipe is no error: `heliostat ... | head -1` is fine.
pub fn line(text: &str) {
    let mut stdout = std::io::stdout().lock();
    let _ = writeln!(stdout, "{text}").and_then(|()| stdout.flush());
}

/// Says on standard error what may be done next.
pub fn hint(text: &str) {
    let mut stderr = std::io::stderr().lock();
    let _ = writeln!(stderr, "{}", printable(text));
}

/// Prints an error and what caused it on standard error, in one line.
pub fn print_error(error: &anyhow::Error) {
    let mut stderr = std::io::stderr().lock();
    let _ = writeln!(stderr, "error: {}", in_words(error));
}

/// Prints how a command failed, on standard error: a line for people, or one of JSON for programs.
pub fn print_failure(form: OutputFormat, error: &anyhow::Error, exit_code: u8, status: Option<u16>) {
    if form == OutputFormat::Table {
        return print_error(error);
    }
    let mut told = json!({ "message": in_words(error), "exitCode": exit_code });
    if let Some(status) = status {
        told["status"] = status.into();
    }
    let mut stderr = std::io::stderr().lock();
    let _ = writeln!(stderr, "{}", json!({ "error": told }));
}

/// An error and what caused it, without the numbers that the system gives to its words.
fn in_words(error: &anyhow::Error) -> String {
    let told = printable(&format!("{error:#}"));
    let mut words = String::with_capacity(told.len());
    let mut rest = told.as_str();
    while let Some((before, after)) = rest.split_once(" (os error ") {
        words.push_str(before);
        rest = after.split_once(')').map_or("", |(_, rest)| rest);
    }
    words + rest
}

/// Text from elsewhere, without the control characters that would change the terminal, and without those that would
/// change the order in which a line is read.
pub fn printable(text: &str) -> String {
    let is_unfit = |c: char| (c.is_control() && c != '\n') || changes_direction(c);
    text.chars().map(|c| if is_unfit(c) { '?' } else { c }).collect()
}

fn changes_direction(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).expect("a JSON value can always be written")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_of_the_system_are_told_by_their_words() {
        let missing = std::io::Error::from_raw_os_error(2);
        let error = anyhow::Error::new(missing).context("cannot read key");
        assert_eq!(in_words(&error), "cannot read key: No such file or directory");
        assert_eq!(in_words(&anyhow::anyhow!("a (os error 9) b (os error 7")), "a b");
    }
}
