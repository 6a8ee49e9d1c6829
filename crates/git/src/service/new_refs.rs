//! A push that creates very many references: git takes in what was pushed and checks it, and we create the references.
//!
//! Git sees one of the references and carries it out. All others are hidden from it, so that it refuses them at the end: when
//! everything is unpacked, and nothing is missing below any of them. These are created in one step then, and the report says
//! so. What git refuses for another reason stays refused.

use std::collections::BTreeMap;

use heliostat_git_wire::{ObjectId, PushReport, RefName, RefSnapshot, Verdict};

use crate::process::GitError;
use crate::repository::{IS_HIDDEN, Repository, in_the_way};
use crate::service::ReceivedPack;

/// With fewer it is as quick to leave all to git.
const MANY_NEW_REFS: usize = 1_000;

/// The one of these that git is to see, if the others are better created by us. Git looks for what is missing without regard
/// to hidden references, so there must not be many of those.
pub(super) fn shown_one<'a>(created: &'a [(RefName, ObjectId)], here: &RefSnapshot) -> Option<&'a RefName> {
    if created.len() < MANY_NEW_REFS || here.len() > created.len() || here.is_shallow() {
        return None;
    }
    let is_plain = |name: &RefName| !name.is_internal() && in_the_way(name, here).is_none();
    created.iter().map(|(name, _)| name).find(|&name| is_plain(name))
}

/// The settings that hide all others.
pub(super) fn settings_for(shown: &RefName) -> Vec<(&'static str, String)> {
    // The last word that fits a name counts.
    ["refs/".to_owned(), format!("!{shown}")].map(|value| ("receive.hideRefs", value)).into()
}

/// Creates those that git has refused because they were hidden from it.
pub(super) async fn create_hidden(
    repository: &Repository,
    created: &[(RefName, ObjectId)],
    received: ReceivedPack,
) -> Result<ReceivedPack, GitError> {
    let report = PushReport::within(&received.output);
    let refused: BTreeMap<&[u8], &[u8]> = report.refused().collect();
    let is_hidden = |name: &RefName| refused.get(name.as_str().as_bytes()) == Some(&IS_HIDDEN.as_bytes());
    let wanted: BTreeMap<RefName, ObjectId> =
        created.iter().filter(|(name, _)| is_hidden(name)).cloned().collect();
    if wanted.is_empty() {
        return Ok(received);
    }
    let faults = repository.create_refs(&wanted).await?;
    tracing::info!(
        repository.path = %repository.path().display(),
        created = wanted.len() - faults.len(),
        refused = faults.len(),
        "created the references of a push in one step"
    );
    let verdicts: BTreeMap<&[u8], Verdict<'_>> = wanted
        .keys()
        .map(|name| {
            let verdict = faults.get(name).map_or(Verdict::Done, |reason| Verdict::Refused(reason));
            (name.as_str().as_bytes(), verdict)
        })
        .collect();
    let output = PushReport::with_verdicts(&received.output, |name| verdicts.get(name).copied()).into();
    Ok(ReceivedPack { output, ..received })
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use futures_util::stream;
    use heliostat_git_wire::{GitProtocol, RefRoom, push_flush, push_packet};

    use super::*;
    use crate::fixture::Workshop;
    use crate::service::receive_pack;

    /// A pack without objects.
    const NOTHING: &[u8] = b"PACK\0\0\0\x02\0\0\0\0\x02\x9d\x08\x82\x3b\xd8\xa8\xea\xb5\x10\xad\x6a\xc7\x5c\x82\x3c\xfd\x3e\xd3\x1e";

    /// The answer to a push that creates these.
    async fn push(repository: &Repository, created: &[(String, String)], capabilities: &str) -> ReceivedPack {
        let (none, mut request) = ("0".repeat(40), Vec::new());
        for (index, (name, object)) in created.iter().enumerate() {
            let capabilities = if index == 0 { format!("\0{capabilities}") } else { String::new() };
            push_packet(&mut request, &[format!("{none} {object} {name}{capabilities}").as_bytes()]);
        }
        push_flush(&mut request);
        request.extend_from_slice(NOTHING);
        let pieces: Vec<_> = request.chunks(8_000).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
        let (protocol, room) = (GitProtocol::default(), RefRoom::of(usize::MAX));
        receive_pack(repository, stream::iter(pieces), &protocol, room).await.expect("answered")
    }

    #[tokio::test]
    async fn very_many_are_created_in_one_step_and_each_has_its_verdict() {
        let workshop = Workshop::new().await;
        for capabilities in ["report-status", "report-status side-band-64k", "report-status-v2 side-band-64k"]
        {
            let repository = workshop.bare_with_commits(capabilities, &["main"]).await;
            workshop.run(repository.path(), &["tag", "-a", "-m", "annotated", "v0", "main"]);
            let object = |name: &str| workshop.run(repository.path(), &["rev-parse", name]).trim().to_owned();
            let (commit, tag, tree) = (object("main"), object("v0"), object("main^{tree}"));
            let absent = "12".repeat(20);
            let refused = [
                ("refs/heads/main", &commit, "already exists"),
                ("refs/heads/main/x", &commit, "folder"),
                ("refs/heads/tree", &tree, "only name a commit"),
                ("refs/heliostat/x", &commit, "hidden"),
                ("refs/tags/new/0001/x", &commit, "folder"),
            ];
            let good = (0..MANY_NEW_REFS).map(|number| (format!("refs/tags/new/{number:04}"), tag.clone()));
            let bad = refused.iter().map(|(name, object, _)| ((*name).to_owned(), (*object).clone()));
            let created: Vec<_> = good.chain(bad).collect();
            let received = push(&repository, &created, capabilities).await;
            let report = PushReport::within(&received.output);
            let told: BTreeMap<_, _> = report.refused().collect();
            assert_eq!(told.len(), refused.len(), "{told:?}");
            for (name, _, reason) in refused {
                let told = String::from_utf8_lossy(told[name.as_bytes()]);
                assert!(told.contains(reason), "{name}: {told}");
            }
            let refs = repository.refs().await.expect("readable");
            assert_eq!(refs.len(), 2 + MANY_NEW_REFS);
            assert_eq!(refs.peeled("refs/tags/new/0999").map(ObjectId::as_str), Some(commit.as_str()));
            let listed = workshop.run(repository.path(), &["for-each-ref", "refs/tags/new"]);
            assert_eq!(listed.lines().count(), MANY_NEW_REFS);
            let own = std::fs::read_dir(repository.path().join("refs/tags/new")).expect("listable").count();
            assert_eq!(own, 1, "git has written the one that it saw");
            repository.verify().await.expect("whole");

            let missing: Vec<_> = (0..2 * MANY_NEW_REFS)
                .map(|number| (format!("refs/tags/x{number}"), absent.clone()))
                .collect();
            let received = push(&repository, &missing, capabilities).await;
            assert_eq!(PushReport::within(&received.output).refused().count(), missing.len());
            assert_eq!(repository.refs().await.expect("readable").len(), refs.len());
        }
    }
}
