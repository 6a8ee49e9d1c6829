//! Clients that mean no good: many connections from a part of the network of their own, which come again after they were
//! sent away.

mod behaviour;
mod connection;
mod load;

pub use load::{HostileLoad, Target};
