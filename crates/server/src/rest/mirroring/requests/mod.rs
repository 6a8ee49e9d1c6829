//! Operations on the requests of mirrors to join.

mod accept;
mod delete_mirroring_request;
mod delete_open_mirroring_requests;
mod get_mirroring_request;
mod list_requests;
mod register;
mod reject;
