//! Operations as the contract shows them to a reader: what to send, and what comes back.

use heliostat_api::{Role, operations};
use heliostat_contract::exchange::{contract, resolve};
use serde_json::Value;

/// An operation with its examples.
#[derive(Debug)]
pub struct Documented {
    /// `operationId`.
    pub id: &'static str,
    /// The HTTP method, upper case.
    pub method: String,
    /// The path below `/rest`, with `{name}` placeholders.
    pub path: &'static str,
    /// Whether mirrors serve it, and upstreams do not.
    pub at_mirror: bool,
    /// The status that a success has.
    pub success: u16,
    /// What to send.
    pub request: Option<&'static Value>,
    /// What a success answers, if that is JSON.
    pub answer: Option<&'static Value>,
}

/// Every operation of the contract that can succeed.
pub fn documented() -> Vec<Documented> {
    let paths = contract()["paths"].as_object().expect("the contract has paths");
    let all = paths.iter().flat_map(|(path, item)| {
        let methods = item.as_object().expect("a path has methods").iter();
        methods.filter_map(move |(method, operation)| read(path, method, operation))
    });
    all.collect()
}

fn read(path: &'static str, method: &str, operation: &'static Value) -> Option<Documented> {
    let (status, response) = operation["responses"].as_object()?.iter().find(|(s, _)| s.starts_with('2'))?;
    Some(Documented {
        id: operation["operationId"].as_str()?,
        method: method.to_uppercase(),
        path,
        at_mirror: operations()
            .iter()
            .any(|one| one.id == operation["operationId"] && one.roles == [Role::Mirror]),
        success: status.parse().ok()?,
        request: operation.get("requestBody").and_then(example),
        answer: example(response),
    })
}

/// The example of a body's JSON: its own, else the first of those that have names, else that of its schema.
pub fn example(holder: &'static Value) -> Option<&'static Value> {
    let content = resolve(holder).get("content")?.get("application/json")?;
    let named =
        content.get("examples").and_then(Value::as_object).and_then(|examples| examples.values().next());
    let named = named.map(|example| &resolve(example)["value"]);
    content.get("example").or(named).or_else(|| resolve(&content["schema"]).get("example"))
}
