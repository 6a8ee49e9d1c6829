//! What is sent: whether every value that one schema describes fits the other.
//!
//! In a request the released schema describes what clients send, and the current one must accept it; in a response
//! the current one describes what is sent, and clients were built for the released one. So both directions are one
//! question, asked with the roles exchanged. Two things differ, because clients pass over fields that they do not
//! know: a response may have new fields, but must keep every old one; a request may not lose a field.

use std::collections::BTreeSet;

use serde_json::Value;

/// Who sends the value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Direction {
    /// The client.
    Request,
    /// The server.
    Response,
}

/// Where a schema stands, in words.
#[derive(Debug, Clone)]
pub struct Place(String);

impl Place {
    /// A place by its name.
    pub fn at(name: &str) -> Self {
        Place(name.to_owned())
    }

    fn field(&self, name: &str) -> Self {
        Place(format!("{}.{name}", self.0))
    }

    fn item(&self) -> Self {
        Place(format!("{}[]", self.0))
    }
}

/// Two documents, and what was found to be broken between them.
pub struct Comparison<'document> {
    /// What was promised.
    pub released: &'document Value,
    /// What is promised now.
    pub current: &'document Value,
    /// Broken promises, each with its place.
    pub broken: Vec<String>,
    /// Pairs of named schemas that were compared: each is told of once, and one that contains itself comes to an end.
    compared: BTreeSet<(Direction, String, String)>,
}

/// A schema that describes values, and the one that they must fit.
struct Fit<'schema> {
    values: &'schema Value,
    into: &'schema Value,
    direction: Direction,
}

impl<'document> Comparison<'document> {
    /// Nothing is compared yet.
    pub fn new(released: &'document Value, current: &'document Value) -> Self {
        Comparison { released, current, broken: Vec::new(), compared: BTreeSet::new() }
    }

    /// Notes a broken promise; the same one at the same place is noted once.
    pub fn broken(&mut self, place: &str, what: impl AsRef<str>) {
        let problem = format!("{place}: {}", what.as_ref());
        if !self.broken.contains(&problem) {
            self.broken.push(problem);
        }
    }

    /// Compares two schemas that stand at the same place.
    pub fn compare(&mut self, place: &Place, released: &Value, current: &Value, direction: Direction) {
        let mut place = place.clone();
        if let (Some(then), Some(now)) = (name_of(released), name_of(current)) {
            if !self.compared.insert((direction, then.to_owned(), now.to_owned())) {
                return;
            }
            let sender = if direction == Direction::Request { "requests" } else { "responses" };
            place = Place(format!("{now} in {sender}"));
        }
        let (then, now) = (resolved(self.released, released), resolved(self.current, current));
        let fit = match direction {
            Direction::Request => Fit { values: then, into: now, direction },
            Direction::Response => Fit { values: now, into: then, direction },
        };
        if self.choices(&place, released, current, direction) {
            return;
        }
        for wrapper in ["allOf", "anyOf", "not"] {
            if then[wrapper] != now[wrapper] {
                self.broken(&place.0, format!("`{wrapper}` has changed, which cannot be judged here"));
            }
        }
        self.types(&place, &fit);
        self.words(&place, &fit);
        self.bounds(&place, &fit);
        if let (Some(then), Some(now)) = (then.get("items"), now.get("items")) {
            self.compare(&place.item(), then, now, direction);
        }
        if then["type"] == "object" && now["type"] == "object" {
            self.fields(&place, then, now, direction);
        }
    }

    /// `oneOf`: every choice of the values must fit one choice of the other side. Tells whether there was one.
    fn choices(&mut self, place: &Place, released: &Value, current: &Value, direction: Direction) -> bool {
        let choices_of = |document, schema: &Value| -> (bool, Vec<Value>) {
            match resolved(document, schema)["oneOf"].as_array() {
                Some(choices) => (true, choices.clone()),
                None => (false, vec![schema.clone()]),
            }
        };
        let (had, then) = choices_of(self.released, released);
        let (has, now) = choices_of(self.current, current);
        if !had && !has {
            return false;
        }
        let (values, into) = if direction == Direction::Request { (&then, &now) } else { (&now, &then) };
        for value in values {
            // The choice of the same name is the one that was meant, and the reasons against it are worth telling.
            if let Some(same) =
                into.iter().find(|other| name_of(other).is_some() && name_of(other) == name_of(value))
            {
                self.compare(
                    place,
                    pick(direction, value, same).0,
                    pick(direction, value, same).1,
                    direction,
                );
                continue;
            }
            let fits = into.iter().any(|other| {
                let (then, now) = pick(direction, value, other);
                let mut trial = Comparison::new(self.released, self.current);
                trial.compare(place, then, now, direction);
                trial.broken.is_empty()
            });
            if !fits {
                let name = name_of(value).unwrap_or("a choice");
                let who = if direction == Direction::Request {
                    "is not accepted any more"
                } else {
                    "is new to clients"
                };
                self.broken(&place.0, format!("{name} {who}"));
            }
        }
        true
    }

