//! Which values the contract allows for a parameter or for a field of a body, in words for the error that names one.
//!
//! Only what can be told in few words: the values of an enumeration, and from where to where a whole number goes.

use heliostat_api::Operation;
use yaml_serde::Value;

use crate::contract::CONTRACT;

/// How references to parts of the contract begin.
const REFERENCE: &str = "#/";

/// What a parameter must be: `one of A, B` or `a whole number from 1 to 5`.
pub fn of_parameter(operation: &Operation, name: &str) -> Option<String> {
    let parameters = described(operation)?.get("parameters")?.as_sequence()?;
    let mut parameters = parameters.iter().map(resolved);
    let parameter =
        parameters.find(|parameter| parameter.get("name").and_then(Value::as_str) == Some(name))?;
    in_words(parameter.get("schema")?)
}

/// What a field of a JSON body must be; the path is as in `context` of errors: `settings.projectIds[0]`.
pub fn of_field(operation: &Operation, path: &str) -> Option<String> {
    let body = resolved(described(operation)?.get("requestBody")?);
    let mut schema = resolved(body.get("content")?.get("application/json")?.get("schema")?);
    for part in path.split(['.', '[']).filter(|part| !part.is_empty()) {
        let inner = match part.strip_suffix(']') {
            Some(_) => schema.get("items")?,
            None => schema.get("properties")?.get(part)?,
        };
        schema = resolved(inner);
    }
    in_words(schema)
}

/// The operation as the contract describes it.
fn described(operation: &Operation) -> Option<&'static Value> {
    let path = CONTRACT.get("paths")?.get(operation.path)?;
    path.get(operation.method.to_ascii_lowercase())
}

/// The part of the contract that is meant. What may be null as well names its schema by `allOf`.
fn resolved(part: &'static Value) -> &'static Value {
    let of_one = part.get("allOf").and_then(|schemas| schemas.get(0)).unwrap_or(part);
    let target = of_one.get("$ref").and_then(Value::as_str).and_then(|text| text.strip_prefix(REFERENCE));
    let Some(target) = target else { return of_one };
    target.split('/').try_fold(&*CONTRACT, |outer, name| outer.get(name)).unwrap_or(part)
}

fn in_words(schema: &'static Value) -> Option<String> {
    let schema = resolved(schema);
    if let Some(values) = schema.get("enum").and_then(Value::as_sequence) {
        let values: Vec<&str> = values.iter().filter_map(Value::as_str).collect();
        return Some(format!("one of {}", values.join(", ")));
    }
    if schema.get("type").and_then(Value::as_str) != Some("integer") {
        return None;
    }
    let limit = |name: &str| schema.get(name).and_then(Value::as_i64);
    let (least, most) = match schema.get("format").and_then(Value::as_str) {
        Some("int32") => (i64::from(i32::MIN), i64::from(i32::MAX)),
        _ => (i64::MIN, i64::MAX),
    };
    let (least, most) = (limit("minimum").unwrap_or(least), limit("maximum").unwrap_or(most));
    Some(format!("a whole number from {least} to {most}"))
}

#[cfg(test)]
mod tests {
    use heliostat_api::operations;

    use super::*;

    fn operation(id: &str) -> &'static Operation {
        operations().iter().find(|operation| operation.id == id).expect(id)
    }

    fn told(words: Option<String>) -> String {
        words.unwrap_or_default()
    }

    #[test]
    fn values_and_numbers_are_told_and_texts_are_not() {
        let granted = of_parameter(operation("setProjectUserPermission"), "permission");
        assert_eq!(told(granted), "one of PROJECT_READ, PROJECT_WRITE, PROJECT_ADMIN");
        let waited = of_parameter(operation("waitForRepository"), "timeout");
        assert_eq!(told(waited), "a whole number from 0 to 300");
        let limit = of_parameter(operation("getProjects"), "limit");
        assert_eq!(told(limit), "a whole number from 0 to 2147483647");
        let start = of_parameter(operation("getProjects"), "start");
        assert_eq!(told(start), "a whole number from 0 to 9223372036854775807");
        assert_eq!(of_parameter(operation("createUser"), "password"), None);
        assert_eq!(of_parameter(operation("createUser"), "no such parameter"), None);
    }

    #[test]
    fn fields_are_found_by_their_path() {
        let mode = of_field(operation("setMirrorMode"), "");
        assert_eq!(told(mode), "one of ALL_PROJECTS, SELECTED_PROJECTS");
        let format = of_field(operation("createRepository"), "objectFormat");
        assert_eq!(told(format), "one of sha1, sha256");
        let interval = of_field(operation("setFollowing"), "intervalSeconds");
        assert_eq!(told(interval), "a whole number from 5 to 604800");
        for nothing in ["", "name", "no.such[0].field", "name[0]"] {
            assert_eq!(of_field(operation("createRepository"), nothing), None, "{nothing}");
        }
    }

    #[test]
    fn every_parameter_with_a_list_of_values_has_words() {
        let mut count = 0;
        for operation in operations() {
            let parameters = described(operation).expect("it is in the contract").get("parameters");
            for parameter in parameters.and_then(Value::as_sequence).into_iter().flatten().map(resolved) {
                let name = parameter.get("name").and_then(Value::as_str).expect("parameters have names");
                let schema = resolved(parameter.get("schema").expect("parameters have schemas"));
                for value in schema.get("enum").and_then(Value::as_sequence).into_iter().flatten() {
                    let words = told(of_parameter(operation, name));
                    assert!(words.contains(value.as_str().expect("texts")), "{} {name}", operation.id);
                    count += 1;
                }
            }
        }
        assert!(count > 10, "{count} values were looked at");
    }
}
