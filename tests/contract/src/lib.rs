//! Whether a JSON value is what the contract says: one judge, for the examples in it and for what servers send.
//!
//! The rules are those of JSON Schema. `translate` says what OpenAPI 3.0 means by its own words, and what this project
//! asks on top of both: no field that the schema does not know, and no `null` in an answer unless the field must be there.
//! `exchange` judges whole requests and answers by the contract of this project.

pub mod exchange;
mod translate;

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use jsonschema::Validator;
use parking_lot::Mutex;
use serde_json::Value;

/// Which way a value goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// Sent to a server: a field that is `nullable` may be `null`.
    Request,
    /// Sent by a server: what is unknown is left out.
    Answer,
}

/// Judges values by the schemas of one document.
pub struct Judge {
    requests: Value,
    answers: Value,
    validators: Mutex<HashMap<(Direction, String), Arc<Validator>>>,
}

impl Judge {
    /// A judge by the schemas of this OpenAPI document.
    pub fn of(document: &Value) -> Self {
        let schemas = &document["components"]["schemas"];
        Judge {
            requests: translate::schemas(schemas, Direction::Request),
            answers: translate::schemas(schemas, Direction::Answer),
            validators: Mutex::default(),
        }
    }

    /// Fails with the place inside the value and what is wrong there; `schema` may refer to the document.
    pub fn judge(&self, direction: Direction, schema: &Value, value: &Value) -> Result<(), String> {
        let validator = self.validator(direction, schema)?;
        validator.validate(value).map_err(|error| format!("${}: {error}", error.instance_path()))
    }

    /// They are made once: a schema is compiled with everything that it refers to.
    fn validator(&self, direction: Direction, schema: &Value) -> Result<Arc<Validator>, String> {
        let key = (direction, schema.to_string());
        let mut validators = self.validators.lock();
        if let Some(found) = validators.get(&key) {
            return Ok(Arc::clone(found));
        }
        let schemas = match direction {
            Direction::Request => &self.requests,
            Direction::Answer => &self.answers,
        };
        let validator = Arc::new(translate::validator(schema, schemas, direction)?);
        validators.insert(key, Arc::clone(&validator));
        Ok(validator)
    }
}

impl fmt::Debug for Judge {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Judge").finish_non_exhaustive()
    }
}

