//! A command that runs beside others. What it prints goes into a file meanwhile, and is shown in one piece at its end.

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, bail};

use super::shown;
use crate::workspace;

/// A command that has begun.
pub struct Lane {
    shown: String,
    process: Child,
    output: PathBuf,
}

impl Lane {
    /// Begins to run a command, with the file named after what it does.
    pub fn start(name: &str, command: &mut Command) -> anyhow::Result<Self> {
        let shown = shown(command);
        let folder = workspace::target().join("test-artefacts");
        fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        let output = folder.join(format!("{name}.log"));
        println!("-- beside what follows, into {}: {shown}", output.display());
        let file = File::create(&output).with_context(|| format!("cannot write {}", output.display()))?;
        command.current_dir(workspace::root()).stdin(Stdio::null());
        command.stdout(file.try_clone()?).stderr(file);
        let process = command.spawn().with_context(|| format!("cannot run {shown}"))?;
        Ok(Lane { shown, process, output })
    }

    /// Waits for it, shows what it printed, and says whether it failed.
    pub fn end(mut self) -> anyhow::Result<()> {
        let status = self.process.wait().with_context(|| format!("cannot wait for {}", self.shown))?;
        println!("-- what was beside it: {}", self.shown);
        let output =
            fs::read(&self.output).with_context(|| format!("cannot read {}", self.output.display()))?;
        println!("{}", String::from_utf8_lossy(&output).trim_end());
        if !status.success() {
            bail!("`{}` failed", self.shown);
        }
        Ok(())
    }
}
