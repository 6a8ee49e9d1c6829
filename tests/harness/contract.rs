//! The contract as a judge: whether an answer is one that `openapi/heliostat.yaml` promises.
//!
//! An answer is promised when its operation lists the status, the media type is the documented one, and the body is
//! what the schema says: every required field, no field that the schema does not know, right types, known words.

use std::sync::OnceLock;

use serde_json::Value;
use url::Url;

/// Judges an answer by method, path below the base URL (a query may follow), status, media type and body.
pub fn judge(method: &str, path: &str, status: u16, media_type: &str, body: &str) -> Result<(), String> {
    let operations = operations_answering(method, path);
    if operations.is_empty() {
        return Err("the contract has no such operation".to_owned());
    }
    operations.iter().try_for_each(|operation| judge_as(operation, status, media_type, body))
}

fn judge_as(operation: &'static Value, status: u16, media_type: &str, body: &str) -> Result<(), String> {
    let response = operation["responses"].get(status.to_string());
    let id = &operation["operationId"];
    let response = resolve(response.ok_or(format!("{id} does not promise the status {status}"))?);
    let Some(content) = response.get("content").and_then(Value::as_object) else {
        return if body.is_empty() { Ok(()) } else { Err("a body where none is promised".to_owned()) };
    };
    let media_type = media_type.split(';').next().unwrap_or_default();
    let promised = content.get(media_type).ok_or(format!("the media type {media_type:?} is not promised"))?;
    if media_type != "application/json" {
        return Ok(());
    }
    let body = serde_json::from_str(body).map_err(|error| format!("the body is not JSON: {error}"))?;
    conforms("$", &body, &promised["schema"])
}

/// The whole document.
pub fn contract() -> &'static Value {
    static CONTRACT: OnceLock<Value> = OnceLock::new();
    CONTRACT.get_or_init(|| {
        let text = include_str!("../../openapi/heliostat.yaml");
        yaml_serde::from_str(text).expect("the contract is YAML")
    })
}

/// The operations that answer a request: one, or all of the path when it has none with this method.
///
/// Where several paths match, the one with the fewest parameters does.
pub fn operations_answering(method: &str, path: &str) -> Vec<&'static Value> {
    let path = path.split('?').next().unwrap_or_default().replace("/1.0/", "/latest/");
    let Some(path) = path.strip_prefix("/rest") else { return Vec::new() };
    let paths = contract()["paths"].as_object().expect("the contract has paths");
    let matching = paths.iter().filter(|(template, _)| matches(template, path));
    let Some((_, item)) = matching.min_by_key(|(template, _)| template.matches('{').count()) else {
        return Vec::new();
    };
    match item.get(method.to_lowercase()) {
        Some(operation) => vec![operation],
        None => item.as_object().expect("a path has methods").values().collect(),
    }
}

fn matches(template: &str, path: &str) -> bool {
    let (template, path): (Vec<_>, Vec<_>) = (template.split('/').collect(), path.split('/').collect());
    let same = |(wanted, found): (&&str, &&str)| wanted.starts_with('{') || wanted == found;
    template.len() == path.len() && template.iter().zip(&path).all(same)
}

/// Follows references, also one with more said of it, which is an `allOf` of one.
pub fn resolve(value: &'static Value) -> &'static Value {
    if let Some([only]) = value.get("allOf").and_then(Value::as_array).map(Vec::as_slice) {
        return resolve(only);
    }
    match value.get("$ref").and_then(Value::as_str) {
        Some(reference) => {
            let pointer = reference.trim_start_matches('#');
            resolve(contract().pointer(pointer).expect("references in the contract lead somewhere"))
        }
        None => value,
    }
}

fn conforms(place: &str, value: &Value, schema: &'static Value) -> Result<(), String> {
    let schema = resolve(schema);
    if let Some(choices) = schema.get("oneOf").and_then(Value::as_array) {
        let fits = choices.iter().any(|choice| conforms(place, value, choice).is_ok());
        return if fits { Ok(()) } else { Err(format!("{place}: {value} is none of the choices")) };
    }
    if let Some(words) = schema.get("enum").and_then(Value::as_array)
        && !words.contains(value)
    {
        return Err(format!("{place}: {value} is none of {words:?}"));
    }
    let fits = match schema["type"].as_str().unwrap_or_default() {
        "object" => return object_conforms(place, value, schema),
        "array" => {
            let items = value.as_array().ok_or(format!("{place}: {value} is not an array"))?;
            let mut items = items.iter().enumerate();
            return items
                .try_for_each(|(at, item)| conforms(&format!("{place}[{at}]"), item, &schema["items"]));
        }
        "string" => value.as_str().is_some_and(|text| schema["format"] != "uri" || Url::parse(text).is_ok()),
        "boolean" => value.is_boolean(),
        "integer" if schema["format"] == "int32" => {
            value.as_i64().is_some_and(|number| i32::try_from(number).is_ok())
        }
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        _ => true,
    };
    if fits {
        Ok(())
    } else {
        Err(format!("{place}: {value} is not a {} {}", schema["format"], schema["type"]))
    }
}

fn object_conforms(place: &str, value: &Value, schema: &'static Value) -> Result<(), String> {
    let fields = value.as_object().ok_or(format!("{place}: {value} is not an object"))?;
    let required =
        schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    for name in required {
        if !fields.contains_key(name) {
            return Err(format!("{place}.{name} is missing"));
        }
    }
    let open = schema["additionalProperties"] == true;
    for (name, field) in fields {
        match schema.get("properties").and_then(|known| known.get(name)) {
            Some(known) => conforms(&format!("{place}.{name}"), field, known)?,
            None if open => {}
            None => return Err(format!("{place}.{name} is not in the contract")),
        }
    }
    Ok(())
}
