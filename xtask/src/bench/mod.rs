//! `cargo xtask bench`: how fast we are, against a yardstick in the same run. It prints and never asserts.
//!
//! Without names it lists the benchmarks. A run builds the release binary and a release build of this program,
//! from which everything is measured, and starts the roles as processes with their default settings. Ours and
//! the yardstick take turns, so that other load on the machine touches both. What is served is compared with what
//! was pushed; a wrong or short answer fails the run, a missed goal does not.

mod b01_hot_full_clones;
mod b02_hot_shallow_clones;
mod b03_shallow_burst;
mod b04_shallow_burst_by_git;
mod b05_full_burst;
mod b06_cold_burst;
mod b07_memory_of_clones;
mod b08_small_listings;
mod b09_many_refs;
mod b12_follow_push;
mod b15_far_upstream;
mod b16_first_after_push;
mod b17_first_synchronisation;
mod b18_large_repository;
mod b19_rest_requests;
mod import_and_mirror;
mod memory_of_roles;
mod tls_hot_clones;

mod arena;
mod author;
mod bursts;
mod clone_request;
mod comparison;
mod cost;
mod cpu;
mod effort;
mod errands;
mod farm;
mod generated_repository;
mod git;
mod group;
mod hits;
mod hot_clones;
mod http_body;
mod keep_alive_load;
mod machine;
mod many_refs;
mod markdown;
mod measure;
mod memory;
mod network;
mod peers;
mod plain_hyper;
mod raw_post;
mod release_build;
mod report;
mod request_load;
mod rest;
mod roles;
mod run;
mod scene;
mod side_by_side;
mod site;
mod small_repositories;
mod source_text;
mod tls;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, bail};
use clap::Args;
use serde::Serialize;

use crate::outcome::Outcome;
use machine::Machine;
use report::Report;
use run::{Extent, Run};

/// Rounds of a run that only shows that everything works.
const QUICK_ROUNDS: u16 = 2;

/// A benchmark: its name, what it measures, and how.
struct Benchmark {
    name: &'static str,
    summary: &'static str,
    run: fn(&Run) -> anyhow::Result<Report>,
}

/// All of them, in the order in which they run.
const BENCHMARKS: &[Benchmark] = &[
    Benchmark { name: "B1", summary: b01_hot_full_clones::SUMMARY, run: b01_hot_full_clones::run },
    Benchmark { name: "B2", summary: b02_hot_shallow_clones::SUMMARY, run: b02_hot_shallow_clones::run },
    Benchmark { name: "B3", summary: b03_shallow_burst::SUMMARY, run: b03_shallow_burst::run },
    Benchmark { name: "B4", summary: b04_shallow_burst_by_git::SUMMARY, run: b04_shallow_burst_by_git::run },
    Benchmark { name: "B5", summary: b05_full_burst::SUMMARY, run: b05_full_burst::run },
    Benchmark { name: "B6", summary: b06_cold_burst::SUMMARY, run: b06_cold_burst::run },
    Benchmark { name: "B7", summary: b07_memory_of_clones::SUMMARY, run: b07_memory_of_clones::run },
    Benchmark { name: "B8", summary: b08_small_listings::SUMMARY, run: b08_small_listings::run },
    Benchmark { name: "B9", summary: b09_many_refs::SUMMARY, run: b09_many_refs::run },
    Benchmark { name: "B12", summary: b12_follow_push::SUMMARY, run: b12_follow_push::run },
    Benchmark { name: "B15", summary: b15_far_upstream::SUMMARY, run: b15_far_upstream::run },
    Benchmark { name: "B16", summary: b16_first_after_push::SUMMARY, run: b16_first_after_push::run },
    Benchmark {
        name: "B17",
        summary: b17_first_synchronisation::SUMMARY,
        run: b17_first_synchronisation::run,
    },
    Benchmark { name: "B18", summary: b18_large_repository::SUMMARY, run: b18_large_repository::run },
    Benchmark { name: "B19", summary: b19_rest_requests::SUMMARY, run: b19_rest_requests::run },
    Benchmark { name: "IMPORT", summary: import_and_mirror::SUMMARY, run: import_and_mirror::run },
    Benchmark { name: "TLS", summary: tls_hot_clones::SUMMARY, run: tls_hot_clones::run },
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
    /// Print a table of what the scoreboard asks for, as the README has it.
    #[arg(long)]
    markdown: bool,
    /// Install the peers that are missing: from Debian, which needs root, from crates.io and from PyPI.
    #[arg(long)]
    install_peers: bool,
    /// Use a real repository in place of the generated one of 75 MB; it must be bare.
    #[arg(long, value_name = "PATH")]
    repository: Option<PathBuf>,
    /// Use a real repository in place of the generated one of 300 MB; it must be bare.
    #[arg(long, value_name = "PATH")]
    large_repository: Option<PathBuf>,
    /// Two rounds: enough to see that everything works.
    #[arg(long, conflicts_with = "rounds")]
    quick: bool,
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
    /// Be a client in another network namespace: a part of B15, started by itself.
    #[arg(long, hide = true)]
    run_errands: bool,
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
    if options.run_errands {
        errands::run_all()?;
        return Ok(Outcome::Good(String::new()));
    }
    if options.install_peers {
        peers::install::install()?;
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
    let rounds = if options.quick { QUICK_ROUNDS } else { options.rounds };
    let extent = Extent {
        rounds: usize::from(rounds),
        repositories: usize::from(options.repositories),
        repository: options.repository,
        large_repository: options.large_repository,
    };
    let run = Run::new(binary, extent);
    let mut results = Results { machine, rounds, repositories: options.repositories, benchmarks: Vec::new() };
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
    if options.markdown {
        let reports = results.benchmarks.iter().map(|benchmark| &benchmark.report);
        print!(
            "{}",
            markdown::table(&results.machine, &std::env::args().skip(1).collect::<Vec<_>>(), reports)
        );
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
    let absent = peers::missing().into_iter().map(|missing| format!("left out: {missing} (--install-peers)"));
    lines.chain(absent).collect::<Vec<_>>().join("\n")
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
        let listing = listing();
        let lines = listing.lines().filter(|line| !line.starts_with("left out: "));
        assert_eq!(lines.count(), BENCHMARKS.len());
    }
}
