//! From one state of the references to another: what a server says has happened, and what has to be written for it.

use std::collections::BTreeMap;

use crate::names::{ObjectId, RefName};
use crate::refs::{Advertised, NonUtf8Ref, PeelInfo, RefSnapshot};

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
        self.advertised_below(b"").map(|found| (found.name, found.object))
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
        let stay = self.iter().filter(|(name, _)| !steps.contains_key(*name));
        let stay = stay.map(|(name, object)| (name.clone(), object.clone()));
        let moved = steps.iter().filter_map(|(name, step)| Some((name.clone(), step.to.clone()?)));
        let mut entries: Vec<_> = stay.chain(moved).collect();
        entries.sort_by(|(one, _), (other, _)| one.cmp(other));
        let advertised = self.advertised();
        let non_utf8 = advertised.non_utf8.iter().map(|reference| {
            let (name, object) = (reference.name.clone(), reference.object.clone());
            NonUtf8Ref { name, object, info: PeelInfo::default() }
        });
        let format = entries.first().map(|(_, object)| object.format()).or_else(|| self.object_format());
        let non_utf8 = non_utf8.collect();
        let advertised = Advertised { format, non_utf8, ..Advertised::default() };
        Some(Self::hashed(entries, advertised))
    }

    /// What leads from `before` to `after`, in the order of the names.
    pub fn moves(before: &Self, after: &Self) -> Vec<RefMove> {
        let (mut old, mut new) = (before.all().peekable(), after.all().peekable());
        let mut moves = Vec::new();
        let mut push = |name: &[u8], from: Option<&ObjectId>, to: Option<&ObjectId>| {
            if from != to {
                let step = RefStep { from: from.cloned(), to: to.cloned() };
                moves.push(RefMove { name: name.to_owned(), step });
            }
        };
        loop {
            let order = match (old.peek(), new.peek()) {
                (None, None) => return moves,
                (Some(_), None) => std::cmp::Ordering::Less,
                (None, Some(_)) => std::cmp::Ordering::Greater,
                (Some((name, _)), Some((other, _))) => name.cmp(other),
            };
            let gone = if order.is_le() { old.next() } else { None };
            let come = if order.is_ge() { new.next() } else { None };
            if let Some((name, _)) = gone.or(come) {
                push(name, gone.map(|(_, object)| object), come.map(|(_, object)| object));
            }
        }
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
