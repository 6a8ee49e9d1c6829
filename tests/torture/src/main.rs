//! Torture: faults of every kind while people push and read, and a judge of what they were told.
//!
//! `farm` is an upstream with mirrors, one of which takes it for any Git server, each on a disk that forgets, with a clock that jumps and a line that breaks;
//! `faults` says what is done to them; `work` are the clients, by way of `client`. What they do and see is kept in
//! `history`, which `checker` judges; `look` compares everything when the faults have stopped. `torture` goes through this
//! in rounds. `pairs` is the other question: whether a read after a push ever misses it when nothing is broken.
//!
//! `cargo xtask torture` builds the server and starts this.

#![expect(
    clippy::disallowed_methods,
    reason = "torture starts servers and git, and looks at them with pauses"
)]

mod checker;
mod client;
mod farm;
mod faults;
mod history;
mod look;
mod pairs;
mod report;
mod torture;
mod work;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use clap::{Parser, ValueEnum};

use farm::{Farm, FarmOptions};
use faults::Fault;
use torture::Torture;

/// How long the start, the looks and the end may take beside the faults.
const LONGEST_REST: Duration = Duration::from_secs(20 * 60);

/// What to do.
#[derive(Debug, Parser)]
#[command(
    name = "cargo xtask torture",
    about = "Breaks everything that can break while people push and read, and judges what they were told"
)]
struct Options {
    /// How long, in minutes.
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=1440))]
    minutes: u64,
    /// What chance begins with; a new one when absent. It is printed.
    #[arg(long, value_name = "S")]
    seed: Option<u64>,
    /// How many mirrors there are.
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u8).range(1..=8))]
    mirrors: u8,
    /// How many mirrors there are that take the upstream for any Git server.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u8).range(0..=8))]
    mirrors_of_origin: u8,
    /// What may happen; may be repeated. Everything when absent.
    #[arg(long = "fault", value_enum)]
    faults: Vec<Fault>,
    /// Instead of faults: push and then read at a mirror, so many times. Under leases no read may miss the push.
    #[arg(long, value_name = "COUNT")]
    pairs: Option<u32>,
    /// Mirrors answer under leases of this length, and say so when they have none; 0s for no leases.
    #[arg(long, value_name = "TIME", default_value = "1s")]
    lease: String,
    /// Keep what servers remember on a PostgreSQL server, which runs for as long, instead of SQLite.
    #[arg(long, requires = "postgres_url")]
    postgres: bool,
    /// That server; given by `cargo xtask torture`.
    #[arg(long, value_name = "URL", hide = true)]
    postgres_url: Option<String>,
    /// The program to torture; given by `cargo xtask torture`.
    #[arg(long, value_name = "PATH", hide = true)]
    binary: PathBuf,
    /// Where logs are kept; given by `cargo xtask torture`.
    #[arg(long, value_name = "DIR", hide = true)]
    logs: PathBuf,
    /// A further argument of the upstream; may be repeated.
    #[arg(long, value_name = "ARGUMENT", allow_hyphen_values = true)]
    upstream_argument: Vec<String>,
    /// A further argument of each mirror; may be repeated.
    #[arg(long, value_name = "ARGUMENT", allow_hyphen_values = true)]
    mirror_argument: Vec<String>,
}

fn main() -> ExitCode {
    match run(Options::parse()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: Options) -> anyhow::Result<ExitCode> {
    let seed = options.seed.unwrap_or_else(rand::random);
    println!("seed {seed}");
    std::fs::create_dir_all(&options.logs)
        .with_context(|| format!("cannot make {}", options.logs.display()))?;
    let binary = options.binary.canonicalize();
    let farm = FarmOptions {
        binary: binary.with_context(|| format!("there is no {}", options.binary.display()))?,
        mirrors: usize::from(options.mirrors),
        // They ask at each read: no push is ever missed there.
        of_origin: if options.pairs.is_none() { usize::from(options.mirrors_of_origin) } else { 0 },
        logs: options.logs,
        postgres: options.postgres_url.filter(|_| options.postgres),
        with_faults: options.pairs.is_none(),
        lease: Some(options.lease).filter(|lease| lease != "0s"),
        upstream_arguments: options.upstream_argument,
        mirror_arguments: options.mirror_argument,
    };
    if let Some(count) = options.pairs {
        return push_and_read(&farm, count, seed);
    }
    let kinds = if options.faults.is_empty() { Fault::value_variants().to_vec() } else { options.faults };
    let torture = Torture { time: Duration::from_secs(60 * options.minutes), seed, kinds };
    end_at_last(torture.time + LONGEST_REST);
    let report = torture.run(&farm)?;
    report.conclude();
    Ok(if report.findings.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// A run that does not end is a finding, too.
fn end_at_last(time: Duration) {
    std::thread::spawn(move || {
        std::thread::sleep(time);
        eprintln!("finding: the run has not ended {} s after its beginning", time.as_secs());
        std::process::exit(2);
    });
}

fn push_and_read(options: &FarmOptions, count: u32, seed: u64) -> anyhow::Result<ExitCode> {
    let farm = Farm::start(options, seed)?;
    let mut pairs = pairs::push_and_read(&farm.places, count, seed)?;
    pairs.print();
    if options.lease.is_some() {
        pairs.findings.append(&mut pairs.stale);
    }
    for finding in pairs.findings.iter().take(20) {
        eprintln!("finding: {finding}");
    }
    Ok(if pairs.findings.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
