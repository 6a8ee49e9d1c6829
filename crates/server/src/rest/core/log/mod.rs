//! How much this server logs.

mod get_log_level;
mod set_log_level;
