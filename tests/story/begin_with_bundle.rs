//! A clone that begins with a bundle ends like any other, and a bundle is an ordinary download.

use std::path::Path;

use crate::harness::{
    Checkout, Identity, Pair, Server, clone_url, eventually, git, git_programs, http, shared_pair,
};
use reqwest::{Method, header};
use serde_json::Value;
use url::Url;

/// More objects than a repository that is worth a bundle has.
const FILES: usize = 1_100;

async fn large_repository(pair: &Pair) -> (Value, Checkout) {
    let project = pair.new_project(false).await;
    large_repository_in(pair, &project).await
}

async fn large_repository_in(pair: &Pair, project: &Value) -> (Value, Checkout) {
    let repository = pair.new_repository(project).await;
    let checkout = Checkout::new();
    for number in 0..FILES {
        let path = checkout.path().join(format!("file-{number}.txt"));
        std::fs::write(path, format!("content {number}\n")).expect("a file can be written");
    }
    checkout.commit("last.txt", "the last one\n");
    git(checkout.path(), &["tag", "--annotate", "v1", "--message", "first", "HEAD~1"]);
    git(checkout.path(), &["branch", "side", "HEAD~1"]);
    checkout.push(&pair.upstream_url(&repository), &["refs/heads/*:refs/heads/*", "refs/tags/*:refs/tags/*"]);
    (repository, checkout)
}

fn below(url: &Url, end: &str) -> String {
    format!("{}/{end}", url.path())
}

/// The address of the bundle that this server offers for the repository, once there is one.
async fn bundle_url(server: &Server, repository: &Url) -> String {
    let name = eventually("a bundle", || async {
        let list = server.admin().get(&below(repository, "bundles/list")).await.expect(200).text;
        list.lines().find_map(|line| Some(line.trim().strip_prefix("uri = ")?.to_owned()))
    });
    format!("{repository}/bundles/{}", name.await)
}

async fn ask(
    url: &str,
    method: Method,
    headers: &[(header::HeaderName, &str)],
) -> (u16, header::HeaderMap, Vec<u8>) {
    let mut request = http().request(method, url);
    for (name, value) in headers {
        request = request.header(name, *value);
    }
    let response = request.send().await.expect("the server answers");
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    (status, headers, response.bytes().await.expect("the body is whole").to_vec())
}

fn refs_of(repository: &Path) -> String {
    git(repository, &["for-each-ref", "--format=%(objectname) %(refname)", "refs/heads", "refs/tags"])
}

#[tokio::test]
async fn a_clone_that_begins_with_a_bundle_ends_like_any_other() {
    let pair = shared_pair().await;
    let (repository, checkout) = large_repository(pair).await;
    pair.mirrored(&repository).await;
    for (server, url) in
        [(&pair.upstream, pair.upstream_url(&repository)), (&pair.mirror, pair.mirror_url(&repository))]
    {
        let bundle = bundle_url(server, &url).await;
        let list = format!("{url}/bundles/list");
        let folder = tempfile::tempdir().expect("a folder can be made");
        git(folder.path(), &["clone", "--quiet", "--mirror", url.as_str(), "plain.git"]);
        assert_eq!(refs_of(&folder.path().join("plain.git")), refs_of(checkout.path()));
        for (name, from) in [("one.git", &bundle), ("list.git", &list)] {
            let option = format!("--bundle-uri={from}");
            git(folder.path(), &["clone", "--quiet", "--mirror", &option, url.as_str(), name]);
            let copy = folder.path().join(name);
            git(&copy, &["fsck", "--full"]);
            // It was the bundle that brought the objects.
            assert!(git(&copy, &["for-each-ref", "refs/bundles"]).contains("refs/bundles/"), "{from}");
            assert_eq!(refs_of(&copy), refs_of(checkout.path()));
        }
        git(folder.path(), &["-c", "transfer.bundleURI=true", "clone", "--quiet", url.as_str(), "asked"]);
        git(&folder.path().join("asked"), &["fsck", "--full"]);
    }
}

