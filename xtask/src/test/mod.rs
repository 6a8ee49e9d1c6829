//! `cargo xtask test`: sets up what the tests need, then runs every gate and every test.
//!
//! Stages run in order and the first failure ends the run; `--stage` runs some of them. At the end stands how long each took,
//! and how many cores it kept busy: the whole is to stay below 40 minutes on two cores, from an empty target folder. Stages
//! beside each other took longer than one after the other.
//!
//! Everything but clippy's and the fuzzer's is compiled once: each stage builds the whole workspace in the same profile,
//! because a part of it would make cargo choose other features, and build everything again.

mod installed_package;
mod one_database;
mod outside;
mod packages;
mod postgres;
pub mod statuses;
mod system;
mod times;

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};
use clap::ValueEnum;

use crate::outcome::Outcome;
use crate::{
    codegen, compat, dependencies, deploy, docs, drift, fuzz, layers, lint_spec, spelling, tidy, torture,
    workspace,
};
pub use postgres::Postgres;
use times::Times;

/// A part of the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Stage {
    /// `cargo fmt --check`.
    Format,
    /// The gates that need no build: the contract, its promises, generated files, layers, tidiness,
    /// spelling, licences, sources and use of dependencies, and what is in `deploy/`.
    Gates,
    /// Clippy with warnings denied.
    Clippy,
    /// The documentation of every item, without warnings.
    Docs,
    /// Compiles everything that the following stages run.
    Build,
    /// Unit tests, with the stores on both databases, and whole-system tests on SQLite: together they must produce
    /// every status of the contract.
    Sqlite,
    /// Faults of every kind while people push and read, judged afterwards.
    Torture,
    /// The three witnesses of the contract.
    Drift,
    /// Whole-system tests on PostgreSQL.
    Postgres,
    /// What other people's programs make of the contract and of live servers: linters, schemathesis, generated clients, a
    /// browser.
    Outside,
    /// A while of looking for bytes that break the reading of Git requests.
    Fuzz,
    /// What `cargo xtask dist` makes, from the binary of the tests: unpacked, looked at, run and, by root, installed.
    Packages,
    /// The demonstration as a newcomer runs it, with its self-check.
    Demo,
}

/// Runs the stages; all of them when none is named.
pub fn run(stages: &[Stage]) -> anyhow::Result<Outcome> {
    let stages = if stages.is_empty() { Stage::value_variants() } else { stages };
    let needs_postgres = stages.iter().any(|stage| matches!(stage, Stage::Sqlite | Stage::Postgres));
    let mut times = Times::default();
    let postgres =
        if needs_postgres { Some(times.measure("Setup".to_owned(), Postgres::start)?) } else { None };
    times.count_helper(postgres.as_ref().and_then(Postgres::process));
    let mut preparation = outside::Preparation::default();
    if stages.contains(&Stage::Outside) {
        preparation.begin();
    }
    let mut outcome = Ok(Outcome::Good(format!("all {} stages passed", stages.len())));
    for stage in wanted(stages) {
        println!("== {stage:?}");
        let ended =
            times.measure(format!("{stage:?}"), || run_stage(stage, postgres.as_ref(), &mut preparation));
        if !matches!(ended, Ok(Outcome::Good(_))) {
            outcome = ended;
            break;
        }
    }
    print!("{times}");
    outcome
}

/// These stages in the order in which they run.
fn wanted(stages: &[Stage]) -> impl Iterator<Item = Stage> {
    Stage::value_variants().iter().copied().filter(move |stage| stages.contains(stage))
}

/// The arguments of cargo for unit tests and whole-system tests.
const ALL_TESTS: [&str; 5] = ["test", "--workspace", "--lib", "--bins", "--tests"];

/// How long everything is broken; `cargo xtask torture` does it for longer.
const TORTURE_MINUTES: &str = "5";

