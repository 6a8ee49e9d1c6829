//! Development tasks: `cargo xtask <task>`. Each module is one task; `cargo xtask help` lists them.
//!
//! Code generation and its checks use none of the workspace's crates, so that they still work when nothing
//! else compiles.

#![expect(clippy::disallowed_methods, reason = "a task runs cargo, git and PostgreSQL")]

mod bench;
mod client;
mod codegen;
mod compat;
mod contract;
mod debian;
mod dependencies;
mod deploy;
mod dist;
mod docs;
mod drift;
mod fuzz;
mod gate_program;
mod layers;
mod lint_spec;
mod outcome;
mod spelling;
mod test;
mod tidy;
mod tools;
mod torture;
mod workspace;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Development tasks of Heliostat")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Measure how fast we are, against a yardstick in the same run; without names, list the benchmarks.
    #[command(disable_help_flag = true)]
    Bench(bench::Options),
    /// Make a client of the REST API in another language.
    Client {
        #[command(subcommand)]
        language: client::Language,
    },
    /// Generate `crates/api/src/generated` from `openapi/heliostat.yaml`.
    Codegen {
        /// Change nothing; fail when a generated file is stale.
        #[arg(long)]
        check: bool,
    },
    /// Check that the contract keeps what its newest released version promised.
    Compat(compat::Options),
    /// Check that the contract keeps to the profile that the generator understands.
    LintSpec,
    /// Check that what is in `deploy/` is understood by those who read it.
    Deploy,
    /// Check where dependencies come from, under which licences, and whether anything uses them.
    Dependencies,
    /// Make what is installed: an archive, a Debian package, and their checksums.
    Dist(dist::Options),
    /// Check that the documentation of every item has no warnings.
    Docs,
    /// Compare generated files, emitted documents and types with the contract.
    Drift,
    /// Look for bytes that break what must hold for anything a Git client could send.
    Fuzz(fuzz::Options),
    /// Check which crate uses which.
    Layers,
    /// Check the spelling of everything.
    Spelling,
    /// Check that tests have produced every status of the contract; `test` does this after the whole-system tests.
    Statuses {
        /// The folder that `HELIOSTAT_TEST_STATUSES` named while they ran.
        folder: PathBuf,
    },
    /// Set up what the tests need, then run every gate and every test.
    Test {
        /// Run this stage only; may be repeated.
        #[arg(long = "stage", value_enum)]
        stages: Vec<test::Stage>,
    },
    /// Check the repository itself: file lengths, module docs, names, manifests.
    Tidy,
    /// Break everything that can break while people push and read, and judge what they were told.
    #[command(disable_help_flag = true)]
    Torture(torture::Options),
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().task {
        Task::Bench(options) => bench::run(&options),
        Task::Client { language } => client::run(&language),
        Task::Codegen { check } => codegen::run(check),
        Task::Compat(options) => compat::run(options),
        Task::LintSpec => lint_spec::run(),
        Task::Dependencies => dependencies::run(),
        Task::Deploy => deploy::run(),
        Task::Dist(options) => dist::run(&options),
        Task::Docs => docs::run(),
        Task::Drift => drift::run(),
        Task::Fuzz(options) => fuzz::run(&options),
        Task::Layers => layers::run(),
        Task::Spelling => spelling::run(),
        Task::Statuses { folder } => test::statuses::run(&folder),
        Task::Test { stages } => test::run(&stages),
        Task::Tidy => tidy::run(),
        Task::Torture(options) => torture::run(&options),
    };
    outcome::exit_code(outcome)
}
