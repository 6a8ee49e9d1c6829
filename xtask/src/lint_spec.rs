//! `cargo xtask lint-spec`: keeps the contract within the profile and fit for a reader.
//!
//! The profile is what both the generator and poem-openapi can express; the reader's part asks for
//! descriptions, summaries, the statuses that always exist, and examples.

mod examples;

use std::collections::BTreeSet;
use std::fs;

use anyhow::Context;

use crate::contract::{self, Contract, Operation, ParameterPlace, ResponseContent, SchemaKind, ValueType};
use crate::outcome::{Finding, Outcome};
use crate::workspace;

/// Reads the contract and tells every violation.
pub fn run() -> anyhow::Result<Outcome> {
    let path = workspace::contract_path();
    let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(Outcome::of_findings(findings(&text), "the contract keeps to its profile"))
}

/// Every violation of the profile or of the reader's rules in a document.
pub fn findings(text: &str) -> Vec<Finding> {
    let remedy = "edit openapi/heliostat.yaml at the named place";
    let problems = match contract::read(text) {
        Err(violations) => violations.iter().map(ToString::to_string).collect(),
        Ok(contract) => {
            let document = yaml_serde::from_str(text).expect("it was read as a contract");
            [problems_for_readers(&contract), examples::problems(&document)].concat()
        }
    };
    problems.into_iter().map(|problem| Finding { problem, remedy: remedy.into() }).collect()
}

fn problems_for_readers(contract: &Contract) -> Vec<String> {
    let mut problems = Vec::new();
    let mut ids = BTreeSet::new();
    let tags: BTreeSet<&str> = contract.tags.iter().map(|tag| tag.name.as_str()).collect();
    for operation in &contract.operations {
        let place = format!("{} {}", operation.method, operation.path);
        if !ids.insert(operation.id.as_str()) {
            problems.push(format!("{place}: the operationId {} is taken", operation.id));
        }
        if !tags.contains(operation.tag.as_str()) {
            problems.push(format!("{place}: the tag {} is not declared", operation.tag));
        }
        problems
            .extend(operation_problems(operation).into_iter().map(|problem| format!("{place}: {problem}")));
    }
    let used = used_schemas(contract);
    for schema in contract.schemas.values() {
        if schema.description.trim().is_empty() {
            problems.push(format!("components.schemas.{}: has no description", schema.name));
        }
        if !used.contains(schema.name.as_str()) {
            problems.push(format!("components.schemas.{}: nothing uses it", schema.name));
        }
    }
    problems.extend(null_problems(contract));
    problems
}

/// Many clients write `null` for what they leave out, and the server takes it; so requests must say so.
fn null_problems(contract: &Contract) -> Vec<String> {
    let mut names: Vec<&str> =
        contract.operations.iter().filter_map(|operation| named(&operation.body.as_ref()?.value)).collect();
    let mut seen = BTreeSet::new();
    let mut problems = Vec::new();
    while let Some(name) = names.pop() {
        let Some(schema) = contract.schemas.get(name).filter(|_| seen.insert(name)) else {
            continue;
        };
        match &schema.kind {
            SchemaKind::OneOf(choices) => names.extend(choices.iter().map(String::as_str)),
            SchemaKind::Object(fields) => {
                names.extend(fields.iter().filter_map(|field| named(&field.value)));
                let silent = fields.iter().filter(|field| !field.required && !field.nullable);
                problems.extend(silent.map(|field| {
                    format!("components.schemas.{name}.{}: may be left out of requests, so it must say `nullable: true`", field.name)
                }));
            }
            SchemaKind::Enumeration(_) | SchemaKind::FreeForm => {}
        }
    }
    problems
}

