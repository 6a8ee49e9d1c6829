//! The binary of a release, and which glibc it needs.
//!
//! A program that is linked on a new system asks for the glibc of that system. Zig's linker has the lists of symbols of
//! older ones; so the result runs on everything since Debian 10, RHEL 8 and Ubuntu 20.04. It does not link glibc into the
//! program, because names of hosts are then resolved otherwise than the system says.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};

use super::carry_out;
use crate::{tools, workspace};

/// What a release may ask for.
const OLDEST_GLIBC: Glibc = Glibc { major: 2, minor: 28 };
/// How versions of symbols are spelt in a program.
const SYMBOL_VERSION: &[u8] = b"GLIBC_";

/// The variable by which a build is told which commit it is of, for the metric `heliostat_build_info`.
const SOURCE_COMMIT: &str = "SOURCE_COMMIT";

/// A version of glibc.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Glibc {
    major: u32,
    minor: u32,
}

impl fmt::Display for Glibc {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}.{}", self.major, self.minor)
    }
}

/// A binary for old systems as well.
pub fn portable() -> anyhow::Result<(PathBuf, Glibc)> {
    let host = host()?;
    let target = format!("{host}.{OLDEST_GLIBC}");
    // It runs Zig as a module of the Python that it finds, which has to be the one beside it.
    let mut command = tools::dist_program("cargo-zigbuild")?;
    command.env(SOURCE_COMMIT, commit()?);
    carry_out(command.args([
        "zigbuild",
        "--release",
        "--locked",
        "--package",
        "heliostat",
        "--target",
        &target,
    ]))?;
    let binary = workspace::target().join(host).join("release/heliostat");
    let needed = needed_glibc(&binary)?;
    if needed > OLDEST_GLIBC {
        bail!("{} needs glibc {needed}, and is to run with {OLDEST_GLIBC}", binary.display());
    }
    Ok((binary, needed))
}

/// A binary for this system.
pub fn native() -> anyhow::Result<(PathBuf, Glibc)> {
    let cargo = ["build", "--release", "--locked", "--package", "heliostat"];
    carry_out(Command::new(env!("CARGO")).args(cargo).env(SOURCE_COMMIT, commit()?))?;
    let binary = workspace::target().join("release/heliostat");
    let needed = needed_glibc(&binary)?;
    Ok((binary, needed))
}

/// The newest version of glibc that a program asks for.
pub fn needed_glibc(binary: &Path) -> anyhow::Result<Glibc> {
    let bytes = fs::read(binary).with_context(|| format!("cannot read {}", binary.display()))?;
    newest_glibc(&bytes).with_context(|| format!("{} asks for no version of glibc", binary.display()))
}

fn newest_glibc(bytes: &[u8]) -> Option<Glibc> {
    let places = bytes.windows(SYMBOL_VERSION.len()).enumerate();
    let places = places.filter(|(_, window)| *window == SYMBOL_VERSION);
    places.filter_map(|(at, _)| version(&bytes[at + SYMBOL_VERSION.len()..])).max()
}

fn version(bytes: &[u8]) -> Option<Glibc> {
    // Versions are short, and stand in a list of strings that zeros end.
    let end = bytes.iter().take(8).position(|&byte| byte == 0)?;
    let text = std::str::from_utf8(&bytes[..end]).ok()?;
    let mut parts = text.split('.');
    Some(Glibc { major: parts.next()?.parse().ok()?, minor: parts.next()?.parse().ok()? })
}

/// The commit that is checked out, marked where something differs from it.
fn commit() -> anyhow::Result<String> {
    let mut command = Command::new("git");
    command.args(["describe", "--always", "--abbrev=40", "--exclude=*", "--dirty"]);
    let output = command.current_dir(workspace::root()).output();
    let output = output.with_context(|| format!("cannot run {command:?}"))?;
    if !output.status.success() {
        bail!("{command:?} failed:\n{}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn host() -> anyhow::Result<String> {
    let output = Command::new("rustc").arg("-vV").output().context("cannot run rustc")?;
    let text = String::from_utf8_lossy(&output.stdout);
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host.context("rustc does not say what it compiles for")?.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_version_counts() {
        let bytes = b"\0GLIBC_2.9\0GLIBC_2.28\0GLIBC_2.3.4\0GLIBC_PRIVATE\0GLIBC_2.99 in a text";
        assert_eq!(newest_glibc(bytes), Some(Glibc { major: 2, minor: 28 }));
        assert_eq!(newest_glibc(b"a static program"), None);
        assert!(Glibc { major: 2, minor: 4 } < OLDEST_GLIBC);
        assert_eq!(OLDEST_GLIBC.to_string(), "2.28");
    }
}
