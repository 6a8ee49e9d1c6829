//! What a client that fetches means: which objects, which of them it has, and in what shape.
//!
//! Two requests that mean the same are equal, whichever client sent them in whichever order: the agent, the session, the
//! server options, progress, and everything that changes nothing in this request are gone. So an answer can be computed
//! once, from [`FetchRequest::canonical`], and found again by [`FetchRequest::cache_key`].

use std::collections::BTreeSet;

use bytes::Bytes;
use sha2::{Digest, Sha256};

use crate::fetch::INFINITE_DEPTH;
use crate::names::{INTERNAL_NAMESPACE, ObjectFormat, ObjectId};
use crate::packets::{RequestError, push_flush, push_packet};
use crate::refs::RefSnapshot;

/// Changed when answers to the same request become other bytes: what was stored before is then not found any more.
const CACHE_KEY_FORMAT: &[u8] = b"heliostat fetch 1";

/// The version of the protocol, which says how the answer is framed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ProtocolVersion {
    /// Protocol version 2.
    V2,
    /// Protocol version 0 or 1.
    V0 {
        /// How the pack is wrapped.
        side_band: SideBand,
        /// How common objects are acknowledged.
        multi_ack: MultiAck,
        /// Whether the pack may follow as soon as enough is known, in the same round.
        no_done: bool,
    },
}

/// How the pack is wrapped in protocol version 0 and 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum SideBand {
    /// Not at all.
    #[default]
    None,
    /// In packets of up to 1,000 bytes.
    Small,
    /// In packets of up to 65,520 bytes.
    Large,
}

/// Which common objects are acknowledged in protocol version 0 and 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum MultiAck {
    /// The first one.
    #[default]
    None,
    /// Each.
    Basic,
    /// Each, and whether they are enough.
    Detailed,
}

/// How much history is wanted.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Deepen {
    /// All of it, or as much as the client has.
    No,
    /// So many commits.
    Depth {
        /// How many.
        commits: u32,
        /// Counted from where.
        from: DepthFrom,
    },
    /// As far as a time, or as what these references hold.
    Cut {
        /// Seconds since 1970.
        since: Option<u64>,
        /// References, whose history is left out.
        not: BTreeSet<Vec<u8>>,
    },
}

/// From where a depth is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DepthFrom {
    /// From what is wanted.
    Wants,
    /// From where the client's history is cut now.
    Boundary,
}

/// What the answer ends with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RequestEnding {
    /// A pack.
    Pack,
    /// Acknowledgements, and the pack when they are enough.
    Negotiate,
    /// Acknowledgements.
    Acknowledge,
    /// Where history will be cut (version 0 and 1).
    Boundary,
}

/// What a request means.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct FetchRequest {
    pub(crate) format: ObjectFormat,
    pub(crate) version: ProtocolVersion,
    pub(crate) wants: BTreeSet<ObjectId>,
    /// The order of the wants where it matters, and empty when it is the sorted one: with a filter, `git` leaves
    /// out a file that is wanted after a folder that holds it.
    pub(crate) want_order: Vec<ObjectId>,
    /// In the order in which they are acknowledged; sorted when none is.
    pub(crate) haves: Vec<ObjectId>,
    pub(crate) shallow: BTreeSet<ObjectId>,
    pub(crate) deepen: Deepen,
    pub(crate) filter: Option<Vec<u8>>,
    pub(crate) thin_pack: bool,
    pub(crate) ofs_delta: bool,
    pub(crate) include_tag: bool,
    pub(crate) ending: RequestEnding,
}

/// Whether the server is to tell how far it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum AsksForProgress {
    Yes,
    No,
}

/// On which references an answer depends, besides the objects that the request names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Dependence {
    None,
    Tags,
    All,
}

impl FetchRequest {
    /// How it names objects.
    pub fn format(&self) -> ObjectFormat {
        self.format
    }

    /// How its answer is framed.
    pub fn version(&self) -> ProtocolVersion {
        self.version
    }

    /// The objects that it wants.
    pub fn wants(&self) -> &BTreeSet<ObjectId> {
        &self.wants
    }

    /// What the client says it has.
    pub fn haves(&self) -> &[ObjectId] {
        &self.haves
    }

