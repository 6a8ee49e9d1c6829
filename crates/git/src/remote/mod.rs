//! Other repositories, on other servers: objects from one that is followed, and bringing one here.

mod address;
mod connection;
mod copy;
mod fetch_error;
mod fetch_everything;
mod fetch_objects;
mod fetch_progress;
mod fetch_turns;
mod forwarded_pack;
mod import;
mod import_error;
mod index_whole_pack;
mod push_over_http;
mod source_access;
mod ssh;
mod ssh_end;

pub use address::InvalidAddress;
pub(crate) use address::Remote;
pub use connection::Connection;
pub use copy::{CopyError, copy_repository};
pub use fetch_error::FetchError;
pub use fetch_everything::{FetchSource, fetch_everything};
pub use fetch_objects::{FetchPlan, fetch_objects, fetch_objects_after, fetch_wanted};
pub use fetch_progress::FetchProgress;
pub use fetch_turns::{ABANDONED_FETCH_LIMIT, FetchTurn, FetchTurns};
pub use forwarded_pack::{ForwardedPack, PackForwarder, forwarded_pack};
pub use import::{clone_mirror, fetch_mirror, push_mirror};
pub use import_error::ImportError;
pub use index_whole_pack::{IndexedPack, index_whole_pack};
pub(crate) use push_over_http::{MAX_DELETIONS_PER_PUSH, PushOverHttp, is_http};
pub use source_access::SourceAccess;
pub use ssh::{SshConversation, SshError, SshIdentity, SshPlace, ssh_version};
pub use ssh_end::SshEnd;
