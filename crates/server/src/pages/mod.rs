//! What people and load balancers read beside the contract's operations: the console of each role, the settings of a
//! mirror, `/status` and `/healthz`.
//!
//! A page is one HTML document with its style and script inside, from a template that is checked when it is compiled. It
//! shows only what is public, and is there whether or not what it is about exists; what needs a permission is fetched by
//! its script over the operations of the contract, with the session that `http::BrowserSessions` keeps.

pub mod health;
pub mod status;

mod config_panel;
mod error_pages;
mod mirror;
mod mirror_answer;
mod origin;
mod origin_answer;
mod page;
mod pages_of_things;
mod state_words;
mod upstream;

pub use config_panel::config_panel;
pub use error_pages::ErrorPages;
pub use mirror::mirror_home;
pub use origin::origin_home;
pub use pages_of_things::PagesOfThings;
pub use upstream::upstream_home;
