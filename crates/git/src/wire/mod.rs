//! What clients and server say to each other, as bytes and as types. No I/O, no processes, no repository on disk.

pub(crate) mod bundle_uri;
pub(crate) mod capabilities;
mod command;
mod fetch_draft;
mod fetch_request;
mod fetch_v0;
mod fetch_v2;
pub(crate) mod legacy_advertisement;
pub(crate) mod ls_refs;
mod packet_reader;
pub(crate) mod packets;
mod plain_clone;
mod ready_lists;
mod request_error;

#[cfg(test)]
mod agrees_with_git;
#[cfg(test)]
mod fetch_tests;

pub use command::{Command, CommandName};
pub use fetch_request::{Deepen, DepthFrom, Dialect, FetchRequest};
pub use ls_refs::LsRefs;
pub(crate) use packet_reader::PacketReader;
pub(crate) use plain_clone::Wrapping;
pub(crate) use ready_lists::ReadyLists;
pub use request_error::RequestError;
