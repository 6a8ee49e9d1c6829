//! Forges as origins, with accounts and private repositories: Kallithea, and gitolite behind Apache. The forge says who reads,
//! its word counts at once, and while it is away it is the last word that counts.

mod gitolite;
mod kallithea;

use url::Url;

use crate::harness::{Checkout, Server, ServerOptions, git};
use crate::origin::{Operation, Person, Place};
use gitolite::Gitolite;
use kallithea::Kallithea;

/// Who may write to both repositories.
const ADMINISTRATOR: &str = "admin";

/// The password of everybody.
const PASSWORD: &str = "secret";

/// A forge with accounts for all who have a name, and with a public and a private repository, which are empty.
trait Forge {
    /// Where it is.
    fn url(&self) -> &Url;

    /// Where somebody finds a repository there.
    fn path(&self, person: Person, place: Place) -> String;

    /// One who could read what is private may not any more.
    async fn revoke(&self);

    /// It goes away.
    fn end(&mut self);
}

/// A forge, a mirror of it, and what lies in both of its repositories.
struct Scene<F> {
    forge: F,
    mirror: Server,
    checkout: Checkout,
}

impl<F: Forge> Scene<F> {
    fn of(forge: F) -> Self {
        let mirror = Server::mirror_of_origin(forge.url(), ServerOptions::default());
        let scene = Self { forge, mirror, checkout: Checkout::with_commits(&["one", "two", "three"]) };
        scene.push();
        scene
    }

    /// Makes the history of the checkout that of both repositories.
    fn push(&self) {
        for place in Place::ALL {
            let path = self.forge.path(Person::Reader, place);
            let url = signed_in(self.forge.url(), &path, ADMINISTRATOR, PASSWORD);
            self.checkout.push(&url, &["main"]);
        }
    }

    fn ask(&self, operation: Operation, person: Person, place: Place) -> Result<(), String> {
        let (base, path) = (self.mirror.base_url(), self.forge.path(person, place));
        let url = match person.name() {
            Some(name) => signed_in(base, &path, name, PASSWORD),
            None => base.join(&path).expect("a path"),
        };
        operation.at(&url, self.checkout.path())
    }

    /// Everybody asks for everything. What is public is for all of them, what is private for these.
    fn everybody_asks(&self, day: &str, readers: &[Person]) {
        for operation in Operation::ALL {
            for person in Person::ALL {
                let told = format!("{day}, {person:?}, {operation:?}");
                let public = self.ask(operation, person, Place::Public);
                assert!(public.is_ok(), "{told}: {public:?}");
                let private = self.ask(operation, person, Place::Private);
                assert_eq!(private.is_ok(), readers.contains(&person), "{told}: {private:?}");
            }
            let path = self.forge.path(Person::Reader, Place::Private);
            let url = signed_in(self.mirror.base_url(), &path, "reader", "wrong");
            operation.at(&url, self.checkout.path()).expect_err("a wrong password");
        }
    }

    async fn play(mut self) {
        self.everybody_asks("at first", &[Person::Reader, Person::Revoked]);
        self.forge.revoke().await;
        self.everybody_asks("one is let in no more", &[Person::Reader]);
        git(self.checkout.path(), &["reset", "--quiet", "--hard", "HEAD~2"]);
        for file in ["other", "more", "last"] {
            self.checkout.commit(file, file);
        }
        self.push();
        self.everybody_asks("force-pushed", &[Person::Reader]);
        self.forge.end();
        self.everybody_asks("away", &[Person::Reader]);
    }
}

/// A path below a base, with who asks.
fn signed_in(base: &Url, path: &str, name: &str, password: &str) -> Url {
    let mut url = base.join(path).expect("a path");
    url.set_username(name).expect("it has a host");
    url.set_password(Some(password)).expect("it has a host");
    url
}

#[tokio::test]
#[ignore = "needs pinned tools: cargo xtask test --stage outside"]
async fn kallithea_as_the_origin() {
    Scene::of(Kallithea::start().await).play().await;
}

#[tokio::test]
#[ignore = "needs pinned tools: cargo xtask test --stage outside"]
async fn gitolite_as_the_origin() {
    Scene::of(Gitolite::start().await).play().await;
}
