//! What repositories follow, and how that goes.

mod delete_following;
mod follow_now;
mod get_following;
mod get_followings;
mod set_following;