#[tokio::test]
async fn every_git_that_reads_lists_of_bundles_follows_the_list() {
    let pair = shared_pair().await;
    let project = pair.new_project(true).await;
    let (repository, checkout) = large_repository_in(pair, &project).await;
    let url = clone_url(pair.upstream.base_url(), &repository, None);
    bundle_url(&pair.upstream, &url).await;
    for git_program in git_programs() {
        let numbers: Vec<u32> =
            git_program.version.split(['.', ' ']).filter_map(|part| part.parse().ok()).collect();
        if numbers < vec![2, 39] {
            continue;
        }
        let folder = tempfile::tempdir().expect("a folder can be made");
        let option = format!("--bundle-uri={url}/bundles/list");
        let clone = ["clone", "--quiet", "--mirror", &option, url.as_str(), "copy.git"];
        let output = git_program.run(2, folder.path(), &clone);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && said.is_empty(), "{}: {said}", git_program.version);
        let copy = folder.path().join("copy.git");
        let brought = git(&copy, &["for-each-ref", "refs/bundles"]);
        assert!(brought.contains("refs/bundles/"), "{}: {said}", git_program.version);
        assert_eq!(refs_of(&copy), refs_of(checkout.path()));
    }
}

async fn clones_from_a_bundle(server: &Server) -> u64 {
    let metrics = server.anonymous().get("/metrics").await.expect(200).text;
    let count = metrics
        .lines()
        .find_map(|line| line.strip_prefix("heliostat_response_computations_from_bundle_total "));
    count.expect("it is told").parse().expect("a number")
}

#[tokio::test]
async fn a_plain_clone_is_what_is_behind_the_bundle_and_what_has_come_since() {
    let pair = shared_pair().await;
    let (repository, checkout) = large_repository(pair).await;
    pair.mirrored(&repository).await;
    let servers =
        [(&pair.upstream, pair.upstream_url(&repository)), (&pair.mirror, pair.mirror_url(&repository))];
    for (server, url) in &servers {
        bundle_url(server, url).await;
    }
    checkout.commit("file-1.txt", "undone\n");
    checkout.commit("file-1.txt", "content 1\n");
    git(checkout.path(), &["tag", "--annotate", "v2", "--message", "second"]);
    checkout.push(&pair.upstream_url(&repository), &["refs/heads/*:refs/heads/*", "refs/tags/*:refs/tags/*"]);
    let newest = git(checkout.path(), &["rev-parse", "v2"]);
    eventually("the tag on the mirror", || async {
        let listed = git(checkout.path(), &["ls-remote", servers[1].1.as_str(), "refs/tags/v2"]);
        listed.starts_with(newest.trim()).then_some(())
    })
    .await;
    // Until then the upstream answers in its place.
    pair.mirrored(&repository).await;
    for (server, url) in servers {
        let before = clones_from_a_bundle(server).await;
        let folder = tempfile::tempdir().expect("a folder can be made");
        for version in ["2", "0"] {
            let (protocol, name) = (format!("protocol.version={version}"), format!("{version}.git"));
            let checks = ["-c", protocol.as_str(), "-c", "fetch.fsckObjects=true"];
            let clone = ["clone", "--quiet", "--mirror", url.as_str(), name.as_str()];
            git(folder.path(), &[&checks[..], &clone].concat());
            let copy = folder.path().join(name);
            git(&copy, &["fsck", "--full", "--strict"]);
            assert_eq!(refs_of(&copy), refs_of(checkout.path()));
        }
        assert!(clones_from_a_bundle(server).await >= before + 2, "{url}");
    }
}

