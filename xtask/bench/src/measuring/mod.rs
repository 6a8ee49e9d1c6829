//! What is measured of processes, and the series that come of it.

pub mod cores;
pub mod cost;
pub mod cpu;
pub mod effort;
pub mod group;
pub mod hits;
pub mod memory;
pub mod samples;
pub mod watch;
