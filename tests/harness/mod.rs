//! What the tests stand on: servers as processes, HTTP clients with an identity, real git, and waiting.

mod client;
mod git;
mod joined_by_hand;
mod pair;
mod server;
mod wait;

pub use client::{Answer, Client, Identity, now_seconds, signed};
pub use git::{Checkout, git, git_fails, git_output};
pub use joined_by_hand::{FakeMirror, good_descriptor, request_of, start_joined_by_hand};
pub use pair::{Pair, clone_url, shared_pair};
pub use server::{ADMIN_PASSWORD, Server, ServerOptions, binary};
pub use wait::{eventually, within};
