//! What a mirror of another Git server says of its state: in `/status`, and on its page, which reads the same.

use heliostat_git::DiskRoom;
use heliostat_origin::OriginStatus;
use serde::Serialize;

use super::mirror_answer::{GREEN, YELLOW};

/// A mirror whose origin answers, or was not asked yet.
const RUNNING: &str = "RUNNING";
/// A mirror whose origin does not answer: it serves whom it knows.
const ORIGIN_AWAY: &str = "ORIGIN_AWAY";

/// The state of a mirror of another Git server. It may always take traffic: what it cannot answer, the origin could not.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OriginAnswer {
    /// How it stands with the origin.
    pub state: &'static str,
    /// The same in a colour: yellow when there is something to look at.
    pub health: &'static str,
    /// How many repositories of the origin are here.
    pub repositories: usize,
    /// How many there may be.
    pub max_repositories: usize,
    /// What they take on the disk, in bytes.
    pub size_bytes: u64,
    /// What they may take.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_size_bytes: Option<u64>,
    /// Why the state is not better, or what should be looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The Git server that this mirror stands in front of.
    pub origin: AskedOrigin,
}

/// The origin and how the mirror stands with it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AskedOrigin {
    /// Its address.
    pub base_url: String,
    /// Whether it answered the latest question, if one was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reachable: Option<bool>,
    /// When it last answered, in epoch milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_contact_date: Option<i64>,
    /// Since when it has not answered, in epoch milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub away_since: Option<i64>,
}

impl OriginAnswer {
    /// The answer of a mirror in this state; `first` matters more than what it knows itself.
    pub fn of(status: OriginStatus, room: Option<DiskRoom>, first: Option<String>) -> Self {
        let contact = status.contact;
        let away = contact.away_since.map(|_| {
            let reason = contact.reason.as_deref().unwrap_or("it does not answer");
            format!("{reason}; readers whom the origin has shown a repository lately are served what they were shown")
        });
        let room = room.and_then(|room| room.complaint());
        let reasons: Vec<String> = first.into_iter().chain(away).chain(room).collect();
        let reachable = match (contact.away_since, contact.answered_at) {
            (Some(_), _) => Some(false),
            (None, Some(_)) => Some(true),
            (None, None) => None,
        };
        OriginAnswer {
            state: if contact.away_since.is_some() { ORIGIN_AWAY } else { RUNNING },
            health: if reasons.is_empty() { GREEN } else { YELLOW },
            repositories: status.repositories,
            max_repositories: status.max_repositories,
            size_bytes: status.size_bytes,
            max_size_bytes: status.max_disk_bytes,
            reason: (!reasons.is_empty()).then(|| reasons.join("; ")),
            origin: AskedOrigin {
                base_url: status.origin_url,
                reachable,
                last_contact_date: contact.answered_at,
                away_since: contact.away_since,
            },
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use heliostat_origin::{AccessCounters, ContactView, FetchCounters};

    use super::*;

    pub fn status() -> OriginStatus {
        OriginStatus {
            origin_url: "https://git.example.com/".to_owned(),
            contact: ContactView::default(),
            repositories: 2,
            max_repositories: 10,
            size_bytes: 4_096,
            max_disk_bytes: None,
            reader_access: AccessCounters::default(),
            fetches: FetchCounters::default(),
            damaged: 0,
        }
    }

    #[test]
    fn an_origin_that_is_away_is_said_with_its_reason() {
        let fresh = OriginAnswer::of(status(), None, None);
        assert_eq!((fresh.state, fresh.health, fresh.origin.reachable), (RUNNING, GREEN, None));
        let contact =
            ContactView { answered_at: Some(1), away_since: Some(2), reason: Some("no route".to_owned()) };
        let away = OriginAnswer::of(OriginStatus { contact, ..status() }, None, Some("first".to_owned()));
        assert_eq!((away.state, away.health, away.origin.reachable), (ORIGIN_AWAY, YELLOW, Some(false)));
        let reason = away.reason.expect("there is one");
        assert!(reason.starts_with("first; no route; readers whom"), "{reason}");
    }
}
