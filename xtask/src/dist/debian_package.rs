//! A Debian package by cargo-deb; what is in it stands in `crates/cli/Cargo.toml`.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context;

use super::carry_out;
use crate::workspace;

/// The version of cargo-deb, which is built when it is first needed.
const CARGO_DEB: &str = "3.8.0";

/// Makes it of what was gathered, in this folder; larger if it is to be made fast.
pub fn make(folder: &Path, fast: bool) -> anyhow::Result<PathBuf> {
    let mut command = Command::new(program()?);
    // What the binary needs of the C library is read off it; `--no-strip`, because that is done.
    command.args(["--package", "heliostat", "--no-build", "--no-strip", "--compress-system", "--locked"]);
    command.args(fast.then_some("--fast"));
    carry_out(command.arg("--output").arg(folder).env("CARGO", env!("CARGO")))?;
    let mut entries = std::fs::read_dir(folder)?.flatten().map(|entry| entry.path());
    entries
        .find(|path| path.extension().is_some_and(|end| end == "deb"))
        .context("cargo-deb has made no package")
}

fn program() -> anyhow::Result<PathBuf> {
    let home = workspace::target().join("tools").join(format!("cargo-deb-{CARGO_DEB}"));
    let program = home.join("bin/cargo-deb");
    if !program.is_file() {
        // Without its own xz, which would need a library of C: the system's program does it.
        let install = ["install", "cargo-deb", "--locked", "--no-default-features", "--version", CARGO_DEB];
        let mut command = Command::new(env!("CARGO"));
        command.args(install).arg("--root").arg(&home).env("CARGO_TARGET_DIR", home.join("build"));
        // It mostly waits for xz, so that an optimiser would take longer than it saves.
        carry_out(command.env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "0"))?;
    }
    Ok(program)
}
