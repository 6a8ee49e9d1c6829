//! What Git's bytes mean: names, packets, lists of references, requests.
//!
//! No I/O and no runtime, so the compiler sees to it that parsers do none. Every list, line and count is bounded before
//! anything is allocated for it, and fuzzed.
//!
//! Read in this order: [`packets`] (the framing), [`names`] (what objects and references are called), [`refs`] (what a
//! repository shows), [`fetch`] (what a client wants).

mod fetch;
mod names;
mod packets;
mod refs;

pub use fetch::{
    Deepen, DepthFrom, FetchRequest, FullClone, KEEP_ALIVE, MultiAck, PackStart, ProtocolVersion,
    RemoteMessage, RequestEnding, SideBand, SidebandWriter, wants_progress_v0, wants_progress_v2,
};
pub use names::{
    ContentHash, ContentHasher, INTERNAL_NAMESPACE, InvalidContentHash, InvalidObjectId, InvalidRefName,
    ObjectFormat, ObjectId, RefChange, RefChangeKind, RefName, fault_of, lines_of,
};
#[cfg(any(test, feature = "testing"))]
pub use packets::spelled;
pub use packets::{
    AGENT, Bundles, Command, CommandName, FatalErrorWatch, GitProtocol, GitService, MAX_PACKET_LINE_BYTES,
    ObjectInfoRequest, PacketLine, PacketLineError, PassingWants, PushCommands, PushDeletions, RequestError,
    advertisement_v2, decode_packet, encode_packet, ends_with_error_packet, error_packet, push_flush,
    push_packet,
};
pub use refs::{
    Advertised, AdvertisedRef, Head, LegacyVersion, LsRefs, MAX_LISTED_REFS, MAX_REF_LIST_BYTES, PeelInfo,
    PeeledObject, RefChangedTo, RefMove, RefRoom, RefSnapshot, RefStep, RemoteCapabilities, RemoteListError,
    SnapshotRef, advertisement,
};
