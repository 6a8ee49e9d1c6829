//! What deletes says what will be lost, and asks first.

use std::io::{IsTerminal, Write};

use anyhow::{Context, bail};
use clap::Args;

use crate::output;

/// Whether it is asked.
#[derive(Debug, Args)]
pub struct Confirmation {
    /// Do it without asking; needed where nobody can be asked, as in scripts.
    #[arg(long)]
    yes: bool,
}

impl Confirmation {
    /// Whether it was confirmed on the command line, so that what will be lost need not be found out.
    pub fn is_given(&self) -> bool {
        self.yes
    }

    /// Tells what will be lost, and returns only if that is wanted.
    pub async fn ask(&self, loss: &str) -> anyhow::Result<()> {
        if self.yes {
            return Ok(());
        }
        if !std::io::stdin().is_terminal() {
            bail!("{loss} Nothing was changed: --yes confirms it");
        }
        output::hint(loss);
        eprint!("Type yes to go on: ");
        std::io::stderr().flush()?;
        let reading = tokio::task::spawn_blocking(|| {
            let mut line = String::new();
            std::io::stdin().read_line(&mut line).map(|_| line)
        });
        let line = tokio::select! {
            line = reading => line.context("cannot read the terminal")??,
            _ = tokio::signal::ctrl_c() => bail!("stopped; nothing was changed"),
        };
        if line.trim() != "yes" {
            bail!("not confirmed; nothing was changed");
        }
        Ok(())
    }
}
