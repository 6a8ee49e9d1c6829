//! The contract as a text: which edition, in which format, and which operations.

use heliostat_api::{Role, operations};
use yaml_serde::{Mapping, Value};

use super::edition::into_3_1;
use super::selection::keep_only;
use crate::contract::CONTRACT;

/// Ways to sign in, as people look for them. Servers sign their calls themselves.
const FOR_PEOPLE: [&str; 2] = ["basic", "bearer"];

/// The version of OpenAPI.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Edition {
    /// 3.0.3, as the contract is written.
    V3_0,
    /// 3.1, whose schemas are those of JSON Schema.
    V3_1,
}

/// How the document is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// JSON in one line.
    Json,
    /// YAML.
    Yaml,
}

/// Which operations it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Selection {
    /// Those of all roles, as they were written.
    All,
    /// Those of all roles, the groups of one before the others.
    OwnFirst(Role),
    /// Those that one role serves, and what they refer to.
    Only(Role),
}

/// One document of the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ContractDocument {
    /// The version of OpenAPI.
    pub edition: Edition,
    /// How it is written.
    pub format: Format,
    /// Which operations it holds.
    pub selection: Selection,
}

impl Format {
    /// What the document is sent as.
    pub(super) fn media_type(self) -> &'static str {
        match self {
            Format::Json => "application/json",
            Format::Yaml => "application/yaml",
        }
    }
}

impl ContractDocument {
    /// The document for clients of the server at this address, which ends in `/rest`.
    pub fn text(self, address: &str) -> String {
        let document = self.document(address);
        match self.format {
            Format::Json => serde_json::to_string(&document).unwrap_or_default(),
            Format::Yaml => yaml_serde::to_string(&document).unwrap_or_default(),
        }
    }

    fn document(self, address: &str) -> Value {
        let mut contract = CONTRACT.clone();
        match self.selection {
            Selection::All => (),
            Selection::OwnFirst(role) => put_own_groups_first(&mut contract, role),
            Selection::Only(role) => {
                keep_only(&mut contract, role);
                contract["info"]["title"] = format!("Heliostat REST API ({})", role.as_str()).into();
            }
        }
        put_people_first(&mut contract);
        let server = Mapping::from_iter([("url".into(), Value::from(address))]);
        contract["servers"] = Value::Sequence(vec![server.into()]);
        match self.edition {
            Edition::V3_0 => contract,
            Edition::V3_1 => into_3_1(contract),
        }
    }
}

/// Moves the groups of operations that a role serves before those that it does not.
fn put_own_groups_first(contract: &mut Value, role: Role) {
    let own: Vec<Value> = contract["paths"]
        .as_mapping()
        .into_iter()
        .flat_map(Mapping::values)
        .filter_map(Value::as_mapping)
        .flat_map(Mapping::values)
        .filter(|operation| {
            operations().iter().any(|o| o.is_served_by(role) && operation["operationId"] == o.id)
        })
        .map(|operation| operation["tags"][0].clone())
        .collect();
    if let Some(tags) = contract["tags"].as_sequence_mut() {
        tags.sort_by_key(|tag| !own.contains(&tag["name"]));
    }
}

/// Names the ways in that people have before those of servers, at every operation.
fn put_people_first(contract: &mut Value) {
    let items = contract["paths"].as_mapping_mut().into_iter().flat_map(Mapping::values_mut);
    let operations = items.filter_map(Value::as_mapping_mut).flat_map(Mapping::values_mut);
    for operation in operations {
        if let Some(ways) = operation.get_mut("security").and_then(Value::as_sequence_mut) {
            ways.sort_by_key(place_of_way);
        }
    }
}

/// Without credentials first, then as people sign in, then the rest.
fn place_of_way(requirement: &Value) -> usize {
    let scheme = requirement.as_mapping().and_then(|schemes| schemes.keys().next()).and_then(Value::as_str);
    let Some(scheme) = scheme else { return 0 };
    let place = FOR_PEOPLE.iter().position(|known| *known == scheme);
    1 + place.unwrap_or(FOR_PEOPLE.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADDRESS: &str = "http://127.0.0.1:7990/rest";

    fn document(selection: Selection) -> Value {
        ContractDocument { edition: Edition::V3_0, format: Format::Json, selection }.document(ADDRESS)
    }

    fn groups(document: &Value) -> Vec<&str> {
        let tags = document["tags"].as_sequence().expect("there are groups");
        tags.iter().map(|tag| tag["name"].as_str().expect("groups have names")).collect()
    }

    #[test]
    fn each_role_shows_its_own_groups_first_and_all_of_them() {
        let upstream = document(Selection::OwnFirst(Role::Upstream));
        let mirror = document(Selection::OwnFirst(Role::Mirror));
        let own = ["Mirroring (Mirror)", "Mirroring (Hashes)", "Mirroring (Served repositories)"];
        assert_eq!(groups(&mirror)[..3], own);
        assert_eq!(groups(&upstream)[0], "Mirroring (Upstream)");
        assert_eq!(groups(&upstream).last(), Some(&"Mirroring (Served repositories)"));
        assert_eq!(groups(&upstream).len(), groups(&mirror).len());
    }

    #[test]
    fn the_document_keeps_its_order() {
        let document =
            ContractDocument { edition: Edition::V3_1, format: Format::Json, selection: Selection::All };
        let json = document.text(ADDRESS);
        let place = |text: &str| json.find(text).unwrap_or_else(|| panic!("no {text}"));
        assert!(place("\"openapi\"") < place("\"info\"") && place("\"info\"") < place("\"paths\""));
        assert!(place("\"/mirroring/latest/upstreamServers\"") < place("\"/api/latest/projects\""));
    }

    #[test]
    fn people_are_shown_their_way_in_first() {
        let document = document(Selection::All);
        let schemes = document["components"]["securitySchemes"].as_mapping().expect("there are schemes");
        assert_eq!(schemes.keys().next().and_then(Value::as_str), Some("basic"));
        let ways = &document["paths"]["/mirroring/latest/upstreamServers"]["get"]["security"];
        let ways = ways.as_sequence().expect("is signed in to").iter();
        let names: Vec<_> = ways.filter_map(|way| way.as_mapping()?.keys().next()?.as_str()).collect();
        assert_eq!(names, ["basic", "bearer", "serverJwt"]);
    }
}
