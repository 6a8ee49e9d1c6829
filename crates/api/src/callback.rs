//! Calls that go where the other server's descriptor says, typed by the contract like a
//! [`RemoteCall`](crate::RemoteCall): only the path is not ours to know.
//!
//! The generator writes a [`Callback`] for each operation that `[callbacks]` of `openapi/codegen.toml` lists, and says
//! which bodies it may carry.
//!
//! ```
//! use heliostat_api::callbacks::OnAddonEventCallback;
//! use heliostat_api::models::RestProjectEvent;
//! use heliostat_api::{BodyOf, Callback};
//!
//! let callback = OnAddonEventCallback { instance: None, x_event_key: Some("project:created".into()) };
//! assert_eq!(OnAddonEventCallback::METHOD, "POST");
//! assert!(callback.query().is_empty());
//! assert_eq!(callback.headers(), [("X-Event-Key", "project:created")]);
//!
//! fn is_carried<B: BodyOf<OnAddonEventCallback>>() {}
//! is_carried::<RestProjectEvent>();
//! ```

use serde::Serialize;

/// An operation as another server calls it where the descriptor says; implemented by what it is asked besides its path
/// and its body. A success says no more than that it is one.
pub trait Callback {
    /// The HTTP method, upper case.
    const METHOD: &'static str;

    /// The parameters in the query, not encoded.
    fn query(&self) -> Vec<(&'static str, &str)> {
        Vec::new()
    }

    /// The parameters in headers.
    fn headers(&self) -> Vec<(&'static str, &str)> {
        Vec::new()
    }
}

/// A type that the body of this callback may have.
pub trait BodyOf<C: Callback>: Serialize {}
