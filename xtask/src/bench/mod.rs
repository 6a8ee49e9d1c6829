//! `cargo xtask bench`: how fast we are, against a yardstick in the same run. It prints and never asserts.
//!
//! Without names it lists the benchmarks. A run builds the release binary and a release build of this program,
//! from which everything is measured, and starts the roles as processes with their default settings. Ours and
//! the yardstick take turns, so that other load on the machine touches both. What is served is compared with what
//! was pushed; a wrong or short answer fails the run, a missed goal does not.

mod b12_follow_push;
mod b17_first_synchronisation;
mod b19_rest_requests;
mod import_and_mirror;
mod memory_of_roles;

mod cpu;
mod effort;
mod farm;
mod generated_repository;
mod git;
mod keep_alive_load;
mod machine;
mod measure;
mod memory;
mod plain_hyper;
mod raw_fetch;
mod release_build;
mod report;
mod rest;
mod roles;
mod run;
mod side_by_side;
mod small_repositories;
mod source_text;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, bail};
use clap::Args;
use serde::Serialize;

use crate::outcome::Outcome;
use machine::Machine;
use report::Report;
use run::Run;

/// A benchmark: its name, what it measures, and how.
struct Benchmark {
    name: &'static str,
    summary: &'static str,
    run: fn(&Run) -> anyhow::Result<Report>,
}

const BENCHMARKS: [Benchmark; 5] = [
    Benchmark { name: "B12", summary: b12_follow_push::SUMMARY, run: b12_follow_push::run },
    Benchmark {
        name: "B17",
        summary: b17_first_synchronisation::SUMMARY,
        run: b17_first_synchronisation::run,
    },
    Benchmark { name: "B19", summary: b19_rest_requests::SUMMARY, run: b19_rest_requests::run },
    Benchmark { name: "IMPORT", summary: import_and_mirror::SUMMARY, run: import_and_mirror::run },
    Benchmark { name: "MEM", summary: memory_of_roles::SUMMARY, run: memory_of_roles::run },
];

/// What to run, and how.
#[derive(Debug, Args)]
pub struct Options {
    /// Benchmarks by name, or `all`; without any they are listed.
    #[arg(value_name = "NAME")]
    names: Vec<String>,
    /// Write the results to a file, samples included.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Use a real repository in place of the generated large one.
    #[arg(long, value_name = "PATH")]
    repository: Option<PathBuf>,
    /// How often ours and the yardstick take turns.
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=100))]
    rounds: u16,
    /// How many small repositories there are.
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    repositories: u16,
    /// Measure this binary, and from this build of the task, instead of building both.
    #[arg(long, value_name = "PATH")]
    binary: Option<PathBuf>,
    /// Answer every request with the content of a file: the yardstick of B19, started by itself.
    #[arg(long, value_name = "FILE", hide = true)]
    serve_plain_hyper: Option<PathBuf>,
}

/// The whole run as JSON has it.
#[derive(Serialize)]
struct Results {
    machine: Machine,
    rounds: u16,
    repositories: u16,
    benchmarks: Vec<NamedReport>,
}

#[derive(Serialize)]
struct NamedReport {
    name: &'static str,
    summary: &'static str,
    seconds: u64,
    #[serde(flatten)]
    report: Report,
}

/// Lists the benchmarks, or runs those that are named.
pub fn run(options: Options) -> anyhow::Result<Outcome> {
    if let Some(body) = &options.serve_plain_hyper {
        plain_hyper::serve(body)?;
        return Ok(Outcome::Good(String::new()));
    }
    let chosen = chosen(&options.names)?;
    if chosen.is_empty() {
        return Ok(Outcome::Good(listing()));
    }
    let binary = match &options.binary {
        Some(binary) => binary.canonicalize().with_context(|| format!("there is no {}", binary.display()))?,
        None => release_build::continue_in_it()?,
    };
    let machine = Machine::here();
    println!("{}", machine.line());
    if cfg!(debug_assertions) {
        println!(
            "note: measured from an unoptimised build of this task; B19's yardstick is slower than it should be"
        );
    }
    let run =
        Run::new(binary, usize::from(options.rounds), usize::from(options.repositories), options.repository);
    let mut results = Results {
        machine,
        rounds: options.rounds,
        repositories: options.repositories,
        benchmarks: Vec::new(),
    };
    let mut failures = Vec::new();
    for benchmark in chosen {
        match run_one(benchmark, &run) {
            Ok(report) => results.benchmarks.push(report),
            Err(error) => {
                eprintln!("   {} failed: {error:#}", benchmark.name);
                failures.push(benchmark.name);
            }
        }
    }
    if let Some(path) = &options.json {
        write_json(path, &results)?;
    }
    if !failures.is_empty() {
        bail!("failed: {}", failures.join(", "));
    }
    Ok(Outcome::Good(format!("{} benchmark(s) ran", results.benchmarks.len())))
}

fn run_one(benchmark: &Benchmark, run: &Run) -> anyhow::Result<NamedReport> {
    let Benchmark { name, summary, .. } = benchmark;
    println!("== {name}: {summary}");
    let started = Instant::now();
    let report = (benchmark.run)(run)?;
    print!("{report}");
    Ok(NamedReport { name, summary, seconds: started.elapsed().as_secs(), report })
}

/// The named ones in the order of the list.
fn chosen(names: &[String]) -> anyhow::Result<Vec<&'static Benchmark>> {
    let is_known = |name: &String| name == "all" || BENCHMARKS.iter().any(|known| is_name_of(name, known));
    if let Some(unknown) = names.iter().find(|name| !is_known(name)) {
        bail!("there is no benchmark {unknown:?}; `cargo xtask bench` lists them");
    }
    let is_chosen =
        |benchmark: &&Benchmark| names.iter().any(|name| name == "all" || is_name_of(name, benchmark));
    Ok(BENCHMARKS.iter().filter(is_chosen).collect())
}

fn is_name_of(name: &str, benchmark: &Benchmark) -> bool {
    name.eq_ignore_ascii_case(benchmark.name)
}

fn listing() -> String {
    let lines = BENCHMARKS.iter().map(|benchmark| format!("{:<7} {}", benchmark.name, benchmark.summary));
    lines.collect::<Vec<_>>().join("\n")
}

fn write_json(path: &Path, results: &Results) -> anyhow::Result<()> {
    let mut text = serde_json::to_string_pretty(results)?;
    text.push('\n');
    fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(asked: &[&str]) -> Vec<&'static str> {
        let asked: Vec<String> = asked.iter().map(|name| (*name).to_owned()).collect();
        chosen(&asked).expect("they are known").iter().map(|benchmark| benchmark.name).collect()
    }

    #[test]
    fn benchmarks_are_chosen_by_name() {
        assert!(names(&[]).is_empty());
        assert_eq!(names(&["b19", "B12"]), ["B12", "B19"]);
        assert_eq!(names(&["all"]).len(), BENCHMARKS.len());
        assert!(chosen(&["B99".to_owned()]).is_err());
    }

    #[test]
    fn every_benchmark_has_one_line() {
        assert_eq!(listing().lines().count(), BENCHMARKS.len());
    }
}
