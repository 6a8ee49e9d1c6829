//! The matrix leaves nothing out: no operation, no other address, and no caller in any rule.

use std::collections::BTreeSet;

use heliostat_api::Role;

use super::matrix::{Matrix, Row};
use super::router::Route;
use crate::harness::Promised;

const ROLES: [Role; 3] = [Role::Upstream, Role::Mirror, Role::OriginMirror];
/// Below it are the operations.
const OPERATIONS: &str = "/rest";
/// What the matrix has for the address of a repository, and an address that has its form.
const SAMPLES: [(&str, &str); 3] = [
    ("{git}", "/scm/project/repository.git"),
    ("{publicGit}", "/scm/project/repository.git"),
    ("{public}", "/rest/api/latest/projects/project/repos/repository"),
];

#[test]
fn every_operation_has_a_row() {
    for role in ROLES {
        let matrix = Matrix::of(role);
        let rows: BTreeSet<&str> = matrix.operations.keys().map(String::as_str).collect();
        let operations: BTreeSet<&str> = Promised::of_role(role).map(|operation| operation.id()).collect();
        let missing: Vec<_> = operations.difference(&rows).collect();
        let surplus: Vec<_> = rows.difference(&operations).collect();
        assert!(
            missing.is_empty() && surplus.is_empty(),
            "{role:?}: say in tests/authorisation who may call {missing:?}; there is no operation {surplus:?}"
        );
    }
}

#[test]
fn every_address_of_the_router_has_a_door() {
    for role in ROLES {
        let (doors, routes) = (paths_of_doors(&Matrix::of(role)), Route::all_of(role));
        assert!(routes.len() > 8, "{role:?}: only {routes:?} are found in the source");
        let is_open = |route: &&Route| doors.iter().any(|(_, path)| route.answers(path));
        let closed: Vec<_> = routes
            .iter()
            .filter(|route| route.address != OPERATIONS && !is_open(route))
            .map(|route| &route.address)
            .collect();
        assert!(
            closed.is_empty(),
            "{role:?}: say in tests/authorisation, as a door, who may call {closed:?}"
        );
        // Git is answered at the paths of the origin there, wherever nothing else is.
        let is_elsewhere = |path: &String| !routes.iter().any(|route| route.answers(path));
        let unknown: Vec<_> = doors
            .iter()
            .filter(|(_, path)| is_elsewhere(path))
            .filter(|(_, path)| role != Role::OriginMirror || !path.starts_with(SAMPLES[0].1))
            .collect();
        assert!(unknown.is_empty(), "{role:?}: the router has no address of {unknown:?}");
    }
}

/// The names of the doors, and which path each asks for.
fn paths_of_doors(matrix: &Matrix) -> Vec<(String, String)> {
    let path_of = |(name, row): (&String, &Row)| {
        let at = row.at.as_deref().unwrap_or_else(|| panic!("{name:?} has no address"));
        let (_, address) = at.split_once(' ').expect("method and path");
        let path = address.split('?').next().unwrap_or_default().to_owned();
        let path = SAMPLES.iter().fold(path, |path, (name, sample)| path.replace(name, sample));
        (name.clone(), path)
    };
    matrix.doors.iter().map(path_of).collect()
}

#[test]
fn every_rule_names_the_same_callers_and_is_used() {
    for role in ROLES {
        let matrix = Matrix::of(role);
        let callers =
            |rule: &str| -> BTreeSet<String> { matrix.rule(rule).into_keys().map(str::to_owned).collect() };
        let all: BTreeSet<String> = matrix.rules().flat_map(callers).collect();
        let rows = || matrix.operations.values().chain(matrix.doors.values());
        for rule in matrix.rules() {
            let missing: Vec<_> = all.difference(&callers(rule)).cloned().collect();
            assert!(missing.is_empty(), "{role:?}: the rule {rule:?} says nothing of {missing:?}");
            assert!(rows().any(|row| row.rule == rule), "{role:?}: the rule {rule:?} is no rule of anything");
        }
    }
}
