//! `heliostat man`: a manual page for each command, made from its definition.

use std::path::PathBuf;

use anyhow::Context;
use clap::{Args, CommandFactory};

use crate::command::Cli;
use crate::output;

/// Where they go.
#[derive(Debug, Args)]
pub struct ManOptions {
    /// Directory for the pages, as in /usr/local/share/man/man1; it is made if it is missing.
    #[arg(value_name = "DIR")]
    directory: PathBuf,
}

/// Writes the pages.
pub fn run(options: &ManOptions) -> anyhow::Result<()> {
    let directory = &options.directory;
    let cannot = || format!("cannot write manual pages to {}", directory.display());
    std::fs::create_dir_all(directory).with_context(cannot)?;
    clap_mangen::generate_to(Cli::command(), directory).with_context(cannot)?;
    output::line(&format!("manual pages of heliostat and its commands are in {}", directory.display()));
    Ok(())
}
