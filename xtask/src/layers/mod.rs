//! `cargo xtask layers`: arrows point down only, between the crates and between the folders of a crate.
//!
//! `table` holds the order; the other files hold one rule each.

mod apart;
mod confined;
mod folders;
mod impls;
mod manifests;
mod paths;
mod source;
mod table;
mod tokens;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::Context;

use crate::outcome::{Finding, Outcome};
use crate::workspace;
use source::Source;
use table::{APART, CRATES, FOLDERS};

/// Checks the manifests and the sources of every crate against the table.
pub fn run() -> anyhow::Result<Outcome> {
    let root = workspace::root();
    let mut findings = without_a_row(&root)?;
    for row in CRATES {
        let path = root.join(row.folder).join("Cargo.toml");
        let manifest =
            fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        findings.extend(manifests::wrong_edges(row.folder, &manifest, row.may_use)?);
        findings.extend(manifests::barred_edges(row.folder, &manifest)?);
        let sources = source::sources(&root, row.folder)?;
        findings.extend(of_sources(row.folder, &sources));
    }
    Ok(Outcome::of_findings(findings, "every arrow points down"))
}

fn of_sources(folder: &str, sources: &[Source]) -> Vec<Finding> {
    let mut findings = confined::wrong_names(folder, sources);
    for rule in APART.iter().filter(|rule| rule.krate == folder) {
        findings.extend(apart::wrong_names(rule, sources));
    }
    for order in FOLDERS.iter().filter(|order| order.krate == folder) {
        findings.extend(folders::wrong_arrows(order, sources));
    }
    findings.extend(impls::strays(sources));
    findings
}

/// Crates that the table does not know.
fn without_a_row(root: &Path) -> anyhow::Result<Vec<Finding>> {
    let known: BTreeSet<&str> = CRATES.iter().map(|row| row.folder).collect();
    let mut findings = Vec::new();
    for entry in fs::read_dir(root.join("crates")).context("cannot list crates")? {
        let path = entry.context("cannot list crates")?.path();
        let folder = path.strip_prefix(root).unwrap_or(&path).display().to_string();
        if path.join("Cargo.toml").is_file() && !known.contains(folder.as_str()) {
            findings.push(Finding {
                problem: format!("{folder}: no row says which crates it may use"),
                remedy: "give it one in xtask/src/layers/table.rs".to_owned(),
            });
        }
    }
    Ok(findings)
}
