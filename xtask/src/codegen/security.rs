//! Security schemes, and one enum for each combination of them that operations ask for.

use std::collections::BTreeSet;

use anyhow::anyhow;

use super::files;
use super::names::pascal_case;
use super::settings::Settings;
use crate::contract::{Contract, Operation};

/// The file with schemes and combinations.
pub fn generate(contract: &Contract, settings: &Settings) -> anyhow::Result<String> {
    let mut text =
        files::preamble("Security schemes of the contract and the combinations that operations ask for.");
    text.push_str("use poem_openapi::SecurityScheme;\nuse poem_openapi::auth::{ApiKey, Basic, Bearer};\n");
    let combinations: BTreeSet<Vec<Option<String>>> = contract
        .operations
        .iter()
        .filter(|operation| !operation.security.is_empty())
        .map(|operation| operation.security.clone())
        .collect();
    let schemes: BTreeSet<&String> = combinations.iter().flatten().flatten().collect();
    for scheme in schemes {
        let decision = settings.security(scheme).ok_or_else(|| {
            anyhow!("openapi/codegen.toml has no decision for the security scheme {scheme}")
        })?;
        text.push_str(&format!("\n/// The scheme `{scheme}`.\n#[derive(SecurityScheme)]\n"));
        text.push_str(&format!("#[oai(rename = {scheme:?}, {})]\n", decision.declaration));
        text.push_str(&format!("pub struct {}Scheme(pub {});\n", pascal_case(scheme), decision.value));
    }
    for combination in &combinations {
        text.push_str(&combination_enum(combination));
    }
    Ok(text)
}

fn combination_enum(combination: &[Option<String>]) -> String {
    let mut text = String::from("\n/// Any of these credentials will do.\n#[derive(SecurityScheme)]\n");
    text.push_str(&format!("pub enum {} {{\n", combination_name(combination)));
    for scheme in combination.iter().flatten() {
        let name = pascal_case(scheme);
        text.push_str(&format!("    /// `{scheme}`\n    {name}({name}Scheme),\n"));
    }
    if combination.contains(&None) {
        text.push_str("    /// No credentials.\n    #[oai(fallback)]\n    Anonymous,\n");
    }
    text.push_str("}\n");
    text
}

/// The type that an operation's credentials are extracted as, if it looks at any.
pub fn credentials_type(operation: &Operation) -> Option<String> {
    (!operation.security.is_empty()).then(|| combination_name(&operation.security))
}

fn combination_name(combination: &[Option<String>]) -> String {
    let named: Vec<String> = combination.iter().flatten().map(|scheme| pascal_case(scheme)).collect();
    let anonymous = if combination.contains(&None) { "OrAnonymous" } else { "" };
    format!("{}{anonymous}", named.join("Or"))
}
