//! The contract as requests that can be made: what each operation takes, and which statuses it promises.

use heliostat_api::{Operation, Role, operations};
use heliostat_contract::exchange as contract;
use reqwest::Method;
use serde_json::Value;

use super::documented;

/// An operation, and what the contract says of it.
#[derive(Debug, Clone, Copy)]
pub struct Promised {
    operation: &'static Operation,
    said: &'static Value,
}

/// A parameter of an operation.
#[derive(Debug, Clone, Copy)]
pub struct Parameter {
    /// The name on the wire.
    pub name: &'static str,
    /// Whether it must be given.
    pub required: bool,
    /// Its type.
    pub schema: &'static Value,
}

impl Promised {
    /// The operations that a role serves, in document order.
    pub fn of_role(role: Role) -> impl Iterator<Item = Self> {
        let served = operations().iter().filter(move |operation| operation.is_served_by(role));
        served.map(|operation| {
            let said = &contract::contract()["paths"][operation.path][operation.method.to_lowercase()];
            Promised { operation, said }
        })
    }

    /// `operationId`.
    pub fn id(&self) -> &'static str {
        self.operation.id
    }

    /// The HTTP method.
    pub fn method(&self) -> Method {
        self.operation.method.parse().expect("the contract names methods")
    }

    /// The path with its placeholders.
    pub fn template(&self) -> &'static str {
        self.operation.path
    }

    /// Whether a status is promised.
    pub fn promises(&self, status: u16) -> bool {
        self.operation.statuses.contains(&status)
    }

    /// Whether 403 is promised to users who lack a permission, and not only to pages of other sites.
    pub fn asks_for_a_permission(&self) -> bool {
        self.promises(403) && self.said["responses"]["403"]["$ref"] != "#/components/responses/CrossSite"
    }

    /// Whether both roles serve it: then it promises what either of them answers.
    pub fn is_shared(&self) -> bool {
        self.operation.roles.len() > 1
    }

    /// Whether credentials of this kind are accepted.
    pub fn accepts(&self, scheme: &str) -> bool {
        self.ways_in().any(|way| way.get(scheme).is_some())
    }

    /// Whether calls without credentials are looked at, too.
    pub fn is_open(&self) -> bool {
        let is_empty = |way: &Value| way.as_object().is_some_and(serde_json::Map::is_empty);
        self.ways_in().next().is_none() || self.ways_in().any(is_empty)
    }

    fn ways_in(&self) -> impl Iterator<Item = &'static Value> {
        self.said["security"].as_array().into_iter().flatten()
    }

    /// Whether there is a request body.
    pub fn has_body(&self) -> bool {
        self.said.get("requestBody").is_some()
    }

    /// The contract's own example of a request body.
    pub fn example_body(&self) -> Option<Value> {
        let example = documented::example(self.said.get("requestBody")?);
        Some(example.unwrap_or_else(|| panic!("{}: its body has no example", self.id())).clone())
    }

    /// The names of the path's parameters.
    pub fn path_parameters(&self) -> Vec<&'static str> {
        self.parameters("path").map(|parameter| parameter.name).collect()
    }

    /// The parameters of the query.
    pub fn query_parameters(&self) -> impl Iterator<Item = Parameter> {
        self.parameters("query")
    }

    fn parameters(&self, place: &'static str) -> impl Iterator<Item = Parameter> {
        let all = self.said.get("parameters").and_then(Value::as_array).into_iter().flatten();
        all.map(contract::resolve).filter(move |parameter| parameter["in"] == place).map(|parameter| {
            Parameter {
                name: parameter["name"].as_str().expect("a parameter has a name"),
                required: parameter["required"] == true,
                schema: contract::resolve(&parameter["schema"]),
            }
        })
    }

    /// The address of a call: path parameters and required query parameters are filled in by name.
    pub fn address(&self, value_of: impl Fn(&str) -> String) -> String {
        let mut path = format!("/rest{}", self.template());
        for name in self.path_parameters() {
            path = path.replace(&format!("{{{name}}}"), &value_of(name));
        }
        let required = self.query_parameters().filter(|parameter| parameter.required);
        let pairs: Vec<String> = required
            .map(|parameter| {
                // Of a closed list of words each will do.
                let word = parameter.schema["enum"][0].as_str().map(str::to_owned);
                format!("{}={}", parameter.name, word.unwrap_or_else(|| value_of(parameter.name)))
            })
            .collect();
        if pairs.is_empty() { path } else { format!("{path}?{}", pairs.join("&")) }
    }
}

impl Parameter {
    /// Texts that are not values of its type.
    pub fn wrong_values(&self) -> Vec<String> {
        if self.schema.get("enum").is_some() {
            return vec!["NO-SUCH-WORD".to_owned()];
        }
        match self.schema["type"].as_str() {
            Some("integer") if self.schema["minimum"] == 0 => {
                ["-1", "x", "1.5", "99999999999999999999"].map(str::to_owned).to_vec()
            }
            Some("integer") => ["x", "99999999999999999999"].map(str::to_owned).to_vec(),
            Some("boolean") => vec!["perhaps".to_owned()],
            _ => match self.schema["maxLength"].as_u64().and_then(|length| usize::try_from(length).ok()) {
                Some(length) => vec!["x".repeat(length + 1)],
                None => Vec::new(),
            },
        }
    }
}
