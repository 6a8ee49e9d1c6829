//! An OpenAPI document as flat facts, so that documents by different authors can be compared.
//!
//! What only styles differ in is levelled: references to parameters and responses are followed, a reference with
//! siblings (`allOf` of one) is the reference, `null` in a 3.1 type list is "optional", whole numbers may be
//! written as floats, and titles, descriptions and examples do not count.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// A place in a document and what is said there.
pub type Facts = BTreeMap<String, String>;

const METHODS: [&str; 4] = ["get", "put", "post", "delete"];
const LIMITS: &str = " limits";

/// All facts of a document.
pub fn of_document(document: &Value) -> Facts {
    let mut facts = of_schemas(document);
    for (path, item) in object(&document["paths"]) {
        for method in METHODS {
            if let Some(operation) = item.get(method) {
                of_operation(document, &format!("{} {path}", method.to_uppercase()), operation, &mut facts);
            }
        }
    }
    facts
}

/// The facts of the named schemas alone.
pub fn of_schemas(document: &Value) -> Facts {
    let mut facts = Facts::new();
    for (name, schema) in object(&document["components"]["schemas"]) {
        if is_free_form(schema) {
            continue;
        }
        if let Some(values) = schema["enum"].as_array() {
            let values: Vec<&str> = values.iter().filter_map(Value::as_str).collect();
            facts.insert(name.clone(), format!("one of {}", values.join(" ")));
            continue;
        }
        if let Some(choices) = schema.get("oneOf").or_else(|| schema.get("anyOf")).and_then(Value::as_array) {
            let names: BTreeSet<String> = choices.iter().map(|choice| type_of(document, choice)).collect();
            facts.insert(name.clone(), format!("any of {}", names.into_iter().collect::<Vec<_>>().join(" ")));
            continue;
        }
        facts.insert(name.clone(), "object".into());
        let required: Vec<&str> =
            schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        for (field, value) in object(&schema["properties"]) {
            // Types know only one way to be without a value.
            let is_required = required.contains(&field.as_str()) && value["nullable"] != true;
            let presence = if is_required { "required" } else { "optional" };
            facts.insert(format!("{name}.{field}"), format!("{} {presence}", type_of(document, value)));
            note_limits(&mut facts, &format!("{name}.{field}"), value);
        }
    }
    facts
}

/// Facts without lengths, bounds and patterns.
pub fn without_limits(facts: &Facts) -> Facts {
    facts.iter().filter(|(fact, _)| !fact.ends_with(LIMITS)).map(|(f, v)| (f.clone(), v.clone())).collect()
}

/// Facts without those of some schemas.
pub fn without_schemas(mut facts: Facts, names: &BTreeSet<String>) -> Facts {
    facts.retain(|fact, _| !names.contains(fact.split(['.', ' ']).next().unwrap_or_default()));
    facts
}

/// The schemas that `x-events` of request bodies name, and what these refer to.
pub fn schemas_of_events(document: &Value, names: &mut BTreeSet<String>) {
    let operations = object(&document["paths"]).flat_map(|(_, item)| object(item));
    for (_, operation) in operations {
        for (_, content) in object(&operation["requestBody"]["content"]) {
            note_references(document, &content["x-events"], names);
        }
    }
}

fn note_references(document: &Value, value: &Value, names: &mut BTreeSet<String>) {
    if let Some(name) = value["$ref"].as_str().and_then(|reference| reference.rsplit('/').next()) {
        if names.insert(name.to_owned()) {
            note_references(document, &document["components"]["schemas"][name], names);
        }
        return;
    }
    object(value).for_each(|(_, part)| note_references(document, part, names));
    value.as_array().into_iter().flatten().for_each(|part| note_references(document, part, names));
}

