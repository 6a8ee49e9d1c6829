//! What comes with the binary: manual pages and completions, which it writes itself.
//!
//! It lies in `target/release/package`, where the list of files in `crates/cli/Cargo.toml` looks for it: cargo-deb knows the
//! folder of built files under no other name.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};

use super::carry_out;
use crate::workspace;

/// The shells, and what each calls a file with completions.
const COMPLETIONS: [(&str, &str); 3] =
    [("bash", "heliostat.bash"), ("zsh", "_heliostat"), ("fish", "heliostat.fish")];

/// Gathers it anew, and returns the folder.
pub fn gather(binary: &Path) -> anyhow::Result<PathBuf> {
    let folder = workspace::target().join("release/package");
    if folder.exists() {
        fs::remove_dir_all(&folder).with_context(|| format!("cannot remove {}", folder.display()))?;
    }
    let completions = folder.join("completions");
    fs::create_dir_all(&completions).with_context(|| format!("cannot make {}", completions.display()))?;
    let program = folder.join("heliostat");
    // Names of functions stay, for what is written when something goes wrong.
    carry_out(Command::new("strip").arg("--strip-debug").arg("-o").arg(&program).arg(binary))?;
    let pages = folder.join("man");
    carry_out(Command::new(&program).arg("man").arg(&pages))?;
    compress(&pages)?;
    for (shell, name) in COMPLETIONS {
        let mut command = Command::new(&program);
        let output = command.args(["completions", shell]).output();
        let output = output.with_context(|| format!("cannot run {command:?}"))?;
        if !output.status.success() {
            bail!("{command:?} failed:\n{}", String::from_utf8_lossy(&output.stderr));
        }
        fs::write(completions.join(name), output.stdout)?;
    }
    Ok(folder)
}

/// As Debian wants manual pages, without the time at which it was done.
fn compress(pages: &Path) -> anyhow::Result<()> {
    let mut files = Vec::new();
    for entry in fs::read_dir(pages).with_context(|| format!("cannot read {}", pages.display()))? {
        files.push(entry?.path());
    }
    carry_out(Command::new("gzip").args(["-9", "--no-name"]).args(files))
}