    fn types(&mut self, place: &Place, fit: &Fit<'_>) {
        let kind = |schema: &Value| schema["type"].as_str().unwrap_or_default().to_owned();
        let (value, wanted) = (kind(fit.values), kind(fit.into));
        if value != wanted && !wanted.is_empty() && (value.as_str(), wanted.as_str()) != ("integer", "number")
        {
            let (then, now) = fit.then_and_now();
            self.broken(&place.0, format!("the type was {}, and is {}", then["type"], now["type"]));
            return;
        }
        let format = |schema: &Value| schema["format"].as_str().unwrap_or_default().to_owned();
        let (value, wanted) = (format(fit.values), format(fit.into));
        if value != wanted && !wanted.is_empty() && (value.as_str(), wanted.as_str()) != ("int32", "int64") {
            let (then, now) = fit.then_and_now();
            self.broken(&place.0, format!("the format was {}, and is {}", then["format"], now["format"]));
        }
        if fit.values["nullable"] == true && fit.into["nullable"] != true {
            let message = match fit.direction {
                Direction::Request => "may not be null any more",
                Direction::Response => "may be null now",
            };
            self.broken(&place.0, message);
        }
    }

    /// Enumerations. A new word in a response is a break: clients that were generated with a closed list of words
    /// fail at the first one that they do not know, and a generator closes the list unless told otherwise.
    fn words(&mut self, place: &Place, fit: &Fit<'_>) {
        let Some(known) = fit.into["enum"].as_array() else { return };
        let Some(sent) = fit.values["enum"].as_array() else {
            let message = match fit.direction {
                Direction::Request => "accepts listed words only",
                Direction::Response => "may be any word now",
            };
            self.broken(&place.0, message);
            return;
        };
        for word in sent.iter().filter(|word| !known.contains(word)) {
            let message = match fit.direction {
                Direction::Request => "is not accepted any more",
                Direction::Response => "is a word that clients do not know",
            };
            self.broken(&place.0, format!("{word} {message}"));
        }
    }

    /// Lengths, bounds and patterns. They count in responses, too: generated models check them when they read.
    fn bounds(&mut self, place: &Place, fit: &Fit<'_>) {
        let number = |schema: &Value, key: &str| schema[key].as_f64();
        let lower = ["minimum", "minLength", "minItems", "minProperties"];
        let upper = ["maximum", "maxLength", "maxItems", "maxProperties"];
        for key in lower.into_iter().chain(upper) {
            let Some(wanted) = number(fit.into, key) else { continue };
            let fits = number(fit.values, key)
                .is_some_and(|value| if lower.contains(&key) { value >= wanted } else { value <= wanted });
            if !fits {
                self.changed(place, fit, key);
            }
        }
        let exact = ["pattern", "multipleOf", "exclusiveMinimum", "exclusiveMaximum", "uniqueItems"];
        for key in exact {
            let wanted = &fit.into[key];
            if !wanted.is_null() && *wanted != false && fit.values[key] != *wanted {
                self.changed(place, fit, key);
            }
        }
    }

    fn changed(&mut self, place: &Place, fit: &Fit<'_>, key: &str) {
        let (then, now) = fit.then_and_now();
        let word = |value: &Value| if value.is_null() { "none".to_owned() } else { value.to_string() };
        self.broken(&place.0, format!("{key} was {}, and is {}", word(&then[key]), word(&now[key])));
    }

    fn fields(&mut self, place: &Place, then: &Value, now: &Value, direction: Direction) {
        for (name, released) in object(&then["properties"]) {
            match now["properties"].get(name) {
                Some(current) => self.compare(&place.field(name), released, current, direction),
                None => self.broken(&place.field(name).0, "is gone"),
            }
        }
        match direction {
            Direction::Request => {
                for name in required(now).difference(&required(then)) {
                    let known = then["properties"].get(name).is_some();
                    self.broken(
                        &place.field(name).0,
                        if known { "became required" } else { "is new and required" },
                    );
                }
                if is_open(then) && !is_open(now) {
                    self.broken(&place.0, "does not take other fields any more");
                }
            }
            Direction::Response => {
                for name in required(then).difference(&required(now)) {
                    if now["properties"].get(name).is_some() {
                        self.broken(&place.field(name).0, "may be missing now");
                    }
                }
            }
        }
    }
}

impl<'schema> Fit<'schema> {
    fn then_and_now(&self) -> (&'schema Value, &'schema Value) {
        pick(self.direction, self.values, self.into)
    }
}

/// The released and the current one of a value and what it must fit.
fn pick<'a>(direction: Direction, values: &'a Value, into: &'a Value) -> (&'a Value, &'a Value) {
    match direction {
        Direction::Request => (values, into),
        Direction::Response => (into, values),
    }
}

fn required(schema: &Value) -> BTreeSet<&str> {
    schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

fn is_open(schema: &Value) -> bool {
    schema["additionalProperties"] == true
}

fn name_of(schema: &Value) -> Option<&str> {
    schema["$ref"].as_str()?.strip_prefix("#/components/schemas/")
}

/// Follows references; one that leads nowhere stays as it is.
pub fn resolved<'document>(document: &'document Value, value: &'document Value) -> &'document Value {
    match value["$ref"].as_str().and_then(|reference| document.pointer(reference.strip_prefix('#')?)) {
        Some(found) => resolved(document, found),
        None => value,
    }
}

/// The entries of an object; none of anything else.
pub fn object(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}
