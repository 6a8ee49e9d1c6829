//! Other repositories, on other servers: following one, and bringing one here.

mod address;
mod copy;
mod fetch;
mod fetch_error;
mod fetch_everything;
mod import;
mod import_error;
mod push_over_http;

pub use address::InvalidAddress;
pub(crate) use address::Remote;
pub use copy::{CopyError, copy_repository};
pub use fetch::{FetchPlan, FetchScope, fetch, remote_refs};
pub use fetch_error::FetchError;
pub use fetch_everything::fetch_everything;
pub use import::{clone_mirror, push_mirror};
pub use import_error::ImportError;
pub(crate) use push_over_http::{MAX_DELETIONS_PER_PUSH, PushOverHttp, is_http};
