//! What must be refused: with a clear error in the envelope or on standard error, and with nothing changed.

mod addresses;
mod harmful_objects;
mod harmful_packs;
mod hostile;
mod joining;
mod open_folder;
mod other_sites;
mod repositories;
mod requests;
mod start;
mod tokens;
mod wrong_folder;
