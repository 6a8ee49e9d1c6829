//! Texts of which the contract names some values (`x-names`): a Rust type for each list.
//!
//! On the wire they stay texts, because other servers have names of their own; what is compared in code is the type.

use anyhow::{anyhow, bail};

use super::files;
use super::names::{doc_comment, pascal_case};
use super::settings::Settings;
use crate::contract::{Contract, SchemaKind};

/// The file with the lists of names.
pub fn generate(contract: &Contract, settings: &Settings) -> anyhow::Result<String> {
    let mut text = files::preamble("Words that the contract knows in fields that may hold others.");
    for (place, type_name) in settings.names() {
        let names = names_at(contract, place).ok_or_else(|| {
            anyhow!("openapi/codegen.toml names {place}, which is no field of the contract")
        })?;
        if names.is_empty() {
            bail!("openapi/codegen.toml names {place}, which has no x-names in the contract");
        }
        text.push_str(&enumeration(&format!("What `{place}` may say."), type_name, names));
    }
    Ok(text)
}

fn names_at<'c>(contract: &'c Contract, place: &str) -> Option<&'c [(String, String)]> {
    let (schema, field) = place.split_once('.')?;
    let SchemaKind::Object(fields) = &contract.schemas.get(schema)?.kind else {
        return None;
    };
    fields.iter().find(|candidate| candidate.name == field).map(|field| field.names.as_slice())
}

/// A type for words, each given with its meaning.
pub fn enumeration(purpose: &str, type_name: &str, names: &[(String, String)]) -> String {
    let variants = variants(names.iter().map(|(name, _)| name.as_str()));
    let mut text = format!("\n/// {purpose}\n#[derive(Debug, Clone, Copy, PartialEq, Eq)]\n");
    text.push_str(&format!("pub enum {type_name} {{\n"));
    for ((name, meaning), variant) in names.iter().zip(&variants) {
        text.push_str(&doc_comment("    ", &format!("`{name}`: {meaning}")));
        text.push_str(&format!("    {variant},\n"));
    }
    text.push_str(&format!("}}\n\nimpl {type_name} {{\n    /// The word on the wire.\n"));
    text.push_str("    pub const fn as_str(self) -> &'static str {\n        match self {\n");
    for ((name, _), variant) in names.iter().zip(&variants) {
        text.push_str(&format!("            Self::{variant} => {name:?},\n"));
    }
    text.push_str("        }\n    }\n\n    /// What is spelled like this on the wire, if it is known.\n");
    text.push_str("    pub fn from_wire(text: &str) -> Option<Self> {\n        match text {\n");
    for ((name, _), variant) in names.iter().zip(&variants) {
        text.push_str(&format!("            {name:?} => Some(Self::{variant}),\n"));
    }
    text.push_str("            _ => None,\n        }\n    }\n}\n");
    text
}

/// The Rust names: without the ending that all of them share.
fn variants<'n>(names: impl Iterator<Item = &'n str>) -> Vec<String> {
    let names: Vec<String> = names.map(pascal_case).collect();
    let ending = |name: &str| name.rfind(char::is_uppercase).map(|start| name[start..].to_owned());
    let first = names.first().and_then(|name| ending(name)).unwrap_or_default();
    if !names.iter().all(|name| name.ends_with(&first) && *name != first) {
        return names;
    }
    names.iter().map(|name| name.trim_end_matches(first.as_str()).to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ending_that_all_share_is_left_out() {
        let shared = variants(["NotFoundException", "GoneException"].into_iter());
        assert_eq!(shared, ["NotFound", "Gone"]);
        let different = variants(["repo:refs_changed", "repo:created"].into_iter());
        assert_eq!(different, ["RepoRefsChanged", "RepoCreated"]);
    }
}
