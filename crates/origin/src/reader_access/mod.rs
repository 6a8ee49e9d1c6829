//! What the origin has said about which reader, how old it may be, and what is kept of it.
//!
//! ```text
//! a request ──▶ is the last word about this reader new enough? ──yes──▶ it holds
//!                          │ no: one asks, those who came before the question share it
//!                          ▼
//!                      the origin ──▶ shows the repository: what it shows is what the reader is shown
//!                          ├────────▶ says no: so it is, and nothing is kept of what the reader was shown
//!                          └────────▶ says nothing: the last word holds for a while longer, and the reader is told so
//! ```
//!
//! Of a long list, only the part that is wanted is asked for where the rest need not be known; `confirm_part` says when.
//!
//! What was said last is kept on the disk as well, of each reader and of those who were refused; `persisted_readers` says when, and
//! `kept_lists` in which form lists are. Credentials are never kept: a keyed hash stands for them.

mod ask_origin;
mod confirm_part;
mod contact;
mod fingerprint_key;
mod kept_lists;
mod known_readers;
mod listings;
mod outage;
mod persisted_readers;
mod reader;
mod waiting_news;

pub use ask_origin::AccessCounters;
pub(crate) use ask_origin::{Asking, Heard, HeardRefs, ReaderAccess};
pub use contact::ContactView;
pub(crate) use fingerprint_key::fingerprint_key;
pub(crate) use kept_lists::KeptLists;
pub(crate) use listings::Shown;
pub(crate) use persisted_readers::{PersistedReaders, keep_readers};
pub(crate) use reader::Lifetimes;
