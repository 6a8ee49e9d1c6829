//! The matrix leaves nothing out: no operation, and no caller in any rule.

use std::collections::BTreeSet;

use heliostat_api::Role;

use super::matrix::Matrix;
use crate::harness::Promised;

const ROLES: [Role; 3] = [Role::Upstream, Role::Mirror, Role::OriginMirror];

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
