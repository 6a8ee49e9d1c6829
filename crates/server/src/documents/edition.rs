//! The contract in OpenAPI 3.1, whose schemas are those of JSON Schema 2020-12.
//!
//! The contract is written in 3.0.3 within a profile, so these are all the differences: what may be null says so in its
//! type, a schema has examples instead of one, and binary text names its encoding.

use yaml_serde::{Mapping, Value};

const VERSION: &str = "3.1.0";

/// What stands below these is data, and is not read as a schema.
const DATA: [&str; 5] = ["example", "examples", "default", "enum", "value"];

/// Turns the whole document into 3.1.
pub(super) fn into_3_1(mut contract: Value) -> Value {
    contract["openapi"] = VERSION.into();
    convert(&mut contract, Keys::Words);
    contract
}

/// What the keys of a mapping are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Keys {
    /// Words of OpenAPI.
    Words,
    /// Names that the contract gives.
    Names,
}

fn convert(part: &mut Value, keys: Keys) {
    match part {
        Value::Sequence(parts) => parts.iter_mut().for_each(|part| convert(part, Keys::Words)),
        Value::Mapping(parts) => {
            for (key, part) in parts.iter_mut() {
                let key = key.as_str().unwrap_or_default();
                if keys == Keys::Names {
                    convert(part, Keys::Words);
                } else if !DATA.contains(&key) {
                    convert(part, if names_its_keys(key) { Keys::Names } else { Keys::Words });
                }
            }
            if keys == Keys::Words && is_schema(parts) {
                convert_schema(parts);
            }
        }
        _ => (),
    }
}

/// Whether the keys below a word are names.
fn names_its_keys(word: &str) -> bool {
    ["properties", "schemas", "headers", "responses", "links", "securitySchemes", "paths"].contains(&word)
}

fn is_schema(parts: &Mapping) -> bool {
    // A way to sign in has a type, too.
    let is_composed = parts.contains_key("allOf") || parts.contains_key("oneOf");
    is_composed || (parts.contains_key("type") && !parts.contains_key("scheme") && !parts.contains_key("in"))
}

fn convert_schema(schema: &mut Mapping) {
    if let Some(example) = schema.shift_remove("example") {
        schema.insert("examples".into(), Value::Sequence(vec![example]));
    }
    if schema.get("format").and_then(Value::as_str) == Some("byte") {
        schema.shift_remove("format");
        schema.insert("contentEncoding".into(), "base64".into());
    }
    if schema.shift_remove("nullable").and_then(|nullable| nullable.as_bool()) == Some(true) {
        allow_null(schema);
    }
}

fn allow_null(schema: &mut Mapping) {
    if let Some(values) = schema.get_mut("enum").and_then(Value::as_sequence_mut)
        && !values.contains(&Value::Null)
    {
        values.push(Value::Null);
    }
    if let Some(Value::Sequence(mut choices)) = schema.shift_remove("allOf") {
        // The profile knows `allOf` around one reference only, and what is referred to does not allow null itself.
        choices.push(Mapping::from_iter([("type".into(), "null".into())]).into());
        schema.shift_remove("type");
        schema.insert("anyOf".into(), Value::Sequence(choices));
    } else if let Some(kind) = schema.get_mut("type") {
        *kind = Value::Sequence(vec![kind.clone(), "null".into()]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn converted(text: &str) -> Value {
        into_3_1(yaml_serde::from_str(text).expect("is YAML"))
    }

    #[test]
    fn what_may_be_null_says_so_in_its_type() {
        let schemas = "openapi: 3.0.3\ncomponents:\n  schemas:\n    A:\n      type: object\n      properties:\n        \
                       text: {type: string, nullable: true, enum: [X], example: X}\n        \
                       other: {type: object, nullable: true, allOf: [{$ref: '#/components/schemas/A'}]}\n        \
                       default: {type: string, format: byte}\n";
        let converted = converted(schemas);
        let expected = "openapi: 3.1.0\ncomponents:\n  schemas:\n    A:\n      type: object\n      properties:\n        \
                        text: {type: [string, 'null'], enum: [X, null], examples: [X]}\n        \
                        other: {anyOf: [{$ref: '#/components/schemas/A'}, {type: 'null'}]}\n        \
                        default: {type: string, contentEncoding: base64}\n";
        assert_eq!(converted, yaml_serde::from_str::<Value>(expected).expect("is YAML"));
    }

    #[test]
    fn examples_stay_as_they_are() {
        let example = "openapi: 3.1.0\nexample: {type: string, nullable: true}\nexamples: {a: {value: {type: x, example: 1}}}\n";
        assert_eq!(converted(example), yaml_serde::from_str::<Value>(example).expect("is YAML"));
    }
}
