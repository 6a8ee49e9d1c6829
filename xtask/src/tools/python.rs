//! Python's tools, in a virtual environment of their own.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::{carry_out, installed};
use crate::debian;

/// The folder of an environment with what a list names.
pub fn install(folder: &Path, name: &str, list: &Path) -> anyhow::Result<PathBuf> {
    installed(folder, name, list, |home| {
        if !can_make_environments() {
            debian::install("python3-venv")?;
        }
        carry_out(Command::new("python3").args(["-m", "venv", "--clear"]).arg(home))?;
        // The list is complete, so nothing that it does not name may come along.
        // Python compiles what it imports when it does so; that is a small part of all.
        let pip = [
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "--no-compile",
            "--no-deps",
            "--requirement",
        ];
        carry_out(Command::new(home.join("bin/python")).args(pip).arg(list))
    })
}

fn can_make_environments() -> bool {
    let mut probe = Command::new("python3");
    probe.args(["-c", "import venv, ensurepip"]).stdout(Stdio::null()).stderr(Stdio::null());
    probe.status().is_ok_and(|status| status.success())
}
