//! What deletes says what will be lost, and what lets a mirror in says where it is; both ask first.

use std::io::{IsTerminal, Write};

use anyhow::{Context, bail};
use clap::Args;

use crate::output;

/// Whether it is asked.
#[derive(Debug, Args)]
pub struct Confirmation {
    /// Do it without asking; needed where there is no terminal, as in scripts.
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
        ask_at_terminal(loss, "--yes confirms it").await
    }
}

/// Tells what will be done, and returns only if that is confirmed. `otherwise` says how it is done where there is no
/// terminal.
pub async fn ask_at_terminal(told: &str, otherwise: &str) -> anyhow::Result<()> {
    if !std::io::stdin().is_terminal() {
        bail!("{told} Nothing was changed: {otherwise}");
    }
    output::hint(told);
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
