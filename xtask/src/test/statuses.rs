//! The contract is the list of tests: every status that an operation promises is produced by some test.
//!
//! While the whole-system tests run they note which operation answered which status. What is promised and was not
//! seen is a finding, unless `tests/statuses-not-produced.toml` gives the reason. That list may only shrink: an entry
//! that was produced after all, or that the contract does not know, is a finding, and so is a list that is longer or
//! shorter than the ceiling it states.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::{Context, anyhow};
use serde::Deserialize;

use crate::contract::{self, Contract};
use crate::outcome::{Finding, Outcome};
use crate::workspace;

/// The variable that tells the tests in which folder to note statuses.
pub const FOLDER_VARIABLE: &str = "HELIOSTAT_TEST_STATUSES";

const EXCEPTIONS: &str = "tests/statuses-not-produced.toml";

/// An operation and a status of it.
type Produced = (String, u16);

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Exceptions {
    ceiling: usize,
    #[serde(default, rename = "status")]
    statuses: Vec<Exception>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Exception {
    operation: String,
    status: u16,
    reason: String,
}

/// Compares what the tests noted in a folder with the contract.
pub fn run(folder: &Path) -> anyhow::Result<Outcome> {
    let read =
        |path: &Path| fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()));
    let contract = contract::read(&read(&workspace::contract_path())?).map_err(|violations| {
        anyhow!("the contract is outside its profile: run `cargo xtask lint-spec`: {violations:?}")
    })?;
    let exceptions = exceptions_in(&read(&workspace::root().join(EXCEPTIONS))?)?;
    let mut produced = BTreeSet::new();
    for entry in fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))? {
        let path = entry.with_context(|| format!("cannot list {}", folder.display()))?.path();
        produced.extend(produced_in(&read(&path)?).with_context(|| path.display().to_string())?);
    }
    let good = format!(
        "the tests produce every status of {} operations, but for {} exceptions",
        contract.operations.len(),
        exceptions.statuses.len()
    );
    Ok(Outcome::of_findings(findings(&contract, &produced, &exceptions), good))
}

fn exceptions_in(text: &str) -> anyhow::Result<Exceptions> {
    toml::from_str(text).with_context(|| format!("{EXCEPTIONS} cannot be read"))
}

/// Reads lines such as `getMirror 404`.
fn produced_in(text: &str) -> anyhow::Result<BTreeSet<Produced>> {
    let line = |line: &str| {
        let (operation, status) = line.split_once(' ')?;
        Some((operation.to_owned(), status.parse().ok()?))
    };
    text.lines()
        .map(|text| line(text).with_context(|| format!("not an operation and a status: {text:?}")))
        .collect()
}

