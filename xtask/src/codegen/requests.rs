//! What an operation is asked, as one struct: its parameters by name, and its body.

use super::names::doc_comment;
use super::operations::{parameter_name, parameter_type, request_type, takes_anything};
use super::types::rust_type;
use crate::contract::{Body, Operation};

/// The struct of an operation; operations that take nothing have a unit.
pub fn generate(operation: &Operation) -> String {
    // No Debug: a query may carry a password.
    let mut text =
        format!("\n/// What `{}` is asked.\n#[derive(Clone, PartialEq)]\npub struct ", operation.id);
    text.push_str(&request_type(operation));
    if !takes_anything(operation) {
        text.push_str(";\n");
        return text;
    }
    text.push_str(" {\n");
    for parameter in &operation.parameters {
        text.push_str(&doc_comment("    ", &parameter.description));
        text.push_str(&format!("    pub {}: {},\n", parameter_name(parameter), parameter_type(parameter)));
    }
    if let Some(body) = &operation.body {
        text.push_str(&format!("    /// The body.\n    pub body: {},\n", body_type(body)));
    }
    text.push_str("}\n");
    text
}

fn body_type(body: &Body) -> String {
    let value = rust_type(&body.value);
    if body.required { value } else { format!("Option<{value}>") }
}