    /// What the client says of its own objects: those that it has, and those at which its history is cut.
    pub fn named_by_client(&self) -> impl Iterator<Item = &ObjectId> {
        self.haves.iter().chain(&self.shallow)
    }

    /// How much history it wants.
    pub fn deepen(&self) -> &Deepen {
        &self.deepen
    }

    /// What the answer ends with.
    pub fn ending(&self) -> RequestEnding {
        self.ending
    }

    /// Whether the filter may name an object, which need not be there, nor be what a filter can be read from.
    pub fn may_name_an_object_by_filter(&self) -> bool {
        self.filter.as_deref().is_some_and(|filter| !is_lasting_filter(filter))
    }

    /// Whether it brings along the annotated tags of what it brings.
    pub fn includes_tags(&self) -> bool {
        self.include_tag
    }

    /// Whether the whole answer is no bytes at all.
    pub fn asks_for_nothing(&self) -> bool {
        self.wants.is_empty() && self.haves.is_empty()
    }

    /// Whether it is what build servers ask: the newest commits and nothing below, into an empty repository.
    pub fn is_shallow_clone(&self) -> bool {
        let is_new = self.haves.is_empty() && self.shallow.is_empty() && self.ending == RequestEnding::Pack;
        is_new && matches!(self.deepen, Deepen::Depth { from: DepthFrom::Wants, .. })
    }

    /// The same question about other objects.
    pub fn with_wants(&self, wants: BTreeSet<ObjectId>) -> Self {
        Self { wants, want_order: Vec::new(), ..self.clone() }
    }

    /// The same question without the annotated tags of what it brings, which a server need not send.
    #[must_use]
    pub fn without_tags(self) -> Self {
        Self { include_tag: false, ..self }
    }

    /// The same question without the contents of files, or with them if they were left out.
    pub fn with_or_without_blobs(&self) -> Self {
        let filter = self.filter.is_none().then(|| b"blob:none".to_vec());
        Self { filter, ..self.clone() }
    }

    /// Refuses a client that names objects by another hash than the repository.
    pub fn check_format(&self, server: ObjectFormat) -> Result<(), RequestError> {
        if self.format == server || self.asks_for_nothing() {
            return Ok(());
        }
        Err(RequestError::WrongObjectFormat { server, client: self.format.to_string() })
    }

    /// The request in the one way in which it is spelled. It asks for no progress.
    pub fn canonical(&self) -> Bytes {
        self.spelled(AsksForProgress::No)
    }

    /// The same for a `git upload-pack --stateless-rpc` from whose answer progress is taken before a client reads it.
    pub fn canonical_with_progress(&self) -> Bytes {
        self.spelled(AsksForProgress::Yes)
    }

    fn spelled(&self, progress: AsksForProgress) -> Bytes {
        let mut output = Vec::new();
        match self.version {
            ProtocolVersion::V2 => self.write_v2(progress, &mut output),
            ProtocolVersion::V0 { side_band, multi_ack, no_done } => {
                let capabilities = self.capabilities(side_band, multi_ack, no_done, progress);
                self.write_v0(&capabilities, &mut output);
            }
        }
        output.into()
    }

    /// What the answer is stored under, in a repository with these references where this of what the client names is not
    /// known; `None` when it must not be stored.
    pub fn cache_key(&self, refs: &RefSnapshot, absent: &BTreeSet<ObjectId>) -> Option<[u8; 32]> {
        // Where history is cut is not among the references.
        let is_storable = !refs.is_shallow()
            && !self.wants.is_empty()
            && self.filter.as_deref().is_none_or(is_lasting_filter)
            && self.deepens_to_lasting_names();
        if !is_storable || refs.object_format().is_some_and(|format| format != self.format) {
            return None;
        }
        let mut hasher = Sha256::new();
        for part in [CACHE_KEY_FORMAT, self.format.as_str().as_bytes(), &self.canonical()] {
            hasher.update((part.len() as u64).to_be_bytes());
            hasher.update(part);
        }
        if self.named_by_client().next().is_some() {
            hasher.update(b"absent");
            for object in absent {
                hasher.update(object.as_str());
            }
        }
        match self.dependence() {
            Dependence::None => {}
            Dependence::Tags => {
                hasher.update(b"tags");
                for (name, object) in refs.tags() {
                    hasher.update(object.as_str());
                    hasher.update(name.as_str());
                    hasher.update(b"\n");
                }
            }
            Dependence::All => {
                hasher.update(b"all");
                hasher.update(refs.content_hash().as_str());
            }
        }
        Some(hasher.finalize().into())
    }

