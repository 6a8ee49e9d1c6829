//! Named schemas as Rust types that serde, poem-openapi and utoipa understand alike.

use super::files;
use super::names::{doc_comment, pascal_case, snake_case};
use super::settings::Settings;
use super::types::{rust_type, validators};
use crate::contract::{Contract, Field, Schema, SchemaKind, ValueType};

/// The feature that has utoipa read the types. Only the drift check needs it, and every other build is quicker without.
const SERDE_SCHEMAS: &str = "feature = \"serde-schemas\"";

/// The file with all named schemas.
pub fn generate(contract: &Contract, settings: &Settings) -> String {
    let mut text = files::preamble("Named schemas of the contract.");
    text.push_str("use std::collections::BTreeMap;\nuse std::fmt;\n\n");
    text.push_str("use poem_openapi::{Enum, Object, Union};\nuse serde::{Deserialize, Serialize};\n");
    text.push_str(&format!("use serde_json::Value;\n#[cfg({SERDE_SCHEMAS})]\nuse utoipa::ToSchema;\n"));
    for schema in contract.schemas.values() {
        text.push('\n');
        text.push_str(&doc_comment("", &schema.description));
        match &schema.kind {
            SchemaKind::Enumeration(values) => enumeration(&mut text, schema, values),
            SchemaKind::Object(fields) => object(&mut text, contract, settings, schema, fields),
            SchemaKind::OneOf(names) => one_of(&mut text, schema, names),
            SchemaKind::FreeForm => {
                text.push_str(&format!("pub type {} = BTreeMap<String, Value>;\n", schema.name));
            }
        }
    }
    text.push_str(&schema_list(contract));
    text
}

fn enumeration(text: &mut String, schema: &Schema, values: &[String]) {
    let name = &schema.name;
    text.push_str("#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Enum)]\n");
    text.push_str(&schema_derive());
    text.push_str(&format!("pub enum {name} {{\n"));
    for value in values {
        text.push_str(&format!(
            "    /// `{value}`\n    #[oai(rename = {value:?})]\n    #[serde(rename = {value:?})]\n"
        ));
        text.push_str(&format!("    {},\n", pascal_case(value)));
    }
    text.push_str("}\n\n");
    text.push_str(&format!("impl {name} {{\n    /// All values in document order.\n"));
    let all: Vec<String> = values.iter().map(|value| format!("Self::{}", pascal_case(value))).collect();
    text.push_str(&format!("    pub const ALL: &'static [Self] = &[{}];\n\n", all.join(", ")));
    text.push_str(
        "    /// The value on the wire.\n    pub fn as_str(self) -> &'static str {\n        match self {\n",
    );
    for value in values {
        text.push_str(&format!("            Self::{} => {value:?},\n", pascal_case(value)));
    }
    text.push_str("        }\n    }\n\n    /// The value that is spelled like this on the wire.\n");
    text.push_str("    pub fn from_wire(text: &str) -> Option<Self> {\n");
    text.push_str("        Self::ALL.iter().copied().find(|value| value.as_str() == text)\n    }\n}\n\n");
    text.push_str(&format!("impl fmt::Display for {name} {{\n"));
    text.push_str("    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {\n");
    text.push_str("        formatter.write_str(self.as_str())\n    }\n}\n");
}

fn object(text: &mut String, contract: &Contract, settings: &Settings, schema: &Schema, fields: &[Field]) {
    let secret = fields.iter().any(|field| settings.is_secret(&schema.name, &field.name));
    let mut derives = vec!["Clone", "PartialEq", "Serialize", "Deserialize", "Object"];
    if !secret {
        derives.insert(0, "Debug");
    }
    if fields.iter().all(|field| !field.required || has_default(&field.value)) {
        derives.insert(1, "Default");
    }
    text.push_str(&format!("#[derive({})]\n{}", derives.join(", "), schema_derive()));
    if schema.is_closed {
        text.push_str("#[serde(deny_unknown_fields)]\n");
    }
    text.push_str(&format!("pub struct {} {{\n", schema.name));
    for field in fields {
        text.push_str(&object_field(contract, settings, schema, field));
    }
    text.push_str("}\n");
    if secret {
        text.push_str(&hiding_debug(settings, schema, fields));
    }
}

