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
    text.push_str("\n/// The routes of both roles; what both serve is there once, by their types the two are the same.\n");
    let all = tags.iter().map(|tag| match tag.role.roles() {
        ["Mirror"] => routes(tag, "M"),
        _ => routes(tag, "U"),
    });
    text.push_str(&format!("pub type AllRoutes<U, M> = (\n{});\n", lines(all)));
    Ok(text)
}

fn routes_of(role: &str, tags: &[&TagDecision]) -> String {
    let types = lines(tags.iter().map(|tag| routes(tag, "H")));
    let bounds: Vec<String> =
        tags.iter().map(|tag| format!("{}::{}Operations", tag.module, pascal_case(&tag.module))).collect();
    let values = tags
        .iter()
        .map(|tag| format!("{}::{}Routes(handlers.clone())", tag.module, pascal_case(&tag.module)));
    format!(
        "\n/// The routes of the {} role, answered by `H`.\npub type {role}Routes<H> = (\n{types});\n\
         \n/// The routes of the {} role, answered by these handlers.\n\
         pub fn {}_routes<H>(handlers: &Arc<H>) -> {role}Routes<H>\nwhere\n    H: {},\n{{\n    (\n{}    )\n}}\n",
        role.to_lowercase(),
        role.to_lowercase(),
        role.to_lowercase(),
        bounds.join("\n        + "),
        values.map(|value| format!("        {value},\n")).collect::<String>()
    )
}

fn routes(tag: &TagDecision, handlers: &str) -> String {
    format!("{}::{}Routes<{handlers}>", tag.module, pascal_case(&tag.module))
}

fn lines(items: impl Iterator<Item = String>) -> String {
    items.map(|item| format!("    {item},\n")).collect()
}
