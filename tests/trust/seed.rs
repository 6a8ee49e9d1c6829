//! Chance that can be repeated.

use rand::SeedableRng;
use rand::rngs::StdRng;

/// The chance of this run of a test; its seed is printed, or given by `HELIOSTAT_TEST_SEED`.
pub fn chance(test: &str) -> StdRng {
    let given = std::env::var("HELIOSTAT_TEST_SEED").ok();
    let seed = given.map_or_else(rand::random::<u64>, |seed| seed.parse().expect("the seed is a number"));
    println!("{test}: HELIOSTAT_TEST_SEED={seed}");
    StdRng::seed_from_u64(seed)
}
