//! What clients and server say to each other, as bytes and as types. No I/O, no processes, no repository on disk.

pub(crate) mod capabilities;
pub(crate) mod legacy_advertisement;
pub(crate) mod ls_refs;
mod packets;
mod ready_lists;
mod request_error;

#[cfg(test)]
mod agrees_with_git;

pub(crate) use ready_lists::ReadyLists;
pub use request_error::RequestError;
