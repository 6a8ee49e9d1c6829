//! Packs that would take the memory of the machine.

use crate::harness::{
    BLOB, HandMadePack, Pair, Server, ServerOptions, bare_repositories, clone_url, eventually, git, push_pack,
};

const MIB: usize = 1024 * 1024;
/// What a delta copies from.
const BASE_BYTES: usize = 0x1_0000;
/// A pack of so many objects is kept as it is; one of fewer is taken apart.
const KEPT_OBJECTS: u32 = 100;

/// A pack of some kilobytes with a file that claims to be of this length; with the name of what it is a delta of.
fn pack_with_claim(bytes: usize) -> (HandMadePack, String) {
    let mut pack = HandMadePack::default();
    let base = pack.add(BLOB, &[0; BASE_BYTES]);
    pack.add_zeros(&base, BASE_BYTES, bytes);
    (pack, base)
}

/// Makes it a pack that is kept.
fn fill(pack: &mut HandMadePack) {
    for number in 0..KEPT_OBJECTS {
        pack.add(BLOB, &number.to_be_bytes());
    }
}

#[tokio::test]
async fn a_push_that_claims_to_be_a_gigabyte_is_refused_and_others_go_on() {
    let upstream = Server::upstream(ServerOptions::default());
    let (repository, checkout) = upstream.pushed_repository(true).await;
    let url = upstream.admin_url(&repository);
    let before = git(checkout.path(), &["ls-remote", url.as_str()]);
    let (mut pack, base) = pack_with_claim(1024 * MIB);
    let commit = pack.add_commit(&[("small", &base)]);
    for is_kept in [false, true] {
        if is_kept {
            fill(&mut pack);
        }
        let report = push_pack(&pack, &url, "claim", &commit).await;
        assert!(report.contains("unpack ") && !report.contains("unpack ok"), "{report}");
    }
    assert_eq!(git(checkout.path(), &["ls-remote", url.as_str()]), before);
    checkout.commit("a.txt", "as ever\n");
    checkout.push(&url, &["main"]);
}

#[tokio::test]
async fn large_files_pass_in_little_memory_and_claims_stop_at_a_mirror_too() {
    let little = || ["--receive-memory", "128MiB"].map(str::to_owned).to_vec();
    let mirror = ServerOptions { arguments: little(), ..ServerOptions::default() };
    let mut pair = Pair::start_with(ServerOptions::default(), mirror).await;
    let (repository, checkout) = pair.pushed_repository(true).await;
    pair.mirrored(&repository).await;

    let large = std::fs::File::create(checkout.path().join("large")).expect("a file can be made");
    large.set_len(100 * MIB as u64).expect("it may be long");
    let commit = checkout.commit("a.txt", "with a large file\n");
    checkout.push(&pair.upstream.admin_url(&repository), &["main"]);
    let has = |commit: String| {
        let listed = git(checkout.path(), &["ls-remote", pair.mirror_url(&repository).as_str()]);
        async move { listed.contains(&commit).then_some(()) }
    };
    eventually("the mirror to have the large file", || has(commit.clone())).await;
    // Until the mirror has it, its upstream may answer in its place.
    pair.mirrored(&repository).await;

    // The same length as a delta, of which the upstream may make so much, but not the mirror.
    let (mut pack, base) = pack_with_claim(96 * MIB);
    fill(&mut pack);
    let other = std::fs::File::create(checkout.path().join("other")).expect("a file can be made");
    other.set_len(96 * MIB as u64).expect("it may be long");
    let claimed = git(checkout.path(), &["hash-object", "other"]);
    // The upstream sends a delta as it is where it sends what that is a delta of.
    let commit = pack.add_commit(&[("base", &base), ("claimed", &claimed)]);
    let url = pair.upstream.admin_url(&repository);
    let report = push_pack(&pack, &url, "claim", &commit).await;
    assert!(report.contains("unpack ok"), "{report}");
    eventually("the mirror to say why", || async {
        pair.mirror.log().contains("attempting to allocate").then_some(())
    })
    .await;
    // What is passed on while the mirror is behind is the upstream's own answer. The copy here has not taken it, and is all
    // that is shown without the upstream.
    let copy = bare_repositories(&pair.mirror.data()).pop().expect("the mirror has one");
    assert!(!git(&copy, &["for-each-ref"]).contains(&commit));
    pair.upstream.kill();
    let mirror = clone_url(pair.mirror.base_url(), &repository, None);
    assert!(!git(checkout.path(), &["ls-remote", mirror.as_str()]).contains(&commit));
}
