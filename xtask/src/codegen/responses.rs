//! What an operation answers, as one enum with a variant for each status.

use anyhow::anyhow;

use super::names::{doc_comment, status_name};
use super::operations::response_type;
use super::types::rust_type;
use crate::contract::{Operation, ResponseContent};

/// The enum of an operation.
pub fn generate(operation: &Operation) -> anyhow::Result<String> {
    let mut text = format!("\n/// What `{}` answers.\n#[derive(ApiResponse)]\n", operation.id);
    text.push_str(&format!("pub enum {} {{\n", response_type(operation)));
    for response in &operation.responses {
        let name = status_name(response.status);
        if name == "Unnamed" {
            return Err(anyhow!(
                "{}: the status {} has no name in xtask's names.rs",
                operation.id,
                response.status
            ));
        }
        text.push_str(&doc_comment("    ", &response.description));
        text.push_str(&format!("    #[oai(status = {})]\n", response.status));
        text.push_str(&match &response.content {
            ResponseContent::Empty => format!("    {name},\n"),
            ResponseContent::Json(value) => format!("    {name}(ApiJson<{}>),\n", rust_type(value)),
            ResponseContent::StreamedJson(value) => {
                format!("    {name}(StreamedJson<{}>),\n", rust_type(value))
            }
            ResponseContent::Html => format!("    {name}(Html<String>),\n"),
        });
    }
    text.push_str("}\n");
    Ok(text)
}
