//! The states of the link between a mirror and its upstream, and which event leads from one to another.
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

/// What can happen to the link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LinkEvent {
    /// The process has started.
    Started,
    /// The upstream keeps our request and no administrator has decided yet.
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
    /// The upstream answered a signed call although the link was in doubt.
    SecretAccepted,
    /// A signed `uninstalled` event.
    Uninstalled,
}

/// The state after the event.
pub(crate) fn state_after(state: UpstreamState, event: LinkEvent) -> UpstreamState {
    use UpstreamState::{Initializing, Installed, Pending, Removed, Unknown};
    match (state, event) {
        (_, LinkEvent::Installed) => Installed,
        (_, LinkEvent::Uninstalled) => Removed,
        (Removed, LinkEvent::Started) => Initializing,
        (Removed, _) => Removed,
        (_, LinkEvent::SecretAccepted) => Installed,
        (Installed, LinkEvent::SecretRefused) => Unknown,
        // An answer to a request that arrives late must not undo an installation.
        (Installed, _) => Installed,
        (_, LinkEvent::RequestPending | LinkEvent::RequestAccepted) => Pending,
        (_, LinkEvent::RequestRejected) => Unknown,
        (_, LinkEvent::RequestFailed | LinkEvent::Started | LinkEvent::SecretRefused) => state,
    }
}

/// Whether the mirror should keep asking to be accepted.
pub(crate) fn wants_registration(state: UpstreamState) -> bool {
    matches!(state, UpstreamState::Initializing | UpstreamState::Pending | UpstreamState::Unknown)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn story(events: &[LinkEvent]) -> UpstreamState {
        events.iter().fold(UpstreamState::Initializing, |state, next| state_after(state, *next))
    }

    #[test]
    fn a_mirror_joins() {
        use LinkEvent::*;
        assert_eq!(story(&[Started, RequestFailed]), UpstreamState::Initializing);
        assert_eq!(story(&[Started, RequestPending, RequestFailed]), UpstreamState::Pending);
        assert_eq!(story(&[Started, RequestPending, Installed]), UpstreamState::Installed);
    }

    #[test]
    fn a_late_answer_to_a_request_does_not_undo_the_installation() {
        use LinkEvent::*;
        assert_eq!(story(&[RequestPending, Installed, RequestPending]), UpstreamState::Installed);
        assert_eq!(story(&[RequestPending, Installed, RequestRejected]), UpstreamState::Installed);
    }

    #[test]
    fn a_removed_mirror_asks_again_only_after_a_restart() {
        use LinkEvent::*;
        let removed = story(&[Installed, Uninstalled]);
        assert_eq!(removed, UpstreamState::Removed);
        assert!(!wants_registration(removed));
        assert_eq!(state_after(removed, SecretRefused), UpstreamState::Removed);
        assert_eq!(state_after(removed, RequestPending), UpstreamState::Removed);
        assert!(wants_registration(state_after(removed, Started)));
    }

    #[test]
    fn a_rejected_or_revoked_mirror_keeps_asking() {
        use LinkEvent::*;
        assert_eq!(story(&[RequestPending, RequestRejected]), UpstreamState::Unknown);
        assert_eq!(story(&[Installed, SecretRefused]), UpstreamState::Unknown);
        assert_eq!(story(&[Installed, SecretRefused, RequestPending]), UpstreamState::Pending);
        assert!(wants_registration(UpstreamState::Unknown));
    }

    #[test]
    fn a_doubted_secret_that_works_again_heals_the_link() {
        use LinkEvent::*;
        assert_eq!(
            story(&[Installed, SecretRefused, RequestPending, SecretAccepted]),
            UpstreamState::Installed
        );
        assert_eq!(story(&[Installed, Uninstalled, SecretAccepted]), UpstreamState::Removed);
    }
}
