//! When a machine stops: at so-and-so many changes of its disk from now, or at a change of a certain name.
//!
//! A name makes a fail point out of any step that a server takes with a file: before `packed-refs` is replaced, before a
//! pack is synced, before the next page of a database is written. The server needs no code for it.

use std::ffi::OsStr;

use rand::rngs::StdRng;

/// A moment that has not come yet.
#[derive(Debug)]
pub struct StopMoment {
    changes_left: u64,
    of_names_with: Option<String>,
    forgets_by: Option<StdRng>,
}

impl StopMoment {
    /// So many changes go by before it, of whatever kind.
    pub fn after_changes(changes: u64) -> Self {
        Self { changes_left: changes, of_names_with: None, forgets_by: None }
    }

    /// Only changes count of files and folders whose names hold this text.
    pub fn of_names_with(self, text: &str) -> Self {
        Self { of_names_with: Some(text.to_owned()), ..self }
    }

    /// The power goes with it: what was not synced survives by this chance. Else nothing is forgotten.
    pub fn without_power(self, chance: StdRng) -> Self {
        Self { forgets_by: Some(chance), ..self }
    }

    /// Whether only changes with certain names count.
    pub(super) fn asks_for_names(&self) -> bool {
        self.of_names_with.is_some()
    }

    /// Whether it comes before this change, which is counted.
    pub(super) fn comes_before(&mut self, names: &[&OsStr]) -> bool {
        let counts = self.of_names_with.as_deref().is_none_or(|text| {
            names.iter().any(|name| name.to_str().is_some_and(|name| name.contains(text)))
        });
        if !counts {
            return false;
        }
        let comes = self.changes_left == 0;
        self.changes_left = self.changes_left.saturating_sub(1);
        comes
    }

    /// By what chance things survive; `None` when nothing is forgotten.
    pub(super) fn into_chance(self) -> Option<StdRng> {
        self.forgets_by
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_counted_of_all_kinds_or_of_one_name() {
        let pack = [OsStr::new("pack-1.pack")];
        let mut any = StopMoment::after_changes(1);
        assert_eq!([any.comes_before(&[]), any.comes_before(&pack)], [false, true]);
        let mut of_packs = StopMoment::after_changes(1).of_names_with(".pack");
        let changes: [&[&OsStr]; 4] = [&[], &pack, &[OsStr::new("HEAD.lock")], &pack];
        let seen = changes.map(|names| of_packs.comes_before(names));
        assert_eq!(seen, [false, false, false, true]);
    }
}
