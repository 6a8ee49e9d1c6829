//! What this server is.

mod get_application_properties;

pub use get_application_properties::get_application_properties;
