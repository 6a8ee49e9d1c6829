//! Where results go: to people, into a JSON document and into a table, each benchmark's as soon as it has ended, so
//! that a run that is cut keeps what it measured.

pub mod comparison;
pub mod machine;
mod markdown;
pub mod report;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use serde::Serialize;

use machine::Machine;
use report::Report;

/// The results of a run until now.
pub struct Results {
    document: Document,
    json: Option<PathBuf>,
    format: Format,
}

/// What standard output gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Everything that was found, for people.
    Text,
    /// A row for each goal; the text goes to standard error.
    Markdown,
}

/// The whole run as JSON has it.
#[derive(Serialize)]
struct Document {
    machine: Machine,
    rounds: u16,
    repositories: u16,
    benchmarks: Vec<NamedReport>,
}

/// What a benchmark found.
#[derive(Serialize)]
pub struct NamedReport {
    /// Its name.
    pub name: &'static str,
    /// What it measures.
    pub summary: &'static str,
    /// How long it took.
    pub seconds: u64,
    /// What it found.
    #[serde(flatten)]
    pub report: Report,
}

impl Results {
    /// Writes what is known before the first benchmark.
    pub fn begin(
        machine: Machine,
        rounds: u16,
        repositories: u16,
        json: Option<PathBuf>,
        format: Format,
    ) -> anyhow::Result<Self> {
        if let Some(path) = &json {
            let is_writable = !path.exists() || path.is_file();
            ensure!(is_writable, "{} is not a file that can be written anew", path.display());
        }
        let results = Results {
            document: Document { machine, rounds, repositories, benchmarks: Vec::new() },
            json,
            format,
        };
        results.tell(&format!("{}\n", results.document.machine.line()));
        if format == Format::Markdown {
            let command: Vec<String> = std::env::args().skip(1).collect();
            print!("{}", markdown::head(&results.document.machine, &command));
        }
        results.write_document()?;
        Ok(results)
    }

    /// Adds what a benchmark found.
    pub fn add(&mut self, found: NamedReport) -> anyhow::Result<()> {
        self.tell(&found.report.to_string());
        if self.format == Format::Markdown {
            print!("{}", markdown::rows(&found.report));
        }
        self.document.benchmarks.push(found);
        self.write_document()
    }

    /// Tells people something.
    pub fn tell(&self, text: &str) {
        match self.format {
            Format::Text => print!("{text}"),
            Format::Markdown => eprint!("{text}"),
        }
    }

    /// The file always has a whole document: the new one takes the place of the last one.
    fn write_document(&self) -> anyhow::Result<()> {
        let Some(path) = &self.json else { return Ok(()) };
        let mut text = serde_json::to_string_pretty(&self.document)?;
        text.push('\n');
        let unfinished = unfinished(path);
        let written = fs::write(&unfinished, text).and_then(|()| fs::rename(&unfinished, path));
        written.with_context(|| format!("cannot write {}", path.display()))
    }
}

fn unfinished(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".unfinished");
    path.with_file_name(name)
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn a_run_that_is_cut_keeps_what_it_measured() {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let path = folder.path().join("results.json");
        let read = || -> Value {
            let text = fs::read_to_string(&path).expect("it is written");
            serde_json::from_str(&text).expect("it is a document")
        };
        let mut results = Results::begin(Machine::here(), 2, 10, Some(path.clone()), Format::Text)
            .expect("it can be written");
        assert_eq!((&read()["rounds"], &read()["benchmarks"]), (&2.into(), &Value::Array(Vec::new())));
        for name in ["B1", "B2"] {
            let found = NamedReport { name, summary: "clones", seconds: 1, report: Report::default() };
            results.add(found).expect("it can be written");
            let last = read()["benchmarks"].as_array().and_then(|all| all.last().cloned());
            assert_eq!(last.expect("there is one")["name"], name);
        }
        assert_eq!(fs::read_dir(folder.path()).expect("it is there").count(), 1);
    }

    #[test]
    fn what_is_not_a_file_is_refused_before_anything_is_measured() {
        let begun = Results::begin(Machine::here(), 2, 10, Some("/dev/null".into()), Format::Text);
        assert!(begun.err().expect("it is refused").to_string().contains("/dev/null is not a file"));
    }
}
