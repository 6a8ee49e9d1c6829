//! What one server asks another where that one's descriptor says: for each operation that the settings list, what goes
//! there besides the path, and which bodies.

use std::collections::BTreeSet;

use anyhow::bail;

use super::calls::called;
use super::files;
use super::names::{doc_comment, pascal_case};
use super::operations::{parameter_name, parameter_type};
use super::settings::Settings;
use super::types::rust_type;
use crate::contract::{Body, Contract, Operation, Parameter, ParameterPlace, ResponseContent, ValueType};

/// The file with the callbacks.
pub fn generate(contract: &Contract, settings: &Settings) -> anyhow::Result<String> {
    let mut text = files::preamble("What one server asks another where that one's descriptor says.");
    text.push_str("use super::models::*;\nuse crate::callback::{BodyOf, Callback};\n");
    for id in settings.callbacks() {
        text.push_str(&callback(called(contract, id)?)?);
    }
    Ok(text)
}

fn callback(operation: &Operation) -> anyhow::Result<String> {
    let id = &operation.id;
    let mut successes = operation.responses.iter().filter(|response| (200..300).contains(&response.status));
    if !successes.all(|response| response.content == ResponseContent::Empty) {
        bail!("{id} is a callback, and answers more than that it has succeeded");
    }
    let Some(body) = &operation.body else { bail!("{id} is a callback, and takes no body") };
    let name = format!("{}Callback", pascal_case(id));
    let mut text = declared(operation, &name);
    text.push_str(&format!("\nimpl Callback for {name} {{\n"));
    text.push_str(&format!("    const METHOD: &'static str = \"{}\";\n", operation.method));
    text.push_str(&given(operation, "query", ParameterPlace::Query)?);
    text.push_str(&given(operation, "headers", ParameterPlace::Header)?);
    text.push_str("}\n\n");
    for carried in bodies(body) {
        text.push_str(&format!("impl BodyOf<{name}> for {carried} {{}}\n"));
    }
    Ok(text)
}

fn declared(operation: &Operation, name: &str) -> String {
    let mut fields = String::new();
    for parameter in operation.parameters.iter().filter(|p| p.place != ParameterPlace::Path) {
        fields.push_str(&doc_comment("    ", &parameter.description));
        fields.push_str(&format!("    pub {}: {},\n", parameter_name(parameter), parameter_type(parameter)));
    }
    let fields = if fields.is_empty() { ";".to_owned() } else { format!(" {{\n{fields}}}") };
    // No Debug, as of other requests.
    format!(
        "\n/// What `{}` is asked besides its path and its body.\n#[derive(Clone, PartialEq)]\n\
         pub struct {name}{fields}\n",
        operation.id
    )
}

/// The method that tells the parameters of a place, if there are any.
fn given(operation: &Operation, method: &str, place: ParameterPlace) -> anyhow::Result<String> {
    let mut pairs = Vec::new();
    for parameter in operation.parameters.iter().filter(|parameter| parameter.place == place) {
        pairs.push(pair(operation, parameter)?);
    }
    if pairs.is_empty() {
        return Ok(String::new());
    }
    Ok(format!(
        "\n    fn {method}(&self) -> Vec<(&'static str, &str)> {{\n        let given = [{}];\n        \
         given.into_iter().flatten().collect()\n    }}\n",
        pairs.join(", ")
    ))
}

/// Name and value of a parameter, or nothing if it is left out.
fn pair(operation: &Operation, parameter: &Parameter) -> anyhow::Result<String> {
    let (name, wire) = (parameter_name(parameter), &parameter.name);
    if !matches!(parameter.value, ValueType::Text(_)) {
        bail!("{} is a callback, and its parameter {wire} is no text", operation.id);
    }
    Ok(match parameter.required || parameter.default.is_some() {
        true => format!("Some(({wire:?}, self.{name}.as_str()))"),
        false => format!("self.{name}.as_deref().map(|value| ({wire:?}, value))"),
    })
}

/// The types that a body may have: its own, and those of the events that it may be.
fn bodies(body: &Body) -> Vec<String> {
    let events: BTreeSet<&String> = body.events.iter().map(|(_, schema)| schema).collect();
    std::iter::once(rust_type(&body.value)).chain(events.into_iter().cloned()).collect()
}