fn object_field(contract: &Contract, settings: &Settings, schema: &Schema, field: &Field) -> String {
    let description = match &field.value {
        ValueType::Named(name) if field.description.is_empty() => {
            contract.schemas.get(name).map_or_else(String::new, |schema| schema.description.clone())
        }
        _ => field.description.clone(),
    };
    let name = field_name(settings, &field.name);
    let mut oai = Vec::new();
    let mut serde = Vec::new();
    if name != field.name {
        oai.push(format!("rename = {:?}", field.name));
        serde.push(format!("rename = {:?}", field.name));
    }
    // What is required and may be `null` is always written.
    if !field.required {
        oai.push("skip_serializing_if_is_none".into());
        serde.push("default".into());
        serde.push("skip_serializing_if = \"Option::is_none\"".into());
    }
    let is_lenient = settings.is_lenient(&schema.name, &field.name);
    if is_lenient {
        serde.push("default".into());
    }
    if let Some(validators) = validators(&field.value) {
        oai.push(format!("validator({validators})"));
    }
    let mut text = doc_comment("    ", &description);
    if !oai.is_empty() {
        text.push_str(&format!("    #[oai({})]\n", oai.join(", ")));
    }
    if is_lenient {
        text.push_str(&format!("    #[cfg_attr({SERDE_SCHEMAS}, schema(required = true))]\n"));
    }
    if !serde.is_empty() {
        text.push_str(&format!("    #[serde({})]\n", serde.join(", ")));
    }
    let kind = match &field.value {
        // A free-form schema has no type of its own, only an alias that the derives cannot see through.
        ValueType::Named(name) if is_free_form(contract, name) => rust_type(&ValueType::FreeForm),
        value => rust_type(value),
    };
    let kind = if field.required && !field.nullable { kind } else { format!("Option<{kind}>") };
    text.push_str(&format!("    pub {name}: {kind},\n"));
    text
}

fn schema_derive() -> String {
    format!("#[cfg_attr({SERDE_SCHEMAS}, derive(ToSchema))]\n")
}

fn is_free_form(contract: &Contract, name: &str) -> bool {
    contract.schemas.get(name).is_some_and(|schema| matches!(schema.kind, SchemaKind::FreeForm))
}

fn hiding_debug(settings: &Settings, schema: &Schema, fields: &[Field]) -> String {
    let mut text = format!("\nimpl fmt::Debug for {} {{\n", schema.name);
    text.push_str("    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {\n");
    text.push_str(&format!("        formatter\n            .debug_struct({:?})\n", schema.name));
    for field in fields {
        let name = field_name(settings, &field.name);
        let value = if settings.is_secret(&schema.name, &field.name) {
            "&\"<secret>\"".to_owned()
        } else {
            format!("&self.{name}")
        };
        text.push_str(&format!("            .field({name:?}, {value})\n"));
    }
    text.push_str("            .finish()\n    }\n}\n");
    text
}

fn one_of(text: &mut String, schema: &Schema, names: &[String]) {
    text.push_str("#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Union)]\n");
    text.push_str(&schema_derive());
    text.push_str(&format!("#[serde(untagged)]\n#[oai(one_of)]\npub enum {} {{\n", schema.name));
    for name in names {
        text.push_str(&format!("    /// {name}\n    {name}({name}),\n"));
    }
    text.push_str("}\n");
}

fn schema_list(contract: &Contract) -> String {
    let mut text =
        String::from("\n/// The schemas as utoipa reads them off the same types: what serde writes.\n");
    text.push_str(&format!("#[cfg({SERDE_SCHEMAS})]\n#[derive(utoipa::OpenApi)]\n"));
    text.push_str("#[openapi(components(schemas(\n");
    for schema in contract.schemas.values() {
        if !matches!(schema.kind, SchemaKind::FreeForm) {
            text.push_str(&format!("    {},\n", schema.name));
        }
    }
    text.push_str(")))]\npub struct SerdeSchemas;\n");
    text
}

fn has_default(value: &ValueType) -> bool {
    !matches!(value, ValueType::Named(_))
}

fn field_name(settings: &Settings, wire_name: &str) -> String {
    settings.renamed_field(wire_name).map_or_else(|| snake_case(wire_name), str::to_owned)
}
