//! The routes of each role, put together from those of its tags, and of both together for the drift check.

use anyhow::anyhow;

use super::files;
use super::names::pascal_case;
use super::settings::{Settings, TagDecision};
use crate::contract::Contract;

/// The file with the routes of roles.
pub fn generate(contract: &Contract, settings: &Settings) -> anyhow::Result<String> {
    let mut tags = Vec::new();
    for tag in &contract.tags {
        let decision = settings
            .tag(&tag.name)
            .ok_or_else(|| anyhow!("openapi/codegen.toml has no decision for the tag {:?}", tag.name))?;
        tags.push(decision);
    }
    let mut text = files::preamble("The routes that each role serves.");
    text.push_str("use std::sync::Arc;\n\n");
    let mut modules: Vec<&str> = tags.iter().map(|tag| tag.module.as_str()).collect();
    modules.sort_unstable();
    text.push_str(&format!("use super::{{{}}};\n", modules.join(", ")));
    for role in ["Upstream", "Mirror"] {
        let served: Vec<&TagDecision> =
            tags.iter().copied().filter(|tag| tag.role.roles().contains(&role)).collect();
        text.push_str(&routes_of(role, &served));
    }
    text.push_str("\n/// The routes of both roles.\n");
    text.push_str(&format!("pub type AllRoutes = (\n{});\n", lines(tags.iter().map(|tag| routes(tag)))));
    Ok(text)
}

fn routes_of(role: &str, tags: &[&TagDecision]) -> String {
    let types = lines(tags.iter().map(|tag| routes(tag)));
    let bounds: Vec<String> =
        tags.iter().map(|tag| format!("{}::{}Operations", tag.module, pascal_case(&tag.module))).collect();
    let values = lines(tags.iter().map(|tag| format!("{}::new(handlers.clone())", routes(tag))));
    let name = role.to_lowercase();
    let bounds = bounds.join("\n        + ");
    format!(
        "\n/// The routes of the {name} role.\npub type {role}Routes = (\n{types});\n\
         \n/// The routes of the {name} role, answered by these handlers.\n\
         pub fn {name}_routes<H>(handlers: &Arc<H>) -> {role}Routes\nwhere\n    H: {bounds},\n{{\n    (\n{}    )\n}}\n",
        values.lines().map(|line| format!("    {line}\n")).collect::<String>()
    )
}

fn routes(tag: &TagDecision) -> String {
    format!("{}::{}Routes", tag.module, pascal_case(&tag.module))
}

fn lines(items: impl Iterator<Item = String>) -> String {
    items.map(|item| format!("    {item},\n")).collect()
}
