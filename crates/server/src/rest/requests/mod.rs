//! Operations on the requests of mirrors to join.

mod accept;
mod delete_mirroring_request;
mod get_mirroring_request;
mod list_requests;
mod register;
mod reject;

pub use accept::accept;
pub use delete_mirroring_request::delete_mirroring_request;
pub use get_mirroring_request::get_mirroring_request;
pub use list_requests::list_requests;
pub use register::register;
pub use reject::reject;
