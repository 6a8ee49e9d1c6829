//! `cargo xtask drift`: three witnesses must agree with the contract.
//!
//! 1. The generated files, compared with what the generator would write now.
//! 2. The document that poem-openapi emits from the compiled routes: what is on the wire.
//! 3. The components that utoipa reads off the same types: what serde writes.
//!
//! Each document becomes a set of facts ([`facts`]); every fact that differs is told with its remedy. Differences
//! that are known and explained stand in `openapi/drift-known.toml`, and an entry that explains nothing any more
//! is itself a finding, so that the list only shrinks.

mod facts;
mod known;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::Command;

use anyhow::{Context, bail};
use serde_json::Value;

use crate::codegen;
use crate::outcome::{Finding, Outcome};
use crate::{test, workspace};
use facts::Facts;
use known::Known;

/// Compares the three witnesses with the contract.
pub fn run() -> anyhow::Result<Outcome> {
    if let stale @ (Outcome::Stale(_) | Outcome::Broken(_)) = codegen::run(true)? {
        return Ok(stale);
    }
    let path = workspace::contract_path();
    let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let contract: Value = yaml_serde::from_str(&text).context("the contract is not YAML")?;
    let emitted = emitted_documents()?;
    let known = Known::read(&workspace::root().join("openapi/drift-known.toml"))?;
    let findings = differences(&contract, &emitted["wire"], &emitted["serde"], &known);
    Ok(Outcome::of_findings(findings, "generated files, wire and serde agree with the contract"))
}

/// Every unexplained difference, and every explanation without a difference.
pub fn differences(contract: &Value, wire: &Value, serde: &Value, known: &Known) -> Vec<Finding> {
    let canonical = facts::of_document(contract);
    let mut findings = Vec::new();
    let mut explained = Vec::new();
    let serde_canonical = facts::without_limits(&facts::of_schemas(contract));
    let comparisons = [
        ("wire", facts::without_schemas(canonical, &unseen_events(contract, wire)), facts::of_document(wire)),
        ("serde", serde_canonical, facts::without_limits(&facts::of_schemas(serde))),
    ];
    for (witness, wanted, found) in comparisons {
        for (fact, difference) in compare(&wanted, &found) {
            if known.explains(witness, &fact) {
                explained.push((witness.to_owned(), fact));
            } else {
                findings.push(Finding {
                    problem: format!("{witness}: {fact}: {difference}"),
                    remedy: remedy(witness).into(),
                });
            }
        }
    }
    for (witness, fact) in known.unused(&explained) {
        findings.push(Finding {
            problem: format!("{witness}: {fact}: is listed as a known difference and is none"),
            remedy: "remove it from openapi/drift-known.toml".into(),
        });
    }
    findings
}

/// The schemas that only events need, which poem-openapi leaves out of what it emits, since no route has their types.
fn unseen_events(contract: &Value, wire: &Value) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    facts::schemas_of_events(contract, &mut names);
    names.retain(|name| wire["components"]["schemas"].get(name).is_none());
    names
}

fn remedy(witness: &str) -> &'static str {
    match witness {
        "wire" => "mend the generator (xtask/src/codegen) or the contract, then run `cargo xtask codegen`",
        _ => {
            "make serde's attributes follow the contract (xtask/src/codegen/models.rs), then run `cargo xtask codegen`"
        }
    }
}

fn compare(wanted: &Facts, found: &Facts) -> BTreeMap<String, String> {
    let mut differences = BTreeMap::new();
    for (fact, wanted) in wanted {
        match found.get(fact) {
            Some(found) if found == wanted => {}
            Some(found) => {
                differences
                    .insert(fact.clone(), format!("the contract says `{wanted}`, the code says `{found}`"));
            }
            None => {
                differences
                    .insert(fact.clone(), format!("the contract says `{wanted}`, the code has nothing"));
            }
        }
    }
    for (fact, found) in found {
        if !wanted.contains_key(fact) {
            differences.insert(fact.clone(), format!("the contract has nothing, the code says `{found}`"));
        }
    }
    differences
}

