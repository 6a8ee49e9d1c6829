//! `cargo xtask layers`: arrows point down only, between the crates and between the folders of those that have an order.
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

/// The folders in which the crates of the workspace lie; the first is its root.
const PARENTS: [&str; 4] = ["", "crates", "tests", "xtask"];

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
    let mut unknown = BTreeSet::new();
    for parent in PARENTS {
        let parent = root.join(parent);
        let cannot_list = || format!("cannot list {}", parent.display());
        for entry in fs::read_dir(&parent).with_context(cannot_list)? {
            let path = entry.with_context(cannot_list)?.path();
            let folder = path.strip_prefix(root).unwrap_or(&path).display().to_string();
            if path.join("Cargo.toml").is_file() && !known.contains(folder.as_str()) {
                unknown.insert(folder);
            }
        }
    }
    let finding = |folder: String| Finding {
        problem: format!("{folder}: no row says which crates it may use"),
        remedy: "give it one in xtask/src/layers/table.rs".to_owned(),
    };
    Ok(unknown.into_iter().map(finding).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crate_without_a_row_is_found_wherever_it_lies() {
        let root = tempfile::tempdir().expect("a folder");
        let known = ["crates/git", "tests", "tests/fuzz", "xtask", "xtask/bench"];
        for folder in known.into_iter().chain(["another", "crates/new", "tests/new", "xtask/new"]) {
            let folder = root.path().join(folder);
            fs::create_dir_all(&folder).expect("made");
            fs::write(folder.join("Cargo.toml"), "").expect("written");
        }
        fs::create_dir_all(root.path().join("tests/story")).expect("made");

        let found = without_a_row(root.path()).expect("listed");
        let found: Vec<_> = found.into_iter().map(|finding| finding.problem).collect();
        let expected = ["another", "crates/new", "tests/new", "xtask/new"]
            .map(|folder| format!("{folder}: no row says which crates it may use"));
        assert_eq!(found, expected);
    }
}
