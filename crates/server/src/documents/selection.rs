//! Takes out of the contract what a role does not serve: operations, the groups that are then empty, and the components that
//! nothing refers to any more.

use std::collections::BTreeSet;

use heliostat_api::{Role, operations};
use yaml_serde::Value;

/// How references to components begin.
const COMPONENTS: &str = "#/components/";

/// Leaves the operations of one role.
pub(super) fn keep_only(contract: &mut Value, role: Role) {
    let served: BTreeSet<&str> = operations().iter().filter(|o| o.is_served_by(role)).map(|o| o.id).collect();
    let mut groups = BTreeSet::new();
    if let Some(paths) = contract["paths"].as_mapping_mut() {
        paths.retain(|_, item| {
            let Some(item) = item.as_mapping_mut() else { return false };
            item.retain(|_, operation| {
                operation["operationId"].as_str().is_some_and(|id| served.contains(id))
            });
            let shown = item.values().filter_map(|operation| operation["tags"][0].as_str());
            groups.extend(shown.map(str::to_owned));
            !item.is_empty()
        });
    }
    if let Some(tags) = contract["tags"].as_sequence_mut() {
        tags.retain(|tag| tag["name"].as_str().is_some_and(|name| groups.contains(name)));
    }
    drop_unused_components(contract);
}

fn drop_unused_components(contract: &mut Value) {
    let mut open = BTreeSet::new();
    collect_references(&contract["paths"], &mut open);
    let mut used = BTreeSet::new();
    while let Some(reference) = open.pop_first() {
        let mut further = BTreeSet::new();
        if let Some((kind, name)) = reference.split_once('/')
            && let Some(component) = contract["components"].get(kind).and_then(|of_kind| of_kind.get(name))
        {
            collect_references(component, &mut further);
        }
        used.insert(reference);
        open.extend(further.into_iter().filter(|further| !used.contains(further)));
    }
    let Some(components) = contract["components"].as_mapping_mut() else { return };
    for (kind, of_kind) in components.iter_mut() {
        // Ways to sign in are named, not referred to.
        if let (Some(kind), Some(of_kind)) = (kind.as_str(), of_kind.as_mapping_mut())
            && kind != "securitySchemes"
        {
            of_kind
                .retain(|name, _| name.as_str().is_some_and(|name| used.contains(&format!("{kind}/{name}"))));
        }
    }
    components.retain(|_, of_kind| of_kind.as_mapping().is_some_and(|of_kind| !of_kind.is_empty()));
}

/// Adds the components that a part of the contract refers to, as `kind/name`.
fn collect_references(part: &Value, found: &mut BTreeSet<String>) {
    match part {
        Value::String(text) => found.extend(text.strip_prefix(COMPONENTS).map(str::to_owned)),
        Value::Sequence(parts) => parts.iter().for_each(|part| collect_references(part, found)),
        Value::Mapping(parts) => parts.values().for_each(|part| collect_references(part, found)),
        _ => (),
    }
}

#[cfg(test)]
mod tests {
    use yaml_serde::Mapping;

    use super::super::contract::{ContractDocument, Edition, Format, Selection};
    use super::*;

    fn document(selection: Selection) -> Value {
        let document = ContractDocument { edition: Edition::V3_0, format: Format::Yaml, selection };
        yaml_serde::from_str(&document.text("/rest")).expect("is YAML")
    }

    fn operation_ids(document: &Value) -> Vec<&str> {
        let items = document["paths"].as_mapping().expect("there are paths").values();
        let all = items.filter_map(Value::as_mapping).flat_map(Mapping::values);
        all.filter_map(|operation| operation["operationId"].as_str()).collect()
    }

    #[test]
    fn a_role_shows_exactly_what_it_serves() {
        for role in [Role::Upstream, Role::Mirror, Role::OriginMirror] {
            let document = document(Selection::Only(role));
            let served: BTreeSet<_> =
                operations().iter().filter(|operation| operation.is_served_by(role)).map(|o| o.id).collect();
            assert_eq!(operation_ids(&document).into_iter().collect::<BTreeSet<_>>(), served);
        }
    }

    #[test]
    fn every_component_is_referred_to_and_every_reference_leads_to_one() {
        let document = document(Selection::Only(Role::OriginMirror));
        let mut referred_to = BTreeSet::new();
        collect_references(&document, &mut referred_to);
        let mut there = BTreeSet::new();
        for (kind, of_kind) in document["components"].as_mapping().expect("there are components") {
            let kind = kind.as_str().expect("kinds have names");
            for name in of_kind.as_mapping().expect("they have names").keys().filter_map(Value::as_str) {
                there.extend((kind != "securitySchemes").then(|| format!("{kind}/{name}")));
            }
        }
        assert_eq!(there, referred_to);
        assert!(there.len() < 30, "what others refer to has gone: {there:?}");
    }
}
