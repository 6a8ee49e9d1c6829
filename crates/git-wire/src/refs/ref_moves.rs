//! From one state of the references to another: what a server says has happened, and what has to be written for it.

use std::collections::BTreeMap;

use crate::names::{ObjectId, RefName};
use crate::refs::{Advertised, RefRuns, RefSnapshot, SnapshotRef};

/// Where one reference pointed before and points after; `None` while it is absent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefStep {
    /// The value that the step is based on.
    pub from: Option<ObjectId>,
    /// The value afterwards.
    pub to: Option<ObjectId>,
}

/// A step of the reference with this name, which need not be text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefMove {
    /// Its full name.
    pub name: Vec<u8>,
    /// What happens to it.
    pub step: RefStep,
}

impl RefStep {
    /// The step between two values of which all zeros stand for "absent".
    pub fn between(from: ObjectId, to: ObjectId) -> Self {
        let value = |object: ObjectId| Some(object).filter(|object| !object.is_zero());
        Self { from: value(from), to: value(to) }
    }
}

impl RefSnapshot {
    /// Every reference, whether or not its name is text, in the order of the names.
    pub fn all(&self) -> impl Iterator<Item = (&[u8], &ObjectId)> {
        self.refs().map(|found| (found.name(), found.object()))
    }

    /// The state after these steps; `None` when one of them is based on something else than what is here. A step that
    /// was taken already changes nothing.
    pub fn after(&self, steps: &BTreeMap<RefName, RefStep>) -> Option<Self> {
        let is_possible = |(name, step): (&RefName, &RefStep)| {
            let here = self.get(name.as_str());
            here == step.from.as_ref() || here == step.to.as_ref()
        };
        if !steps.iter().all(is_possible) {
            return None;
        }
        let moved = steps.iter().filter(|(name, step)| self.get(name.as_str()) != step.to.as_ref());
        let changes = moved.map(|(name, step)| {
            let now = step.to.clone().map(|object| SnapshotRef::plain(name.clone(), object));
            (name.as_str().as_bytes().to_vec(), now)
        });
        let changes: Vec<_> = changes.collect();
        let first = changes.iter().find_map(|(_, now)| now.as_ref());
        let format = self.object_format().or_else(|| first.map(|found| found.object().format()));
        Some(self.with_changes(changes, Advertised { format, ..Advertised::default() }))
    }

    /// What leads from `before` to `after`, in the order of the names.
    pub fn moves(before: &Self, after: &Self) -> Vec<RefMove> {
        let differences = RefRuns::differences(before.runs(), after.runs());
        let moves = differences.filter_map(|(gone, come)| {
            let name = gone.or(come)?.name().to_owned();
            let object = |found: Option<&SnapshotRef>| found.map(|found| found.object().clone());
            Some(RefMove { name, step: RefStep { from: object(gone), to: object(come) } })
        });
        moves.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(digit: char) -> ObjectId {
        ObjectId::parse(digit.to_string().repeat(40)).expect("hex")
    }

    fn branch(name: &str) -> RefName {
        RefName::branch(name).expect("valid")
    }

    fn snapshot(listing: &[(&str, char)]) -> RefSnapshot {
        RefSnapshot::from_entries(listing.iter().map(|(name, digit)| (branch(name), object(*digit))))
    }

    fn steps(steps: &[(&str, Option<char>, Option<char>)]) -> BTreeMap<RefName, RefStep> {
        let step =
            |from: Option<char>, to: Option<char>| RefStep { from: from.map(object), to: to.map(object) };
        steps.iter().map(|(name, from, to)| (branch(name), step(*from, *to))).collect()
    }

    #[test]
    fn steps_lead_to_the_state_that_their_server_has() {
        let before = snapshot(&[("a", '1'), ("b", '2'), ("c", '3')]);
        let told = steps(&[("a", Some('1'), Some('4')), ("b", Some('2'), None), ("d", None, Some('5'))]);
        let after = before.after(&told).expect("it fits");
        let expected = snapshot(&[("a", '4'), ("c", '3'), ("d", '5')]);
        assert_eq!(after.content_hash(), expected.content_hash());
        assert_eq!(RefSnapshot::diff(&after, &expected), []);
        // Told once more, they change nothing.
        assert_eq!(after.after(&told).expect("it fits"), after);
    }

    #[test]
    fn a_step_from_elsewhere_leads_nowhere() {
        let before = snapshot(&[("a", '1')]);
        for told in [
            steps(&[("a", Some('2'), Some('3'))]),
            steps(&[("a", None, Some('3'))]),
            steps(&[("b", Some('2'), Some('3'))]),
            steps(&[("a", Some('2'), None)]),
        ] {
            assert!(before.after(&told).is_none(), "{told:?}");
        }
    }

    #[test]
    fn moves_name_each_difference_once_also_of_names_that_are_no_text() {
        let listed = |lines: &[(&[u8], char)]| {
            let capabilities = b"000eversion 2\n000cls-refs\n000afetch\n0000";
            let capabilities = crate::RemoteCapabilities::read(capabilities).expect("whole");
            let mut answer = Vec::new();
            for (name, digit) in lines {
                let object = object(*digit);
                crate::push_packet(&mut answer, &[object.as_bytes(), b" ", name, b"\n"]);
            }
            crate::push_flush(&mut answer);
            capabilities.read_refs(&answer).expect("whole")
        };
        let before = listed(&[(b"refs/heads/a", '1'), (b"refs/heads/\xff", '2'), (b"refs/tags/t", '3')]);
        let after = listed(&[(b"refs/heads/a", '1'), (b"refs/heads/\xff", '4'), (b"refs/heads/b", '5')]);
        let moves = RefSnapshot::moves(&before, &after);
        let step =
            |from: Option<char>, to: Option<char>| RefStep { from: from.map(object), to: to.map(object) };
        let expected = [
            RefMove { name: b"refs/heads/b".to_vec(), step: step(None, Some('5')) },
            RefMove { name: b"refs/heads/\xff".to_vec(), step: step(Some('2'), Some('4')) },
            RefMove { name: b"refs/tags/t".to_vec(), step: step(Some('3'), None) },
        ];
        assert_eq!(moves, expected);
        assert_eq!(RefSnapshot::moves(&after, &after), []);
        let stayed = before.after(&BTreeMap::new()).expect("nothing happens");
        assert_eq!(stayed.content_hash(), before.content_hash());
    }
}
