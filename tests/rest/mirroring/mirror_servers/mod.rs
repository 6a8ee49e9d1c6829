//! Mirrors that have joined.

mod get_delayed_sync_repositories_of_mirror;
mod get_mirror;
mod get_mirror_standing;
mod get_panel_html;
mod list_mirrors;
mod publish_event;
mod publish_events;
mod remove;
mod take_lease;
mod tell_mirror_standing;
mod upgrade;
