//! The command `ls-refs` of version 2: which references a client wants to see, and the list it gets.

use bytes::Bytes;

use crate::packets::{RequestError, push_flush, push_packet};
use crate::refs::{Advertised, AdvertisedRef, Head, ListForm, RefSnapshot};

/// From this many prefixes on all references are listed, as `git` does: a client filters once more anyway.
const TOO_MANY_PREFIXES: usize = 65_536;

/// Longer prefixes, taken together, are not held but treated as too many.
const MAX_PREFIX_BYTES: usize = 8 * 1024 * 1024;

/// A list of no more references than this is made anew each time, which is faster than looking for a kept one.
const FEW_REFS: usize = 16;

/// What a client wants to see.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct LsRefs {
    peel: bool,
    symrefs: bool,
    unborn: bool,
    /// Sorted, and none is the beginning of another. None at all: everything.
    prefixes: Vec<Vec<u8>>,
}

impl LsRefs {
    /// Reads the arguments of the command: the packets between the delimiter and the flush.
    pub fn parse<'a>(arguments: impl IntoIterator<Item = &'a [u8]>) -> Result<Self, RequestError> {
        let mut request = Self::default();
        let mut prefix_bytes = 0;
        let mut is_everything = false;
        for argument in arguments {
            match argument.strip_suffix(b"\n").unwrap_or(argument) {
                b"peel" => request.peel = true,
                b"symrefs" => request.symrefs = true,
                b"unborn" => request.unborn = true,
                argument => {
                    let Some(prefix) = argument.strip_prefix(b"ref-prefix ") else {
                        let argument = RequestError::quoted(argument);
                        return Err(RequestError::UnknownArgument { command: "ls-refs", argument });
                    };
                    prefix_bytes += prefix.len();
                    is_everything |= prefix.is_empty()
                        || prefix_bytes > MAX_PREFIX_BYTES
                        || request.prefixes.len() + 1 >= TOO_MANY_PREFIXES;
                    if !is_everything {
                        request.prefixes.push(prefix.to_owned());
                    }
                }
            }
        }
        if is_everything {
            request.prefixes = Vec::new();
        }
        request.make_disjoint();
        Ok(request)
    }

    /// `HEAD` alone.
    pub fn of_head() -> Self {
        Self { prefixes: vec![b"HEAD".to_vec()], ..Self::default() }.in_full()
    }

    /// The same references, and all that can be told of each.
    #[must_use]
    pub fn in_full(self) -> Self {
        Self { peel: true, symrefs: true, unborn: true, ..self }
    }

    /// The beginnings of the names that are wanted, in their order, and none the beginning of another. None at all: everything.
    pub fn prefixes(&self) -> &[Vec<u8>] {
        &self.prefixes
    }

    /// Whether all that the other one wants is wanted by this one as well.
    pub fn covers(&self, other: &Self) -> bool {
        let is_part = !other.prefixes.is_empty();
        self.prefixes.is_empty() || (is_part && other.prefixes.iter().all(|prefix| self.wants(prefix)))
    }

    /// What either of the two wants, in full.
    #[must_use]
    pub fn or(&self, other: &Self) -> Self {
        let mut both = Self::default().in_full();
        if !self.prefixes.is_empty() && !other.prefixes.is_empty() {
            both.prefixes = [&self.prefixes[..], &other.prefixes[..]].concat();
            both.make_disjoint();
        }
        both
    }

    fn make_disjoint(&mut self) {
        self.prefixes.sort_unstable();
        // A sorted list has the beginning of a name before the name.
        self.prefixes.dedup_by(|next, kept| next.starts_with(kept));
    }

    pub(crate) fn memory_bytes(&self) -> u64 {
        let prefixes = self.prefixes.iter().map(|prefix| prefix.len() + size_of::<Vec<u8>>());
        (size_of::<Self>() + prefixes.sum::<usize>()) as u64
    }

    fn wants(&self, name: &[u8]) -> bool {
        self.prefixes.is_empty() || self.prefixes.iter().any(|prefix| name.starts_with(prefix))
    }

    /// The disjoint beginnings of the names that are wanted.
    fn ranges(&self) -> impl Iterator<Item = &[u8]> {
        let everything = self.prefixes.is_empty().then_some(&b""[..]);
        everything.into_iter().chain(self.prefixes.iter().map(|prefix| &prefix[..]))
    }

    fn push_ref(&self, output: &mut Vec<u8>, reference: &AdvertisedRef<'_>) {
        let AdvertisedRef { name, object, peeled, symbolic_target } = reference;
        let symbolic_target = symbolic_target.filter(|_| self.symrefs);
        let peeled = peeled.filter(|_| self.peel);
        push_packet(
            output,
            &[
                object.as_bytes(),
                b" ",
                name,
                if symbolic_target.is_some() { b" symref-target:" } else { b"" },
                symbolic_target.unwrap_or_default(),
                if peeled.is_some() { b" peeled:" } else { b"" },
                peeled.map_or(b"", |object| object.as_bytes()),
                b"\n",
            ],
        );
    }

    fn push_head(&self, output: &mut Vec<u8>, refs: &RefSnapshot) {
        match (refs.advertised_head(), refs.head()) {
            (Some(head), _) => self.push_ref(output, &head),
            (None, Some(Head::Symbolic { target, object: None })) if self.unborn && self.symrefs => {
                push_packet(output, &[b"unborn HEAD symref-target:", target, b"\n"]);
            }
            _ => {}
        }
    }
}

