//! Only optimised programs are measured: builds them, and goes on in the optimised build of this one.

use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, bail};

use crate::workspace;

/// Builds `heliostat` and returns its path. An unoptimised build of this program replaces itself by an optimised
/// one, and does not return.
pub fn continue_in_it() -> anyhow::Result<PathBuf> {
    let folder = target_folder().join("release");
    if cfg!(debug_assertions) {
        build("heliostat")?;
        build("xtask")?;
        let error = Command::new(folder.join("xtask")).args(std::env::args_os().skip(1)).exec();
        return Err(error).context("cannot go on in the release build");
    }
    Ok(folder.join("heliostat"))
}

/// Where cargo puts what it builds.
pub fn target_folder() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| workspace::root().join("target"), PathBuf::from)
}

fn build(package: &str) -> anyhow::Result<()> {
    println!("-- cargo build --release --package {package}");
    let status = Command::new(env!("CARGO"))
        .args(["build", "--release", "--quiet", "--package", package])
        .current_dir(workspace::root())
        .status()
        .context("cannot run cargo")?;
    if !status.success() {
        bail!("{package} could not be built");
    }
    Ok(())
}
