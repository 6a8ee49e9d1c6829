//! A Git server that is asked over HTTP or HTTPS, by Git's own protocol.

mod fetch_wanted;
mod found;
mod gives;
mod list_refs;
mod question;
mod server;
mod server_url;
mod small_fetch;
mod whole_fetch;

pub use server::{SmartHttp, SmartHttpOptions, UnusableServer};
pub use server_url::{InvalidServerUrl, ServerUrl};

#[cfg(test)]
mod tests;
