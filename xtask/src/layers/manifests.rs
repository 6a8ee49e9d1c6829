//! Which crate may depend on which, read off the manifests.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Context;
use serde::Deserialize;

use super::table::BARRED;
use crate::outcome::Finding;

#[derive(Deserialize)]
struct Manifest {
    #[serde(default)]
    dependencies: BTreeMap<String, toml::Value>,
    #[serde(default, rename = "dev-dependencies")]
    dev_dependencies: BTreeMap<String, toml::Value>,
}

fn read(folder: &str, manifest: &str) -> anyhow::Result<Manifest> {
    toml::from_str(manifest).with_context(|| format!("{folder}/Cargo.toml"))
}

/// Dependencies among our crates that the table does not allow.
pub fn wrong_edges(folder: &str, manifest: &str, allowed: &[&str]) -> anyhow::Result<Vec<Finding>> {
    let manifest = read(folder, manifest)?;
    let ours: BTreeSet<&String> = manifest
        .dependencies
        .keys()
        .chain(manifest.dev_dependencies.keys())
        .filter(|name| name.starts_with("heliostat"))
        .collect();
    let wrong = ours.into_iter().filter(|name| !allowed.contains(&name.as_str()));
    let finding = |name: &String| Finding {
        problem: format!("{folder} must not depend on {name}"),
        remedy: "move the code to the layer that may, or change xtask/src/layers/table.rs with a reason"
            .into(),
    };
    Ok(wrong.map(finding).collect())
}

/// Dependencies that a crate must do without.
pub fn barred_edges(folder: &str, manifest: &str) -> anyhow::Result<Vec<Finding>> {
    let manifest = read(folder, manifest)?;
    let mut findings = Vec::new();
    for barred in BARRED.iter().filter(|barred| barred.krate == folder) {
        let names = manifest.dependencies.keys().map(|name| name.replace('-', "_"));
        for name in names.filter(|name| barred.paths.contains(&name.as_str())) {
            findings.push(Finding {
                problem: format!("{folder} must not depend on {name}"),
                remedy: barred.reason.to_owned(),
            });
        }
    }
    Ok(findings)
}

#[cfg(test)]
mod tests {
    use super::super::table::CRATES;
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
    fn a_planted_runtime_is_found_where_there_must_be_none() {
        let manifest = "[dependencies]\ntokio-util.workspace = true\n[dev-dependencies]\ntokio = \"1\"\n";
        let found = barred_edges("crates/git-wire", manifest).expect("reads");
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].problem, "crates/git-wire must not depend on tokio_util");
        assert_eq!(barred_edges("crates/git", manifest).expect("reads"), []);
    }

    #[test]
    fn the_table_has_no_circle() {
        let name = |folder: &str| format!("heliostat-{}", folder.rsplit('/').next().unwrap_or(folder));
        for (at, row) in CRATES.iter().enumerate() {
            let above: Vec<String> = CRATES[..at].iter().map(|row| name(row.folder)).collect();
            let wrong: Vec<_> =
                row.may_use.iter().filter(|used| !above.contains(&(**used).to_owned())).collect();
            assert!(wrong.is_empty(), "{} uses {wrong:?}, which does not stand above it", row.folder);
        }
    }
}
