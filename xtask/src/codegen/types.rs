//! Value types as Rust types, and their limits as poem-openapi validators.

use crate::contract::{TextLimits, ValueType};

/// The Rust type of a value.
pub fn rust_type(value: &ValueType) -> String {
    match value {
        ValueType::Text(_) => "String".into(),
        ValueType::Int32 { .. } => "i32".into(),
        ValueType::Int64 { .. } => "i64".into(),
        ValueType::Boolean => "bool".into(),
        ValueType::Named(name) => name.clone(),
        ValueType::List { item, .. } => format!("Vec<{}>", rust_type(item)),
        ValueType::FreeForm => "BTreeMap<String, Value>".into(),
    }
}

/// The arguments of `validator(...)`, when the value has limits.
pub fn validators(value: &ValueType) -> Option<String> {
    let mut limits = Vec::new();
    match value {
        ValueType::Text(text) => text_validators(text, &mut limits),
        ValueType::Int32 { minimum, maximum } | ValueType::Int64 { minimum, maximum } => {
            limits.extend(minimum.map(|bound| format!("minimum(value = \"{bound}\")")));
            limits.extend(maximum.map(|bound| format!("maximum(value = \"{bound}\")")));
        }
        ValueType::List { item, max_items } => {
            limits.extend(max_items.map(|items| format!("max_items = {items}")));
            if let ValueType::Text(text) = item.as_ref() {
                text_validators(text, &mut limits);
            }
        }
        _ => {}
    }
    (!limits.is_empty()).then(|| limits.join(", "))
}

fn text_validators(text: &TextLimits, limits: &mut Vec<String>) {
    limits.extend(text.min_length.map(|length| format!("min_length = {length}")));
    limits.extend(text.max_length.map(|length| format!("max_length = {length}")));
    limits.extend(text.pattern.as_ref().map(|pattern| format!("pattern = {pattern:?}")));
}
