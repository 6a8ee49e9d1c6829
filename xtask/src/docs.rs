//! The documentation of every item, private ones too: links lead somewhere, and nothing is malformed.

use std::process::Command;

use anyhow::Context;

use crate::outcome::{Finding, Outcome};
use crate::workspace;

const ARGUMENTS: [&str; 5] = ["doc", "--workspace", "--no-deps", "--document-private-items", "--quiet"];

/// Libraries and programs, as when nothing is named: not the program that has the name of its library. There are no
/// examples. But when they are named, cargo chooses features with those that tests need, as it does for clippy, so that the
/// dependencies that clippy has checked need not be checked again.
const TARGETS: [&str; 6] = ["--lib", "--bin", "heliostat-*", "--bin", "xtask", "--examples"];

/// It is never published without the private items, so links to them are right.
const FLAGS: &str = "-D warnings -A rustdoc::private-intra-doc-links";

/// Builds it with warnings denied.
pub fn run() -> anyhow::Result<Outcome> {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(ARGUMENTS).args(TARGETS).env("RUSTDOCFLAGS", FLAGS).current_dir(workspace::root());
    if cargo.status().context("cannot run cargo")?.success() {
        return Ok(Outcome::Good("the documentation has no warnings".into()));
    }
    let problem = "rustdoc warns of what it says above".to_owned();
    let remedy = "mend it; `cargo xtask docs` shows it again".to_owned();
    Ok(Outcome::Broken(vec![Finding { problem, remedy }]))
}
