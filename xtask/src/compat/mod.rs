//! `cargo xtask compat`: the contract may grow, but it keeps what a released version promised.
//!
//! `openapi/released/` holds the contract as it was at each release, a file per `info.version`. The canonical
//! document is compared with the newest of them: whatever a client could send must still be accepted, and whatever
//! it gets must still be what it was built for. A new major version is a new promise, so nothing is compared then.

mod operations;
mod schemas;
#[cfg(test)]
mod tests;
mod version;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use serde_json::Value;

use crate::outcome::{Finding, Outcome};
use crate::workspace;
use version::Version;

/// What to do with the released documents.
#[derive(Debug, Clone, Copy, Default, clap::Args)]
pub struct Options {
    /// Keep the contract as the document of its version from now on; refused when that version is there already.
    #[arg(long)]
    release: bool,
    /// With `--release`: replace the document of this version, as long as it was not published.
    #[arg(long, requires = "release")]
    overwrite: bool,
}

/// Compares the contract with the newest released document, or releases it.
pub fn run(options: Options) -> anyhow::Result<Outcome> {
    let text = read(&workspace::contract_path())?;
    let folder = workspace::root().join("openapi/released");
    if options.release { release(&text, &folder, options.overwrite) } else { check(&text, &folder) }
}

/// Compares the contract with the newest released document.
pub fn check(text: &str, folder: &Path) -> anyhow::Result<Outcome> {
    let Some(released) = released_versions(folder)?.pop() else {
        return Ok(Outcome::Broken(vec![Finding {
            problem: format!("{}: no version was released", folder.display()),
            remedy: "run `cargo xtask compat --release`".into(),
        }]));
    };
    let findings = findings(&parsed(&read(&file_of(folder, released))?)?, &parsed(text)?)?;
    Ok(Outcome::of_findings(findings, format!("the contract keeps what version {released} promised")))
}

/// Everything that clients of a released document would miss in the current one.
fn findings(released: &Value, current: &Value) -> anyhow::Result<Vec<Finding>> {
    let (then, now) = (version_of(released)?, version_of(current)?);
    if now < then {
        return Ok(vec![Finding {
            problem: format!("info.version: is {now}, and {then} was released already"),
            remedy: format!("set info.version of openapi/heliostat.yaml to {then} or a later version"),
        }]);
    }
    if now.starts_new_promise_after(then) {
        return Ok(Vec::new());
    }
    let remedy = format!(
        "take it back in openapi/heliostat.yaml, where {then} stands in openapi/released; only a new major version \
         may break what was promised"
    );
    let broken = operations::broken_promises(released, current);
    Ok(broken.into_iter().map(|problem| Finding { problem, remedy: remedy.clone() }).collect())
}

/// Keeps the contract as the document of its version, if it keeps what the version before promised.
fn release(text: &str, folder: &Path, overwrite: bool) -> anyhow::Result<Outcome> {
    let current = parsed(text)?;
    let version = version_of(&current)?;
    let mut others = released_versions(folder)?;
    if !overwrite && others.contains(&version) {
        bail!(
            "version {version} was released already: raise info.version, or add `--overwrite` if it was not published"
        );
    }
    others.retain(|other| *other != version);
    if let Some(newest) = others.pop() {
        if version < newest {
            bail!("info.version is {version}, and {newest} was released already: raise info.version");
        }
        let broken = findings(&parsed(&read(&file_of(folder, newest))?)?, &current)?;
        if !broken.is_empty() {
            return Ok(Outcome::Broken(broken));
        }
    }
    fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    let file = file_of(folder, version);
    let head = format!(
        "# What version {version} promises. Written by `cargo xtask compat --release`, not edited.\n#\n"
    );
    fs::write(&file, head + text).with_context(|| format!("cannot write {}", file.display()))?;
    Ok(Outcome::Good(format!("{} is what version {version} promises", file.display())))
}

fn file_of(folder: &Path, version: Version) -> PathBuf {
    folder.join(format!("{version}.yaml"))
}

/// Versions of which there is a document, oldest first.
fn released_versions(folder: &Path) -> anyhow::Result<Vec<Version>> {
    let mut versions = Vec::new();
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(versions),
        entries => entries.with_context(|| format!("cannot list {}", folder.display()))?,
    };
    for entry in entries {
        let path = entry.with_context(|| format!("cannot list {}", folder.display()))?.path();
        let named = path.file_name().and_then(|name| name.to_str()?.strip_suffix(".yaml")?.parse().ok());
        versions.push(named.with_context(|| {
            format!("{}: must be named by a version, such as 1.0.0.yaml", path.display())
        })?);
    }
    versions.sort_unstable();
    Ok(versions)
}

fn version_of(document: &Value) -> anyhow::Result<Version> {
    let text = document["info"]["version"].as_str().context("info.version must be text")?;
    text.parse().with_context(|| format!("info.version: {text:?} must be three numbers, such as 1.0.0"))
}

fn parsed(text: &str) -> anyhow::Result<Value> {
    yaml_serde::from_str(text).context("the contract is not YAML")
}

fn read(path: &Path) -> anyhow::Result<String> {
    fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}
