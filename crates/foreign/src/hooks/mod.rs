//! What providers tell of their repositories by webhooks: hints that a repository should be looked at, and never the
//! truth.
//!
//! [`HookReceiver`] proves where a delivery comes from, drops what it has seen, and notes the repositories that it names in
//! [`Hints`]; [`Hints::follow`] has them looked at, each by itself and once for all hints that came meanwhile.

mod deliveries;
mod hints;
mod named_repositories;
mod receiver;
mod secrets;
mod signature;

pub use hints::{Hints, Noted};
pub use receiver::{HookCounts, HookReceiver, HookRefused, MAX_HOOK_BODY_BYTES, Received};
pub use secrets::{HookSecrets, UnusableSecret};
pub use signature::NotGenuine;
