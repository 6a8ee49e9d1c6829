//! What Git's bytes mean: names, packets, lists of references, requests.
//!
//! No I/O and no runtime, so the compiler sees to it that parsers do none. Every list, line and count is bounded before
//! anything is allocated for it, and fuzzed.
//!
//! Read in this order: [`packets`] (the framing), [`names`] (what objects and references are called), [`refs`] (what a
//! repository shows), [`fetch`] (what a client wants), [`packs`] (what a small repository or change holds).

mod fetch;
mod names;
mod packets;
mod packs;
mod refs;

pub use fetch::{
    AllInBands, Deepen, DepthFrom, FetchRequest, FullClone, Given, KEEP_ALIVE, KEEP_ALIVE_IN_BANDS,
    MAX_QUESTIONED_OBJECTS, MultiAck, NoPack, PackBand, PackStart, Parted, PeopleBand, ProtocolVersion,
    RemoteMessage, RequestEnding, SideBand, SidebandWriter, fatal_packet, small_fetch_pack,
    small_fetch_request, wants_progress_v0, wants_progress_v2, whole_fetch_request,
};
pub use names::{
    ContentHash, INTERNAL_NAMESPACE, InvalidContentHash, InvalidObjectId, InvalidRefName, ObjectFormat,
    ObjectId, RefChange, RefChangeKind, RefName, fault_of, lines_of,
};
#[cfg(any(test, feature = "testing"))]
pub use packets::spelled;
pub use packets::{
    AGENT, Bands, Bundles, Command, CommandName, CreationsBeginning, FatalErrorWatch, GitProtocol,
    GitService, MAX_PACKET_LINE_BYTES, ObjectInfoRequest, PacketLine, PacketLineError, PassingWants,
    PushBeginning, PushCommand, PushCommands, PushCreations, PushDeletions, PushReport, RequestError,
    Verdict, WantsSoFar, advertisement_v2, decode_packet, encode_packet, ends_with_error_packet,
    error_packet, moved_refs, push_flush, push_packet,
};
pub use packs::{
    CommitLinks, MAX_INFLATED_BYTES, MAX_OBJECTS, ObjectKind, PackEntry, PackFault, PackWriter, PackedObject,
    TreeEntry, TreeEntryKind, WholePack, apply_delta, commit_links, object_name, read_pack, tag_target,
    tree_entries,
};
pub use refs::{
    Advertised, AdvertisedRef, Head, LegacyVersion, LsRefs, MAX_LISTED_REFS, MAX_REF_LIST_BYTES, PeelInfo,
    PeeledObject, RefChangedTo, RefMove, RefRoom, RefSnapshot, RefStep, RemoteCapabilities, RemoteListError,
    SnapshotRef, advertisement, push_advertisement, read_legacy_list,
};
