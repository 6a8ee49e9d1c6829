//! What this server is.

mod get_application_properties;
