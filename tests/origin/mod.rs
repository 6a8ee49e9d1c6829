//! A mirror of a Git server that is not ours: who reads what there, on that server's good days and its bad ones.
//!
//! `scene` has the two servers and four people, `reading` what people do. `matrix` says who gets what on which day; the
//! other files hold one promise each.

mod credentials;
mod doors;
mod first_clone;
mod kinds_of_origins;
mod long_lists;
mod matrix;
mod outage;
mod reading;
mod restarts;
mod scene;
mod sizes;
mod together;
mod very_many_references;
mod waiting;

pub use reading::Operation;
pub use scene::{Person, Place};
