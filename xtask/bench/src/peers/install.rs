//! Which peers are missing, and how they come here: from Debian, crates.io and PyPI, in pinned versions.

use std::fmt;
use std::time::Duration;

use anyhow::ensure;

use super::{apache, fcgiwrap, git_cache_proxy, grokmirror};
use crate::process;

/// How long the installation of a package may take; one from crates.io is compiled.
const INSTALL_TIMEOUT: Duration = Duration::from_secs(30 * 60);

/// A peer that is not installed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    /// nginx or fcgiwrap.
    Nginx,
    /// apache2 with its modules.
    Apache,
    /// The proxy from crates.io.
    GitCacheProxy,
    /// The replicator from PyPI.
    Grokmirror,
}

impl fmt::Display for Missing {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Missing::Nginx => {
                "nginx with fcgiwrap, and nginx as a POST cache: nginx-light or fcgiwrap is not installed"
            }
            Missing::Apache => "apache with mod_cgid: apache2-bin is not installed",
            Missing::GitCacheProxy => "git-cache-proxy is not installed",
            Missing::Grokmirror => "grokmirror is not installed",
        };
        formatter.write_str(text)
    }
}

/// The servers that are missing.
pub fn missing() -> Vec<Missing> {
    let known = [
        (Missing::Nginx, fcgiwrap::is_installed()),
        (Missing::Apache, apache::is_installed()),
        (Missing::GitCacheProxy, git_cache_proxy::program().is_some()),
    ];
    known.into_iter().filter(|(_, is_there)| !is_there).map(|(missing, _)| missing).collect()
}

/// Installs what is missing; Debian's packages need root.
pub fn install() -> anyhow::Result<()> {
    let mut all = missing();
    if !grokmirror::is_installed() {
        all.push(Missing::Grokmirror);
    }
    for missing in all {
        match missing {
            Missing::Nginx => install_from_debian(&["nginx-light", "fcgiwrap"])?,
            Missing::Apache => install_from_debian(&["apache2-bin"])?,
            Missing::GitCacheProxy => install_git_cache_proxy()?,
            Missing::Grokmirror => install_grokmirror()?,
        }
    }
    Ok(())
}

fn install_from_debian(packages: &[&str]) -> anyhow::Result<()> {
    ensure!(process::is_root(), "root is needed: run `sudo apt-get install {}`", packages.join(" "));
    process::show(process::command("apt-get").args(["update", "-q"]), INSTALL_TIMEOUT)?;
    let mut command = process::command("apt-get");
    command.args(["install", "-y", "-q", "--no-install-recommends"]).args(packages);
    process::show(command.env("DEBIAN_FRONTEND", "noninteractive"), INSTALL_TIMEOUT)
}

fn install_git_cache_proxy() -> anyhow::Result<()> {
    let mut command = process::command(env!("CARGO"));
    command.args([
        "install",
        git_cache_proxy::PACKAGE,
        "--version",
        git_cache_proxy::VERSION,
        "--locked",
        "--quiet",
    ]);
    process::show(command.arg("--root").arg(git_cache_proxy::root()), INSTALL_TIMEOUT)
}

fn install_grokmirror() -> anyhow::Result<()> {
    let home = grokmirror::home();
    process::show(process::command("python3").args(["-m", "venv", "--clear"]).arg(&home), INSTALL_TIMEOUT)?;
    let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
    let package = format!("{}=={}", grokmirror::PACKAGE, grokmirror::VERSION);
    process::show(process::command(home.join("bin/python")).args(pip).arg(package), INSTALL_TIMEOUT)
}
