//! The contract as a judge of what two servers say to each other: whether an answer is one that
//! `openapi/heliostat.yaml` promises, and a request one that it takes.
//!
//! An answer is promised when its operation lists the status, the media type is the documented one, and the body is
//! what the schema says: every required field, no field that the schema does not know, right types, known words.

use std::sync::OnceLock;

use serde_json::Value;
use url::form_urlencoded;

use crate::{Direction, Judge};

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
    conforms(Direction::Answer, &body, &promised["schema"])
}

/// Judges a request by method, path below the base URL with its query, media type and body.
pub fn judge_request(method: &str, path: &str, media_type: &str, body: &[u8]) -> Result<(), String> {
    let (operation, template) = match operations_at(path) {
        Some((template, item)) => (item.get(method.to_lowercase()), template),
        None => (None, ""),
    };
    let operation = operation.ok_or("the contract has no such operation")?;
    let parameters = operation["parameters"].as_array().into_iter().flatten().map(resolve);
    let parameters: Vec<&Value> = parameters.collect();
    judge_query(path.split_once('?').map_or("", |(_, query)| query), &parameters)?;
    for (placeholder, part) in template.split('/').zip(below_rest(path).unwrap_or_default().split('/')) {
        let Some(name) = placeholder.strip_prefix('{').and_then(|name| name.strip_suffix('}')) else {
            continue;
        };
        let parameter = parameters.iter().find(|parameter| parameter["name"] == name);
        judge_text(part, parameter.ok_or(format!("the path parameter {name} is not declared"))?)?;
    }
    let Some(promised) = operation.get("requestBody").map(resolve) else {
        return if body.is_empty() { Ok(()) } else { Err("a body where none is taken".to_owned()) };
    };
    if body.is_empty() && promised["required"] != true {
        return Ok(());
    }
    let media_type = media_type.split(';').next().unwrap_or_default();
    let taken = promised["content"].get(media_type);
    let taken = taken.ok_or(format!("the media type {media_type:?} is not taken"))?;
    let body = serde_json::from_slice(body).map_err(|error| format!("the body is not JSON: {error}"))?;
    conforms(Direction::Request, &body, &taken["schema"])
}

fn judge_query(query: &str, parameters: &[&Value]) -> Result<(), String> {
    let known: Vec<_> = parameters.iter().filter(|parameter| parameter["in"] == "query").collect();
    let pairs: Vec<_> = form_urlencoded::parse(query.as_bytes()).collect();
    for (name, text) in &pairs {
        let parameter = known.iter().find(|parameter| parameter["name"] == **name);
        judge_text(text, parameter.ok_or(format!("the query parameter {name} is not in the contract"))?)?;
    }
    let is_missing = |parameter: &&&&Value| {
        parameter["required"] == true && pairs.iter().all(|(name, _)| parameter["name"] != **name)
    };
    match known.iter().find(is_missing) {
        Some(parameter) => Err(format!("the query parameter {} is missing", parameter["name"])),
        None => Ok(()),
    }
}

/// Judges the text of a parameter by its schema.
fn judge_text(text: &str, parameter: &Value) -> Result<(), String> {
    let schema = crate::resolve(contract(), &parameter["schema"]);
    let value = match schema["type"].as_str() {
        Some("integer" | "boolean") => serde_json::from_str(text).unwrap_or_else(|_| text.into()),
        _ => text.into(),
    };
    conforms(Direction::Request, &value, schema).map_err(|fault| format!("{}: {fault}", parameter["name"]))
}

/// The whole document.
pub fn contract() -> &'static Value {
    static CONTRACT: OnceLock<Value> = OnceLock::new();
    CONTRACT.get_or_init(|| {
        let text = include_str!("../../../openapi/heliostat.yaml");
        yaml_serde::from_str(text).expect("the contract is YAML")
    })
}

/// The operations that answer a request: one, or all of the path when it has none with this method.
pub fn operations_answering(method: &str, path: &str) -> Vec<&'static Value> {
    let Some((_, item)) = operations_at(path) else { return Vec::new() };
    match item.get(method.to_lowercase()) {
        Some(operation) => vec![operation],
        None => item.as_object().expect("a path has methods").values().collect(),
    }
}

/// The path of the contract that a request is for, with its operations.
///
/// Where several paths match, the one with the fewest parameters does.
fn operations_at(path: &str) -> Option<(&'static str, &'static Value)> {
    let path = below_rest(path)?;
    let paths = contract()["paths"].as_object().expect("the contract has paths");
    let matching = paths.iter().filter(|(template, _)| matches(template, &path));
    let found = matching.min_by_key(|(template, _)| template.matches('{').count());
    found.map(|(template, item)| (template.as_str(), item))
}

/// A path without its query as the contract spells it.
fn below_rest(path: &str) -> Option<String> {
    let path = path.split('?').next().unwrap_or_default().replace("/1.0/", "/latest/");
    path.strip_prefix("/rest").map(str::to_owned)
}

fn matches(template: &str, path: &str) -> bool {
    let (template, path): (Vec<_>, Vec<_>) = (template.split('/').collect(), path.split('/').collect());
    let same = |(wanted, found): (&&str, &&str)| wanted.starts_with('{') || wanted == found;
    template.len() == path.len() && template.iter().zip(&path).all(same)
}

/// Where a reference of the contract leads; anything else is itself.
pub fn resolve(value: &'static Value) -> &'static Value {
    crate::resolve(contract(), value)
}

fn conforms(direction: Direction, value: &Value, schema: &Value) -> Result<(), String> {
    static JUDGE: OnceLock<Judge> = OnceLock::new();
    JUDGE.get_or_init(|| Judge::of(contract())).judge(direction, schema, value)
}
