//! Our upstream and mirrors: started as processes, set up over REST.

pub mod farm;
pub mod rest;
pub mod roles;
