//! The framing of the protocol, and what is said in it before anything is fetched or listed.

mod capabilities;
mod command;
mod moved_refs;
mod object_info;
mod passing_wants;
mod pkt_line;
mod protocol;
mod push_commands;
mod push_creations;
mod push_deletions;
mod push_report;
mod reader;
mod repeated_wants;
mod request_error;
mod write;

pub use capabilities::{AGENT, Bands, Bundles, advertisement_v2};
pub use command::{Command, CommandName};
pub use moved_refs::moved_refs;
pub use object_info::ObjectInfoRequest;
pub use passing_wants::PassingWants;
pub use pkt_line::{
    FatalErrorWatch, MAX_PACKET_LINE_BYTES, PacketLine, PacketLineError, decode_packet, encode_packet,
    ends_with_error_packet, error_packet,
};
pub(crate) use pkt_line::{LENGTH_DIGITS, read_length};
pub use protocol::{GitProtocol, GitService};
pub use push_commands::{PushCommand, PushCommands};
pub use push_creations::{CreationsBeginning, PushCreations};
pub use push_deletions::{PushBeginning, PushDeletions};
pub use push_report::{PushReport, Verdict};
pub(crate) use reader::PacketReader;
pub use repeated_wants::WantsSoFar;
pub use request_error::RequestError;
#[cfg(any(test, feature = "testing"))]
pub use write::spelled;
pub use write::{push_flush, push_packet};
