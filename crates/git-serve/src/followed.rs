//! How far `git` is, in the words that those are told who wait.

use heliostat_git::{OnProgress, ProgressLine};
use heliostat_stream_cache::Progress;
use tokio::sync::watch;

/// Most steps of `git` that are told to those who wait: it takes about five.
const MAX_STEPS: usize = 16;

/// Takes in a line about progress.
pub fn note_progress(progress: &mut Progress, line: ProgressLine<'_>) {
    match line {
        ProgressLine::UnderWay(line) => progress.current = Some(line.to_owned()),
        ProgressLine::Done(line) => {
            progress.current = None;
            if progress.done.len() < MAX_STEPS {
                progress.done.push(line.to_owned());
            }
        }
    }
}

/// What takes in what `git` says, and how those who wait learn of it.
pub(crate) fn followed() -> (OnProgress, watch::Receiver<Progress>) {
    let (sender, receiver) = watch::channel(Progress::default());
    let on_progress = move |line: ProgressLine<'_>| {
        sender.send_modify(|progress| note_progress(progress, line));
    };
    (Box::new(on_progress), receiver)
}
