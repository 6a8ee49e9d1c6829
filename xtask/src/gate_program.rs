//! Gates that are other people's programs. Each is shown a planted fault first: a gate that lets it pass, because its
//! settings or a new version have changed, is no gate.

use std::fs;
use std::path::Path;
use std::process::Output;

use anyhow::{Context, bail};

use crate::outcome::{Finding, Outcome};
use crate::{tools, workspace};

/// A gate that another program is.
pub struct Gate<'a> {
    /// The program, as its package calls it.
    pub program: &'a str,
    /// What it is told; it runs in the folder that is checked.
    pub arguments: &'a [&'a str],
    /// The files of a small workspace with a fault.
    pub planted: &'a [(&'a str, &'a str)],
    /// What it says of the fault.
    pub complaint: &'a str,
    /// What is wrong when it finds something in this repository.
    pub problem: &'a str,
    /// What mends it.
    pub remedy: &'a str,
    /// What is known when it finds nothing.
    pub good: &'a str,
}

impl Gate<'_> {
    /// Checks that the planted fault is found, then this repository.
    pub fn run(&self) -> anyhow::Result<Outcome> {
        let planted = tempfile::tempdir().context("cannot make a temporary folder")?;
        for (name, text) in self.planted {
            let path = planted.path().join(name);
            fs::create_dir_all(path.parent().unwrap_or(planted.path()))?;
            fs::write(path, text)?;
        }
        let found = self.check(planted.path())?;
        if found.status.success() || !said(&found).contains(self.complaint) {
            let Gate { program, complaint, .. } = self;
            bail!("{program} does not find a planted fault ({complaint:?}); it said:\n{}", said(&found));
        }
        let found = self.check(&workspace::root())?;
        if found.status.success() {
            return Ok(Outcome::Good(self.good.to_owned()));
        }
        let problem = format!("{}:\n{}", self.problem, said(&found));
        Ok(Outcome::Broken(vec![Finding { problem, remedy: self.remedy.to_owned() }]))
    }

    fn check(&self, folder: &Path) -> anyhow::Result<Output> {
        let mut command = tools::gate_program(self.program)?;
        command.args(self.arguments).current_dir(folder).env("CARGO_TERM_COLOR", "never");
        command.output().with_context(|| format!("cannot run {command:?}"))
    }
}

fn said(output: &Output) -> String {
    let text = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes).trim().to_owned());
    text.join("\n").trim().to_owned()
}