    /// Whether the references that it names are among those that all can see: `HEAD` and the like may name others while
    /// these stay the same, and so may ours.
    fn deepens_to_lasting_names(&self) -> bool {
        let Deepen::Cut { not, .. } = &self.deepen else { return true };
        let own_folder = INTERNAL_NAMESPACE.trim_start_matches("refs/").as_bytes();
        not.iter().all(|name| {
            name.iter().any(u8::is_ascii_lowercase)
                && !name.windows(own_folder.len()).any(|part| part == own_folder)
        })
    }

    fn dependence(&self) -> Dependence {
        let depth_depends = match &self.deepen {
            Deepen::No => false,
            // Only what is reachable counts.
            Deepen::Depth { from, .. } => *from == DepthFrom::Boundary,
            Deepen::Cut { not, .. } => !not.is_empty(),
        };
        let is_negotiating = matches!(self.ending, RequestEnding::Negotiate | RequestEnding::Acknowledge);
        if depth_depends || (is_negotiating && !self.haves.is_empty()) {
            return Dependence::All;
        }
        if self.include_tag { Dependence::Tags } else { Dependence::None }
    }

    /// Drops what has no effect, so that requests with the same answer are equal.
    pub(crate) fn without_what_changes_nothing(mut self) -> Self {
        if self.version == ProtocolVersion::V2 {
            if self.haves.is_empty() && !self.wants.is_empty() {
                self.ending = RequestEnding::Pack;
            }
            if self.ending == RequestEnding::Pack {
                self.haves.sort_unstable();
                self.haves.dedup();
            }
        }
        if self.filter.is_none() || self.want_order.is_sorted() {
            self.want_order = Vec::new();
        }
        if self.wants.is_empty() && (self.ending != RequestEnding::Acknowledge || self.haves.is_empty()) {
            self.haves = Vec::new();
            self.ending = RequestEnding::Acknowledge;
        }
        if let Deepen::Depth { commits: INFINITE_DEPTH, from } = &mut self.deepen {
            *from = DepthFrom::Wants;
        }
        if matches!(self.ending, RequestEnding::Acknowledge | RequestEnding::Boundary) {
            // There will be no pack.
            (self.thin_pack, self.ofs_delta, self.include_tag) = (false, false, false);
            (self.filter, self.want_order) = (None, Vec::new());
        }
        if self.ending == RequestEnding::Acknowledge {
            (self.deepen, self.shallow) = (Deepen::No, BTreeSet::new());
        }
        if self.haves.is_empty() && self.shallow.is_empty() {
            // There is nothing that a pack could leave out but build on.
            self.thin_pack = false;
        }
        if let ProtocolVersion::V0 { side_band, multi_ack, no_done } = &mut self.version {
            if self.haves.is_empty() {
                *multi_ack = MultiAck::None;
            }
            if *multi_ack != MultiAck::Detailed || self.ending != RequestEnding::Negotiate {
                *no_done = false;
            }
            if matches!(self.ending, RequestEnding::Acknowledge | RequestEnding::Boundary) {
                *side_band = SideBand::None;
            }
        }
        if self.asks_for_nothing() {
            self.format = ObjectFormat::Sha1;
        }
        self
    }

    pub(crate) fn wants_in_order(&self) -> impl Iterator<Item = &ObjectId> {
        let sorted = self.want_order.is_empty().then_some(&self.wants).into_iter().flatten();
        self.want_order.iter().chain(sorted)
    }

