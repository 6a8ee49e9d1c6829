//! The routes of a tag: poem-openapi reads a request, and the operation's handler answers it.
//!
//! An operation that is only another address of an earlier one (`x-same-as`) has a route and nothing else. What its
//! path leaves out, the handlers know: for each such parameter there is a trait that asks them.

use std::collections::BTreeSet;

use super::any_handlers;
use super::names::{doc_comment, pascal_case, snake_case};
use super::operations::{parameter_name, parameter_type, request_type, response_type, takes_anything};
use super::security::credentials_type;
use super::types::{rust_type, validators};
use crate::contract::{Contract, Operation, Parameter, ParameterPlace, Tag, ValueType};

/// The routes of one tag.
pub fn generate(name: &str, tag: &Tag, contract: &Contract, operations: &[&Operation]) -> String {
    let mut text = String::from("\n#[derive(Tags)]\nenum Tag {\n");
    text.push_str(&doc_comment("    ", &tag.description));
    text.push_str(&format!("    #[oai(rename = {:?})]\n    This,\n}}\n", tag.name));
    for operation in operations {
        if let Some(original) = contract.original_of(operation) {
            text.push_str(&narrowed_answer(operation, original));
        }
    }
    text.push_str(&any_handlers::generate(name, contract, operations));
    text.push_str(&format!("\n/// Routes of the tag `{}`.\n", tag.name));
    text.push_str(&format!("pub struct {name}Routes(Arc<dyn Any{name}>);\n\nimpl {name}Routes {{\n"));
    text.push_str("    /// Routes that these handlers answer.\n");
    text.push_str(&format!("    pub fn new<H: {name}Operations>(handlers: Arc<H>) -> Self {{\n"));
    text.push_str(&format!("        Self(handlers)\n    }}\n}}\n\n#[OpenApi]\nimpl {name}Routes {{\n"));
    for (index, operation) in operations.iter().enumerate() {
        if index > 0 {
            text.push('\n');
        }
        text.push_str(&route(operation, contract.original_of(operation)));
    }
    text.push_str("}\n");
    text.push_str(&default_values(operations));
    text
}

/// A trait for each parameter that some path leaves out: what the handlers take for it.
pub fn implied_parameters(contract: &Contract, operations: &[&Operation]) -> String {
    let implied = implied_names(contract, operations).into_iter();
    let text = implied.map(|name| {
        format!(
            "\n/// Knows the `{name}` that is meant where the path names none.\npub trait {}: Handlers {{\n    \
             /// The `{name}` that is meant, before anything else is asked.\n    \
             fn {}(&self) -> Result<String, Self::Error>;\n}}\n",
            implied_trait(&name),
            implied_method(&name)
        )
    });
    text.collect()
}

/// The parameters that some path of a tag leaves out.
pub fn implied_names(contract: &Contract, operations: &[&Operation]) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for operation in operations {
        let originals = contract.original_of(operation).into_iter().flat_map(|original| &original.parameters);
        let left_out = originals.filter(|parameter| operation.parameter_for(parameter).is_none());
        names.extend(left_out.map(|parameter| parameter.name.clone()));
    }
    names
}

/// The trait that asks the handlers for a parameter that the path leaves out.
pub fn implied_trait(name: &str) -> String {
    format!("Implied{}", pascal_case(name))
}

/// The method of that trait.
pub fn implied_method(name: &str) -> String {
    format!("implied_{}", snake_case(name))
}

/// The original's answer under a type of its own, where this address promises fewer statuses.
fn narrowed_answer(operation: &Operation, original: &Operation) -> String {
    if operation.responses.len() == original.responses.len() {
        return String::new();
    }
    let statuses: Vec<String> =
        operation.responses.iter().map(|response| response.status.to_string()).collect();
    format!(
        "\nsame_as! {{\n    /// What `{}` answers, which is what `{}` does.\n    {}({}) only [{}]\n}}\n",
        operation.id,
        original.id,
        response_type(operation),
        response_type(original),
        statuses.join(", ")
    )
}

fn route(operation: &Operation, original: Option<&Operation>) -> String {
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
    for parameter in &operation.parameters {
        text.push_str(&route_parameter(operation, parameter));
    }
    if let Some(body) = &operation.body {
        let value = rust_type(&body.value);
        let reader = match (&body.value, body.required) {
            (ValueType::Text(_), true) => "ApiText".to_owned(),
            (_, true) => format!("ApiJson<{value}>"),
            (_, false) => format!("OptionalJson<{value}>"),
        };
        text.push_str(&format!("        body: {reader},\n"));
    }
    let narrowed = original.filter(|original| original.responses.len() != operation.responses.len());
    let answer = if narrowed.is_some() { operation } else { original.unwrap_or(operation) };
    text.push_str(&format!("    ) -> poem::Result<{}> {{\n", response_type(answer)));
    let (request, call) = call_of_handler(operation, original.unwrap_or(operation));
    text.push_str(&request);
    let answer = if narrowed.is_some() { format!("Ok({call}?.into())") } else { call };
    text.push_str(&format!("        {answer}\n    }}\n"));
    text
}

/// `let request = GetMirrorRequest { ... };`, if the handler takes one, and `self.0.get_mirror(call, request).await`.
fn call_of_handler(operation: &Operation, handled: &Operation) -> (String, String) {
    let method = snake_case(&handled.id);
    if !takes_anything(handled) {
        return (String::new(), format!("self.0.{method}(call).await"));
    }
    let mut text = format!("        let request = {} {{\n", request_type(handled));
    for parameter in &handled.parameters {
        let value = match operation.parameter_for(parameter) {
            Some(own) => format!("{}.0", parameter_name(own)),
            None => format!("self.0.{}()?", implied_method(&parameter.name)),
        };
        text.push_str(&format!("            {}: {value},\n", parameter_name(parameter)));
    }
    if handled.body.is_some() {
        text.push_str("            body: body.0,\n");
    }
    text.push_str("        };\n");
    (text, format!("self.0.{method}(call, request).await"))
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
        ParameterPlace::Header => "Header",
    };
    let mut text = doc_comment("        ", &parameter.description);
    text.push_str(&format!("        #[oai({})]\n", oai.join(", ")));
    let name = parameter_name(parameter);
    text.push_str(&format!("        {name}: {place}<{}>,\n", parameter_type(parameter)));
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
