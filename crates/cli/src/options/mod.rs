//! The options of the roles, and how their values are written.

mod connections;
mod given;
mod log;
mod log_lines;
mod panics;
mod serving;
mod shared;
mod tls;

pub mod duration;
mod parse;
mod size;

pub use given::first_given;
pub use log::{LogFormat, parse_level, start_log};
pub use log_lines::flush_log;
pub use parse::{
    parse_commit, parse_display_name, parse_http_url, parse_listen, parse_mirror_lease, parse_parallelism,
    parse_reference, parse_small_push,
};
pub use shared::{COMMIT, SharedOptions};
pub use size::parse as parse_size;
pub use tls::TlsFlags;
