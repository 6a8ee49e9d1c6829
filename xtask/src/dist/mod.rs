//! `cargo xtask dist`: what is installed, in `target/dist`: an archive, a Debian package, and their checksums.
//!
//! 1. [`build`] makes the binary, linked for an old glibc, and makes sure that it needs no newer one.
//! 2. [`content`] puts beside it what comes with it: manual pages and completions, which the binary itself writes.
//! 3. [`archive`] and [`debian_package`] wrap that up.

mod archive;
mod build;
mod content;
mod debian_package;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};
use clap::Args;

use crate::outcome::Outcome;
use crate::workspace;

/// The list of checksums, as `sha256sum --check` reads it.
pub const CHECKSUMS: &str = "SHA256SUMS";

/// For which systems.
#[derive(Debug, Default, Args)]
pub struct Options {
    /// Link for this machine's own glibc, with its own linker, instead of an old one: the result runs on systems that are as
    /// new as this one.
    #[arg(long)]
    native: bool,
    /// Wrap up this binary instead of building one.
    #[arg(long, value_name = "FILE", conflicts_with = "native")]
    binary: Option<PathBuf>,
    /// Compress little: for what is only looked at.
    #[arg(long)]
    fast: bool,
}

impl Options {
    /// Wraps up a binary that there is, to be looked at.
    pub fn of_binary(binary: &Path) -> Self {
        Options { native: false, binary: Some(binary.to_owned()), fast: true }
    }
}

/// Where everything is put.
pub fn folder() -> PathBuf {
    workspace::target().join("dist")
}

/// Makes it all anew.
pub fn run(options: &Options) -> anyhow::Result<Outcome> {
    let (binary, glibc) = match (&options.binary, options.native) {
        (Some(binary), _) => (binary.clone(), build::needed_glibc(binary)?),
        (None, true) => build::native()?,
        (None, false) => build::portable()?,
    };
    let folder = folder();
    if folder.exists() {
        fs::remove_dir_all(&folder).with_context(|| format!("cannot remove {}", folder.display()))?;
    }
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let content = content::gather(&binary)?;
    let files =
        [archive::make(&content, &folder, options.fast)?, debian_package::make(&folder, options.fast)?];
    let checksums = checksums(&folder, &files)?;
    Ok(Outcome::Good(format!(
        "in {}, for systems with glibc {glibc} or newer:\n{checksums}",
        folder.display()
    )))
}

fn checksums(folder: &Path, files: &[PathBuf]) -> anyhow::Result<String> {
    let mut command = Command::new("sha256sum");
    command.args(files.iter().filter_map(|file| file.file_name())).current_dir(folder);
    let output = command.output().with_context(|| format!("cannot run {command:?}"))?;
    if !output.status.success() {
        bail!("{command:?} failed:\n{}", String::from_utf8_lossy(&output.stderr));
    }
    let list = String::from_utf8(output.stdout).context("the names of files are not UTF-8")?;
    fs::write(folder.join(CHECKSUMS), &list)?;
    Ok(list.trim_end().to_owned())
}

/// Runs a program to its end, in the root of the repository.
fn carry_out(command: &mut Command) -> anyhow::Result<()> {
    let status = command.current_dir(workspace::root()).status();
    let status = status.with_context(|| format!("cannot run {command:?}"))?;
    if !status.success() {
        bail!("{command:?} failed with {status}");
    }
    Ok(())
}
