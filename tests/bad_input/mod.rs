//! What must be refused: with a clear error in the envelope or on standard error, and with nothing changed.

mod hostile;
mod joining;
mod other_sites;
mod repositories;
mod requests;
mod start;
mod tokens;
mod wrong_folder;