impl RefSnapshot {
    /// The answer to the command, as `git` would give it.
    pub fn list(&self, request: &LsRefs) -> Bytes {
        let count = self.count_of(request);
        let make = || {
            // Room for a name of ordinary length; more is taken when it is needed.
            let mut output = Vec::with_capacity(64 + count * 96);
            if request.wants(b"HEAD") {
                request.push_head(&mut output, self);
            }
            for prefix in request.ranges() {
                for reference in self.advertised_below(prefix) {
                    request.push_ref(&mut output, &reference);
                }
            }
            push_flush(&mut output);
            output.shrink_to_fit();
            Bytes::from(output)
        };
        if count <= FEW_REFS {
            return make();
        }
        self.rendered().get_or_make(&ListForm::LsRefs(request.clone()), make)
    }

    /// How many references the answer tells, `HEAD` aside.
    pub fn count_of(&self, request: &LsRefs) -> usize {
        request.ranges().map(|prefix| self.count_below(prefix)).sum()
    }

    /// The references that the answer tells, and none besides.
    #[must_use]
    pub fn only(&self, request: &LsRefs) -> Self {
        let refs = request.ranges().flat_map(|prefix| self.runs().below(prefix)).cloned().collect();
        let head = self.head().filter(|_| request.wants(b"HEAD")).cloned();
        Self::new(refs, Advertised { head, format: self.object_format(), ..Advertised::default() })
    }

    /// `HEAD` as clients are told of it, when it leads somewhere.
    pub(crate) fn advertised_head(&self) -> Option<AdvertisedRef<'_>> {
        match self.head()? {
            Head::Detached(object) => {
                Some(AdvertisedRef { name: b"HEAD", object, peeled: None, symbolic_target: None })
            }
            Head::Symbolic { target, object } => {
                let name = std::str::from_utf8(target).ok();
                let (object, symbolic_target) = (object.as_ref()?, Some(&target[..]));
                let peeled = name.and_then(|name| self.peeled(name));
                Some(AdvertisedRef { name: b"HEAD", object, peeled, symbolic_target })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names::{ObjectId, RefName};

    fn list(prefixes: &[&str]) -> LsRefs {
        let arguments: Vec<_> = prefixes.iter().map(|prefix| format!("ref-prefix {prefix}")).collect();
        LsRefs::parse(arguments.iter().map(String::as_bytes)).expect("valid")
    }

    #[test]
    fn a_list_covers_what_it_has_the_beginnings_of() {
        let (everything, heads) = (list(&[]), list(&["refs/heads/"]));
        let (main, tags) = (list(&["refs/heads/main"]), list(&["refs/tags/"]));
        assert!(everything.covers(&heads) && everything.covers(&everything) && heads.covers(&main));
        assert!(!heads.covers(&everything) && !main.covers(&heads) && !heads.covers(&tags));
        let both = main.or(&heads).or(&tags);
        assert_eq!(both.prefixes(), [b"refs/heads/".to_vec(), b"refs/tags/".to_vec()]);
        assert!(both.covers(&main) && both.covers(&tags) && !both.covers(&LsRefs::of_head()));
        assert!(main.or(&everything).prefixes().is_empty());
    }

    #[test]
    fn a_part_of_a_list_is_told_as_the_whole_tells_it() {
        let object = |digit: &str| ObjectId::parse(digit.repeat(40)).expect("hex");
        let names = ["refs/heads/a", "refs/heads/b", "refs/pull/1/head", "refs/tags/v1"];
        let named = names.iter().zip(["1", "2", "3", "4"]);
        let entries = named.map(|(name, digit)| (RefName::parse(*name).expect("valid"), object(digit)));
        let whole = RefSnapshot::from_entries(entries);
        for wanted in [list(&["refs/heads/"]), list(&["refs/tags/", "refs/heads/b"]), list(&["refs/x"])] {
            let wanted = wanted.in_full();
            let part = whole.only(&wanted);
            assert_eq!(part.len(), whole.count_of(&wanted));
            assert_eq!(part.list(&list(&[]).in_full()), whole.list(&wanted));
        }
    }
}