    fn write_v2(&self, progress: AsksForProgress, output: &mut Vec<u8>) {
        push_packet(output, &[b"command=fetch\n"]);
        push_packet(output, &[b"object-format=", self.format.as_str().as_bytes(), b"\n"]);
        output.extend_from_slice(b"0001");
        if progress == AsksForProgress::No {
            push_packet(output, &[b"no-progress\n"]);
        }
        let ending: &[u8] = match self.ending {
            RequestEnding::Pack => b"done\n",
            RequestEnding::Acknowledge => b"wait-for-done\n",
            RequestEnding::Negotiate | RequestEnding::Boundary => b"",
        };
        let is_relative = matches!(self.deepen, Deepen::Depth { from: DepthFrom::Boundary, .. });
        let flags: [(bool, &[u8]); 5] = [
            (self.thin_pack, b"thin-pack\n"),
            (self.ofs_delta, b"ofs-delta\n"),
            (self.include_tag, b"include-tag\n"),
            (is_relative, b"deepen-relative\n"),
            (!ending.is_empty(), ending),
        ];
        for (_, flag) in flags.iter().filter(|(is_set, _)| *is_set) {
            push_packet(output, &[flag]);
        }
        self.write_history(output);
        self.write_filter(output);
        for want in self.wants_in_order() {
            push_packet(output, &[b"want ", want.as_str().as_bytes(), b"\n"]);
        }
        self.write_haves(output);
        push_flush(output);
    }

    fn write_v0(&self, capabilities: &str, output: &mut Vec<u8>) {
        for (index, want) in self.wants_in_order().enumerate() {
            let capabilities = if index == 0 { capabilities } else { "" };
            push_packet(output, &[b"want ", want.as_str().as_bytes(), capabilities.as_bytes(), b"\n"]);
        }
        self.write_history(output);
        self.write_filter(output);
        push_flush(output);
        self.write_haves(output);
        match self.ending {
            RequestEnding::Pack => push_packet(output, &[b"done\n"]),
            RequestEnding::Negotiate => push_flush(output),
            RequestEnding::Acknowledge | RequestEnding::Boundary => {}
        }
    }

    fn capabilities(
        &self,
        side_band: SideBand,
        multi_ack: MultiAck,
        no_done: bool,
        progress: AsksForProgress,
    ) -> String {
        let is_relative = matches!(self.deepen, Deepen::Depth { from: DepthFrom::Boundary, .. });
        let words = [
            (multi_ack == MultiAck::Detailed, " multi_ack_detailed"),
            (multi_ack == MultiAck::Basic, " multi_ack"),
            (no_done, " no-done"),
            (side_band == SideBand::Large, " side-band-64k"),
            (side_band == SideBand::Small, " side-band"),
            (self.thin_pack, " thin-pack"),
            (self.ofs_delta, " ofs-delta"),
            (self.include_tag, " include-tag"),
            (is_relative, " deepen-relative"),
            (self.filter.is_some(), " filter"),
            (progress == AsksForProgress::No, " no-progress"),
        ];
        words.iter().filter(|(is_set, _)| *is_set).map(|(_, word)| *word).collect()
    }

    fn write_history(&self, output: &mut Vec<u8>) {
        for commit in &self.shallow {
            push_packet(output, &[b"shallow ", commit.as_str().as_bytes(), b"\n"]);
        }
        match &self.deepen {
            Deepen::No => {}
            Deepen::Depth { commits, .. } => {
                push_packet(output, &[b"deepen ", commits.to_string().as_bytes(), b"\n"]);
            }
            Deepen::Cut { since, not } => {
                if let Some(since) = since {
                    push_packet(output, &[b"deepen-since ", since.to_string().as_bytes(), b"\n"]);
                }
                for name in not {
                    push_packet(output, &[b"deepen-not ", name, b"\n"]);
                }
            }
        }
    }

    fn write_filter(&self, output: &mut Vec<u8>) {
        if let Some(filter) = &self.filter {
            push_packet(output, &[b"filter ", filter, b"\n"]);
        }
    }

    fn write_haves(&self, output: &mut Vec<u8>) {
        for have in &self.haves {
            push_packet(output, &[b"have ", have.as_str().as_bytes(), b"\n"]);
        }
    }
}

/// Whether a filter means the same as long as there are the same objects. One that names a list of paths in the
/// repository may not, and an unknown one might name one.
fn is_lasting_filter(filter: &[u8]) -> bool {
    let Ok(filter) = std::str::from_utf8(filter) else {
        return false;
    };
    let is_simple = |filter: &str| {
        let kinds = ["blob:limit=", "tree:", "object:type="];
        let value = kinds.iter().find_map(|kind| filter.strip_prefix(kind));
        filter == "blob:none"
            || value.is_some_and(|value| value.bytes().all(|byte| byte.is_ascii_alphanumeric()))
    };
    match filter.strip_prefix("combine:") {
        Some(parts) => parts.split('+').all(is_simple),
        None => is_simple(filter),
    }
}
