//! Why the copy of a repository here is not served for the time being, although it was synchronised.
//!
//! Known to the running process only: what is wrong on disk is found again at the next start.

use std::sync::Arc;

use tokio::sync::watch;

/// What is the matter with a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TroubleKind {
    /// Something looked like damage, and it is being examined.
    Suspected,
    /// The system does not let us read it now; it is read again a little later.
    Unreadable,
    /// Its references are not those that were synchronised; the next synchronisation puts that right.
    Differs,
    /// It is damaged, which is proven. The next synchronisation makes it anew.
    Damaged,
}

/// What is the matter, since when, and why that is believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Trouble {
    pub(crate) kind: TroubleKind,
    /// Epoch milliseconds.
    pub(crate) since: i64,
    pub(crate) reason: String,
}

impl TroubleKind {
    /// In the words that a client of the repository reads.
    pub(crate) fn told(self) -> &'static str {
        match self {
            Self::Suspected => "This mirror examines its copy of the repository, which may be damaged.",
            Self::Unreadable => "This mirror cannot read its copy of the repository at the moment.",
            Self::Differs => {
                "This mirror's copy of the repository is not what it was, and is being put right."
            }
            Self::Damaged => "This mirror's copy of the repository is damaged, and is being made anew.",
        }
    }
}

/// What is the matter with one repository, if anything is; can be waited for.
#[derive(Debug, Default)]
pub(super) struct Condition(watch::Sender<Option<Arc<Trouble>>>);

impl Condition {
    pub(super) fn now(&self) -> Option<Arc<Trouble>> {
        self.0.borrow().clone()
    }

    pub(super) fn subscribe(&self) -> watch::Receiver<Option<Arc<Trouble>>> {
        self.0.subscribe()
    }

    /// The time since when stays that of the first trouble.
    pub(super) fn set(&self, kind: TroubleKind, reason: &str, now_ms: i64) {
        self.0.send_modify(|trouble| {
            let since = trouble.as_ref().map_or(now_ms, |before| before.since);
            *trouble = Some(Arc::new(Trouble { kind, since, reason: reason.to_owned() }));
        });
    }

    /// Ends trouble of these kinds, and says whether there was any.
    pub(super) fn clear(&self, kinds: &[TroubleKind]) -> bool {
        self.0.send_if_modified(|trouble| {
            let ends = trouble.as_ref().is_some_and(|trouble| kinds.contains(&trouble.kind));
            if ends {
                *trouble = None;
            }
            ends
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trouble_lasts_from_its_beginning_until_its_kind_is_cleared() {
        let condition = Condition::default();
        condition.set(TroubleKind::Suspected, "git says so", 5);
        condition.set(TroubleKind::Damaged, "a pack is cut", 9);
        assert!(!condition.clear(&[TroubleKind::Suspected, TroubleKind::Differs]));
        let trouble = condition.now().expect("damaged");
        assert_eq!((trouble.kind, trouble.since), (TroubleKind::Damaged, 5));
        assert!(condition.clear(&[TroubleKind::Damaged]));
        assert_eq!(condition.now(), None);
    }
}
