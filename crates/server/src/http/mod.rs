//! HTTP as every part of the server speaks it: connections, what wraps every request, and errors as answers.
//!
//! A request passes, from the outside in: the accept loop ([`serve`]), its line in the log ([`RequestLog`]), the
//! context path and API version ([`Address`]), what browsers may read ([`CrossOrigin`]), the error envelope
//! ([`Envelope`]) and places for REST ([`RestPlaces`]). [`problem`] is the only place that turns errors into HTTP.
//!
//! hyper writes bodies from memory only. So that stored answers go from their file to the socket without passing
//! through this process, a body hands regions of files to the connection's [`SendfileQueue`] and gives hyper bytes
//! that stand for them; the `socket` recognises these bytes when hyper writes them, and sends the regions instead.

pub mod problem;
pub mod rest_places;

mod address;
mod cross_origin;
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
pub use cross_origin::CrossOrigin;
pub use database_gate::DatabaseGate;
pub use envelope::Envelope;
pub use listen::{bind, serve};
pub use open_files::OpenFiles;
pub use request_log::RequestLog;
pub use rest_places::RestPlaces;
pub use sendfile_queue::SendfileQueue;
pub use stored_body::StoredBody;
