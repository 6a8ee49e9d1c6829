//! Operations on the mirrors that have joined.

mod get_mirror;
mod get_panel_html;
mod list_mirrors;
mod publish_event;
mod remove;
mod upgrade;

pub use get_mirror::get_mirror;
pub use get_panel_html::get_panel_html;
pub use list_mirrors::list_mirrors;
pub use publish_event::publish_event;
pub use remove::remove;
pub use upgrade::upgrade;
