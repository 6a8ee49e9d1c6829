//! The matrix of a role, read from its file.

use std::collections::{BTreeMap, BTreeSet};

use heliostat_api::Role;
use serde::Deserialize;
use serde_json::Value;

/// Under this name stand those whom a rule lets through.
const PASSES: &str = "passes";
/// Who may read what is private, and so may be told its names.
const KNOWS_THE_NAMES: &str = "who may know the names";
/// Who finds what is private in lists.
const FINDS_IT_IN_LISTS: &str = "who finds it in lists";

/// Who may call what at a server of one role.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Matrix {
    groups: BTreeMap<String, Vec<String>>,
    rules: BTreeMap<String, BTreeMap<String, Vec<String>>>,
    /// By `operationId`.
    pub operations: BTreeMap<String, Row>,
    /// What is no operation, by a name.
    pub doors: BTreeMap<String, Row>,
}

/// What is asked, and who may ask it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Row {
    /// The rule by name.
    pub rule: String,
    /// What those are answered who pass.
    pub answer: Statuses,
    /// Values of parameters instead of the scene's.
    #[serde(default)]
    pub with: BTreeMap<String, String>,
    /// More of the query.
    pub query: Option<String>,
    /// The body instead of the contract's example.
    pub body: Option<Value>,
    /// What each one who passes gets for themselves, because the request uses it up.
    pub fresh: Option<String>,
    /// Whether the answer is a list that has what is private for those who find it there.
    #[serde(default)]
    pub shows: bool,
    /// Of a door: method and address.
    pub at: Option<String>,
    /// Of a door: what is posted.
    pub text: Option<String>,
}

/// One status, or several that are as good as each other.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub enum Statuses {
    /// This one.
    One(u16),
    /// One of these.
    Any(Vec<u16>),
}

/// What a rule says of a caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// They are let through.
    Passes,
    /// They get this status.
    Refused(u16),
}

impl Statuses {
    /// Whether it is one of them.
    pub fn has(&self, status: u16) -> bool {
        match self {
            Self::One(one) => *one == status,
            Self::Any(several) => several.contains(&status),
        }
    }
}

impl Matrix {
    /// That of a role.
    pub fn of(role: Role) -> Self {
        let text = match role {
            Role::Upstream => include_str!("upstream.yaml"),
            Role::Mirror => include_str!("mirror.yaml"),
            Role::OriginMirror => include_str!("origin_mirror.yaml"),
        };
        yaml_serde::from_str(text).unwrap_or_else(|error| panic!("the matrix of the {role:?}: {error}"))
    }

    /// The names of the rules.
    pub fn rules(&self) -> impl Iterator<Item = &str> {
        self.rules.keys().map(String::as_str)
    }

    /// What a rule says of each caller that it names; fails if it names one twice.
    pub fn rule(&self, name: &str) -> BTreeMap<&str, Outcome> {
        let rule = self.rules.get(name).unwrap_or_else(|| panic!("there is no rule {name:?}"));
        let mut outcomes = BTreeMap::new();
        for (outcome, members) in rule {
            let outcome = match outcome.as_str() {
                PASSES => Outcome::Passes,
                status => Outcome::Refused(status.parse().expect("the others stand under a status")),
            };
            for member in self.expand(members) {
                let earlier = outcomes.insert(member, outcome);
                assert_eq!(earlier, None, "the rule {name:?} names {member} twice");
            }
        }
        outcomes
    }

    /// Who may read what is private, and so may be told its names.
    pub fn who_may_know_the_names(&self) -> BTreeSet<&str> {
        self.members(KNOWS_THE_NAMES)
    }

    /// Who finds what is private in lists.
    pub fn who_finds_it_in_lists(&self) -> BTreeSet<&str> {
        self.members(FINDS_IT_IN_LISTS)
    }

    fn members(&self, group: &str) -> BTreeSet<&str> {
        self.groups.get(group).into_iter().flat_map(|members| self.expand(members)).collect()
    }

    /// The callers, and those of the groups, among these names.
    fn expand<'a>(&'a self, names: &'a [String]) -> Vec<&'a str> {
        let expand_one = |name: &'a String| match self.groups.get(name) {
            Some(members) => self.expand(members),
            None => vec![name.as_str()],
        };
        names.iter().flat_map(expand_one).collect()
    }
}