fn findings(contract: &Contract, produced: &BTreeSet<Produced>, exceptions: &Exceptions) -> Vec<Finding> {
    let promised: BTreeSet<Produced> = contract
        .operations
        .iter()
        .flat_map(|operation| {
            operation.responses.iter().map(|response| (operation.id.clone(), response.status))
        })
        .collect();
    let mut findings = Vec::new();
    let mut finding = |problem: String, remedy: &str| {
        findings.push(Finding { problem, remedy: remedy.to_owned() });
    };
    let mut excepted = BTreeSet::new();
    for exception in &exceptions.statuses {
        let entry = (exception.operation.clone(), exception.status);
        let (operation, status) = &entry;
        if !promised.contains(&entry) {
            finding(format!("{operation} {status}: is excepted and not in the contract"), "delete the entry");
        } else if produced.contains(&entry) {
            finding(
                format!("{operation} {status}: is excepted and was produced"),
                "delete the entry, lower the ceiling",
            );
        }
        if exception.reason.trim().is_empty() {
            finding(
                format!("{operation} {status}: is excepted without a reason"),
                "say why no test can produce it",
            );
        }
        excepted.insert(entry);
    }
    for (operation, status) in promised.difference(produced).filter(|entry| !excepted.contains(entry)) {
        finding(
            format!("{operation} {status}: is promised, and no test has produced it"),
            "write the test, or take the status out of openapi/heliostat.yaml if it cannot happen",
        );
    }
    for (operation, status) in produced.difference(&promised) {
        finding(
            format!("{operation} {status}: was produced, and the contract does not promise it"),
            "add the status to openapi/heliostat.yaml, or mend the server",
        );
    }
    let (count, ceiling) = (exceptions.statuses.len(), exceptions.ceiling);
    if count > ceiling {
        finding(
            format!("{EXCEPTIONS}: has {count} entries, its ceiling is {ceiling}"),
            "write the missing tests; the ceiling is never raised",
        );
    }
    if count < ceiling {
        finding(
            format!("{EXCEPTIONS}: has {count} entries, and its ceiling is still {ceiling}"),
            "lower the ceiling to the number of entries",
        );
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONTRACT: &str = r#"
openapi: 3.0.3
info: {title: T, version: "1"}
tags: [{name: Mirrors, description: Mirrors.}]
paths:
  /mirrors:
    get:
      operationId: getMirrors
      tags: [Mirrors]
      security: []
      responses: {"200": {description: Ok}, "405": {description: Method}}
    delete:
      operationId: deleteMirrors
      tags: [Mirrors]
      security: []
      responses: {"204": {description: Gone}}
"#;
    const ALL: &str = "getMirrors 200\ngetMirrors 405\ndeleteMirrors 204\n";

    fn problems(produced: &str, exceptions: &str) -> Vec<String> {
        let contract = contract::read(CONTRACT).expect("lies within the profile");
        let produced = produced_in(produced).expect("is well-formed");
        let exceptions = exceptions_in(exceptions).expect("is well-formed");
        findings(&contract, &produced, &exceptions).into_iter().map(|finding| finding.problem).collect()
    }

    fn exception(operation: &str, status: u16) -> String {
        format!("[[status]]\noperation = \"{operation}\"\nstatus = {status}\nreason = \"no way\"\n")
    }

    #[test]
    fn everything_produced_and_nothing_excepted_is_good() {
        assert!(problems(ALL, "ceiling = 0").is_empty());
    }

    #[test]
    fn a_promise_without_a_test_is_found_unless_excepted() {
        let produced = "getMirrors 200\ndeleteMirrors 204\n";
        assert_eq!(
            problems(produced, "ceiling = 0"),
            ["getMirrors 405: is promised, and no test has produced it"]
        );
        let list = format!("ceiling = 1\n{}", exception("getMirrors", 405));
        assert!(problems(produced, &list).is_empty());
    }

    #[test]
    fn a_status_beside_the_contract_is_found() {
        let produced = format!("{ALL}getMirrors 500\n");
        let expected = ["getMirrors 500: was produced, and the contract does not promise it"];
        assert_eq!(problems(&produced, "ceiling = 0"), expected);
    }

    #[test]
    fn exceptions_may_not_outlive_their_reason() {
        let list = format!("ceiling = 1\n{}", exception("getMirrors", 405));
        assert_eq!(problems(ALL, &list), ["getMirrors 405: is excepted and was produced"]);
        let list = format!("ceiling = 1\n{}", exception("getMirrors", 404));
        assert_eq!(problems(ALL, &list), ["getMirrors 404: is excepted and not in the contract"]);
        let list = format!("ceiling = 1\n{}", exception("getMirrors", 405).replace("no way", " "));
        assert!(problems(ALL, &list).contains(&"getMirrors 405: is excepted without a reason".to_owned()));
        assert!(
            exceptions_in("ceiling = 0\n[[status]]\noperation = \"getMirrors\"\nstatus = 405\n").is_err()
        );
    }

    #[test]
    fn the_list_only_shrinks() {
        let produced = "getMirrors 200\ndeleteMirrors 204\n";
        let grown = format!("ceiling = 0\n{}", exception("getMirrors", 405));
        let expected = ["tests/statuses-not-produced.toml: has 1 entries, its ceiling is 0"];
        assert_eq!(problems(produced, &grown), expected);
        let expected = ["tests/statuses-not-produced.toml: has 0 entries, and its ceiling is still 1"];
        assert_eq!(problems(ALL, "ceiling = 1"), expected);
    }
}
