//! The programs that look at Heliostat, from outside and as gates, and those that make a release: pinned and installed below
//! the target directory.
//!
//! Python's from outside come from `tests/outside/requirements.txt`, which brings Node and a Java runtime too; Node's from
//! `tests/outside/package-lock.json`. A folder is named by the digest of its list, so a changed list installs anew,
//! and it is there whole or not at all.

mod chromium;
mod jgit;
mod kallithea;
mod node;
mod python;

use std::ffi::OsString;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};

use crate::workspace;

/// Settings under which none of the programs reports to anyone.
const NO_REPORTS: [(&str, &str); 6] = [
    ("DO_NOT_TRACK", "1"),
    ("REDOCLY_TELEMETRY", "off"),
    ("REDOCLY_SUPPRESS_UPDATE_NOTICE", "true"),
    ("SCARF_ANALYTICS", "false"),
    ("NO_UPDATE_NOTIFIER", "1"),
    ("PIP_DISABLE_PIP_VERSION_CHECK", "1"),
];

/// Where the programs are.
#[derive(Debug, Clone)]
pub struct Tools {
    python: PathBuf,
    node: PathBuf,
}

impl Tools {
    /// Installs what is missing.
    pub fn install() -> anyhow::Result<Self> {
        let folder = folder()?;
        let list = workspace::outside_folder().join("requirements.txt");
        let python = python::install(&folder, "python", &list)?;
        let node = node::install(&folder, &python)?;
        Ok(Tools { python, node })
    }

    /// Installs what is missing, and what only tests need.
    pub fn install_for_tests() -> anyhow::Result<Self> {
        let tools = Self::install()?;
        kallithea::find_or_install()?;
        Ok(tools)
    }

    /// A command of one of the programs, found before any of the same name on this machine.
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.env("PATH", self.search_path()).envs(NO_REPORTS);
        command
    }

    /// Tells the tests where the programs are. Their own `PATH` stays, for cargo would build anew under another.
    pub fn tell_tests(&self, tests: &mut Command) -> anyhow::Result<()> {
        tests.env("HELIOSTAT_TOOLS_PATH", self.search_path()).envs(NO_REPORTS);
        tests.env("HELIOSTAT_NODE_MODULES", self.node.join("node_modules"));
        tests.env("HELIOSTAT_CHROMIUM", chromium::find_or_install()?);
        tests.env("HELIOSTAT_JGIT_CLASSPATH", jgit::find_or_install()?);
        tests.env("HELIOSTAT_KALLITHEA", kallithea::find_or_install()?);
        Ok(())
    }

    fn search_path(&self) -> OsString {
        let ours = [self.python.join("bin"), self.node.join("node_modules/.bin")];
        let theirs = std::env::var_os("PATH").unwrap_or_default();
        let all = ours.into_iter().chain(std::env::split_paths(&theirs));
        std::env::join_paths(all).expect("no folder of ours has a colon in its name")
    }
}

/// A command of one of the programs that are gates; installed when it is missing.
pub fn gate_program(name: &str) -> anyhow::Result<Command> {
    Ok(Command::new(programs("gates", "gate_programs.txt")?.join(name)))
}

/// A command of one of the programs that make a release, which finds the others of them before those of this machine;
/// installed when it is missing.
pub fn dist_program(name: &str) -> anyhow::Result<Command> {
    let programs = programs("dist", "dist_programs.txt")?;
    let mut command = Command::new(programs.join(name));
    let theirs = std::env::var_os("PATH").unwrap_or_default();
    let all = std::iter::once(programs).chain(std::env::split_paths(&theirs));
    command.env("PATH", std::env::join_paths(all).context("the target directory has a colon in its name")?);
    Ok(command)
}

/// Where the programs of a list beside this file are.
fn programs(name: &str, list: &str) -> anyhow::Result<PathBuf> {
    let list = workspace::root().join("xtask/src/tools").join(list);
    Ok(python::install(&folder()?, name, &list)?.join("bin"))
}

fn folder() -> anyhow::Result<PathBuf> {
    let folder = workspace::target().join("tools");
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    Ok(folder)
}

/// The folder for what a list names; `fill` puts it there when it is not.
fn installed(
    folder: &Path,
    name: &str,
    list: &Path,
    fill: impl FnOnce(&Path) -> anyhow::Result<()>,
) -> anyhow::Result<PathBuf> {
    let text = fs::read(list).with_context(|| format!("cannot read {}", list.display()))?;
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    let home = folder.join(format!("{name}-{:016x}", hasher.finish()));
    let complete = home.join("complete");
    if !complete.is_file() {
        println!("installing what {} names", list.display());
        if home.exists() {
            fs::remove_dir_all(&home).with_context(|| format!("cannot remove {}", home.display()))?;
        }
        fs::create_dir_all(&home)?;
        fill(&home)?;
        fs::write(complete, "")?;
    }
    Ok(home)
}

fn carry_out(command: &mut Command) -> anyhow::Result<()> {
    let status = command.status().with_context(|| format!("cannot run {command:?}"))?;
    if !status.success() {
        bail!("{command:?} failed with {status}");
    }
    Ok(())
}
