//! HTTP as every part of the server speaks it: connections, what wraps every request, and errors as answers.
//!
//! A request passes, from the outside in: the accept loop ([`serve`]), its line in the log ([`RequestLog`]), what
//! browsers are told ([`BrowserRules`]), the context path and API version ([`Address`]), what pages of other sites may
//! read ([`CrossOrigin`]) and change ([`CrossSite`]), and the error envelope ([`Envelope`]). [`problem`] is the only
//! place that turns errors into HTTP.
//!
//! hyper writes bodies from memory only. So that stored answers go from their file to the socket without passing
//! through this process, a body hands regions of files to the connection's [`SendfileQueue`] and gives hyper bytes
//! that stand for them; the `socket` recognises these bytes when hyper writes them, and sends the regions instead.

pub mod problem;

mod address;
mod browser_rules;
mod cross_origin;
mod cross_site;
mod database_gate;
mod envelope;
mod listen;
mod open_files;
mod page_cache;
mod request_log;
mod sendfile_queue;
#[cfg(test)]
mod sendfile_tests;
mod socket;
mod stored_body;
mod unread_body;

pub use address::Address;
pub use browser_rules::BrowserRules;
pub use cross_origin::CrossOrigin;
pub use cross_site::CrossSite;
pub use database_gate::DatabaseGate;
pub use envelope::Envelope;
pub use listen::{bind, serve};
pub use open_files::OpenFiles;
pub use request_log::RequestLog;
pub use sendfile_queue::SendfileQueue;
pub use stored_body::StoredBody;
