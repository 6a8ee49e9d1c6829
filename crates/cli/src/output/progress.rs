//! Shows long work: a bar in a terminal, a few plain lines where the output is piped, nothing to programs that read JSON.

use std::io::IsTerminal;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use super::{OutputFormat, printable};

/// How often a bar moves by itself, so that one sees that something lives.
const REDRAW_INTERVAL: Duration = Duration::from_millis(120);
/// How often plain lines may tell what is going on; ends of phases are always told.
const LINE_INTERVAL: Duration = Duration::from_secs(5);

/// One piece of long work, on standard error.
pub struct Progress {
    form: Form,
}

enum Form {
    Bar(ProgressBar),
    Lines(Mutex<Lines>),
    /// A program reads standard error, and expects nothing there but an error.
    Silent,
}

/// What was printed last, so that a log is told neither twice nor too often.
struct Lines {
    text: String,
    printed_at: Instant,
}

impl Progress {
    /// Starts to show work with this title, in a command that prints in this form.
    pub fn start(output: OutputFormat, title: &str) -> Self {
        if output == OutputFormat::Json {
            return Self { form: Form::Silent };
        }
        if !std::io::stderr().is_terminal() {
            eprintln!("{title}");
            return Self {
                form: Form::Lines(Mutex::new(Lines { text: title.to_owned(), printed_at: Instant::now() })),
            };
        }
        let bar = ProgressBar::new_spinner()
            .with_style(style("{spinner} {prefix}: {wide_msg}"))
            .with_prefix(title.to_owned());
        bar.enable_steady_tick(REDRAW_INTERVAL);
        Self { form: Form::Bar(bar) }
    }

    /// `done` of `total` steps of a phase are over.
    pub fn step(&self, phase: &str, done: u64, total: u64) {
        match &self.form {
            Form::Bar(bar) => {
                // Setting these draws at once, so it is done when they change only.
                if bar.length() != Some(total) || bar.message() != phase {
                    bar.set_length(total);
                    bar.set_message(phase.to_owned());
                    bar.set_style(style("{spinner} {prefix}: {msg} [{bar:30}] {pos}/{len}"));
                }
                bar.set_position(done);
            }
            Form::Lines(lines) if done >= total => print_always(lines, &format!("  {phase}: {done}/{total}")),
            Form::Lines(lines) => print_sometimes(lines, &format!("  {phase}: {done}/{total}")),
            Form::Silent => {}
        }
    }

    /// Something is going on whose end is not known.
    pub fn note(&self, message: &str) {
        match &self.form {
            Form::Bar(bar) => {
                bar.set_message(message.to_owned());
                bar.set_style(style("{spinner} {prefix}: {wide_msg}"));
            }
            Form::Lines(lines) => print_sometimes(lines, &format!("  {message}")),
            Form::Silent => {}
        }
    }

    /// Shows a line of `git --progress`.
    pub fn git_line(&self, line: &str) {
        let line = printable(line.trim());
        match parse_git_line(&line) {
            Some((phase, done, total)) => self.step(phase, done, total),
            None if line.is_empty() => {}
            None => self.note(&line),
        }
    }

    /// The work is over; `message` says what came of it.
    pub fn finish(self, message: &str) {
        match &self.form {
            Form::Bar(bar) => bar.finish_and_clear(),
            Form::Lines(_) => {}
            Form::Silent => return,
        }
        eprintln!("{message}");
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Form::Bar(bar) = &self.form {
            bar.finish_and_clear();
        }
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).expect("the templates of this module are valid")
}

fn print_sometimes(lines: &Mutex<Lines>, text: &str) {
    let is_due = lines.lock().is_ok_and(|lines| lines.printed_at.elapsed() >= LINE_INTERVAL);
    if is_due {
        print_always(lines, text);
    }
}

fn print_always(lines: &Mutex<Lines>, text: &str) {
    let Ok(mut lines) = lines.lock() else { return };
    if lines.text != text {
        eprintln!("{text}");
        *lines = Lines { text: text.to_owned(), printed_at: Instant::now() };
    }
}

/// Phase and counts of `Writing objects:  45% (45/100), 1.20 MiB | 3.10 MiB/s`.
fn parse_git_line(line: &str) -> Option<(&str, u64, u64)> {
    let line = line.strip_prefix("remote: ").unwrap_or(line);
    let (phase, counts) = line.split_once(": ")?;
    let (_, counts) = counts.split_once('(')?;
    let (done, rest) = counts.split_once('/')?;
    let (total, _) = rest.split_once(')')?;
    Some((phase, done.parse().ok()?, total.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::parse_git_line;

    #[test]
    fn git_tells_its_progress() {
        let line = "Writing objects:  45% (45/100), 1.20 MiB | 3.10 MiB/s";
        assert_eq!(parse_git_line(line), Some(("Writing objects", 45, 100)));
        assert_eq!(
            parse_git_line("remote: Counting objects: 100% (7/7), done."),
            Some(("Counting objects", 7, 7))
        );
        assert_eq!(parse_git_line("Enumerating objects: 12, done."), None);
        assert_eq!(parse_git_line("To http://127.0.0.1:7990/scm/demo/x.git"), None);
    }
}