fn emitted_documents() -> anyhow::Result<Value> {
    let binary = test::built_binary()?.with_file_name("heliostat-emitted-contract");
    let output = Command::new(&binary).output();
    let output = output.with_context(|| format!("cannot run {}", binary.display()))?;
    if !output.status.success() {
        bail!("{} failed:\n{}", binary.display(), String::from_utf8_lossy(&output.stderr));
    }
    serde_json::from_slice(&output.stdout).with_context(|| format!("{} printed no JSON", binary.display()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn contract() -> Value {
        json!({
            "paths": {"/mirrors/{id}": {"get": {
                "operationId": "getMirror", "tags": ["Mirrors"], "security": [{"basic": []}],
                "parameters": [{"name": "id", "in": "path", "required": true, "schema": {"type": "string"}}],
                "responses": {
                    "200": {"description": "", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Mirror"}}}},
                    "404": {"description": ""}
                }
            }}},
            "components": {"schemas": {"Mirror": {
                "type": "object", "required": ["id"],
                "properties": {"id": {"type": "string", "maxLength": 9}, "name": {"type": "string"}}
            }}}
        })
    }

    fn problems(wire: &Value, serde: &Value) -> Vec<String> {
        let found = differences(&contract(), wire, serde, &Known::default());
        found.into_iter().map(|finding| finding.problem).collect()
    }

    #[test]
    fn equal_documents_agree() {
        assert!(problems(&contract(), &contract()).is_empty());
    }

    #[test]
    fn a_planted_missing_operation_is_found() {
        let mut wire = contract();
        wire["paths"] = json!({});
        let found = problems(&wire, &contract());
        assert!(
            found
                .iter()
                .any(|p| p.contains("GET /mirrors/{id} operationId") && p.contains("the code has nothing"))
        );
    }

    #[test]
    fn a_planted_renamed_field_is_found_by_both_witnesses() {
        let mut emitted = contract();
        emitted["components"]["schemas"]["Mirror"]["properties"] =
            json!({"id": {"type": "string", "maxLength": 9}, "title": {"type": "string"}});
        let found = problems(&emitted, &emitted);
        assert_eq!(found.iter().filter(|p| p.contains("Mirror.name")).count(), 2);
        assert_eq!(found.iter().filter(|p| p.contains("Mirror.title")).count(), 2);
    }

    #[test]
    fn a_planted_status_is_found() {
        let mut wire = contract();
        let responses = &mut wire["paths"]["/mirrors/{id}"]["get"]["responses"];
        *responses = json!({"200": responses["200"], "409": {"description": ""}});
        let found = problems(&wire, &contract());
        assert!(
            found.iter().any(|p| p.contains("response 404"))
                && found.iter().any(|p| p.contains("response 409"))
        );
    }

    #[test]
    fn what_only_an_event_carries_need_not_be_on_the_wire() {
        let mut contract = contract();
        let schema = json!({"$ref": "#/components/schemas/Moved"});
        contract["paths"]["/mirrors/{id}"]["get"]["requestBody"] = json!({
            "content": {"application/json": {"schema": {"type": "object"}, "x-events": {"moved": schema}}}
        });
        let mut wire = contract.clone();
        let place = json!({"type": "object", "properties": {"name": {"type": "string"}}});
        let moved = json!({"type": "object", "properties": {"to": {"$ref": "#/components/schemas/Place"}}});
        contract["components"]["schemas"]["Moved"] = moved;
        contract["components"]["schemas"]["Place"] = place;
        let found = differences(&contract, &wire, &contract, &Known::default());
        assert_eq!(found, []);

        wire["components"]["schemas"]["Moved"] = json!({"type": "object", "properties": {}});
        let found = differences(&contract, &wire, &contract, &Known::default());
        assert!(found.iter().any(|finding| finding.problem.contains("Moved.to")), "{found:?}");
    }

    #[test]
    fn a_known_difference_that_is_none_is_a_finding() {
        let known = Known::parse("[[difference]]\nwitness = \"wire\"\nfact = \"x\"\nreason = \"was so\"\n")
            .expect("reads");
        let found = differences(&contract(), &contract(), &contract(), &known);
        assert_eq!(found.len(), 1);
        assert!(found[0].remedy.contains("drift-known.toml"));
    }
}
