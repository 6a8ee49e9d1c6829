//! What a client that fetches asks for, in each version of the protocol.

mod draft;
mod full_clone;
mod request;
mod v0;
mod v2;

#[cfg(test)]
mod tests;

pub(crate) use draft::{FetchDraft, INFINITE_DEPTH};
pub use full_clone::{FullClone, SidebandWriter};
pub use request::{Deepen, DepthFrom, FetchRequest, MultiAck, ProtocolVersion, RequestEnding, SideBand};
