//! The binary `heliostat`. Everything is in the library, which is compiled beside the code of the server; the binary is only linked.

use std::process::ExitCode;

fn main() -> ExitCode {
    heliostat::run_command_line()
}
