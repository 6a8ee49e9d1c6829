//! A user's own settings.

mod delete_preferred_mirror_id;
mod get_preferred_mirror_id;
mod set_preferred_mirror_id;
