//! The pages that people see: the first page of each role, and the settings of a mirror.
//!
//! A page is one HTML document with its style and script inside. It shows only what anybody may know; what
//! needs a permission is fetched by the script, with credentials that the reader types in.

mod config_panel;
mod home_mirror;
mod home_upstream;
mod lag;
mod page;

pub use config_panel::config_panel;
pub use home_mirror::mirror_home;
pub use home_upstream::upstream_home;
