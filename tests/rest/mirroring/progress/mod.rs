//! How far a mirror is with the upstream that it follows.

mod get_synchronization_progress_1;
