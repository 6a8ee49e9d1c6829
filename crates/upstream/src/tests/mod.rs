//! The upstream as a whole, on a real database and real repositories, with a mirror that is a few lines long.

mod comparing;
mod fake_mirror;
mod joining;
mod people;
mod pushes;
pub(crate) mod test_upstream;
