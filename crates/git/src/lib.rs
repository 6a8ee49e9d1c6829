//! What a repository is on disk and on the wire.
//!
//! The only crate that starts processes. It knows no users, no database and no HTTP framework: callers decide
//! who may do what, this crate makes sure that a repository is created whole, read consistently, changed
//! atomically and served with bounded memory, and that no `git` outlives the caller that wanted it.
//!
//! Read in this order: [`Git`] finds the executable, [`RepositoryStore`] holds repositories, [`Repository`] reads,
//! fetches, serves and receives.

mod git;
mod version;

mod command;
mod cpu_time;
mod environment;
mod error;
mod output_pieces;
mod process;

mod content_hash;
mod object_id;
mod ref_change;
mod ref_name;
mod ref_snapshot;

mod ref_cache;
mod ref_files;
mod ref_loading;

mod bundle;
mod growth;
mod maintenance;
mod pack_index;
mod repository;
mod repository_store;
mod revisions;
mod update_refs;
mod upkeep;

mod fetch;
mod fetch_error;
mod import;
mod push_over_http;
mod remote;
mod transfer;

mod object_info;
mod pkt_line;
mod protocol;
mod receive_pack;
mod request_body;
mod response_cache;
mod serve;
mod serving;
mod wire;

#[cfg(test)]
mod fixture;
#[cfg(test)]
mod fixture_http;

pub use bundle::{Bundle, BundleReader};
pub use content_hash::{ContentHash, InvalidContentHash};
pub use error::GitError;
pub use fetch::{FetchPlan, FetchScope};
pub use fetch_error::FetchError;
pub use git::{Git, GitUnavailable, MAX_GIT_PROCESSES, MAX_OWN_GIT_PROCESSES};
pub use import::ImportError;
pub use object_id::{InvalidObjectId, ObjectFormat, ObjectId};
pub use object_info::ObjectInfoRequest;
pub use pkt_line::{
    MAX_PACKET_LINE_BYTES, PacketLine, PacketLineError, decode_packet, encode_packet, error_packet,
};
pub use process::GitProcess;
pub use protocol::{GitProtocol, GitService};
pub use receive_pack::{MAX_PUSH_BYTES, MAX_RECEIVE_REPORT_BYTES, ReceivedPack};
pub use ref_cache::DEFAULT_REF_MEMORY_BYTES;
pub use ref_change::{RefChange, RefChangeKind};
pub use ref_name::{INTERNAL_NAMESPACE, InvalidRefName, RefName};
pub use ref_snapshot::{Head, RefSnapshot};
pub use remote::{InvalidRemote, SecretHeader};
pub use repository::Repository;
pub use repository_store::{CreateError, OpenError, RepositoryStore};
pub use request_body::{ByteStream, UnsupportedEncoding, decode_request_body};
pub use response_cache::{DEFAULT_CACHE_BYTES, EntryReader, Piece};
pub use serve::{GitOutput, ServeMode, ServeOptions};
pub use serving::{Answer, Asker, ServingCounters, ServingEngine, ServingOptions, StoredAnswers};
pub use update_refs::{RefUpdate, UpdateRefsError};
pub use upkeep::{LastUpkeep, Maintained, Upkeep, UpkeepCounters, keep_up};
pub use version::{GitVersion, MINIMUM_GIT_VERSION};
pub use wire::{Command, CommandName, FetchRequest, LsRefs, RequestError};