fn of_operation(document: &Value, place: &str, operation: &Value, facts: &mut Facts) {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    facts.insert(format!("{place} operationId"), text(&operation["operationId"]));
    let tags: Vec<String> = operation["tags"].as_array().into_iter().flatten().map(text).collect();
    facts.insert(format!("{place} tags"), tags.join(", "));
    if operation["deprecated"].as_bool() == Some(true) {
        facts.insert(format!("{place} deprecated"), "true".into());
    }
    facts.insert(format!("{place} security"), security_of(operation));
    for parameter in operation["parameters"].as_array().into_iter().flatten() {
        let parameter = resolved(document, parameter);
        let fact = format!("{place} {} {}", text(&parameter["in"]), text(&parameter["name"]));
        let presence = if parameter["required"].as_bool() == Some(true) { "required" } else { "optional" };
        let schema = &parameter["schema"];
        let default = default_of(document, schema);
        facts.insert(fact.clone(), format!("{} {presence}{default}", type_of(document, schema)));
        note_limits(facts, &fact, schema);
    }
    if let Some(body) = operation.get("requestBody") {
        let presence = if body["required"].as_bool() == Some(true) { "required" } else { "optional" };
        for (media_type, content) in object(&body["content"]) {
            let value = type_of(document, &content["schema"]);
            facts.insert(format!("{place} body"), format!("{} {value} {presence}", plain(media_type)));
        }
    }
    for (status, response) in object(&operation["responses"]) {
        let response = resolved(document, response);
        let content: Vec<String> = object(&response["content"])
            .map(|(media_type, content)| {
                format!("{} {}", plain(media_type), type_of(document, &content["schema"]))
            })
            .collect();
        facts.insert(format!("{place} response {status}"), content.join(", "));
    }
}

fn security_of(operation: &Value) -> String {
    let requirements = operation["security"].as_array().into_iter().flatten();
    let names = requirements.map(|requirement| match object(requirement).next() {
        Some((scheme, _)) => scheme.clone(),
        None => "no credentials".to_owned(),
    });
    names.collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>().join(" or ")
}

/// The type of a value in a few words.
fn type_of(document: &Value, schema: &Value) -> String {
    if let Some(reference) = schema["$ref"].as_str() {
        let name = reference.rsplit('/').next().unwrap_or(reference);
        let named = &document["components"]["schemas"][name];
        return if is_free_form(named) { "object".into() } else { format!("#{name}") };
    }
    for wrapper in ["allOf", "oneOf", "anyOf"] {
        if let Some(choices) = schema[wrapper].as_array() {
            let real = choices.iter().find(|choice| choice["type"] != "null");
            return real.map_or_else(|| "nothing".into(), |choice| type_of(document, choice));
        }
    }
    let kind = match &schema["type"] {
        Value::Array(kinds) => {
            kinds.iter().filter_map(Value::as_str).find(|kind| *kind != "null").unwrap_or("any")
        }
        kind => kind.as_str().unwrap_or("any"),
    };
    match kind {
        "array" => format!("list of {}", type_of(document, &schema["items"])),
        "integer" => format!("integer {}", schema["format"].as_str().unwrap_or_default()),
        kind => kind.to_owned(),
    }
}

fn default_of(document: &Value, schema: &Value) -> String {
    let named = schema["$ref"].as_str().and_then(|reference| reference.rsplit('/').next());
    let own = schema
        .get("default")
        .or_else(|| schema["allOf"].as_array()?.iter().find_map(|part| part.get("default")));
    let default = own.or_else(|| document["components"]["schemas"][named?].get("default"));
    default.map_or_else(String::new, |default| format!(" default {default}"))
}

fn note_limits(facts: &mut Facts, place: &str, schema: &Value) {
    let mut limits = Vec::new();
    let schemas = [schema, &schema["items"]];
    for schema in schemas {
        for limit in ["minLength", "maxLength", "pattern", "minimum", "maximum", "maxItems"] {
            match &schema[limit] {
                Value::Null => {}
                Value::String(text) => limits.push(format!("{limit}={text}")),
                number => limits.push(format!("{limit}={}", number.as_f64().unwrap_or_default())),
            }
        }
    }
    if !limits.is_empty() {
        facts.insert(format!("{place}{LIMITS}"), limits.join(" "));
    }
}

fn is_free_form(schema: &Value) -> bool {
    schema["type"] == "object" && schema.get("properties").is_none() && schema.get("oneOf").is_none()
}

fn resolved<'document>(document: &'document Value, value: &'document Value) -> &'document Value {
    match value["$ref"].as_str().and_then(|reference| reference.strip_prefix('#')) {
        Some(pointer) => document.pointer(pointer).unwrap_or(value),
        None => value,
    }
}

fn plain(media_type: &str) -> &str {
    media_type.split(';').next().unwrap_or(media_type)
}

fn object(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}
