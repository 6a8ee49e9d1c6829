//! Whose permissions have changed lately. What was asked before that says nothing about them any more, and is as good as ever
//! about everybody else.

use std::collections::VecDeque;

/// Most changes that are remembered one by one. A question that is older than all of them is asked again.
const MAX_REMEMBERED: usize = 1_024;

/// A moment between two revocations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Epoch(u64);

/// The revocations of this process.
#[derive(Debug, Default)]
pub(super) struct Revocations {
    count: u64,
    /// The newest, the oldest of them first: whom each concerns, in lower case; `None` for all.
    newest: VecDeque<Option<String>>,
}

impl Revocations {
    /// This moment.
    pub(super) fn epoch(&self) -> Epoch {
        Epoch(self.count)
    }

    /// Takes one in.
    pub(super) fn note(&mut self, user: Option<&str>) {
        self.count += 1;
        if self.newest.len() == MAX_REMEMBERED {
            self.newest.pop_front();
        }
        self.newest.push_back(user.map(str::to_lowercase));
    }

    /// Whether there was one since then that concerns this user, or may.
    pub(super) fn concern(&self, user: &str, since: Epoch) -> bool {
        let since = usize::try_from(self.count - since.0).unwrap_or(usize::MAX);
        if since > self.newest.len() {
            return true;
        }
        let name = user.to_lowercase();
        self.newest.iter().rev().take(since).any(|user| user.as_ref().is_none_or(|user| *user == name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_revocation_of_one_user_concerns_no_other() {
        let mut revocations = Revocations::default();
        let before = revocations.epoch();
        revocations.note(Some("Bob"));
        assert!(!revocations.concern("ann", before));
        assert!(revocations.concern("bob", before) && revocations.concern("BOB", before));
        assert!(!revocations.concern("bob", revocations.epoch()));
        let then = revocations.epoch();
        revocations.note(None);
        assert!(revocations.concern("ann", before) && revocations.concern("ann", then));
        let then = revocations.epoch();
        for _ in 0..MAX_REMEMBERED {
            revocations.note(Some("bob"));
        }
        assert!(!revocations.concern("ann", then));
        revocations.note(Some("bob"));
        assert!(revocations.concern("ann", then), "that is not remembered any more");
    }
}