/// The gates that need no build of the servers, from the fastest to the slowest. A further one is a line here.
fn gates() -> anyhow::Result<Outcome> {
    let gates: [fn() -> anyhow::Result<Outcome>; 8] = [
        tidy::run,
        layers::run,
        lint_spec::run,
        || codegen::run(true),
        || compat::run(compat::Options::default()),
        spelling::run,
        dependencies::run,
        deploy::run,
    ];
    for gate in gates {
        let outcome = told(gate())?;
        if !matches!(outcome, Outcome::Good(_)) {
            return Ok(outcome);
        }
    }
    Ok(Outcome::Good(String::new()))
}

/// Prints what was done, when all is well.
fn told(outcome: anyhow::Result<Outcome>) -> anyhow::Result<Outcome> {
    if let Ok(Outcome::Good(done)) = &outcome {
        println!("{done}");
    }
    outcome
}

fn run_stage(
    stage: Stage,
    postgres: Option<&Postgres>,
    preparation: &mut outside::Preparation,
) -> anyhow::Result<Outcome> {
    match stage {
        Stage::Format => cargo(&["fmt", "--all", "--check"])?,
        Stage::Gates => return gates(),
        Stage::Clippy => cargo(&["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"])?,
        Stage::Docs => return told(docs::run()),
        Stage::Build => cargo(&[&ALL_TESTS[..], &["--no-run"]].concat())?,
        Stage::Sqlite => {
            let noted = tempfile::tempdir().context("cannot make a temporary folder")?;
            tests(stage, &ALL_TESTS, &[], postgres, Some(noted.path()))?;
            return told(statuses::run(noted.path()));
        }
        Stage::Drift => return told(drift::run()),
        Stage::Postgres => {
            println!("{}", one_database::reasons());
            tests(stage, &system::ALONE, &one_database::modules(), postgres, None)?;
        }
        Stage::Fuzz => return told(fuzz::run(&fuzz::Options::default())),
        Stage::Torture => return torture::run(&torture::Options::new(["--minutes", TORTURE_MINUTES])),
        Stage::Outside => outside::run(preparation)?,
        Stage::Packages => return told(packages::run(&built_binary()?)),
        Stage::Demo => carry_out(Command::new(built_binary()?).args(["demo", "--check"]))?,
    }
    Ok(Outcome::Good(String::new()))
}

fn tests(
    stage: Stage,
    selection: &[&str],
    left_out: &[&str],
    postgres: Option<&Postgres>,
    noted: Option<&Path>,
) -> anyhow::Result<()> {
    let postgres = postgres.context("no PostgreSQL was started")?;
    let database = if stage == Stage::Postgres { postgres.url() } else { "sqlite" };
    let (binary, search_path) = (built_binary()?, postgres.search_path()?);
    let mut environment = vec![
        ("HELIOSTAT_TEST_DATABASE", OsStr::new(database)),
        ("HELIOSTAT_TEST_BINARY", binary.as_os_str()),
        ("HELIOSTAT_TEST_POSTGRES", OsStr::new(postgres.url())),
        ("PATH", &search_path),
    ];
    environment.extend(noted.map(|folder| (statuses::FOLDER_VARIABLE, folder.as_os_str())));
    system::run(selection, left_out, &environment)
}

/// The binary as the tests build it, from what the sources are now: whatever runs it gets it here. To compile the whole-system
/// tests alone leaves an earlier one where it is. When nothing has changed, this takes a second.
pub fn built_binary() -> anyhow::Result<PathBuf> {
    cargo(&[&ALL_TESTS[..], &["--quiet", "--no-run"]].concat())?;
    Ok(workspace::target().join("debug/heliostat"))
}

fn cargo(arguments: &[&str]) -> anyhow::Result<()> {
    carry_out(Command::new(env!("CARGO")).args(arguments))
}

fn carry_out(command: &mut Command) -> anyhow::Result<()> {
    println!("-- {}", shown(command));
    let status = command
        .current_dir(workspace::root())
        .status()
        .with_context(|| format!("cannot run {}", shown(command)))?;
    if !status.success() {
        bail!("`{}` failed", shown(command));
    }
    Ok(())
}

fn shown(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_named_runs_in_order_and_torture_too() {
        let expected = [Stage::Gates, Stage::Torture];
        assert!(wanted(&[Stage::Torture, Stage::Gates]).eq(expected));
    }
}
