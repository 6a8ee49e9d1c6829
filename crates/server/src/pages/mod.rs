//! What people and load balancers read beside the contract's operations: the first page of each role, the settings of
//! a mirror, `/status` and `/healthz`.
//!
//! A page is one HTML document with its style and script inside. It shows only what is public; what
//! needs a permission is fetched by the script, with credentials that the reader types in.

pub mod health;
pub mod status;

mod config_panel;
mod home_mirror;
mod home_origin;
mod home_upstream;
mod mirror_answer;
mod origin_answer;
mod page;

pub use config_panel::config_panel;
pub use home_mirror::mirror_home;
pub use home_origin::origin_home;
pub use home_upstream::upstream_home;
