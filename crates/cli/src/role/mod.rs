//! The commands that run a role of the server: `heliostat upstream` and `heliostat mirror`.

pub mod hints;
pub mod mirror;
pub mod origin;
pub mod upstream;

pub mod lifecycle;

mod service_manager;
