//! `cargo xtask torture`: builds the server, and goes on as the package that tortures it.

use std::ffi::{OsStr, OsString};
use std::process::Command;

use anyhow::{Context, bail};
use clap::Args;

use crate::outcome::Outcome;
use crate::test::{Postgres, built_binary};
use crate::workspace;

/// Everything is for the torture.
#[derive(Debug, Args)]
pub struct Options {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, hide = true)]
    arguments: Vec<OsString>,
}

impl Options {
    /// These arguments.
    pub fn new<const COUNT: usize>(arguments: [&str; COUNT]) -> Self {
        Self { arguments: arguments.map(OsString::from).to_vec() }
    }

    fn has(&self, wanted: &str) -> bool {
        self.arguments.iter().any(|argument| argument == OsStr::new(wanted))
    }
}

/// Tortures the server as it is built for the tests.
pub fn run(options: &Options) -> anyhow::Result<Outcome> {
    let binary = built_binary()?;
    let mut torture = Command::new(binary.with_file_name("heliostat-torture"));
    torture.args(&options.arguments);
    let postgres = if options.has("--postgres") { Some(Postgres::start()?) } else { None };
    if let Some(postgres) = &postgres {
        torture.args(["--postgres-url", postgres.url()]);
    }
    torture.arg("--binary").arg(binary).arg("--logs").arg(workspace::target().join("test-artefacts/torture"));
    if !torture.status().context("cannot run heliostat-torture")?.success() {
        bail!("what must hold under torture did not; logs are in target/test-artefacts/torture");
    }
    Ok(Outcome::Good(String::new()))
}
