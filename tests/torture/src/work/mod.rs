//! What people and build servers do all the time: push, list, clone, administer, and look where they may not.

mod administrator;
mod cloner;
mod guest;
mod lister;
mod watcher;
mod world;
mod writer;

pub use administrator::Administrator;
pub use cloner::Cloner;
pub use guest::Guest;
pub use lister::list;
pub use watcher::watch;
pub use world::World;
pub use writer::Writer;
