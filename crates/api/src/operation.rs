//! What is known of each operation besides its types: where it lies and which roles serve it.

use crate::generated::table::OPERATIONS;

/// An operation of the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Operation {
    /// `operationId`.
    pub id: &'static str,
    /// The HTTP method, upper case.
    pub method: &'static str,
    /// The path below `/rest`, with `{name}` placeholders.
    pub path: &'static str,
    /// Where its handler lies below `crates/server/src/rest` and its test below `tests/rest`: the area of the API and the
    /// resource.
    pub folder: &'static str,
    /// The operation whose handler answers it, if it is only another address of that one.
    pub same_as: Option<&'static str>,
    /// Who serves it: one role or both.
    pub roles: &'static [Role],
    /// Every status that the contract documents.
    pub statuses: &'static [u16],
}

/// Where the operations are that a mirror of another Git server answers as well: they need nothing of an upstream.
const OF_EVERY_MIRROR: [&str; 2] = ["mirroring/served_repos", "core/log"];

/// The roles of the one binary.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// The primary, where pushes go.
    Upstream,
    /// The replica.
    Mirror,
    /// The mirror of a Git server that is not ours.
    OriginMirror,
}

impl Operation {
    /// Whether a server in this role answers it.
    pub fn is_served_by(&self, role: Role) -> bool {
        match role {
            Role::OriginMirror => {
                self.roles.contains(&Role::Mirror) && OF_EVERY_MIRROR.contains(&self.folder)
            }
            role => self.roles.contains(&role),
        }
    }
}

impl Role {
    /// The role's name in messages and on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Role::Upstream => "upstream",
            Role::Mirror => "mirror",
            Role::OriginMirror => "origin-mirror",
        }
    }
}

/// All operations in document order.
pub fn operations() -> &'static [Operation] {
    OPERATIONS
}

/// The operations whose path matches one that was requested (below `/rest`, with `latest` as the version).
pub fn operations_on_path(path: &str) -> impl Iterator<Item = &'static Operation> {
    OPERATIONS.iter().filter(move |operation| matches(operation.path, path))
}

fn matches(template: &str, path: &str) -> bool {
    let mut wanted = template.split('/');
    let mut found = path.split('/');
    loop {
        match (wanted.next(), found.next()) {
            (None, None) => return true,
            (Some(wanted), Some(found)) => {
                let placeholder = wanted.starts_with('{');
                if (placeholder && found.is_empty()) || (!placeholder && wanted != found) {
                    return false;
                }
            }
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mirror_of_another_server_answers_what_every_mirror_does() {
        let served: Vec<_> = operations().iter().filter(|o| o.is_served_by(Role::OriginMirror)).collect();
        let ids: Vec<_> = served.iter().map(|operation| operation.id).collect();
        assert_eq!(ids, ["listServedRepositories", "ensureServedRepository", "getLogLevel", "setLogLevel"]);
        assert!(served.iter().all(|operation| operation.is_served_by(Role::Mirror)));
    }

    #[test]
    fn a_path_matches_its_template_only() {
        assert!(matches("/a/{id}/b", "/a/1/b"));
        assert!(!matches("/a/{id}/b", "/a//b"));
        assert!(!matches("/a/{id}/b", "/a/1/b/c"));
        assert!(!matches("/a/{id}/b", "/a/1"));
    }
}
