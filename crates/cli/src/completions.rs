//! `heliostat completions`: what a shell needs to complete commands, options and values, made from their definitions.

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use crate::command::Cli;
use crate::output;

/// Which shell.
#[derive(Debug, Args)]
pub struct CompletionsOptions {
    /// The shell.
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

/// Prints the script.
pub fn run(options: &CompletionsOptions) {
    let mut script = Vec::new();
    clap_complete::generate(options.shell, &mut Cli::command(), "heliostat", &mut script);
    output::line(String::from_utf8_lossy(&script).trim_end());
}
