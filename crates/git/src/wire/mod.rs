//! What clients and server say to each other, as bytes and as types. No I/O, no processes, no repository on disk.

mod command;
mod fetch_draft;
mod fetch_request;
mod fetch_v0;
mod fetch_v2;
mod packet_reader;
pub(crate) mod packets;
mod request_error;

#[cfg(test)]
mod fetch_tests;

pub use command::{Command, CommandName};
pub use fetch_request::{Acknowledging, Deepen, DepthFrom, Dialect, FetchRequest, RequestEnding, SideBand};
pub(crate) use packet_reader::PacketReader;
pub use request_error::RequestError;
