//! The upstream that a mirror follows.

mod get_upstream_server_1;
