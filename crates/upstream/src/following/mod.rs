//! Repositories that follow one of another server: they are kept equal to it, and take no pushes.
//!
//! A [reconciler](reconcile) looks at each source whenever its time has come. What is new there is fetched, shown by one
//! change of all references, and recorded and announced like a push; so mirrors, webhooks and stored answers need to know
//! nothing of it.

mod bring_in_step;
mod followings;
mod reconcile;
mod schedule;
mod source_settings;
mod ssh_settings;
mod trouble;

pub use followings::{FollowedRepository, Followings};
pub(crate) use reconcile::run;
pub use schedule::FollowingStatus;
pub use source_settings::FollowingFields;
