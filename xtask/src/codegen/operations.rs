//! One module per tag: what each operation is asked and answers, a trait for each, and the routes.

use super::files;
use super::names::{doc_comment, pascal_case, snake_case};
use super::types::rust_type;
use super::{requests, responses, routes};
use crate::contract::{Contract, Operation, Parameter, Tag};

/// The file of one tag.
pub fn generate(contract: &Contract, tag: &Tag, module: &str) -> anyhow::Result<String> {
    let operations: Vec<&Operation> = contract.operations.iter().filter(|o| o.tag == tag.name).collect();
    let originals: Vec<&Operation> = operations.iter().copied().filter(|o| o.same_as.is_none()).collect();
    let mut text = files::preamble(&format!("Operations of the tag `{}`.", tag.name));
    text.push_str(
        "#![allow(\n    unused_imports,\n    clippy::large_enum_variant,\n    clippy::too_many_arguments,\n    reason = \"generated for every tag alike\"\n)]\n\n",
    );
    text.push_str("use std::future::Future;\nuse std::sync::Arc;\n\n");
    text.push_str("use poem_openapi::param::{Header, Path, Query};\nuse poem_openapi::payload::Html;\n");
    text.push_str("use poem_openapi::{ApiResponse, OpenApi, Tags};\n\n");
    text.push_str("use super::models::*;\nuse super::security::*;\n");
    text.push_str("use crate::call::Call;\nuse crate::handlers::{Answer, Handlers, answer};\n");
    text.push_str("use crate::payload::{ApiJson, ApiText, OptionalJson};\nuse crate::same_as::same_as;\n");
    text.push_str("use crate::streamed_json::StreamedJson;\n");
    for operation in &originals {
        text.push_str(&requests::generate(operation));
        text.push_str(&responses::generate(operation)?);
        text.push_str(&handler(operation));
    }
    text.push_str(&routes::implied_parameters(contract, &operations));
    text.push_str(&all_handlers(&pascal_case(module), tag, contract, &operations));
    text.push_str(&routes::generate(&pascal_case(module), tag, contract, &operations));
    Ok(text)
}

fn handler(operation: &Operation) -> String {
    let mut text = format!("\n/// Answers `{}`: {}\n", operation.id, one_line(&operation.summary));
    text.push_str(&format!("pub trait {}: Handlers {{\n", trait_name(operation)));
    text.push_str(&doc_comment("    ", &operation.summary));
    text.push_str(&format!("    fn {}(\n        &self,\n        call: Call,\n", snake_case(&operation.id)));
    if takes_anything(operation) {
        text.push_str(&format!("        request: {},\n", request_type(operation)));
    }
    text.push_str(&format!(
        "    ) -> impl Future<Output = Result<{}, Self::Error>> + Send;\n}}\n",
        response_type(operation)
    ));
    text
}

/// A name for "answers every operation of the tag", so that the routes have one bound.
fn all_handlers(name: &str, tag: &Tag, contract: &Contract, operations: &[&Operation]) -> String {
    let mut bounds: Vec<String> =
        operations.iter().filter(|o| o.same_as.is_none()).map(|operation| trait_name(operation)).collect();
    bounds.extend(routes::implied_names(contract, operations).iter().map(|name| routes::implied_trait(name)));
    let bounds = bounds.join("\n    + ");
    format!(
        "\n/// Answers every operation of the tag `{}`.\n\
         pub trait {name}Operations:\n    {bounds}\n{{\n}}\n\n\
         impl<H> {name}Operations for H where H:\n    {bounds}\n{{\n}}\n",
        tag.name
    )
}

/// Wire names of parameters that are reserved words in Rust.
const RESERVED_PARAMETERS: [(&str, &str); 1] = [("ref", "reference")];

/// Whether a request says anything besides the operation that it is for.
pub fn takes_anything(operation: &Operation) -> bool {
    !operation.parameters.is_empty() || operation.body.is_some()
}

/// The trait of an operation.
pub fn trait_name(operation: &Operation) -> String {
    pascal_case(&operation.id)
}

/// The type of what an operation is asked.
pub fn request_type(operation: &Operation) -> String {
    format!("{}Request", pascal_case(&operation.id))
}

/// The type of what an operation answers.
pub fn response_type(operation: &Operation) -> String {
    format!("{}Response", pascal_case(&operation.id))
}

/// The type of a parameter's value as handlers see it.
pub fn parameter_type(parameter: &Parameter) -> String {
    let value = rust_type(&parameter.value);
    if parameter.required || parameter.default.is_some() { value } else { format!("Option<{value}>") }
}

/// The Rust name of a parameter. One whose wire name is a reserved word is called as fields of that name are.
pub fn parameter_name(parameter: &Parameter) -> String {
    let reserved = RESERVED_PARAMETERS.iter().find(|(wire, _)| *wire == parameter.name);
    reserved.map_or_else(|| snake_case(&parameter.name), |(_, name)| (*name).to_owned())
}

fn one_line(text: &str) -> String {
    let mut characters = text.trim().chars();
    let first = characters.next().map(|c| c.to_ascii_lowercase()).into_iter();
    format!("{}.", first.chain(characters).collect::<String>().trim_end_matches('.'))
}
