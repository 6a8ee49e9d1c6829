//! When a sweep may delete what the upstream no longer lists, and when a human must confirm first.
//!
//! An upstream that was restored from a wrong backup, or a proxy that answers with an empty list, looks
//! exactly like an upstream whose repositories were deleted. Losing a replica is slow to repair, keeping
//! it for a while is cheap, so a large removal waits.

/// Fewer repositories than this are always removed.
const MAX_UNCONFIRMED_REMOVALS: usize = 10;

/// A removal of more than this share of what is mirrored waits for a confirmation.
const MAX_UNCONFIRMED_REMOVAL_PERCENT: usize = 10;

/// What a sweep does with repositories that the upstream no longer lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RemovalDecision {
    /// Remove them.
    Remove,
    /// Keep them and tell the administrator.
    HoldBack,
}

/// Judges a removal of `surplus` repositories out of `mirrored`.
pub(crate) fn judge_removal(surplus: usize, mirrored: usize) -> RemovalDecision {
    let many = surplus > MAX_UNCONFIRMED_REMOVALS;
    let large_share = surplus.saturating_mul(100) > mirrored.saturating_mul(MAX_UNCONFIRMED_REMOVAL_PERCENT);
    if many && large_share { RemovalDecision::HoldBack } else { RemovalDecision::Remove }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_repositories_go_even_when_they_are_all() {
        assert_eq!(judge_removal(10, 10), RemovalDecision::Remove);
    }

    #[test]
    fn many_repositories_go_when_they_are_a_small_share() {
        assert_eq!(judge_removal(100, 1000), RemovalDecision::Remove);
    }

    #[test]
    fn many_repositories_that_are_a_large_share_wait() {
        assert_eq!(judge_removal(11, 109), RemovalDecision::HoldBack);
        assert_eq!(judge_removal(101, 1000), RemovalDecision::HoldBack);
    }
}
