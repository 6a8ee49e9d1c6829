//! Node's tools, installed by the npm that came with Python's tools.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{carry_out, installed};
use crate::workspace;

/// The folder with `node_modules`.
pub fn install(folder: &Path, python: &Path) -> anyhow::Result<PathBuf> {
    let outside = workspace::outside_folder();
    let list = outside.join("package-lock.json");
    installed(folder, "node", &list, |home| {
        for file in ["package.json", "package-lock.json"] {
            fs::copy(outside.join(file), home.join(file))?;
        }
        // No package may run code while it is installed.
        let arguments = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel", "error"];
        let path = std::env::var_os("PATH").unwrap_or_default();
        let folders = [python.join("bin")].into_iter().chain(std::env::split_paths(&path));
        let search_path = std::env::join_paths(folders)?;
        carry_out(
            Command::new(python.join("bin/npm")).args(arguments).env("PATH", search_path).current_dir(home),
        )
    })
}
