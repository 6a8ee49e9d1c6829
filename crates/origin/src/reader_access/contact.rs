//! Whether the origin answers at all.

use std::time::{Duration, Instant};

use heliostat_foreign::Refusal;
use parking_lot::Mutex;

/// How long the origin may take for its list.
const QUESTION_LIMIT: Duration = Duration::from_secs(60);

/// The same while it does not answer: others have waited in vain already.
const QUESTION_LIMIT_WHILE_AWAY: Duration = Duration::from_secs(3);

/// How often one may wait longer all the same, because the origin may only be slow.
const PATIENT_EVERY: Duration = Duration::from_secs(15);

/// How the origin was found, over all readers.
#[derive(Debug, Default)]
pub(crate) struct Contact {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    answered_at: Option<i64>,
    away_since: Option<i64>,
    reason: Option<String>,
    patient_at: Option<Instant>,
}

/// How the origin was found last.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ContactView {
    /// When it has answered last, in epoch milliseconds.
    pub answered_at: Option<i64>,
    /// Since when it does not answer, in epoch milliseconds; nothing while it does, or was not asked yet.
    pub away_since: Option<i64>,
    /// What was wrong the last time.
    pub reason: Option<String>,
}

impl Contact {
    /// The origin has answered, whatever it was.
    pub(crate) fn note_answer(&self, now_ms: i64) {
        let mut state = self.state.lock();
        if state.away_since.is_some() {
            tracing::info!("the origin answers again");
        }
        *state = State { answered_at: Some(now_ms), ..State::default() };
    }

    /// The origin cannot be asked.
    pub(crate) fn note_failure(&self, refusal: &Refusal, now_ms: i64) {
        let mut state = self.state.lock();
        if state.away_since.is_none() {
            tracing::warn!(reason = %refusal, "the origin does not answer; readers that it knows are served what they were shown");
            state.away_since = Some(now_ms);
        }
        state.reason = Some(refusal.to_string());
    }

    /// How long the next one who asks waits for an answer.
    pub(crate) fn patience(&self) -> Duration {
        let mut state = self.state.lock();
        let is_patient = state.away_since.is_none()
            || state.patient_at.is_none_or(|patient_at| patient_at.elapsed() >= PATIENT_EVERY);
        if !is_patient {
            return QUESTION_LIMIT_WHILE_AWAY;
        }
        state.patient_at = Some(Instant::now());
        QUESTION_LIMIT
    }

    /// How it was found last.
    pub(crate) fn view(&self) -> ContactView {
        let State { answered_at, away_since, reason, .. } = &*self.state.lock();
        ContactView { answered_at: *answered_at, away_since: *away_since, reason: reason.clone() }
    }
}

/// Whether this says that the origin is not reached, for any reader and repository.
pub(super) fn is_about_the_origin(refusal: &Refusal) -> bool {
    matches!(refusal, Refusal::Away(_) | Refusal::Certificate(_))
}
