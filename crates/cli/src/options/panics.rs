//! A panic is a line of the log, for which nothing waits.
//!
//! The standard library writes to standard error itself: where that is not read, the thread that panics would wait for
//! ever.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::panic::{self, PanicHookInfo};
use std::thread;

use super::log_lines::flush_log;

/// The thread with which the process ends.
const MAIN_THREAD: &str = "main";

/// What stands for a message that is not text.
const NO_MESSAGE: &str = "it has left no message";

/// Has each panic told by the log from now on, and by nothing else.
pub fn log_panics() {
    panic::set_hook(Box::new(|panic| {
        tell(panic);
        if thread::current().name() == Some(MAIN_THREAD) {
            flush_log();
        }
    }));
}

fn tell(panic: &PanicHookInfo<'_>) {
    let location = panic.location().map(ToString::to_string);
    // There is one only if RUST_BACKTRACE asks for it.
    let backtrace = Backtrace::capture();
    let backtrace = (backtrace.status() == BacktraceStatus::Captured).then(|| backtrace.to_string());
    tracing::error!(
        error = panic.payload_as_str().unwrap_or(NO_MESSAGE),
        location = location.as_deref(),
        backtrace = backtrace.as_deref(),
        "a thread has panicked"
    );
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::io::{self, Write};
    use std::sync::{Arc, Mutex, PoisonError};

    use serde_json::{Map, Value};

    use super::*;

    /// What was written to a log.
    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// The line that tells of the panic with which `act` ends.
    fn told_of(act: fn()) -> Map<String, Value> {
        let written = Written::default();
        let writer = written.clone();
        let log = tracing_subscriber::fmt().json().flatten_event(true).with_writer(move || writer.clone());
        let ended = tracing::subscriber::with_default(log.finish(), || panic::catch_unwind(act));
        assert!(ended.is_err(), "it was to panic");
        let text = written.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let text = String::from_utf8(text).expect("text");
        assert_eq!(text.lines().count(), 1, "{text}");
        serde_json::from_str(&text).expect("an object")
    }

    #[test]
    fn a_panic_is_one_line_with_its_message_and_place() {
        // The hook is that of the process: what else fails in this moment fails without its words.
        let former = panic::take_hook();
        log_panics();
        let text = told_of(|| panic!("this\nand that"));
        let formatted = told_of(|| panic!("number {}", 2 + 2));
        let other = told_of(|| panic::panic_any(7));
        panic::set_hook(former);

        assert_eq!(text["message"], "a thread has panicked");
        assert_eq!(text["level"], "ERROR");
        assert_eq!(text["error"], "this\nand that");
        assert_eq!(formatted["error"], "number 4");
        assert_eq!(other["error"], NO_MESSAGE);
        let location = text["location"].as_str().expect("a place");
        assert!(location.starts_with(&format!("{}:", file!())), "{location}");
        let mut fields = BTreeSet::from(["timestamp", "level", "target", "message", "error", "location"]);
        if Backtrace::capture().status() == BacktraceStatus::Captured {
            fields.insert("backtrace");
        }
        assert_eq!(text.keys().map(String::as_str).collect::<BTreeSet<_>>(), fields);
    }
}
