//! The states of the bond between a mirror and its upstream, and which news leads from one to another.
//!
//! ```text
//! INITIALIZING ──request accepted for consideration──▶ PENDING ──installed──▶ INSTALLED
//!      ▲                                                  │                      │   │
//!      └── upstream unreachable, name taken ──┐           └──rejected──▶ UNKNOWN ◀──┘ secret refused
//!                                             │                             │
//!        start of the process ◀── REMOVED ◀───┴────────── uninstalled ──────┘
//! ```
//!
//! Only `INSTALLED` serves. `UNKNOWN` means that the upstream does not want this mirror at the moment (the
//! request was rejected, or it no longer accepts the secret); the mirror keeps asking, slowly.

use heliostat_storage::UpstreamState;

/// What can happen to the bond.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BondNews {
    /// The process has started.
    Started,
    /// The upstream keeps our request and nobody has decided yet.
    RequestPending,
    /// The request was accepted; the `installed` event has not arrived yet.
    RequestAccepted,
    /// The request could not be placed.
    RequestFailed,
    /// An administrator rejected the request.
    RequestRejected,
    /// A believed `installed` event.
    Installed,
    /// The upstream answered a signed call with 401.
    SecretRefused,
    /// The upstream answered a signed call although the bond was in doubt.
    SecretAccepted,
    /// A signed `uninstalled` event.
    Uninstalled,
}

/// The state after the news.
pub(crate) fn state_after(state: UpstreamState, news: BondNews) -> UpstreamState {
    use UpstreamState::{Initializing, Installed, Pending, Removed, Unknown};
    match (state, news) {
        (_, BondNews::Installed) => Installed,
        (_, BondNews::Uninstalled) => Removed,
        (Removed, BondNews::Started) => Initializing,
        (Removed, _) => Removed,
        (_, BondNews::SecretAccepted) => Installed,
        (Installed, BondNews::SecretRefused) => Unknown,
        // An answer to a request that arrives late must not undo an installation.
        (Installed, _) => Installed,
        (_, BondNews::RequestPending | BondNews::RequestAccepted) => Pending,
        (_, BondNews::RequestRejected) => Unknown,
        (_, BondNews::RequestFailed | BondNews::Started | BondNews::SecretRefused) => state,
    }
}

/// Whether the mirror should keep asking to be accepted.
pub(crate) fn wants_registration(state: UpstreamState) -> bool {
    matches!(state, UpstreamState::Initializing | UpstreamState::Pending | UpstreamState::Unknown)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn story(news: &[BondNews]) -> UpstreamState {
        news.iter().fold(UpstreamState::Initializing, |state, next| state_after(state, *next))
    }

    #[test]
    fn a_mirror_joins() {
        use BondNews::*;
        assert_eq!(story(&[Started, RequestFailed]), UpstreamState::Initializing);
        assert_eq!(story(&[Started, RequestPending, RequestFailed]), UpstreamState::Pending);
        assert_eq!(story(&[Started, RequestPending, Installed]), UpstreamState::Installed);
    }

    #[test]
    fn a_late_answer_to_a_request_does_not_undo_the_installation() {
        use BondNews::*;
        assert_eq!(story(&[RequestPending, Installed, RequestPending]), UpstreamState::Installed);
        assert_eq!(story(&[RequestPending, Installed, RequestRejected]), UpstreamState::Installed);
    }

    #[test]
    fn a_removed_mirror_asks_again_only_after_a_restart() {
        use BondNews::*;
        let removed = story(&[Installed, Uninstalled]);
        assert_eq!(removed, UpstreamState::Removed);
        assert!(!wants_registration(removed));
        assert_eq!(state_after(removed, SecretRefused), UpstreamState::Removed);
        assert_eq!(state_after(removed, RequestPending), UpstreamState::Removed);
        assert!(wants_registration(state_after(removed, Started)));
    }

    #[test]
    fn a_rejected_or_revoked_mirror_keeps_asking() {
        use BondNews::*;
        assert_eq!(story(&[RequestPending, RequestRejected]), UpstreamState::Unknown);
        assert_eq!(story(&[Installed, SecretRefused]), UpstreamState::Unknown);
        assert_eq!(story(&[Installed, SecretRefused, RequestPending]), UpstreamState::Pending);
        assert!(wants_registration(UpstreamState::Unknown));
    }

    #[test]
    fn a_doubted_secret_that_works_again_heals_the_bond() {
        use BondNews::*;
        assert_eq!(
            story(&[Installed, SecretRefused, RequestPending, SecretAccepted]),
            UpstreamState::Installed
        );
        assert_eq!(story(&[Installed, Uninstalled, SecretAccepted]), UpstreamState::Removed);
    }
}
