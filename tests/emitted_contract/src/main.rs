//! Prints what the compiled code says of the contract: `cargo xtask drift` compares it with the contract.
//!
//! It is a program of its own, so that `heliostat` is built without what only this needs.

fn main() {
    println!("{}", heliostat_server::emitted_contract());
}
