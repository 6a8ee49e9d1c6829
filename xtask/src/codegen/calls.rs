//! How one server calls another: for each operation that the settings list, where its request goes, what it carries,
//! and how the answer is read.

use anyhow::{anyhow, bail};

use super::files;
use super::operations::{parameter_name, request_type, response_type};
use super::settings::Settings;
use super::types::rust_type;
use crate::contract::{Contract, Operation, Parameter, ParameterPlace, ResponseContent, ValueType};

/// The file with the calls.
pub fn generate(contract: &Contract, settings: &Settings) -> anyhow::Result<String> {
    let mut text = files::preamble("How one server calls another.");
    text.push_str("use super::models::*;\nuse super::ops::*;\n");
    text.push_str("use crate::remote_call::{MalformedAnswer, Query, RemoteCall, encoded, json};\n");
    for id in settings.calls() {
        text.push_str(&call(called(contract, id)?)?);
    }
    Ok(text)
}

/// The operation that the settings call by this id.
pub fn called<'a>(contract: &'a Contract, id: &str) -> anyhow::Result<&'a Operation> {
    let operation = contract.operations.iter().find(|operation| operation.id == id);
    let operation =
        operation.ok_or_else(|| anyhow!("openapi/codegen.toml calls {id}, which is no operation"))?;
    if let Some(original) = &operation.same_as {
        bail!("openapi/codegen.toml calls {id}, which is only another address of {original}: call that");
    }
    Ok(operation)
}

fn call(operation: &Operation) -> anyhow::Result<String> {
    let (answer, reading) = success(operation)?;
    if let Some(header) = operation.parameters.iter().find(|p| p.place == ParameterPlace::Header) {
        bail!("{} is called, and calls do not send its header {}", operation.id, header.name);
    }
    let mut text = format!("\nimpl RemoteCall for {} {{\n", request_type(operation));
    text.push_str(&format!("    type Answer = {answer};\n\n"));
    text.push_str(&format!("    const OPERATION: &'static str = {:?};\n", operation.id));
    text.push_str(&format!("    const METHOD: &'static str = \"{}\";\n\n", operation.method));
    text.push_str(&path(operation));
    text.push_str(&query(operation)?);
    if let Some(body) = &operation.body {
        let write = "serde_json::to_vec(body).expect(\"models of the contract always serialise\")";
        text.push_str("\n    fn body(&self) -> Option<Vec<u8>> {\n");
        text.push_str(&match body.required {
            true => format!("        let body = &self.body;\n        Some({write})\n"),
            false => format!("        self.body.as_ref().map(|body| {write})\n"),
        });
        text.push_str("    }\n");
    }
    let argument = if reading.contains("body") { "body" } else { "_body" };
    text.push_str(&format!(
        "\n    fn read({argument}: &[u8]) -> Result<Self::Answer, MalformedAnswer> {{\n        {reading}\n    }}\n}}\n"
    ));
    Ok(text)
}

/// The type of what a success brings, and how it is read.
fn success(operation: &Operation) -> anyhow::Result<(String, &'static str)> {
    let successes = operation.responses.iter().filter(|response| (200..300).contains(&response.status));
    let contents: Vec<&ResponseContent> = successes.map(|response| &response.content).collect();
    match contents[..] {
        [ResponseContent::Empty] => Ok(("()".to_owned(), "Ok(())")),
        [ResponseContent::Json(value) | ResponseContent::StreamedJson(value)] => {
            Ok((rust_type(value), "json(body)"))
        }
        [ResponseContent::Json(value), ResponseContent::Empty] => Ok((
            format!("Option<{}>", rust_type(value)),
            "if body.is_empty() { Ok(None) } else { json(body).map(Some) }",
        )),
        _ => bail!(
            "{} is called, and {} is not of a kind that is read",
            operation.id,
            response_type(operation)
        ),
    }
}

fn path(operation: &Operation) -> String {
    let mut text = "    fn path(&self) -> String {\n".to_owned();
    let in_path = operation.parameters.iter().filter(|parameter| parameter.place == ParameterPlace::Path);
    let mut template = format!("/rest{}", operation.path);
    let mut arguments = Vec::new();
    for parameter in in_path {
        template = template.replace(&format!("{{{}}}", parameter.name), "{}");
        arguments.push(format!("encoded(&self.{})", parameter_name(parameter)));
    }
    text.push_str(&match arguments.is_empty() {
        true => format!("        {template:?}.to_owned()\n"),
        false => format!("        format!({template:?}, {})\n", arguments.join(", ")),
    });
    text.push_str("    }\n");
    text
}

fn query(operation: &Operation) -> anyhow::Result<String> {
    let in_query: Vec<&Parameter> =
        operation.parameters.iter().filter(|parameter| parameter.place == ParameterPlace::Query).collect();
    if in_query.is_empty() {
        return Ok(String::new());
    }
    let mut text = "\n    fn query(&self) -> String {\n        Query::default()\n".to_owned();
    for parameter in in_query {
        if matches!(parameter.value, ValueType::List { .. } | ValueType::FreeForm) {
            bail!("{} is called, and its parameter {} is no single value", operation.id, parameter.name);
        }
        let name = parameter_name(parameter);
        let value = match parameter.required || parameter.default.is_some() {
            true => format!("Some(&self.{name})"),
            false => format!("self.{name}.as_ref().map(|value| value as _)"),
        };
        text.push_str(&format!("            .with({:?}, {value})\n", parameter.name));
    }
    text.push_str("            .text()\n    }\n");
    Ok(text)
}
