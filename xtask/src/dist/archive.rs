//! An archive for any Linux: `heliostat-VERSION-SYSTEM.tar.gz` with one folder, the same bytes whenever it is made.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};

use super::carry_out;
use crate::workspace;

/// What of the repository is in it beside what was gathered.
const FROM_REPOSITORY: [&str; 5] = ["CHANGELOG.md", "LICENSE", "README.md", "deploy", "docs"];

/// Makes it of what was gathered, in this folder; larger if it is to be made fast.
pub fn make(content: &Path, folder: &Path, fast: bool) -> anyhow::Result<PathBuf> {
    let name = format!("heliostat-{}-{}-linux", env!("CARGO_PKG_VERSION"), std::env::consts::ARCH);
    let path = folder.join(format!("{name}.tar.gz"));
    let tar = folder.join(format!("{name}.tar"));
    let mut command = Command::new("tar");
    command.args(["--create", "--sort=name", "--owner=0", "--group=0", "--numeric-owner"]);
    // What the binary wrote can be read by this user alone.
    command.args(["--mode=u=rwX,go=rX", "--mtime", &committed_at()?]);
    command.arg(format!("--transform=s,^,{name}/,")).arg("--file").arg(&tar);
    command.arg("--directory").arg(content).args(["heliostat", "man", "completions"]);
    command.arg("--directory").arg(workspace::root()).args(FROM_REPOSITORY);
    carry_out(&mut command)?;
    let level = if fast { "-1" } else { "-9" };
    carry_out(Command::new("gzip").args([level, "--no-name"]).arg(&tar))?;
    fs::metadata(&path).with_context(|| format!("there is no {}", path.display()))?;
    Ok(path)
}

/// When the source was committed, as `tar` reads it.
fn committed_at() -> anyhow::Result<String> {
    let mut command = Command::new("git");
    command.args(["log", "-1", "--format=@%ct"]).current_dir(workspace::root());
    let output = command.output().with_context(|| format!("cannot run {command:?}"))?;
    if !output.status.success() {
        bail!("{command:?} failed:\n{}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
