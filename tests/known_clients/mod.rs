//! Clients that exist, each played by what is known of its reading: the paths it asks, the fields without which it
//! fails, and what it does with the answers.
//!
//! A reader here is as strict as the client and no stricter: fields that the client requires are required, all
//! others are passed over. `reading` holds what several of them share.

mod bamboo;
mod bitbottle;
mod bitbucket_mirror;
mod bitbucket_upstream;
mod branch_source;
mod browser;
mod build_servers;
mod context_path;
mod generated_sdk;
mod jenkins_plugin;
mod jenkins_webhook;
mod reading;
mod vscode;
