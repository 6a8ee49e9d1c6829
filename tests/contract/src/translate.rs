//! Schemas of OpenAPI 3.0 as schemas of JSON Schema.

use jsonschema::{Draft, Keyword, ValidationError, Validator};
use serde_json::{Map, Value, json};

use crate::Direction;

/// A keyword of our own: 1.0 is an integer to JSON Schema, and none to a client in a typed language.
const WHOLE_NUMBER: &str = "x-whole-number";

/// Every schema under the same name.
pub fn schemas(schemas: &Value, direction: Direction) -> Value {
    let translated = entries(schemas).map(|(name, schema)| (name.clone(), translated(schema, direction)));
    Value::Object(translated.collect())
}

/// Compiles a schema whose references lead into the translated schemas of its document.
pub fn validator(schema: &Value, schemas: &Value, direction: Direction) -> Result<Validator, String> {
    let root = json!({"allOf": [translated(schema, direction)], "components": {"schemas": schemas}});
    let options = jsonschema::options().with_draft(Draft::Draft202012).should_validate_formats(true);
    let options = options.with_keyword(WHOLE_NUMBER, |_, _, _| Ok(Box::new(WholeNumber)));
    options.build(&root).map_err(|error| format!("the schema {schema} cannot be used: {error}"))
}

fn translated(schema: &Value, direction: Direction) -> Value {
    let Value::Object(fields) = schema else { return schema.clone() };
    let mut result = Map::new();
    for (name, value) in fields {
        let value = match name.as_str() {
            "properties" => properties(value, fields.get("required"), direction),
            "items" | "additionalProperties" | "not" => translated(value, direction),
            "allOf" | "anyOf" | "oneOf" => {
                let parts = value.as_array().into_iter().flatten();
                parts.map(|part| translated(part, direction)).collect()
            }
            "nullable" | "example" | "examples" | "discriminator" => continue,
            _ => value.clone(),
        };
        result.insert(name.clone(), value);
    }
    // A reference with more said of it leaves the fields to what it refers to.
    let is_composed = ["$ref", "allOf", "anyOf", "oneOf"].iter().any(|part| fields.contains_key(*part));
    if fields.get("type").is_some_and(|kind| kind == "object") && !is_composed {
        result.entry("additionalProperties").or_insert(Value::Bool(false));
    }
    if fields.get("type").is_some_and(|kind| kind == "integer") {
        result.insert(WHOLE_NUMBER.to_owned(), Value::Bool(true));
        bound(&mut result);
    }
    let is_nullable = fields.get("nullable").is_some_and(|nullable| nullable == true);
    match is_nullable && direction == Direction::Request {
        true => or_null(result),
        false => Value::Object(result),
    }
}

/// Fields of an object. In an answer a field is left out that has no value, unless it must be there.
fn properties(fields: &Value, required: Option<&Value>, direction: Direction) -> Value {
    let is_required = |name: &String| {
        required.and_then(Value::as_array).is_some_and(|required| required.iter().any(|other| other == name))
    };
    let translated = entries(fields).map(|(name, schema)| {
        let may_be_null = direction == Direction::Answer && schema["nullable"] == true && is_required(name);
        let value = match translated(schema, direction) {
            Value::Object(schema) if may_be_null => or_null(schema),
            schema => schema,
        };
        (name.clone(), value)
    });
    Value::Object(translated.collect())
}

fn or_null(mut schema: Map<String, Value>) -> Value {
    if ["$ref", "allOf", "anyOf", "oneOf"].iter().any(|part| schema.contains_key(*part)) {
        return json!({"anyOf": [schema, {"type": "null"}]});
    }
    if let Some(kind) = schema.get("type").cloned() {
        schema.insert("type".to_owned(), json!([kind, "null"]));
    }
    if let Some(words) = schema.get_mut("enum").and_then(Value::as_array_mut) {
        words.push(Value::Null);
    }
    Value::Object(schema)
}

/// The format of an integer says how large it may be.
fn bound(integer: &mut Map<String, Value>) {
    let (least, most) = match integer.remove("format") {
        Some(format) if format == "int32" => (i64::from(i32::MIN), i64::from(i32::MAX)),
        _ => (i64::MIN, i64::MAX),
    };
    integer.entry("minimum").or_insert(least.into());
    integer.entry("maximum").or_insert(most.into());
}

fn entries(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}

struct WholeNumber;

impl<'i> Keyword<'i> for WholeNumber {
    fn validate(&self, instance: &'i Value) -> Result<(), ValidationError<'i>> {
        match self.is_valid(instance) {
            true => Ok(()),
            false => Err(ValidationError::custom(format!("{instance} is not a whole number"))),
        }
    }

    fn is_valid(&self, instance: &'i Value) -> bool {
        !instance.is_f64()
    }
}
