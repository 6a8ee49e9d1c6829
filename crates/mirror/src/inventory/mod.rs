//! Which repositories this mirror has, what is known about each, and which of them it is to have.

mod counts;
mod deletion_guard;
mod describe;
mod entry;
mod held;
mod index;
mod known_parts;
mod mirrored;
mod record;
mod removal;
mod returning;
mod selection;
mod settings;
mod shown_before;
mod tally;
mod trouble;

pub use settings::SelectedProjects;

pub(crate) use deletion_guard::{RemovalDecision, judge_removal};
pub(crate) use describe::knows_project;
pub(crate) use entry::{
    Entry, PurgeOrder, has_recorded_refs, is_as_synchronised, is_available, is_behind, names_default_branch,
    origin_of,
};
pub(crate) use held::has_identity;
pub(crate) use known_parts::known_parts;
pub(crate) use mirrored::{Inventory, LoadError};
pub(crate) use record::SyncNeed;
pub(crate) use selection::Selection;
pub(crate) use trouble::TroubleKind;

#[cfg(test)]
pub(crate) use entry::tests;
#[cfg(test)]
pub(crate) use shown_before::tests as scene;