fn operation_problems(operation: &Operation) -> Vec<String> {
    let mut problems = Vec::new();
    if operation.summary.is_empty() || operation.description.is_empty() {
        problems.push("needs a summary and a description".to_owned());
    }
    let statuses: BTreeSet<u16> = operation.responses.iter().map(|response| response.status).collect();
    let mut ask = |status: u16, reason: &str| {
        if !statuses.contains(&status) {
            problems.push(format!("must document {status}: {reason}"));
        }
    };
    ask(405, "every path answers it to a wrong method");
    if operation.body.is_some() {
        // Where Bitbucket's contract says 409 of what makes no sense, so do we.
        let malformed = if statuses.contains(&409) && operation.parameters.is_empty() { 409 } else { 400 };
        ask(malformed, "a body can be malformed");
        ask(413, "a body can be too long");
        ask(415, "a body can have another media type");
    }
    if operation.parameters.iter().any(|parameter| parameter.place == ParameterPlace::Path) {
        ask(400, "a part of the path can be no text");
    }
    if !operation.security.is_empty() {
        ask(401, "credentials can be missing or wrong");
    }
    if operation.security.iter().flatten().any(|scheme| scheme == "basic") {
        ask(429, "checking a password costs much, and too many at once are turned away");
    }
    for parameter in operation.parameters.iter().filter(|p| p.place == ParameterPlace::Path) {
        if !operation.path.contains(&format!("{{{}}}", parameter.name)) {
            problems.push(format!("the path lacks the parameter {}", parameter.name));
        }
    }
    for placeholder in operation.path.split('{').skip(1).filter_map(|rest| rest.split('}').next()) {
        if !operation.parameters.iter().any(|p| p.place == ParameterPlace::Path && p.name == placeholder) {
            problems.push(format!("the path parameter {placeholder} is not declared"));
        }
    }
    problems
}

fn used_schemas(contract: &Contract) -> BTreeSet<&str> {
    let mut used = BTreeSet::new();
    let mut note = |value: &'_ ValueType| {
        if let Some(name) = named(value) {
            used.insert(name.to_owned());
        }
    };
    for operation in &contract.operations {
        operation.parameters.iter().for_each(|parameter| note(&parameter.value));
        if let Some(body) = &operation.body {
            note(&body.value);
            body.events.iter().for_each(|(_, schema)| note(&ValueType::Named(schema.clone())));
        }
        for response in &operation.responses {
            if let ResponseContent::Json(value) | ResponseContent::StreamedJson(value) = &response.content {
                note(value);
            }
        }
    }
    for schema in contract.schemas.values() {
        match &schema.kind {
            SchemaKind::Object(fields) => fields.iter().for_each(|field| note(&field.value)),
            SchemaKind::OneOf(names) => names.iter().for_each(|name| note(&ValueType::Named(name.clone()))),
            SchemaKind::Enumeration(_) | SchemaKind::FreeForm => {}
        }
    }
    contract.schemas.keys().map(String::as_str).filter(|name| used.contains(*name)).collect()
}

