//! Operations on a user's preferred mirror.

mod delete_preferred_mirror_id;
mod get_preferred_mirror_id;
mod set_preferred_mirror_id;

pub use delete_preferred_mirror_id::delete_preferred_mirror_id;
pub use get_preferred_mirror_id::get_preferred_mirror_id;
pub use set_preferred_mirror_id::set_preferred_mirror_id;
