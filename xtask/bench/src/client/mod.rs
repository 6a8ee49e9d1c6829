//! The load: requests as Git and REST clients send them, with next to no work of their own.

pub mod clone_request;
pub mod conversation;
pub mod hostile;
mod http_body;
pub mod keep_alive_load;
pub mod namespace_client;
pub mod raw_post;
pub mod request_load;
pub mod tls;
