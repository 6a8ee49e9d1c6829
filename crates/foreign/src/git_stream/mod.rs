//! A Git server that is spoken with over a line that stays open: by `git://`, or by SSH.
//!
//! Neither has a place for the credentials of readers. By `git://` no client says who it is; over SSH a key does, and
//! that belongs to this server, and not to its callers.

mod conversation;
mod fetch_wanted;
mod list_refs;
mod server;
mod stream_url;

pub use server::{GitStream, GitStreamOptions};
pub use stream_url::{InvalidStreamUrl, StreamUrl};

#[cfg(test)]
mod tests;
