//! How fast Heliostat is, against yardsticks in the same run: `cargo xtask bench`. It prints and never asserts.
//!
//! Without names it lists the benchmarks. A run builds the release binary and starts the roles as processes with
//! their default settings. Ours and the yardstick take turns, so that other load on the machine touches both. What is
//! served is compared with what was pushed; a wrong or short answer fails the run, a missed goal does not.
//!
//! Nothing is waited for without a limit, results are written as they come, and what a killed run has left is removed
//! by the next one.

#![expect(
    clippy::disallowed_methods,
    reason = "a benchmark runs servers and git, and looks at them with pauses"
)]

mod lines;

mod origin_testbed;
mod run;
mod scene;
mod side_by_side;
mod site;
mod testbed;

mod client;
mod measuring;
mod network;
mod ours;
mod peers;
mod repositories;
mod results;

mod leftovers;
mod process;
mod scratch;
mod workspace;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use clap::Parser;

use lines::Benchmark;
use results::machine::Machine;
use results::{Format, NamedReport, Results};
use run::{Extent, Run};

/// Rounds of a run that only shows that everything works.
const QUICK_ROUNDS: u16 = 2;
/// How long the release binary may take to build, on a slow machine and from nothing.
const BUILD_TIMEOUT: Duration = Duration::from_secs(60 * 60);

/// What to run, and how.
#[derive(Debug, Parser)]
#[command(
    name = "cargo xtask bench",
    about = "Measures how fast Heliostat is, against yardsticks in the same run"
)]
struct Options {
    /// Benchmarks by name, or `all`; without any they are listed.
    #[arg(value_name = "NAME")]
    names: Vec<String>,
    /// Write the results to a file as they come, samples included.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Print a table of what the scoreboard asks for, as the README has it, and the text to standard error.
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
    /// Measure this binary instead of building one.
    #[arg(long, value_name = "PATH")]
    binary: Option<PathBuf>,
    /// Answer every request with the content of a file: the yardstick of B19, started by itself.
    #[arg(long, value_name = "FILE", hide = true)]
    serve_plain_hyper: Option<PathBuf>,
    /// Be a client in another network namespace: a part of B15 and B24, started by itself.
    #[arg(long, hide = true)]
    run_tasks: bool,
}

fn main() -> ExitCode {
    match run(Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Lists the benchmarks, or runs those that are named.
fn run(options: Options) -> anyhow::Result<()> {
    if let Some(body) = &options.serve_plain_hyper {
        return peers::plain_hyper::serve(body);
    }
    if options.run_tasks {
        return client::namespace_client::run_tasks();
    }
    if options.install_peers {
        peers::install::install()?;
    }
    let chosen = lines::chosen(&options.names)?;
    if chosen.is_empty() {
        println!("{}", lines::listing());
        return Ok(());
    }
    leftovers::remove();
    let binary = match &options.binary {
        Some(binary) => binary.canonicalize().with_context(|| format!("there is no {}", binary.display()))?,
        None => build()?,
    };
    let rounds = if options.quick { QUICK_ROUNDS } else { options.rounds };
    let format = if options.markdown { Format::Markdown } else { Format::Text };
    let mut results = Results::begin(Machine::here(), rounds, options.repositories, options.json, format)?;
    if cfg!(debug_assertions) {
        eprintln!("note: this program is not optimised; B19's yardstick is slower than it should be");
    }
    let extent = Extent {
        rounds: usize::from(rounds),
        repositories: usize::from(options.repositories),
        repository: options.repository,
        large_repository: options.large_repository,
    };
    let run = Run::new(binary, extent);
    let mut failures = Vec::new();
    for benchmark in &chosen {
        let Benchmark { name, summary, .. } = benchmark;
        results.tell(&format!("== {name}: {summary}\n"));
        let started = Instant::now();
        match (benchmark.run)(&run) {
            Ok(report) => {
                results.add(NamedReport { name, summary, seconds: started.elapsed().as_secs(), report })?;
            }
            Err(error) => {
                eprintln!("   {name} failed: {error:#}");
                failures.push(*name);
            }
        }
    }
    if !failures.is_empty() {
        bail!("failed: {}", failures.join(", "));
    }
    results.tell(&format!("{} benchmark(s) ran\n", chosen.len()));
    Ok(())
}

/// Only an optimised binary is measured.
fn build() -> anyhow::Result<PathBuf> {
    let mut cargo = process::command(env!("CARGO"));
    cargo.args(["build", "--release", "--quiet", "--package", "heliostat"]).current_dir(workspace::root());
    process::show(&mut cargo, BUILD_TIMEOUT)?;
    Ok(workspace::target().join("release/heliostat"))
}
