//! Which repositories of the origin are here, how they come, and how they make room.
//!
//! All that is in them is the origin's, so that one that is damaged, or in the way, is simply given up. A number is never
//! given twice: what belongs to one repository never becomes part of another one.

mod entry;
mod make_room;
mod registry;
mod repair;
mod show_branches;

pub(crate) use entry::{Entry, InUse};
pub(crate) use make_room::keep_within_limits;
pub(crate) use registry::{Limits, LoadError, Repositories};
pub(crate) use repair::Repairs;
pub(crate) use show_branches::{branches_and_tags, head_of, show_branches};
