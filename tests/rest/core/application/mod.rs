//! What the server is.

mod get_application_properties;
