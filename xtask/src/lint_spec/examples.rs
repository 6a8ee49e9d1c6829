//! Examples of the contract: each is there, each fits its schema, and all of them tell of one small world.
//!
//! They are what a reader sees first, so a body, an answer or a path parameter without one is a fault. An example
//! stands at the media type (`example` or `examples`) or at the named schema; nothing is made up from types. Two
//! examples of the same object, which is the same schema with the same `id`, must not contradict each other, and the
//! example of a path parameter must name something that some answer shows.

use std::collections::BTreeMap;

use heliostat_contract::{Direction, Judge, resolve};
use serde_json::{Map, Value};

/// What is wrong with the examples of a document.
pub fn problems(document: &Value) -> Vec<String> {
    let judge = Judge::of(document);
    let mut check = Check { document, judge, problems: Vec::new(), world: World::default() };
    check.schemas();
    for (path, methods) in entries(&document["paths"]) {
        for (method, operation) in entries(methods) {
            if operation.get("responses").is_some() {
                check.operation(&format!("{} {path}", method.to_uppercase()), operation);
            }
        }
    }
    check.path_parameters_name_something();
    check.problems
}

struct Check<'d> {
    document: &'d Value,
    judge: Judge,
    problems: Vec<String>,
    world: World,
}

/// What the examples have told so far.
#[derive(Default)]
struct World {
    /// Fields of objects by schema, id and field, with the place that told of them first.
    objects: BTreeMap<(String, String, String), (String, Value)>,
    /// Every single value.
    words: Vec<String>,
    /// Path parameters: where they stand, and their example.
    named: Vec<(String, String)>,
}

impl<'d> Check<'d> {
    fn schemas(&mut self) {
        for (name, schema) in entries(&self.document["components"]["schemas"]) {
            if let Some(example) = schema.get("example") {
                self.example(&format!("components.schemas.{name}"), example, schema);
            }
        }
    }

    fn operation(&mut self, place: &str, operation: &'d Value) {
        let text = |field: &str| operation[field].as_str().unwrap_or_default().trim().trim_end_matches('.');
        if !text("summary").is_empty() && text("summary").eq_ignore_ascii_case(text("description")) {
            self.problems.push(format!("{place}: the description only repeats the summary"));
        }
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            self.parameter(place, resolve(self.document, parameter));
        }
        if let Some(body) = operation.get("requestBody") {
            self.content(&format!("{place}.requestBody"), resolve(self.document, body));
        }
        for (status, response) in entries(&operation["responses"]) {
            let place = format!("{place}.{status}");
            let response = resolve(self.document, response);
            let failed = !status.starts_with('2');
            if failed && response["content"].get("application/json").is_none() {
                self.problems.push(format!("{place}: an error must have a body"));
            }
            self.content(&place, response);
        }
    }

    fn parameter(&mut self, place: &str, parameter: &'d Value) {
        let place = format!("{place}.{}", parameter["name"].as_str().unwrap_or_default());
        let Some(example) = parameter.get("example") else {
            if parameter["in"] == "path" {
                self.problems.push(format!("{place}: a path parameter needs an example"));
            }
            return;
        };
        self.fits(&place, example, &parameter["schema"]);
        if parameter["in"] == "path" {
            self.world.named.push((place, word(example)));
        }
    }

    fn content(&mut self, place: &str, holder: &'d Value) {
        for (media_type, content) in entries(&holder["content"]) {
            let found = examples_of(self.document, content);
            if found.is_empty() {
                self.problems.push(format!("{place}: {media_type} needs an example"));
            }
            for example in found {
                self.example(place, example, &content["schema"]);
            }
        }
    }

    /// An example that must fit, and that tells of the world.
    fn example(&mut self, place: &str, example: &Value, schema: &'d Value) {
        self.fits(place, example, schema);
        self.learn(place, example, schema);
    }

    fn fits(&mut self, place: &str, example: &Value, schema: &'d Value) {
        // By the stricter rules of answers: an example shows what is there, so it never says `null`.
        if let Err(fault) = self.judge.judge(Direction::Answer, schema, example) {
            self.problems.push(format!("{place}: the example does not fit: {fault}"));
        }
    }

    fn learn(&mut self, place: &str, example: &Value, schema: &'d Value) {
        match example {
            Value::Object(fields) => {
                self.learn_object(place, fields, schema);
                let schema = resolve(self.document, schema);
                for (name, value) in fields {
                    self.learn(place, value, &schema["properties"][name]);
                }
            }
            Value::Array(items) => {
                let schema = resolve(self.document, schema);
                items.iter().for_each(|item| self.learn(place, item, &schema["items"]));
            }
            single => self.world.words.push(word(single)),
        }
    }

    fn learn_object(&mut self, place: &str, fields: &Map<String, Value>, schema: &'d Value) {
        let (Some(reference), Some(id)) = (schema["$ref"].as_str(), fields.get("id")) else {
            return;
        };
        for (name, value) in fields {
            let key = (reference.to_owned(), word(id), name.clone());
            let (first, told) =
                self.world.objects.entry(key).or_insert_with(|| (place.to_owned(), value.clone()));
            if !tells_the_same(told, value) {
                let schema = reference.rsplit('/').next().unwrap_or_default();
                self.problems.push(format!(
                    "{place}: {name} of {schema} {} is {value}, but {told} at {first}",
                    word(id)
                ));
            }
        }
    }

    fn path_parameters_name_something(&mut self) {
        for (place, name) in &self.world.named {
            if !self.world.words.contains(name) {
                self.problems.push(format!("{place}: no example of an answer knows {name}"));
            }
        }
    }
}

/// The examples of a media type: its own, else the one of its named schema.
fn examples_of<'d>(document: &'d Value, content: &'d Value) -> Vec<&'d Value> {
    if let Some(example) = content.get("example") {
        return vec![example];
    }
    let named: Vec<&Value> =
        entries(&content["examples"]).map(|(_, example)| &resolve(document, example)["value"]).collect();
    if !named.is_empty() {
        return named;
    }
    resolve(document, &content["schema"]).get("example").into_iter().collect()
}

fn entries(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}

/// Whether two tellings agree: one may leave out what the other says.
fn tells_the_same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Object(one), Value::Object(other)) => {
            one.iter().all(|(name, value)| other.get(name).is_none_or(|told| tells_the_same(value, told)))
        }
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| tells_the_same(one, other))
        }
        _ => one == other,
    }
}

fn word(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
