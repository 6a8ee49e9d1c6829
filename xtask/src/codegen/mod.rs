//! `cargo xtask codegen`: writes `crates/api/src/generated` from the contract.
//!
//! contract -> models, and for each operation what it is asked, what it answers and the trait of its handler; the
//! routes of tags and roles, security schemes, pages, and the table of operations.
//! The output is deterministic; `--check` compares instead of writing.

mod files;
mod models;
mod names;
mod operations;
mod pages;
mod requests;
mod responses;
mod roles;
mod routes;
mod security;
mod settings;
mod table;
mod types;

use std::collections::BTreeMap;
use std::fs;

use anyhow::{Context, anyhow};

use crate::contract::{self, Contract};
use crate::outcome::{Finding, Outcome};
use crate::workspace;
pub use settings::Settings;

/// Generates all files, or checks that they are fresh.
pub fn run(check: bool) -> anyhow::Result<Outcome> {
    let generated = match generate_from_disk()? {
        Ok(files) => files,
        Err(findings) => return Ok(Outcome::Broken(findings)),
    };
    let folder = workspace::generated_folder();
    if check {
        let findings = files::compare(&folder, &generated)?;
        return Ok(if findings.is_empty() {
            Outcome::Good(format!("{} generated files are fresh", generated.len()))
        } else {
            Outcome::Stale(findings)
        });
    }
    let written = files::write(&folder, &generated)?;
    Ok(Outcome::Good(format!("{written} of {} generated files were written", generated.len())))
}

fn generate_from_disk() -> anyhow::Result<Result<BTreeMap<String, String>, Vec<Finding>>> {
    let path = workspace::contract_path();
    let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let settings_path = workspace::codegen_settings_path();
    let settings = fs::read_to_string(&settings_path)
        .with_context(|| format!("cannot read {}", settings_path.display()))?;
    let settings = Settings::parse(&settings)?;
    let contract = match contract::read(&text) {
        Ok(contract) => contract,
        Err(violations) => {
            let finding = |violation: &contract::Violation| Finding {
                problem: violation.to_string(),
                remedy: "edit openapi/heliostat.yaml at the named place".into(),
            };
            return Ok(Err(violations.iter().map(finding).collect()));
        }
    };
    Ok(Ok(generate(&contract, &settings)?))
}

/// All generated files by name.
pub fn generate(contract: &Contract, settings: &Settings) -> anyhow::Result<BTreeMap<String, String>> {
    let mut files = BTreeMap::new();
    let mut modules: Vec<String> =
        ["models", "ops", "pages", "roles", "security", "table"].map(str::to_owned).into();
    files.insert("models.rs".to_owned(), models::generate(contract, settings));
    files.insert("pages.rs".to_owned(), pages::generate(contract));
    files.insert("roles.rs".to_owned(), roles::generate(contract, settings)?);
    files.insert("security.rs".to_owned(), security::generate(contract, settings)?);
    files.insert("table.rs".to_owned(), table::generate(contract, settings)?);
    let mut ops = files::preamble("Everything that is generated for operations, whatever their tag.");
    for tag in &contract.tags {
        let decision = settings.tag(&tag.name).ok_or_else(|| {
            anyhow!(
                "openapi/codegen.toml has no decision for the tag {:?}: add [tags.\"{}\"]",
                tag.name,
                tag.name
            )
        })?;
        let text = operations::generate(contract, tag, &decision.module)?;
        files.insert(format!("{}.rs", decision.module), text);
        ops.push_str(&format!("pub use super::{}::*;\n", decision.module));
        modules.push(decision.module.clone());
    }
    files.insert("ops.rs".to_owned(), ops);
    modules.sort();
    files.insert("mod.rs".to_owned(), module_list(&modules));
    Ok(files)
}

fn module_list(modules: &[String]) -> String {
    let mut text =
        files::preamble("The contract as Rust: everything here follows from openapi/heliostat.yaml.");
    for module in modules {
        text.push_str(&format!("pub mod {module};\n"));
    }
    text
}
