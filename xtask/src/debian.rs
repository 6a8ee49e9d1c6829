//! Programs that come as Debian packages: installed when they are missing and this is root, named otherwise.

use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, bail};

/// Held while a package is installed: tools are installed beside gates, and one apt-get does not wait for another.
static INSTALLING: Mutex<()> = Mutex::new(());

/// Installs a package from the system's archive.
pub fn install(package: &str) -> anyhow::Result<()> {
    if !is_root() {
        bail!("{package} is needed for the tests: run `sudo apt-get install {package}`, then again");
    }
    let _installing = INSTALLING.lock().unwrap_or_else(PoisonError::into_inner);
    println!("installing {package} from the system's packages");
    run(Command::new("apt-get").args(["update", "-q"]))?;
    let install = ["install", "-y", "-q", "--no-install-recommends", package];
    run(Command::new("apt-get").args(install).env("DEBIAN_FRONTEND", "noninteractive"))
}

/// Whether this process may install packages and become other users.
pub fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}

fn run(command: &mut Command) -> anyhow::Result<()> {
    let status = command.stdout(Stdio::null()).status().with_context(|| format!("cannot run {command:?}"))?;
    if !status.success() {
        bail!("{command:?} failed with {status}");
    }
    Ok(())
}
