//! Who reads, and what goes back to them.

mod awaited;
mod body;
mod reader;

pub use awaited::AwaitedAnswer;
pub(crate) use awaited::{Framing, TELL_AFTER, Waited};
pub use body::{Answer, StoredAnswer};
pub use reader::GitReader;
