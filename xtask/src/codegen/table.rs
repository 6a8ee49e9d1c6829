//! The table of operations: what the server needs to know of paths and methods besides routing.

use anyhow::anyhow;

use super::files;
use super::names::snake_case;
use super::settings::Settings;
use crate::contract::{Contract, Operation};

/// The address of the mirroring API, whose resources are told by the path; those of the core API are its tags.
const MIRRORING: &str = "/mirroring/latest/";

/// The file with the table.
pub fn generate(contract: &Contract, settings: &Settings) -> anyhow::Result<String> {
    let mut text =
        files::preamble("Every operation of the contract: method, path, and the roles that serve it.");
    text.push_str("use crate::operation::{Operation, Role};\n\n");
    text.push_str("/// All operations in document order.\npub const OPERATIONS: &[Operation] = &[\n");
    for operation in &contract.operations {
        let decision = settings
            .tag(&operation.tag)
            .ok_or_else(|| anyhow!("openapi/codegen.toml has no decision for the tag {:?}", operation.tag))?;
        let statuses: Vec<String> =
            operation.responses.iter().map(|response| response.status.to_string()).collect();
        let roles: Vec<String> = decision.role.roles().iter().map(|role| format!("Role::{role}")).collect();
        text.push_str(&format!(
            "    Operation {{ id: {:?}, method: \"{}\", path: {:?}, folder: {:?}, same_as: {:?}, roles: &[{}], statuses: &[{}] }},\n",
            operation.id,
            operation.method,
            operation.path,
            folder(operation, &decision.module),
            operation.same_as.as_deref(),
            roles.join(", "),
            statuses.join(", ")
        ));
    }
    text.push_str("];\n");
    Ok(text)
}

/// `/mirroring/latest/mirrorServers/{mirrorId}` -> `mirroring/mirror_servers`; the tag `Users` -> `core/users`.
fn folder(operation: &Operation, module: &str) -> String {
    match operation.path.strip_prefix(MIRRORING) {
        Some(below) => format!("mirroring/{}", snake_case(below.split('/').next().unwrap_or_default())),
        None => format!("core/{module}"),
    }
}
