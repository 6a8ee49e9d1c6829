//! Modules of the whole-system tests that need not run on a second database: what the store does in them is asked for on both
//! by others.
//!
//! Pushes, events, leases, users, permissions, webhooks, restarts, restoring, repairs and sweeps are asked about on both, and
//! so is every operation of the contract.

/// Modules that have one reason.
struct Group {
    reason: &'static str,
    modules: &'static [&'static str],
}

const GROUPS: [Group; 7] = [
    Group { reason: "no server is asked", modules: &["authorisation::completeness::", "coverage::"] },
    Group {
        reason: "what clients get is computed from a repository; who may have it is asked of the store as everywhere",
        modules: &[
            "git::clones::",
            "git::disconnects::",
            "git::fetches::",
            "git::malformed_requests::",
            "git::missing_wants::",
            "git::negotiation::",
            "git::odd_repositories::",
            "git::progress::",
            "git::requests_by_hand::",
            "git::shared_answers::",
            "git::slow_clients::",
            "story::begin_with_bundle::",
            "story::clone_from_mirror::",
            "story::disconnect::",
        ],
    },
    Group {
        reason: "a mirror of another Git server keeps few rows, and `origin::doors` and `origin::outage` ask for them",
        modules: &[
            "origin::credentials::",
            "origin::kinds_of_origins::",
            "origin::long_lists::",
            "origin::matrix::",
            "origin::sizes::",
            "origin::together::",
            "origin::very_many_references::",
            "origin::waiting::",
        ],
    },
    Group {
        reason: "what refuses it is not the store: it is the start, what reads requests, or git",
        modules: &[
            "bad_input::harmful_objects::",
            "bad_input::harmful_packs::",
            "bad_input::start::",
            "every_operation::bodies::",
            "every_operation::cross_site::",
        ],
    },
    Group {
        reason: "how answers are read; what they hold is asked of each operation in `rest`",
        modules: &[
            "known_clients::bamboo::",
            "known_clients::bitbottle::",
            "known_clients::browser::",
            "known_clients::build_servers::",
            "known_clients::context_path::",
            "known_clients::generated_sdk::",
            "known_clients::jenkins_plugin::",
            "known_clients::vscode::",
        ],
    },
    Group {
        reason: "it asks about command line, pages, documents, log or TLS, and needs only that there is a store",
        modules: &[
            "story::browsers_find_pages::",
            "story::command_line::",
            "story::contract_for_programs::",
            "story::log_is_not_read::",
            "story::log_tells_operators::",
            "story::read_me::",
            "story::service_manager::",
            "story::tls::",
        ],
    },
    Group {
        reason: "it happens to files: those of repositories, or SQLite's own",
        modules: &[
            "bad_input::open_folder::",
            "trust::damage::",
            "trust::disk_forgets::",
            "trust::first_requests::",
            "trust::power_cuts::",
        ],
    },
];

/// All of them.
pub fn modules() -> Vec<&'static str> {
    GROUPS.iter().flat_map(|group| group.modules).copied().collect()
}

/// Why they are left out, to be read where they are.
pub fn reasons() -> String {
    let line = |group: &Group| format!("left out: {}: {}", group.reason, group.modules.join(" "));
    GROUPS.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::test::system;

    #[test]
    fn modules_that_are_named_are_there_and_named_once() {
        for module in modules() {
            assert!(system::is_there(module), "{module} is nowhere in tests/");
        }
        assert_eq!(BTreeSet::from_iter(modules()).len(), modules().len());
    }

    #[test]
    fn each_group_is_told_with_its_reason() {
        let told = reasons();
        assert_eq!(told.lines().count(), GROUPS.len());
        assert!(told.starts_with("left out: no server is asked: authorisation::completeness:: coverage::\n"));
    }
}
