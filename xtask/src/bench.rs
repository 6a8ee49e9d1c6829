//! `cargo xtask bench`: goes on as the package with the benchmarks, which alone needs clients, servers and devices.

use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::process::Command;

use anyhow::Context;
use clap::Args;

use crate::outcome::Outcome;
use crate::workspace;

/// Everything is for the benchmarks.
#[derive(Debug, Args)]
pub struct Options {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, hide = true)]
    arguments: Vec<OsString>,
}

/// Becomes that program, so that a signal meets it; returns only when it cannot be started.
pub fn run(options: &Options) -> anyhow::Result<Outcome> {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["run", "--quiet", "--package", "heliostat-bench", "--manifest-path"]);
    cargo.arg(workspace::root().join("Cargo.toml"));
    // What measures is optimised; a list of benchmarks need not be.
    if !options.arguments.is_empty() {
        cargo.arg("--release");
    }
    Err(cargo.arg("--").args(&options.arguments).exec()).context("cannot run cargo")
}
