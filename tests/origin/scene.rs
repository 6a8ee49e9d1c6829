//! A Git server with a public and a private repository, a mirror of it, and four people who ask.

use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use url::Url;

use crate::harness::{
    Checkout, GitOrigin, Manner, Readers, Server, ServerOptions, eventually, git, git_output,
};

/// A password as tokens are today.
pub const LONG_TOKEN_BYTES: usize = 1_500;

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Person {
    /// A client without credentials.
    Anonymous,
    /// May read both.
    Reader,
    /// Has an account there, and may read what is public.
    Outsider,
    /// Could read both until a moment ago.
    Revoked,
}

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// For everybody.
    Public,
    /// For some.
    Private,
}

impl Person {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Anonymous, Self::Reader, Self::Outsider, Self::Revoked];

    /// The name at the origin, of those who have one.
    pub fn name(self) -> Option<&'static str> {
        match self {
            Self::Anonymous => None,
            Self::Reader => Some("reader"),
            Self::Outsider => Some("outsider"),
            Self::Revoked => Some("revoked"),
        }
    }

    /// The password of one who has a name.
    pub fn password(self) -> String {
        format!("{}{}", self.name().unwrap_or_default(), "x".repeat(LONG_TOKEN_BYTES))
    }

    /// Arguments by which git says who asks before it is asked for that, at what is public too.
    pub fn settings(self) -> Vec<String> {
        let Some(name) = self.name() else { return Vec::new() };
        let credentials = STANDARD.encode(format!("{name}:{}", self.password()));
        vec!["-c".to_owned(), format!("http.extraHeader=Authorization: Basic {credentials}")]
    }

    /// A URL with who asks in it: git says it when it is asked for that.
    pub fn at(self, url: &Url) -> Url {
        let mut url = url.clone();
        if let Some(name) = self.name() {
            url.set_username(name).expect("it has a host");
            url.set_password(Some(&self.password())).expect("it has a host");
        }
        url
    }
}

impl Place {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Public, Self::Private];

    /// Where it is.
    pub fn path(self) -> &'static str {
        match self {
            Self::Public => "/acme/public.git",
            Self::Private => "/acme/private.git",
        }
    }
}

/// Both servers.
pub struct Scene {
    /// The Git server.
    pub origin: GitOrigin,
    /// The mirror.
    pub mirror: Server,
}

impl Scene {
    /// Starts both. The repositories have commits, and no client has asked the mirror yet.
    pub fn start() -> Self {
        let origin = GitOrigin::start_with_tls();
        for person in Person::ALL {
            if let Some(name) = person.name() {
                origin.add_user(name, &person.password());
            }
        }
        let (reader, revoked) = ("reader".to_owned(), "revoked".to_owned());
        origin.add_repository(Place::Public.path(), Readers::Everybody);
        origin.add_repository(Place::Private.path(), Readers::Only([reader, revoked].into()));
        let authority = origin.authority_file().display().to_string();
        let arguments = ["--origin-ca-file", &authority].map(str::to_owned);
        let options = ServerOptions { arguments: arguments.into(), ..ServerOptions::default() };
        let mirror = Server::mirror_of_origin(origin.url(), options);
        let scene = Self { origin, mirror };
        for place in Place::ALL {
            scene.write(place, &["first", "second"]);
        }
        scene
    }

    /// Makes these commits the whole history of `main` at the origin.
    pub fn write(&self, place: Place, files: &[&str]) {
        let content = |file: &&str| ((*file).to_owned(), format!("{file} of {}\n", place.path()));
        self.write_history(place, files.iter().map(content));
    }

    /// The same, with one file in the middle that takes several packets of the protocol.
    pub fn write_much(&self, place: Place) {
        let numbers = std::iter::successors(Some(1_u64), |last| {
            Some(last.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1))
        });
        let long: String = numbers.take(40_000).map(|number| format!("{number:x}\n")).collect();
        let files = [("first", "first\n"), ("long", &long), ("last", "last\n")];
        self.write_history(place, files.map(|(file, content)| (file.to_owned(), content.to_owned())));
    }

    fn write_history(&self, place: Place, files: impl IntoIterator<Item = (String, String)>) {
        let checkout = Checkout::new();
        for (file, content) in files {
            checkout.commit(&file, &content);
        }
        git(checkout.path(), &["tag", "--annotate", "--message", "first", "v1", "HEAD~1"]);
        let folder = self.origin.folder(place.path()).display().to_string();
        git(checkout.path(), &["push", "--quiet", "--force", &folder, "main", "v1"]);
    }

    /// Where a person finds a repository at the mirror.
    pub fn url(&self, person: Person, place: Place) -> Url {
        person.at(&self.mirror.base_url().join(place.path()).expect("a path"))
    }

    /// One who could read may not any more.
    pub fn revoke(&self) {
        self.origin.set_readers(Place::Private.path(), Readers::only("reader"));
    }

    /// The origin does this from now on.
    pub fn origin_is(&self, manner: Manner) {
        self.origin.be(manner);
    }

    /// It is up again, and the mirror has heard of it. The first who asks makes the mirror ask the origin, so that nothing old
    /// is shown; but it waits for each answer for a few seconds only, which a busy machine may need.
    pub async fn origin_is_up_again(&self) {
        self.origin_is(Manner::Up);
        let url = self.url(Person::Reader, Place::Private);
        let ask = || git_output(Path::new("/"), &["ls-remote", url.as_str()]);
        // Who does not get to speak in time has come all the same.
        let contacts = || self.origin.connections() + self.origin.received().len();
        let before = contacts();
        ask();
        eventually("the origin to be asked for the first who asks", || async {
            (contacts() > before).then_some(())
        })
        .await;
        eventually("the mirror to hear of the origin", || async {
            ask();
            let status = self.mirror.anonymous().get("/status").await.expect(200).json();
            (status["origin"]["reachable"] == true).then_some(())
        })
        .await;
    }
}
