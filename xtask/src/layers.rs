//! `cargo xtask layers`: which crate may use which, as a table, and what only one crate may name.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::Deserialize;

use crate::outcome::{Finding, Outcome};
use crate::workspace;

/// The folders of our crates and the crates of ours that each may depend on. Arrows point down only.
const ALLOWED: &[(&str, &[&str])] = &[
    ("crates/git", &[]),
    ("crates/storage", &[]),
    ("crates/auth", &[]),
    ("crates/api", &[]),
    ("crates/peer", &["heliostat-api", "heliostat-auth"]),
    ("crates/refusal", &["heliostat-auth", "heliostat-storage"]),
    (
        "crates/downstream",
        &[
            "heliostat-api",
            "heliostat-auth",
            "heliostat-git",
            "heliostat-peer",
            "heliostat-refusal",
            "heliostat-storage",
        ],
    ),
    (
        "crates/upstream",
        &[
            "heliostat-api",
            "heliostat-auth",
            "heliostat-downstream",
            "heliostat-git",
            "heliostat-peer",
            "heliostat-refusal",
            "heliostat-storage",
        ],
    ),
    (
        "crates/mirror",
        &[
            "heliostat-api",
            "heliostat-auth",
            "heliostat-git",
            "heliostat-peer",
            "heliostat-refusal",
            "heliostat-storage",
        ],
    ),
    (
        "crates/server",
        &[
            "heliostat-api",
            "heliostat-auth",
            "heliostat-downstream",
            "heliostat-git",
            "heliostat-mirror",
            "heliostat-peer",
            "heliostat-refusal",
            "heliostat-storage",
            "heliostat-upstream",
        ],
    ),
    ("crates/cli", &["heliostat-api", "heliostat-git", "heliostat-peer", "heliostat-server"]),
    ("tests", &["heliostat-api", "heliostat-auth"]),
    ("tests/fuzz", &["heliostat-git"]),
    ("xtask", &[]),
    ("xtask/bench", &[]),
];

/// Names that stand in one crate only, and why.
const CONFINED: &[(&str, &[&str], &str)] = &[
    ("sea_orm", &["crates/storage"], "storage is the only crate that names the database library"),
    ("tokio::process", &["crates/git"], "git is the only crate that starts processes in a server"),
    ("poem", &["crates/api", "crates/server"], "the domain knows no HTTP framework"),
];

/// Checks manifests against the table and sources against the confined names.
pub fn run() -> anyhow::Result<Outcome> {
    let root = workspace::root();
    let mut findings = Vec::new();
    for (folder, allowed) in ALLOWED {
        let path = root.join(folder).join("Cargo.toml");
        let manifest =
            fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        findings.extend(wrong_edges(folder, &manifest, allowed)?);
        for source in rust_files(&root.join(folder))? {
            let text = fs::read_to_string(&source)?;
            let name = source.strip_prefix(&root).unwrap_or(&source).display().to_string();
            findings.extend(confined_names(folder, &name, &text));
        }
    }
    Ok(Outcome::of_findings(findings, "every dependency points down"))
}

#[derive(Deserialize)]
struct Manifest {
    #[serde(default)]
    dependencies: BTreeMap<String, toml::Value>,
    #[serde(default, rename = "dev-dependencies")]
    dev_dependencies: BTreeMap<String, toml::Value>,
}

/// Dependencies among our crates that the table does not allow.
pub fn wrong_edges(folder: &str, manifest: &str, allowed: &[&str]) -> anyhow::Result<Vec<Finding>> {
    let manifest: Manifest = toml::from_str(manifest).with_context(|| format!("{folder}/Cargo.toml"))?;
    let ours: BTreeSet<&String> = manifest
        .dependencies
        .keys()
        .chain(manifest.dev_dependencies.keys())
        .filter(|name| name.starts_with("heliostat"))
        .collect();
    let wrong = ours.into_iter().filter(|name| !allowed.contains(&name.as_str()));
    let finding = |name: &String| Finding {
        problem: format!("{folder} must not depend on {name}"),
        remedy:
            "move the code to the layer that may, or change the table in xtask/src/layers.rs with a reason"
                .into(),
    };
    Ok(wrong.map(finding).collect())
}

/// Confined names in a source file of a crate that may not use them.
pub fn confined_names(folder: &str, file: &str, text: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (name, folders, reason) in CONFINED {
        if folders.contains(&folder)
            || folder.starts_with("xtask")
            || folder == "tests"
            || folder == "crates/cli"
        {
            continue;
        }
        let mentions = |line: &&str| {
            let code = line.split("//").next().unwrap_or_default();
            code.contains(&format!("{name}::")) || code.contains(&format!("use {name}"))
        };
        if let Some(line) = text.lines().find(mentions) {
            findings.push(Finding {
                problem: format!("{file} names {name}: `{}`", line.trim()),
                remedy: format!("{reason}; ask that crate instead"),
            });
        }
    }
    findings
}

fn rust_files(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_planted_edge_upwards_is_found() {
        let manifest = "[dependencies]\nheliostat-storage.workspace = true\nserde = \"1\"\n";
        let found = wrong_edges("crates/git", manifest, &[]).expect("reads");
        assert_eq!(found[0].problem, "crates/git must not depend on heliostat-storage");
        let allowed = wrong_edges("crates/upstream", manifest, &["heliostat-storage"]).expect("reads");
        assert_eq!(allowed, []);
    }

    #[test]
    fn a_planted_database_call_outside_storage_is_found() {
        let text = "//! Why.\nuse sea_orm::EntityTrait;\n";
        assert_eq!(confined_names("crates/mirror", "crates/mirror/src/a.rs", text).len(), 1);
        assert_eq!(confined_names("crates/storage", "crates/storage/src/a.rs", text), []);
        assert_eq!(confined_names("crates/mirror", "a.rs", "// sea_orm:: is not used here\n"), []);
    }
}
