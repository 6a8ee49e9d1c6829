//! A fetch while it is being read: lines as they come, each list bounded before it grows.

use std::collections::BTreeSet;

use crate::fetch::{Deepen, DepthFrom, FetchRequest, ProtocolVersion, RequestEnding};
use crate::names::{ObjectFormat, ObjectId};
use crate::packets::RequestError;

/// Most objects that one request may want: every reference of a very large repository.
const MAX_WANTS: usize = 1_000_000;

/// Most objects that a client may say it has in one request.
const MAX_HAVES: usize = 1_000_000;

/// Most commits at which a client's history may be cut.
const MAX_SHALLOWS: usize = 1_000_000;

/// Most references whose history a client may want to leave out.
const MAX_DEEPEN_NOT: usize = 10_000;

/// Longest filter, and longest name of a reference whose history is left out.
const MAX_TEXT_BYTES: usize = 4 * 1024;

/// The deepest history that can be asked for; it means all of it.
pub(crate) const INFINITE_DEPTH: u32 = 0x7fff_ffff;

/// What was read so far.
#[derive(Debug)]
pub(crate) struct FetchDraft {
    /// `None` until the first object is named.
    format: Option<ObjectFormat>,
    wants: Vec<ObjectId>,
    haves: Vec<ObjectId>,
    shallow: Vec<ObjectId>,
    depth: Option<u32>,
    pub(crate) deepen_relative: bool,
    since: Option<u64>,
    not: Vec<Vec<u8>>,
    filter: Option<Vec<u8>>,
    pub(crate) thin_pack: bool,
    pub(crate) ofs_delta: bool,
    pub(crate) include_tag: bool,
}

impl FetchDraft {
    /// Nothing yet; objects are named in this format, or in that of the first one.
    pub(crate) fn new(format: Option<ObjectFormat>) -> Self {
        Self {
            format,
            wants: Vec::new(),
            haves: Vec::new(),
            shallow: Vec::new(),
            depth: None,
            deepen_relative: false,
            since: None,
            not: Vec::new(),
            filter: None,
            thin_pack: false,
            ofs_delta: false,
            include_tag: false,
        }
    }

    pub(crate) fn want(&mut self, name: &[u8]) -> Result<(), RequestError> {
        let object = self.object_id(name)?;
        push_bounded(&mut self.wants, object, MAX_WANTS, "wants")
    }

    pub(crate) fn have(&mut self, name: &[u8]) -> Result<(), RequestError> {
        let object = self.object_id(name)?;
        push_bounded(&mut self.haves, object, MAX_HAVES, "haves")
    }

    /// Takes a line about how much history is wanted, the same in all versions; `false` when it is another one.
    pub(crate) fn takes_history_line(&mut self, line: &[u8]) -> Result<bool, RequestError> {
        let invalid = || RequestError::UnexpectedPacket {
            expected: "a depth, a time or a reference to deepen to",
            found: RequestError::quoted(line),
        };
        if let Some(name) = line.strip_prefix(b"shallow ") {
            let object = self.object_id(name)?;
            push_bounded(&mut self.shallow, object, MAX_SHALLOWS, "shallow commits")?;
        } else if let Some(depth) = line.strip_prefix(b"deepen ") {
            let depth = number(depth).and_then(|depth| u32::try_from(depth).ok());
            self.depth =
                Some(depth.filter(|depth| (1..=INFINITE_DEPTH).contains(depth)).ok_or_else(invalid)?);
        } else if let Some(time) = line.strip_prefix(b"deepen-since ") {
            self.since = Some(number(time).filter(|time| *time < u64::MAX).ok_or_else(invalid)?);
        } else if let Some(name) = line.strip_prefix(b"deepen-not ") {
            let name = Some(name).filter(|name| is_short_text(name)).ok_or_else(invalid)?.to_owned();
            push_bounded(&mut self.not, name, MAX_DEEPEN_NOT, "references to deepen to")?;
        } else {
            return Ok(false);
        }
        Ok(true)
    }

    pub(crate) fn filter(&mut self, filter: &[u8]) -> Result<(), RequestError> {
        if !is_short_text(filter) {
            let found = RequestError::quoted(filter);
            return Err(RequestError::UnexpectedPacket { expected: "a filter", found });
        }
        if self.filter.replace(filter.to_owned()).is_some() {
            return Err(RequestError::Contradiction("it has more than one filter"));
        }
        Ok(())
    }

    /// The request that all of this makes.
    pub(crate) fn finish(
        self,
        version: ProtocolVersion,
        ending: RequestEnding,
    ) -> Result<FetchRequest, RequestError> {
        let deepen = match (self.depth, self.since.is_some() || !self.not.is_empty()) {
            (Some(_), true) => {
                return Err(RequestError::Contradiction(
                    "a depth cannot be combined with a time or with references to deepen to",
                ));
            }
            (Some(commits), false) => {
                let from = if self.deepen_relative { DepthFrom::Boundary } else { DepthFrom::Wants };
                Deepen::Depth { commits, from }
            }
            (None, true) => Deepen::Cut { since: self.since, not: self.not.into_iter().collect() },
            (None, false) => Deepen::No,
        };
        let mut seen = BTreeSet::new();
        let want_order: Vec<_> = self.wants.into_iter().filter(|want| seen.insert(want.clone())).collect();
        Ok(FetchRequest {
            format: self.format.unwrap_or(ObjectFormat::Sha1),
            version,
            wants: seen,
            want_order,
            haves: self.haves,
            shallow: self.shallow.into_iter().collect(),
            deepen,
            filter: self.filter,
            thin_pack: self.thin_pack,
            ofs_delta: self.ofs_delta,
            include_tag: self.include_tag,
            ending,
        }
        .without_what_changes_nothing())
    }

    fn object_id(&mut self, name: &[u8]) -> Result<ObjectId, RequestError> {
        let invalid = || RequestError::InvalidObjectId(RequestError::quoted(name));
        let text = std::str::from_utf8(name).map_err(|_| invalid())?;
        let object = ObjectId::parse(text.to_ascii_lowercase()).map_err(|_| invalid())?;
        if *self.format.get_or_insert(object.format()) == object.format() {
            Ok(object)
        } else {
            Err(invalid())
        }
    }
}

fn push_bounded<T>(
    list: &mut Vec<T>,
    item: T,
    limit: usize,
    limited: &'static str,
) -> Result<(), RequestError> {
    if list.len() == limit {
        return Err(RequestError::LimitExceeded { limited, limit: limit as u64 });
    }
    list.push(item);
    Ok(())
}

fn is_short_text(text: &[u8]) -> bool {
    (1..=MAX_TEXT_BYTES).contains(&text.len()) && !text.iter().any(u8::is_ascii_control)
}

/// Decimal digits and nothing else.
fn number(text: &[u8]) -> Option<u64> {
    let is_decimal = text.iter().all(u8::is_ascii_digit);
    std::str::from_utf8(text).ok().filter(|_| is_decimal)?.parse().ok()
}
