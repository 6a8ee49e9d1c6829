//! Servers of several makes as the origin: whatever answers there, its readers get what it has.

use url::Url;

use super::Operation;
use crate::harness::{
    Checkout, GitOrigin, Identity, Readers, Server, ServerOptions, another_authority, clone_url, git,
};

/// A mirror of this server.
fn mirror_of(origin: &Url) -> Server {
    Server::mirror_of_origin(origin, ServerOptions::default())
}

/// The same repository at the mirror.
fn at_mirror(mirror: &Server, origin: &Url) -> Url {
    let mut url = origin.clone();
    url.set_host(mirror.base_url().host_str()).expect("it has a host");
    url.set_port(mirror.base_url().port()).expect("it has a host");
    url.set_scheme("http").expect("it is of HTTP");
    url
}

#[test]
fn an_origin_that_speaks_the_oldest_version_of_the_protocol() {
    let origin = GitOrigin::start();
    let folder = origin.add_repository("/deep/in/groups/tool.git", Readers::Everybody);
    origin.speak_old_protocol();
    let checkout = Checkout::with_commits(&["one", "two"]);
    git(checkout.path(), &["push", "--quiet", &folder.display().to_string(), "main"]);
    let mirror = mirror_of(origin.url());
    let url = mirror.base_url().join("/deep/in/groups/tool.git").expect("a path");
    for operation in Operation::ALL {
        operation.at(&url, &folder).expect("it is public");
    }
    checkout.commit("three", "three");
    git(checkout.path(), &["push", "--quiet", &folder.display().to_string(), "main"]);
    for operation in Operation::ALL {
        operation.at(&url, &folder).expect("it is public");
    }
}

#[test]
fn an_origin_whose_objects_are_named_by_the_longer_hash() {
    let origin = GitOrigin::start();
    let folder = origin.add_repository("/tool.git", Readers::Everybody);
    std::fs::remove_dir_all(&folder).expect("it can be removed");
    std::fs::create_dir_all(&folder).expect("a folder can be made");
    git(&folder, &["init", "--quiet", "--bare", "--object-format=sha256"]);
    let checkout = tempfile::tempdir().expect("a folder can be made");
    git(checkout.path(), &["init", "--quiet", "--object-format=sha256"]);
    for message in ["one", "two", "three"] {
        git(checkout.path(), &["commit", "--quiet", "--allow-empty", "--message", message]);
    }
    git(checkout.path(), &["push", "--quiet", &folder.display().to_string(), "main"]);
    let mirror = mirror_of(origin.url());
    let url = mirror.base_url().join("/tool.git").expect("a path");
    for operation in [Operation::List, Operation::Clone, Operation::Shallow] {
        operation.at(&url, &folder).expect("it is public");
    }
}

#[test]
fn an_origin_that_leads_from_one_spelling_of_a_repository_to_the_other() {
    let origin = GitOrigin::start();
    let folder = origin.add_repository("/acme/tool.git", Readers::Everybody);
    origin.add_endings();
    let checkout = Checkout::with_commits(&["one", "two", "three"]);
    git(checkout.path(), &["push", "--quiet", &folder.display().to_string(), "main"]);
    let mirror = mirror_of(origin.url());
    let [short, long] =
        ["/acme/tool", "/acme/tool.git"].map(|path| mirror.base_url().join(path).expect("a path"));
    for url in [&short, &long, &short] {
        Operation::Clone.at(url, &folder).expect("it is public");
    }
    let fetches = origin.received().iter().filter(|request| request.is_fetch()).count();
    assert_eq!(fetches, 1, "it is fetched once for both");
    for operation in Operation::ALL {
        operation.at(&short, &folder).expect("it is public");
    }
}

