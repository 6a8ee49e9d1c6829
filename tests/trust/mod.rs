//! What was acknowledged is kept, nothing unproven is shown, and what is broken heals by itself.
//!
//! What these tests do by chance they do by a seed that they print; `HELIOSTAT_TEST_SEED` repeats a run.

mod changes;
mod damage;
mod disk_forgets;
mod faulty_line;
mod first_requests;
mod full_disk;
mod half_moved;
mod ledger;
mod power_cuts;
mod seed;
