//! `cargo xtask test`: sets up what the tests need, then runs every gate and every test.
//!
//! Stages run in order and the first failure ends the run; `--stage` runs some of them.

mod outside;
mod postgres;
pub mod statuses;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, bail};
use clap::ValueEnum;

use crate::outcome::Outcome;
use crate::{codegen, compat, dependencies, docs, drift, fuzz, layers, lint_spec, spelling, tidy, workspace};
use postgres::Postgres;

/// A part of the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Stage {
    /// `cargo fmt --check`.
    Format,
    /// The gates that need no build: the contract, its promises, generated files, layers, tidiness,
    /// spelling, licences, sources and use of dependencies.
    Gates,
    /// Clippy with warnings denied.
    Clippy,
    /// The documentation of every item, without warnings.
    Docs,
    /// Unit tests, with the stores on both databases, and whole-system tests on SQLite: together they must produce
    /// every status of the contract.
    Sqlite,
    /// The three witnesses of the contract.
    Drift,
    /// Whole-system tests on PostgreSQL.
    Postgres,
    /// A while of looking for bytes that break the reading of Git requests.
    Fuzz,
    /// What strangers' programs make of the contract and of live servers: linters, schemathesis, generated clients, a
    /// browser.
    Outside,
    /// The demonstration as a stranger runs it, with its self-check.
    Demo,
}

/// Runs the stages, all of them when none is named.
pub fn run(stages: &[Stage]) -> anyhow::Result<Outcome> {
    let all = Stage::value_variants();
    let stages = if stages.is_empty() { all } else { stages };
    let needs_postgres = stages.iter().any(|stage| matches!(stage, Stage::Sqlite | Stage::Postgres));
    let postgres = if needs_postgres { Some(Postgres::start()?) } else { None };
    let started = Instant::now();
    for stage in all.iter().filter(|stage| stages.contains(stage)) {
        let stage_started = Instant::now();
        println!("== {stage:?}");
        if let bad @ (Outcome::Stale(_) | Outcome::Broken(_)) = run_stage(*stage, postgres.as_ref())? {
            return Ok(bad);
        }
        println!("== {stage:?} passed in {} s", stage_started.elapsed().as_secs());
    }
    Ok(Outcome::Good(format!("all {} stages passed in {} s", stages.len(), started.elapsed().as_secs())))
}

fn run_stage(stage: Stage, postgres: Option<&Postgres>) -> anyhow::Result<Outcome> {
    let postgres_url = postgres.map(Postgres::url).unwrap_or_default();
    match stage {
        Stage::Format => cargo(&["fmt", "--all", "--check"], &[])?,
        Stage::Gates => {
            let compat = || compat::run(compat::Options::default());
            for gate in [
                lint_spec::run,
                || codegen::run(true),
                compat,
                layers::run,
                tidy::run,
                spelling::run,
                dependencies::run,
            ] {
                match gate()? {
                    Outcome::Good(done) => println!("{done}"),
                    bad => return Ok(bad),
                }
            }
        }
        Stage::Clippy => cargo(&["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"], &[])?,
        Stage::Docs => match docs::run()? {
            Outcome::Good(done) => println!("{done}"),
            bad => return Ok(bad),
        },
        Stage::Sqlite => {
            let noted = tempfile::tempdir().context("cannot make a temporary folder")?;
            let arguments = ["test", "--workspace", "--lib", "--bins", "--tests"];
            tests(&arguments, "sqlite", postgres_url, Some(noted.path()))?;
            match statuses::run(noted.path())? {
                Outcome::Good(done) => println!("{done}"),
                bad => return Ok(bad),
            }
        }
        Stage::Drift => match drift::run()? {
            Outcome::Good(done) => println!("{done}"),
            bad => return Ok(bad),
        },
        Stage::Postgres => {
            tests(&["test", "--workspace", "--test", "system"], postgres_url, postgres_url, None)?;
        }
        Stage::Fuzz => match fuzz::run(&fuzz::Options::default())? {
            Outcome::Good(done) => println!("{done}"),
            bad => return Ok(bad),
        },
        Stage::Outside => outside::run()?,
        Stage::Demo => carry_out(Command::new(built_binary()?).args(["demo", "--check"]))?,
    }
    Ok(Outcome::Good(String::new()))
}

/// Always the whole workspace: a part of it would make cargo choose other features, and build everything again.
fn tests(arguments: &[&str], database: &str, postgres_url: &str, noted: Option<&Path>) -> anyhow::Result<()> {
    let binary = binary_path();
    let binary = binary.to_str().context("the target directory's path is not UTF-8")?;
    let mut environment = vec![
        ("HELIOSTAT_TEST_DATABASE", database),
        ("HELIOSTAT_TEST_BINARY", binary),
        ("HELIOSTAT_TEST_POSTGRES", postgres_url),
    ];
    if let Some(folder) = noted {
        let folder = folder.to_str().context("the temporary folder's path is not UTF-8")?;
        environment.push((statuses::FOLDER_VARIABLE, folder));
    }
    cargo(arguments, &environment)
}

/// The binary as the tests build it.
pub fn built_binary() -> anyhow::Result<PathBuf> {
    cargo(&["test", "--quiet", "--workspace", "--no-run"], &[])?;
    Ok(binary_path())
}

fn binary_path() -> PathBuf {
    workspace::target().join("debug/heliostat")
}

fn cargo(arguments: &[&str], environment: &[(&str, &str)]) -> anyhow::Result<()> {
    carry_out(Command::new(env!("CARGO")).args(arguments).envs(environment.iter().copied()))
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
