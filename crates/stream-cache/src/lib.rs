//! Responses that are computed once for all clients that ask and kept as the bytes that clients see.
//!
//! Computing a response takes seconds of processor time and hundreds of megabytes; sending it takes neither. A client
//! gets, in this order: the entry on disk; a place at the computation that is under way, from its first byte; a
//! computation of its own, which others may join. A reader follows while the response is being written, and the writer
//! waits for readers that are slow, so that neither disk nor processor runs ahead of what is wanted. Where others wait for
//! the end of what it is made from, it goes at a pace of its own ([`Pace`]).
//!
//! A response to a given key stays right for ever, so entries leave only to make room ([`eviction`]), or with their
//! group. Whether a client may have the response is asked elsewhere, each time. The cache knows nothing of what the
//! bytes are.
//!
//! Read in this order: [`entry`] (one writer, many readers), [`in_flight`] (the task that is shared), [`recording`]
//! (what the disk will not take), [`store`] and [`footer`] (the files), [`index`] (what is there, and the budget).

mod cache;
mod counters;
mod entry;
mod eviction;
mod footer;
mod in_flight;
mod index;
mod key;
mod reader;
mod recording;
mod response_stream;
mod room;
mod store;

#[cfg(test)]
mod fixture;
#[cfg(test)]
mod tests_disk;
#[cfg(test)]
mod tests_sharing;

pub use cache::{
    CacheOptions, DEFAULT_AHEAD_BYTES, DEFAULT_CACHE_BYTES, DEFAULT_CACHE_ENTRIES, ResponseCache,
};
pub use counters::{CacheCounters, GroupUsage};
pub use key::CacheKey;
pub use reader::{EntryReader, Piece};
pub use response_stream::{
    BrokenOutput, ByteStream, Interest, Pace, Progress, ResponseError, ResponseStream,
};