#[tokio::test]
async fn an_origin_that_answers_at_both_spellings_of_a_repository() {
    let origin = GitOrigin::start();
    for name in ["ann", "ben"] {
        origin.add_user(name, "secret");
    }
    let folder = origin.add_repository("/acme/tool.git", Readers::only("ann"));
    origin.take_both_spellings();
    let checkout = Checkout::with_commits(&["one", "two", "three"]);
    git(checkout.path(), &["push", "--quiet", &folder.display().to_string(), "main"]);
    let at = |mirror: &Server, path: &str, user: &str| {
        let mut url = mirror.base_url().join(path).expect("a path");
        url.set_username(user).expect("it has a host");
        url.set_password(Some("secret")).expect("it has a host");
        url
    };
    let fetches = || origin.received().iter().filter(|request| request.is_fetch()).count();
    let (short, long) = ("/acme/tool", "/acme/tool.git");

    let untold = mirror_of(origin.url());
    for path in [short, long] {
        Operation::Clone.at(&at(&untold, path, "ann"), &folder).expect("ann may read");
    }
    assert_eq!(fetches(), 2, "nothing says that they are one");

    let arguments = vec!["--optional-git-suffix".to_owned()];
    let mut told =
        Server::mirror_of_origin(origin.url(), ServerOptions { arguments, ..ServerOptions::default() });
    for path in [short, long] {
        Operation::Clone.at(&at(&told, path, "ann"), &folder).expect("ann may read");
        Operation::Clone.at(&at(&told, path, "ben"), &folder).expect_err("ben may not, by either");
    }
    assert_eq!(fetches(), 3, "it is fetched once for both");
    told.restart();
    for path in [long, short] {
        Operation::Clone.at(&at(&told, path, "ann"), &folder).expect("ann may read");
    }
    let here = told.anonymous().get("/rest/mirroring/latest/servedRepos").await.promised(200);
    assert_eq!((&here["size"], &here["values"][0]["path"]), (&1.into(), &short.into()), "{here}");
    checkout.commit("four", "four");
    git(checkout.path(), &["push", "--quiet", &folder.display().to_string(), "main"]);
    for operation in Operation::ALL {
        operation.at(&at(&told, short, "ann"), &folder).expect("ann may read");
        operation.at(&at(&told, long, "ann"), &folder).expect("ann may read");
    }
}

#[test]
fn an_origin_for_which_the_system_vouches_beside_a_private_authority() {
    let origin = GitOrigin::start_with_tls();
    let folder = origin.add_repository("/tool.git", Readers::Everybody);
    let checkout = Checkout::with_commits(&["one", "two", "three", "four"]);
    let push = |what: &str| git(checkout.path(), &["push", "--quiet", &folder.display().to_string(), what]);
    push("main~1:refs/heads/main");
    let other = tempfile::NamedTempFile::new().expect("a file can be made");
    std::fs::write(other.path(), another_authority()).expect("a file can be written");
    let options = ServerOptions {
        arguments: vec!["--origin-ca-file".to_owned(), other.path().display().to_string()],
        environment: vec![("SSL_CERT_FILE".to_owned(), origin.authority_file().display().to_string())],
        ..ServerOptions::default()
    };
    let mirror = Server::mirror_of_origin(origin.url(), options);
    let url = mirror.base_url().join("/tool.git").expect("a path");
    Operation::Clone.at(&url, &folder).expect("the mirror trusts the system");
    // What is neither a branch nor a tag is brought by git.
    push("main:refs/pull/1/head");
    let reader = Checkout::new();
    git(reader.path(), &["fetch", "--quiet", url.as_str(), "refs/pull/1/head"]);
    assert_eq!(
        git(reader.path(), &["rev-parse", "FETCH_HEAD"]),
        git(checkout.path(), &["rev-parse", "main"])
    );
}

#[tokio::test]
async fn an_upstream_as_the_origin() {
    let upstream = Server::upstream(ServerOptions::default());
    let (repository, checkout) = upstream.pushed_repository(false).await;
    checkout.commit("two", "two");
    checkout.commit("three", "three");
    checkout.push(&upstream.admin_url(&repository), &["main"]);
    let mirror = mirror_of(upstream.base_url());
    let Identity::User(name, password) = upstream.user_on_repository(&repository, "REPO_READ").await else {
        unreachable!("has a password")
    };
    let at_upstream = clone_url(upstream.base_url(), &repository, Some((&name, &password)));
    let url = at_mirror(&mirror, &at_upstream);
    for operation in Operation::ALL {
        operation.at(&url, checkout.path()).expect("may read");
    }
    let outsider = upstream.new_user().await;
    let Identity::User(name, password) = outsider else { unreachable!("has a password") };
    let url = at_mirror(&mirror, &clone_url(upstream.base_url(), &repository, Some((&name, &password))));
    Operation::List.at(&url, checkout.path()).expect_err("may not read");
}
