//! Stories: what people do with Heliostat, from the first command to the last.

mod accepted_projects;
mod backup_and_restore;
mod begin_with_bundle;
mod clean_stop;
mod clone_from_mirror;
mod copied_data;
mod database_away;
mod database_older;
mod database_twice;
mod disconnect;
mod drain;
mod emptied_mirror;
mod heals_by_itself;
mod kill_and_converge;
mod late_events;
mod metrics_tell_operators;
mod never_stuck;
mod permissions_follow;
mod push_reaches_mirrors;
mod restart_at_once;
mod says_what_is_known;
mod selection;
mod trash;
mod upstream_away;
mod upstream_restored;
mod webhooks_tell_ci;