#[tokio::test]
async fn a_bundle_can_be_had_in_parts() {
    let pair = shared_pair().await;
    let (repository, _checkout) = large_repository(pair).await;
    let url = bundle_url(&pair.upstream, &pair.upstream_url(&repository)).await;
    let (status, head, whole) = ask(&url, Method::GET, &[]).await;
    assert_eq!(status, 200);
    assert!(whole.starts_with(b"# v2 git bundle\n"));
    let tag = head[header::ETAG].to_str().expect("text").to_owned();
    assert_eq!(head[header::CONTENT_LENGTH], whole.len().to_string());
    assert_eq!(head[header::ACCEPT_RANGES], "bytes");
    let id = head["x-request-id"].to_str().expect("text").to_owned();
    let line = eventually("the line of the download", || async {
        let log = pair.upstream.log();
        let line = log.lines().find(|line| line.contains("heliostat_access") && line.contains(&id));
        line.map(str::to_owned)
    });
    // No client asks for what comes behind the last byte.
    let line = line.await;
    assert!(line.contains("complete=true"), "{line}");

    let (status, head, body) = ask(&url, Method::HEAD, &[]).await;
    assert_eq!((status, body.len()), (200, 0));
    assert_eq!(head[header::CONTENT_LENGTH], whole.len().to_string());

    let half = whole.len() / 2;
    let rest = format!("bytes={half}-");
    let (status, head, body) = ask(&url, Method::GET, &[(header::RANGE, &rest)]).await;
    assert_eq!(status, 206);
    assert_eq!(body, whole[half..]);
    let place = format!("bytes {half}-{}/{}", whole.len() - 1, whole.len());
    assert_eq!(head[header::CONTENT_RANGE], place);
    let (status, _, body) = ask(&url, Method::GET, &[(header::RANGE, "bytes=3-60")]).await;
    assert_eq!((status, &body[..]), (206, &whole[3..=60]));

    let beyond = format!("bytes={}-", whole.len());
    let (status, head, _) = ask(&url, Method::GET, &[(header::RANGE, &beyond)]).await;
    assert_eq!(status, 416);
    assert_eq!(head[header::CONTENT_RANGE], format!("bytes */{}", whole.len()));

    let other = [(header::RANGE, rest.as_str()), (header::IF_RANGE, "\"another\"")];
    assert_eq!(ask(&url, Method::GET, &other).await.0, 200);
    let same = [(header::RANGE, rest.as_str()), (header::IF_RANGE, tag.as_str())];
    assert_eq!(ask(&url, Method::GET, &same).await.0, 206);
    assert_eq!(ask(&url, Method::GET, &[(header::IF_NONE_MATCH, &tag)]).await.0, 304);
}

#[tokio::test]
async fn a_bundle_is_for_those_who_may_read_the_repository() {
    let pair = shared_pair().await;
    let (repository, checkout) = large_repository(pair).await;
    pair.mirrored(&repository).await;
    let outsider = pair.new_user().await;
    let mut bundles = Vec::new();
    for (server, url) in
        [(&pair.upstream, pair.upstream_url(&repository)), (&pair.mirror, pair.mirror_url(&repository))]
    {
        let bundle = Url::parse(&bundle_url(server, &url).await).expect("an address");
        for path in [bundle.path(), &below(&url, "bundles/list")] {
            server.admin().as_(Identity::Anonymous).get(path).await.expect(401);
            server.admin().as_(outsider.clone()).get(path).await.expect(404);
        }
        let other = below(&url, &format!("bundles/{}.bundle", "0".repeat(40)));
        server.admin().get(&other).await.expect(404);
        bundles.push((server, url, bundle));
    }
    // What a deleted branch has brought is not given away any more, even before the lists are without it.
    checkout.commit("secret.txt", "secret\n");
    checkout.push(&pair.upstream_url(&repository), &["HEAD~1:refs/heads/side", "HEAD~2:refs/heads/main"]);
    let [(_, _, on_upstream), (_, _, on_mirror)] = &bundles[..] else { unreachable!("there are two") };
    assert_eq!(ask(on_upstream.as_str(), Method::HEAD, &[]).await.0, 200);
    checkout.push(&pair.upstream_url(&repository), &[":refs/heads/side", ":refs/tags/v1"]);
    assert_eq!(ask(on_upstream.as_str(), Method::HEAD, &[]).await.0, 404);
    eventually("the mirror to follow", || async {
        (ask(on_mirror.as_str(), Method::HEAD, &[]).await.0 == 404).then_some(())
    })
    .await;
    for (server, url, bundle) in &bundles {
        // Another one may take its place at once, made of what is still there.
        let withdrawn = bundle.path().rsplit('/').next().expect("a path has an end");
        eventually("the bundle to be withdrawn", || async {
            let text = server.admin().get(&below(url, "bundles/list")).await.expect(200).text;
            (!text.contains(withdrawn)).then_some(())
        })
        .await;
        assert_eq!(ask(bundle.as_str(), Method::HEAD, &[]).await.0, 404);
    }
}
