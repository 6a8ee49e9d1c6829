//! Who may do what at a mirror of another Git server; and a value that says that a caller was asked.
//!
//! What needs a right takes a value of this module. Only the function here makes one, and it wants to be told how the caller
//! is checked, so a call that forgets to ask does not compile. Which repositories a user may read is not decided here: the
//! origin says so, request by request (`serving`). It has no say in who runs this server.

use heliostat_refusal::Refusal;

/// The caller runs this server. Only this file makes one.
#[derive(Debug, Clone, Copy)]
pub struct Operator(());

/// Those who run this server, as `check` finds out: a mirror of another Git server has no users of its own, so the request
/// itself must show it, and what a request looks like is known to who received it.
pub fn operate(check: impl FnOnce() -> Result<(), Refusal>) -> Result<Operator, Refusal> {
    check().map(Operator)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_was_not_found_to_run_the_server_does_not_pass() {
        assert!(operate(|| Ok(())).is_ok());
        let refused = operate(|| Err(Refusal::forbidden("Not from here.")));
        assert!(matches!(refused, Err(Refusal::Forbidden { .. })), "{refused:?}");
    }
}