fn named(value: &ValueType) -> Option<&str> {
    match value {
        ValueType::Named(name) => Some(name),
        ValueType::List { item, .. } => named(item),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::findings;

    const GOOD: &str = r##"
openapi: 3.0.3
info: {title: T, version: "1"}
tags: [{name: Mirrors, description: Mirrors.}]
paths:
  /mirrors/{id}:
    put:
      operationId: putMirror
      tags: [Mirrors]
      summary: Put
      description: Puts a mirror.
      security: [{basic: []}]
      parameters: [{name: id, in: path, required: true, schema: {type: string}, example: saigon}]
      requestBody:
        required: true
        content: {application/json: {schema: {$ref: "#/components/schemas/Mirror"}}}
      responses:
        "200": {description: Ok, content: {application/json: {schema: {$ref: "#/components/schemas/Mirror"}}}}
        "400": {$ref: "#/components/responses/Error"}
        "401": {$ref: "#/components/responses/Error"}
        "405": {$ref: "#/components/responses/Error"}
        "413": {$ref: "#/components/responses/Error"}
        "415": {$ref: "#/components/responses/Error"}
        "429": {$ref: "#/components/responses/Error"}
components:
  responses:
    Error:
      description: Bad
      content: {application/json: {schema: {$ref: "#/components/schemas/Fault"}, example: {message: No.}}}
  schemas:
    Fault:
      description: What is wrong.
      type: object
      required: [message]
      properties: {message: {type: string}}
    Mirror:
      description: A mirror.
      type: object
      required: [id, state]
      properties: {id: {type: string}, size: {type: integer, format: int32, minimum: 1, nullable: true}, state: {$ref: "#/components/schemas/State"}}
      example: {id: saigon, size: 2, state: OPEN}
    State:
      description: How it is.
      type: string
      enum: [OPEN, SHUT]
"##;

    fn problems(text: &str) -> Vec<String> {
        findings(text).into_iter().map(|finding| finding.problem).collect()
    }

    #[test]
    fn a_document_within_the_profile_has_no_findings() {
        assert!(problems(GOOD).is_empty(), "{:?}", problems(GOOD));
    }

    #[test]
    fn each_rule_finds_its_planted_fault() {
        let planted = [
            ("        \"405\": {$ref: \"#/components/responses/Error\"}\n", "", "must document 405"),
            ("        \"415\": {$ref: \"#/components/responses/Error\"}\n", "", "must document 415"),
            ("        \"429\": {$ref: \"#/components/responses/Error\"}\n", "", "must document 429"),
            ("      description: Puts a mirror.\n", "", "needs a summary and a description"),
            ("      security: [{basic: []}]\n", "", "must say its security"),
            ("      operationId: putMirror\n", "", "must have an operationId"),
            ("      description: A mirror.\n", "", "has no description"),
            ("tags: [Mirrors]", "tags: [Others]", "is not declared"),
            ("/mirrors/{id}:", "/mirrors/{name}:", "path parameter name is not declared"),
            ("{id: {type: string}", "{id: {type: integer}", "must say its format"),
            ("\"400\": {$ref", "default: {$ref", "must name each status"),
            ("description: Puts a mirror.", "description: Put.", "only repeats the summary"),
            (", example: saigon}", "}", "a path parameter needs an example"),
            (", example: saigon}", ", example: hanoi}", "no example of an answer knows hanoi"),
            (", example: saigon}", ", example: 7}", "7 is not of type \"string\""),
            (
                "      example: {id: saigon, size: 2, state: OPEN}\n",
                "",
                "requestBody: application/json needs",
            ),
            (", example: {message: No.}", "", "PUT /mirrors/{id}.400: application/json needs an example"),
            ("{id: saigon,", "{name: saigon,", "\"id\" is a required property"),
            ("size: 2,", "size: 2, name: x,", "'name' was unexpected"),
            ("size: 2,", "size: 0,", "0 is less than the minimum of 1"),
            ("state: OPEN", "state: AJAR", "\"AJAR\" is not one of"),
            (
                "\"405\": {$ref: \"#/components/responses/Error\"}",
                "\"405\": {description: Method}",
                "405: an error must have a body",
            ),
            (", nullable: true", "", "must say `nullable: true`"),
        ];
        for (found, replaced, expected) in planted {
            let text = GOOD.replacen(found, replaced, 1);
            assert_ne!(text, GOOD, "{found:?} is not in the document");
            let problems = problems(&text);
            assert!(problems.iter().any(|problem| problem.contains(expected)), "{expected}: {problems:?}");
        }
    }

    #[test]
    fn two_examples_of_one_object_must_agree() {
        let schema = "{schema: {$ref: \"#/components/schemas/Mirror\"}}";
        let with = |size: u8| {
            let example = format!("{{id: saigon, size: {size}, state: OPEN}}");
            let own = format!("{{schema: {{$ref: \"#/components/schemas/Mirror\"}}, example: {example}}}");
            problems(&GOOD.replacen(schema, &own, 1))
        };
        assert_eq!(with(2), Vec::<String>::new());
        let contradiction = with(3);
        assert!(contradiction.iter().any(|p| p.contains("size of Mirror saigon is")), "{contradiction:?}");
    }
}
