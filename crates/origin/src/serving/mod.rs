//! What a git request goes through, what waits for something to be here, and how hints make it quicker.

mod ensure;
mod fetcher;
mod hints;
mod in_step;
mod missing_objects;
mod opening;
mod part_lists;

pub use ensure::{Awaited, Ensured};
pub use fetcher::FetchCounters;
pub(crate) use fetcher::Fetcher;
pub(crate) use hints::Hints;
pub use hints::{OwnAnswer, ServiceAccess};
pub(crate) use in_step::{IN_STEP_WORKERS, InStep};
pub(crate) use opening::Opening;
pub use opening::{Freshness, NotOpened, OpenedRepository, Visit};