/// Where a reference leads, also one with more said of it, which is an `allOf` of one; anything else is itself.
pub fn resolve<'d>(document: &'d Value, value: &'d Value) -> &'d Value {
    if let Some([only]) = value.get("allOf").and_then(Value::as_array).map(Vec::as_slice) {
        return resolve(document, only);
    }
    let reference = value.get("$ref").and_then(Value::as_str).and_then(|text| text.strip_prefix('#'));
    match reference.and_then(|pointer| document.pointer(pointer)) {
        Some(found) => resolve(document, found),
        None => value,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn judged(direction: Direction, value: &Value) -> Result<(), String> {
        let document = json!({"components": {"schemas": {
            "Mirror": {
                "type": "object",
                "required": ["id"],
                "properties": {
                    "id": {"type": "string", "minLength": 1, "maxLength": 6},
                    "size": {"type": "integer", "format": "int32", "minimum": 1, "nullable": true},
                    "address": {"type": "string", "format": "uri"},
                    "state": {"allOf": [{"$ref": "#/components/schemas/State"}], "nullable": true},
                    "tags": {"type": "array", "maxItems": 2, "items": {"type": "string"}},
                    "open": {"type": "object", "additionalProperties": true},
                    "hook": {
                        "type": "object", "nullable": true, "allOf": [{"$ref": "#/components/schemas/Hook"}],
                    },
                    "one": {"oneOf": [{"$ref": "#/components/schemas/State"}, {"type": "integer"}]},
                },
            },
            "State": {"type": "string", "enum": ["OPEN", "SHUT"]},
            "Hook": {"type": "object", "properties": {"url": {"type": "string"}}},
        }}});
        Judge::of(&document).judge(direction, &json!({"$ref": "#/components/schemas/Mirror"}), value)
    }

    #[test]
    fn what_fits_passes() {
        let whole = json!({
            "id": "saigon", "size": 2_147_483_647, "address": "https://example.com/a", "state": "OPEN",
            "tags": ["a", "b"], "hook": {"url": "x"}, "open": {"anything": [1]}, "one": 7,
        });
        assert_eq!(judged(Direction::Answer, &whole), Ok(()));
        assert_eq!(
            judged(Direction::Request, &json!({"id": "x", "size": null, "state": null, "hook": null})),
            Ok(())
        );
    }

    #[test]
    fn each_planted_fault_is_found_where_it_is() {
        let planted = [
            (json!({}), "$: \"id\" is a required property"),
            (json!({"id": 7}), "$/id: 7 is not of type \"string\""),
            (
                json!({"id": "x", "name": "y"}),
                "$: Additional properties are not allowed ('name' was unexpected)",
            ),
            (json!({"id": ""}), "$/id: \"\" is shorter than 1 character"),
            (json!({"id": "saigon7"}), "$/id: \"saigon7\" is longer than 6 characters"),
            (json!({"id": "x", "size": 0}), "$/size: 0 is less than the minimum of 1"),
            (json!({"id": "x", "size": 2_147_483_648_i64}), "$/size: 2147483648 is greater than the maximum"),
            (json!({"id": "x", "size": 1.5}), "$/size: 1.5 is not of type"),
            (json!({"id": "x", "size": 1.0}), "$/size: 1.0 is not a whole number"),
            (json!({"id": "x", "size": "1"}), "$/size: \"1\" is not of type"),
            (json!({"id": "x", "address": "/a"}), "$/address: \"/a\" is not a \"uri\""),
            (json!({"id": "x", "state": "AJAR"}), "$/state: \"AJAR\" is not "),
            (
                json!({"id": "x", "tags": ["a", "b", "c"]}),
                "$/tags: [\"a\",\"b\",\"c\"] has more than 2 items",
            ),
            (json!({"id": "x", "tags": ["a", 1]}), "$/tags/1: 1 is not of type \"string\""),
            (json!({"id": "x", "hook": {"uri": "x"}}), "$/hook: "),
            (json!({"id": "x", "one": "AJAR"}), "$/one: \"AJAR\" is not valid under any of"),
        ];
        for direction in [Direction::Request, Direction::Answer] {
            for (value, expected) in &planted {
                let fault = judged(direction, value).expect_err(expected);
                assert!(fault.starts_with(expected), "{fault}");
            }
        }
    }

    #[test]
    fn no_answer_says_null() {
        for value in [json!({"id": "x", "size": null}), json!({"id": "x", "state": null})] {
            assert!(judged(Direction::Answer, &value).is_err(), "{value}");
        }
        assert!(judged(Direction::Request, &json!({"id": null})).is_err());
    }

    #[test]
    fn a_field_that_must_be_there_may_be_there_without_a_value() {
        let document = json!({"components": {"schemas": {"Error": {
            "type": "object",
            "required": ["context", "cause"],
            "properties": {
                "context": {"type": "string", "nullable": true},
                "cause": {"allOf": [{"$ref": "#/components/schemas/Error"}], "nullable": true},
            },
        }}}});
        let error = json!({"$ref": "#/components/schemas/Error"});
        let judged = |value| Judge::of(&document).judge(Direction::Answer, &error, &value);
        assert_eq!(judged(json!({"context": null, "cause": {"context": "key", "cause": null}})), Ok(()));
        assert!(judged(json!({"context": null})).is_err());
        assert!(judged(json!({"context": 7, "cause": null})).is_err());
    }

    #[test]
    fn a_reference_is_followed_to_its_end() {
        let document =
            json!({"a": {"$ref": "#/b"}, "b": {"allOf": [{"$ref": "#/c"}]}, "c": {"type": "string"}});
        assert_eq!(resolve(&document, &document["a"]), &document["c"]);
        assert_eq!(resolve(&document, &document["c"]), &document["c"]);
    }
}
