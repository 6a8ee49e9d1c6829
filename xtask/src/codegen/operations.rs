//! One module per tag: a response enum per operation, the trait that handlers implement, and the routes.

use anyhow::anyhow;

use super::files;
use super::names::{doc_comment, pascal_case, snake_case, status_name};
use super::security::credentials_type;
use super::types::{rust_type, validators};
use crate::contract::{Contract, Operation, Parameter, ParameterPlace, ResponseContent, Tag, ValueType};

/// The file of one tag.
pub fn generate(contract: &Contract, tag: &Tag, module: &str) -> anyhow::Result<String> {
    let operations: Vec<&Operation> = contract.operations.iter().filter(|o| o.tag == tag.name).collect();
    let name = pascal_case(module);
    let mut text = files::preamble(&format!("Operations of the tag `{}`.", tag.name));
    text.push_str("#![allow(unused_imports, clippy::too_many_arguments, clippy::large_enum_variant, reason = \"generated for every tag alike\")]\n\n");
    text.push_str("use std::future::Future;\nuse std::sync::Arc;\n\n");
    text.push_str("use poem_openapi::param::{Path, Query};\nuse poem_openapi::payload::Html;\n");
    text.push_str("use poem_openapi::{ApiResponse, OpenApi, Tags};\n\n");
    text.push_str("use super::models::*;\nuse super::security::*;\n");
    text.push_str("use crate::call::Call;\nuse crate::payload::{ApiJson, OptionalJson};\nuse crate::streamed_json::StreamedJson;\n");
    for operation in &operations {
        text.push_str(&response_enum(operation)?);
    }
    text.push_str(&trait_of_handlers(&name, tag, &operations));
    text.push_str(&routes(&name, tag, &operations));
    text.push_str(&default_values(&operations));
    Ok(text)
}

fn response_enum(operation: &Operation) -> anyhow::Result<String> {
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

fn trait_of_handlers(name: &str, tag: &Tag, operations: &[&Operation]) -> String {
    let mut text = String::from("\n");
    text.push_str(&doc_comment("", &tag.description));
    text.push_str(
        "///\n/// Implemented by hand in the server; an operation without its method does not compile.\n",
    );
    text.push_str(&format!("pub trait {name}Operations: Send + Sync + 'static {{\n"));
    for (index, operation) in operations.iter().enumerate() {
        if index > 0 {
            text.push('\n');
        }
        text.push_str(&doc_comment("    ", &operation.summary));
        text.push_str(&format!(
            "    fn {}(\n        &self,\n        call: Call,\n",
            snake_case(&operation.id)
        ));
        for parameter in &operation.parameters {
            text.push_str(&format!("        {}: {},\n", argument(parameter), parameter_type(parameter)));
        }
        if let Some(body) = &operation.body {
            let value = rust_type(&body.value);
            let value = if body.required { value } else { format!("Option<{value}>") };
            text.push_str(&format!("        body: {value},\n"));
        }
        text.push_str(&format!(
            "    ) -> impl Future<Output = poem::Result<{}>> + Send;\n",
            response_type(operation)
        ));
    }
    text.push_str("}\n");
    text
}

fn routes(name: &str, tag: &Tag, operations: &[&Operation]) -> String {
    let mut text = String::from("\n#[derive(Tags)]\nenum Tag {\n");
    text.push_str(&doc_comment("    ", &tag.description));
    text.push_str(&format!("    #[oai(rename = {:?})]\n    This,\n}}\n", tag.name));
    text.push_str(&format!("\n/// Routes of the tag `{}`, answered by `H`.\n", tag.name));
    text.push_str(&format!("pub struct {name}Routes<H>(pub Arc<H>);\n\n#[OpenApi]\n"));
    text.push_str(&format!("impl<H: {name}Operations> {name}Routes<H> {{\n"));
    for (index, operation) in operations.iter().enumerate() {
        if index > 0 {
            text.push('\n');
        }
        text.push_str(&route(operation));
    }
    text.push_str("}\n");
    text
}

fn route(operation: &Operation) -> String {
    let mut text = doc_comment("    ", &operation.summary);
    text.push_str("    ///\n");
    text.push_str(&doc_comment("    ", &operation.description));
    let path = operation.path.replace('{', ":").replace('}', "");
    let deprecated = if operation.deprecated { ", deprecated = true" } else { "" };
    text.push_str(&format!(
        "    #[oai(path = {path:?}, method = \"{}\", operation_id = {:?}, tag = \"Tag::This\"{deprecated})]\n",
        operation.method.as_str(),
        operation.id
    ));
    text.push_str(&format!("    async fn {}(\n        &self,\n", snake_case(&operation.id)));
    if let Some(credentials) = credentials_type(operation) {
        text.push_str(&format!("        _credentials: {credentials},\n"));
    }
    text.push_str("        call: Call,\n");
    let mut arguments = vec!["call".to_owned()];
    for parameter in &operation.parameters {
        text.push_str(&route_parameter(operation, parameter));
        arguments.push(format!("{}.0", argument(parameter)));
    }
    if let Some(body) = &operation.body {
        let wrapper = if body.required { "ApiJson" } else { "OptionalJson" };
        text.push_str(&format!("        body: {wrapper}<{}>,\n", rust_type(&body.value)));
        arguments.push("body.0".into());
    }
    text.push_str(&format!("    ) -> poem::Result<{}> {{\n", response_type(operation)));
    text.push_str(&format!(
        "        self.0.{}({}).await\n    }}\n",
        snake_case(&operation.id),
        arguments.join(", ")
    ));
    text
}

fn route_parameter(operation: &Operation, parameter: &Parameter) -> String {
    let mut oai = vec![format!("name = {:?}", parameter.name)];
    if parameter.default.is_some() {
        oai.push(format!("default = {:?}", default_name(operation, parameter)));
    }
    if let Some(validators) = validators(&parameter.value) {
        oai.push(format!("validator({validators})"));
    }
    let place = match parameter.place {
        ParameterPlace::Path => "Path",
        ParameterPlace::Query => "Query",
    };
    let mut text = doc_comment("        ", &parameter.description);
    text.push_str(&format!("        #[oai({})]\n", oai.join(", ")));
    text.push_str(&format!("        {}: {place}<{}>,\n", argument(parameter), parameter_type(parameter)));
    text
}

fn default_values(operations: &[&Operation]) -> String {
    let mut text = String::new();
    for operation in operations {
        for parameter in &operation.parameters {
            let Some(default) = &parameter.default else {
                continue;
            };
            let value = match (&parameter.value, default) {
                (ValueType::Named(name), serde_json::Value::String(value)) => {
                    format!("{name}::{}", pascal_case(value))
                }
                (ValueType::Text(_), serde_json::Value::String(value)) => format!("{value:?}.to_owned()"),
                (_, value) => value.to_string(),
            };
            text.push_str(&format!(
                "\nfn {}() -> {} {{\n    {value}\n}}\n",
                default_name(operation, parameter),
                rust_type(&parameter.value)
            ));
        }
    }
    text
}

fn default_name(operation: &Operation, parameter: &Parameter) -> String {
    format!("default_{}_of_{}", snake_case(&parameter.name), snake_case(&operation.id))
}

fn parameter_type(parameter: &Parameter) -> String {
    let value = rust_type(&parameter.value);
    if parameter.required || parameter.default.is_some() { value } else { format!("Option<{value}>") }
}

fn argument(parameter: &Parameter) -> String {
    snake_case(&parameter.name)
}

fn response_type(operation: &Operation) -> String {
    format!("{}Response", pascal_case(&operation.id))
}
