//! Events by their kinds: the words for the kinds, and each kind with its schema.
//!
//! The operations that take them accept any object, so that other kinds and further fields do no harm; what is known of
//! a body is said by `x-events` beside its schema.

use super::files;
use super::known_names::enumeration;
use super::names::pascal_case;
use crate::contract::{Contract, Operation};

/// The file with the events.
pub fn generate(contract: &Contract) -> String {
    let mut text = files::preamble("Events, and the kinds of them that the contract knows.");
    text.push_str(
        "use serde_json::Value;\n\nuse super::models::*;\nuse crate::payload::{InvalidBody, read_value};\n",
    );
    for operation in &contract.operations {
        let events = operation.body.iter().flat_map(|body| &body.events);
        let events: Vec<&(String, String)> = events.collect();
        if !events.is_empty() {
            text.push_str(&of_operation(operation, &events));
        }
    }
    text
}

fn of_operation(operation: &Operation, events: &[&(String, String)]) -> String {
    let name = pascal_case(operation.id.strip_prefix("on").unwrap_or(&operation.id));
    let meanings: Vec<(String, String)> =
        events.iter().map(|(kind, schema)| (kind.clone(), format!("carries a [`{schema}`]."))).collect();
    let purpose = format!("The kinds of events that `{}` knows.", operation.id);
    let mut text = enumeration(&purpose, &format!("{name}Key"), &meanings);
    text.push_str(&format!("\n/// An event for `{}`.\n#[derive(Debug, Clone, PartialEq)]\n", operation.id));
    text.push_str(&format!("pub enum {name} {{\n"));
    for (kind, schema) in events {
        text.push_str(&format!("    /// `{kind}`\n    {}(Box<{schema}>),\n", pascal_case(kind)));
    }
    text.push_str("    /// An event of another kind, by its key.\n    Other(String),\n}\n");
    text.push_str(&format!(
        "\nimpl {name} {{\n    /// Reads an event; the error names the field at fault.\n"
    ));
    text.push_str("    pub fn read(event: RestUnknownEntity) -> Result<Self, InvalidBody> {\n");
    text.push_str("        let Some(Value::String(key)) = event.get(\"eventKey\") else {\n");
    text.push_str(
        "            return Err(InvalidBody::of_field(\"eventKey\", \"a text is expected\"));\n        };\n",
    );
    text.push_str(&format!("        let Some(kind) = {name}Key::from_wire(key) else {{\n"));
    text.push_str("            return Ok(Self::Other(key.clone()));\n        };\n");
    text.push_str(
        "        let event = Value::Object(event.into_iter().collect());\n        Ok(match kind {\n",
    );
    for (kind, _) in events {
        let variant = pascal_case(kind);
        text.push_str(&format!(
            "            {name}Key::{variant} => Self::{variant}(Box::new(read_value(event)?)),\n"
        ));
    }
    text.push_str("        })\n    }\n}\n");
    text
}
