//! A look at something again and again, in a thread of its own, until it is stopped.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{Context, anyhow};

/// A look that goes on; what it has found is a `T`.
pub struct Watch<T> {
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<T>>,
}

impl<T: Default + Send + 'static> Watch<T> {
    /// Begins to look, with a pause between two looks.
    pub fn start(pause: Duration, look: impl Fn(&mut T) + Send + 'static) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&over);
        let thread = thread::spawn(move || {
            let mut found = T::default();
            while !told.load(Ordering::Relaxed) {
                look(&mut found);
                thread::sleep(pause);
            }
            found
        });
        Watch { over, thread: Some(thread) }
    }

    /// Ends it; returns what was found.
    pub fn stop(mut self) -> anyhow::Result<T> {
        self.over.store(true, Ordering::Relaxed);
        let thread = self.thread.take().context("it has been stopped")?;
        thread.join().map_err(|_| anyhow!("the look at a process has failed"))
    }
}

impl<T> Drop for Watch<T> {
    /// One that is not asked any more, because something else failed, must not look for ever.
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
    }
}
