//! `cargo xtask test`: sets up what the tests need, then runs every gate and every test.
//!
//! Stages run in order and the first failure ends the run; `--stage` runs some of them. Those that leave cores idle run beside
//! each other. At the end stands how long each took, and how many cores it kept busy: the whole is to stay below 40 minutes on
//! two cores, from an empty target folder.
//!
//! Everything but clippy's and the fuzzer's is compiled once: each stage builds the whole workspace in the same profile,
//! because a part of it would make cargo choose other features, and build everything again.

mod lane;
mod one_database;
mod outside;
mod packages;
mod postgres;
pub mod statuses;
mod system;
mod times;

use std::env;
use std::ffi::OsStr;
use std::fmt;
use std::mem;
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
    /// What `cargo xtask dist` makes, from the binary of the tests: unpacked, looked at and run.
    Packages,
    /// The demonstration as a newcomer runs it, with its self-check.
    Demo,
}

impl Stage {
    /// What the command line calls it.
    fn name(self) -> String {
        let value = self.to_possible_value().expect("every stage can be named");
        value.get_name().to_owned()
    }

    /// This program once more, for this stage alone.
    fn command(self) -> anyhow::Result<Command> {
        let program = env::current_exe().context("this program has no path")?;
        let mut command = if self == Stage::Torture { Command::new("nice") } else { Command::new(&program) };
        if self == Stage::Torture {
            // Its clients never rest: they get what others leave, and no test waits for a core because of them.
            command.args(["-n", TORTURE_NICENESS]).arg(program);
        }
        command.args(["test", "--stage", &self.name()]);
        Ok(command)
    }
}

/// Pairs of stages that run beside each other when both are wanted: tests wait for servers, disks and other programs, and leave
/// cores idle meanwhile. The second of a pair is a process of its own.
const TOGETHER: [[Stage; 2]; 2] = [[Stage::Sqlite, Stage::Torture], [Stage::Postgres, Stage::Outside]];

/// A stage, and the one that runs beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Step {
    stage: Stage,
    beside: Option<Stage>,
}

impl fmt::Display for Step {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:?}", self.stage)?;
        self.beside.map_or(Ok(()), |beside| write!(formatter, " and {beside:?}"))
    }
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
    for step in steps(stages) {
        println!("== {step}");
        let ended = times.measure(step.to_string(), || run_step(step, postgres.as_ref(), &mut preparation));
        if !matches!(ended, Ok(Outcome::Good(_))) {
            outcome = ended;
            break;
        }
    }
    print!("{times}");
    outcome
}

/// What runs one after the other, so that each of these stages runs.
fn steps(stages: &[Stage]) -> Vec<Step> {
    let together: Vec<_> =
        TOGETHER.into_iter().filter(|pair| pair.iter().all(|stage| stages.contains(stage))).collect();
    let wanted = Stage::value_variants().iter().copied().filter(|stage| stages.contains(stage));
    let begun = wanted.filter(|stage| together.iter().all(|[_, second]| second != stage));
    let beside = |stage| together.iter().find(|[first, _]| *first == stage).map(|[_, second]| *second);
    begun.map(|stage| Step { stage, beside: beside(stage) }).collect()
}

/// The arguments of cargo for unit tests and whole-system tests.
const ALL_TESTS: [&str; 5] = ["test", "--workspace", "--lib", "--bins", "--tests"];

/// How long everything is broken; `cargo xtask torture` does it for longer.
const TORTURE_MINUTES: &str = "5";

/// How far everything else goes before it, as `nice` counts.
const TORTURE_NICENESS: &str = "5";

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

fn run_step(
    step: Step,
    postgres: Option<&Postgres>,
    preparation: &mut outside::Preparation,
) -> anyhow::Result<Outcome> {
    if step.beside == Some(Stage::Outside) {
        // The other process finds what was installed meanwhile, and tells what could not be.
        drop(mem::take(preparation));
    }
    match step.stage {
        Stage::Format => cargo(&["fmt", "--all", "--check"])?,
        Stage::Gates => return gates(),
        Stage::Clippy => cargo(&["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"])?,
        Stage::Docs => return told(docs::run()),
        Stage::Build => cargo(&[&ALL_TESTS[..], &["--no-run"]].concat())?,
        Stage::Sqlite => {
            let noted = tempfile::tempdir().context("cannot make a temporary folder")?;
            tests(step, &ALL_TESTS, &[], postgres, Some(noted.path()))?;
            return told(statuses::run(noted.path()));
        }
        Stage::Drift => return told(drift::run()),
        Stage::Postgres => {
            println!("{}", one_database::reasons());
            tests(step, &system::ALONE, &one_database::modules(), postgres, None)?;
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
    step: Step,
    selection: &[&str],
    left_out: &[&str],
    postgres: Option<&Postgres>,
    noted: Option<&Path>,
) -> anyhow::Result<()> {
    let postgres = postgres.context("no PostgreSQL was started")?;
    let database = if step.stage == Stage::Postgres { postgres.url() } else { "sqlite" };
    let (binary, search_path) = (built_binary()?, postgres.search_path()?);
    let mut environment = vec![
        ("HELIOSTAT_TEST_DATABASE", OsStr::new(database)),
        ("HELIOSTAT_TEST_BINARY", binary.as_os_str()),
        ("HELIOSTAT_TEST_POSTGRES", OsStr::new(postgres.url())),
        ("PATH", &search_path),
    ];
    environment.extend(noted.map(|folder| (statuses::FOLDER_VARIABLE, folder.as_os_str())));
    system::run(selection, left_out, &environment, step.beside)
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

    fn alone(stage: Stage) -> Step {
        Step { stage, beside: None }
    }

    #[test]
    fn what_is_named_runs_in_order() {
        let expected = [alone(Stage::Gates), alone(Stage::Torture)];
        assert_eq!(steps(&[Stage::Torture, Stage::Gates]), expected);
    }

    #[test]
    fn two_stages_run_beside_each_other_when_both_are_wanted() {
        for stage in TOGETHER.into_iter().flatten() {
            assert_eq!(steps(&[stage]), [alone(stage)]);
        }
        let both = Step { stage: Stage::Postgres, beside: Some(Stage::Outside) };
        assert_eq!(steps(&[Stage::Demo, Stage::Outside, Stage::Postgres]), [both, alone(Stage::Demo)]);
        assert_eq!(both.to_string(), "Postgres and Outside");
    }

    #[test]
    fn every_stage_runs_once_when_all_are_wanted() {
        let steps = steps(Stage::value_variants());
        let ran: Vec<_> = steps.iter().flat_map(|step| [Some(step.stage), step.beside]).flatten().collect();
        assert_eq!(ran, Stage::value_variants());
    }

    #[test]
    fn a_stage_of_its_own_process_is_named_as_the_command_line_does() {
        let command = Stage::Outside.command().expect("this program has a path");
        assert!(shown(&command).ends_with(" test --stage outside"), "{}", shown(&command));
        assert_eq!(Stage::from_str("outside", false), Ok(Stage::Outside));
        let command = Stage::Torture.command().expect("this program has a path");
        assert!(shown(&command).starts_with("nice -n 5 /"), "{}", shown(&command));
    }
}
