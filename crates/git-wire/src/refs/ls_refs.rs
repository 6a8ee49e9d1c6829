//! The command `ls-refs` of version 2: which references a client wants to see, and the list it gets.

use bytes::Bytes;

use crate::packets::{RequestError, push_flush, push_packet};
use crate::refs::{AdvertisedRef, Head, ListForm, RefSnapshot};

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
        request.prefixes.sort_unstable();
        // A sorted list has the beginning of a name before the name.
        request.prefixes.dedup_by(|next, kept| next.starts_with(kept));
        Ok(request)
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
        let count: usize = request.ranges().map(|prefix| self.count_below(prefix)).sum();
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
