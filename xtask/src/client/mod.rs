//! `cargo xtask client`: clients in other languages, generated from the contract by the generators that are usual
//! there.
//!
//! Each language is one file with the generator's settings; the generators are those that the tests from outside
//! use, pinned. What a generator complains of is an error here, for it leaves out what it complains of. Clients are
//! not part of the repository: they are made where they are used, from the contract here or from the one that a
//! running server hands out.

mod document;
mod folder;
mod go;
mod python;
mod typescript;

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};
use clap::{Args, Subcommand};

use crate::outcome::Outcome;
use crate::tools::Tools;
use document::Document;
use folder::Folder;

/// The language of the client.
#[derive(Debug, Subcommand)]
pub enum Language {
    /// A package `heliostat_client` by openapi-python-client: typed, for `httpx`, blocking and asynchronous.
    Python(Options),
    /// A package `heliostat-client` by openapi-typescript, with its client openapi-fetch.
    Typescript(Options),
    /// A package `heliostat` by openapi-generator, for the standard library alone.
    Go(Options),
}

/// Where a client comes from and goes to.
#[derive(Debug, Args)]
pub struct Options {
    /// The folder to make; one that was made by this command is made anew.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// The contract to use instead of the one in this repository: a file, or the address of a running server.
    #[arg(long, value_name = "FILE or URL")]
    from: Option<String>,
}

/// What a language needs to make its client.
struct Order<'a> {
    tools: &'a Tools,
    document: &'a Document,
    /// An empty folder for the client.
    workshop: &'a Path,
}

/// Makes a client.
pub fn run(language: &Language) -> anyhow::Result<Outcome> {
    let (options, make, name, next_steps): (_, fn(&Order<'_>) -> anyhow::Result<()>, _, _) = match language {
        Language::Python(options) => (options, python::make, "Python", python::NEXT_STEPS),
        Language::Typescript(options) => (options, typescript::make, "TypeScript", typescript::NEXT_STEPS),
        Language::Go(options) => (options, go::make, "Go", go::NEXT_STEPS),
    };
    let folder = Folder::open(&options.out)?;
    let document = Document::read(options.from.as_deref())?;
    let tools = Tools::install()?;
    let workshop = tempfile::tempdir().context("cannot make a temporary folder")?;
    make(&Order { tools: &tools, document: &document, workshop: workshop.path() })?;
    let count = folder.fill(workshop.path())?;
    let next_steps = next_steps.replace("DIR", &options.out.display().to_string());
    Ok(Outcome::Good(format!(
        "the {name} client of version {} is in {} ({count} files)\n\n{next_steps}",
        document.version(),
        options.out.display()
    )))
}

/// Runs a generator and shows what it says only if it fails or complains.
fn generate(command: &mut Command, is_complaint: fn(&str) -> bool) -> anyhow::Result<()> {
    let output = command.output().with_context(|| format!("cannot run {command:?}"))?;
    let said =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    if !output.status.success() {
        bail!("{command:?} failed with {}:\n{said}", output.status);
    }
    let complaints: Vec<&str> = said.lines().filter(|line| is_complaint(line)).collect();
    if !complaints.is_empty() {
        bail!("{command:?} cannot express all of the contract:\n{}", complaints.join("\n"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_generator_complains_of_is_an_error() {
        let warn = |line: &str| line.starts_with("WARN");
        generate(Command::new("echo").arg("INFO all is well"), warn).expect("is no complaint");
        let error = generate(Command::new("echo").arg("WARN skipped one"), warn).expect_err("is a complaint");
        assert!(error.to_string().contains("WARN skipped one"), "{error}");
        generate(&mut Command::new("false"), warn).expect_err("failed");
    }
}
