//! The console of an upstream: where things are, its repositories, who follows it, its users, one's own tokens, and what
//! is wrong with repositories.
//!
//! Its pages lie at the addresses by which the contract's `links.self` name things.

use std::sync::Arc;

use askama::Template;
use heliostat_upstream::Upstream;
use poem::endpoint::make_sync;
use poem::{Response, Route, get};

use super::page::{Frame, Site, redirect_to_folder, respond};

/// Declares a page of its template and the parts of its script, which lie beside this file.
macro_rules! page {
    ($page:ident, $html:tt, $($script:tt),+) => {
        #[derive(Template)]
        #[template(path = $html)]
        struct $page<'a> {
            frame: Frame<'a>,
            script: &'static str,
        }

        impl $page<'_> {
            fn of(site: &Site) -> Response {
                let frame = Frame::new(site);
                let nonce = frame.nonce.clone();
                respond(&nonce, &$page { frame, script: concat!($(include_str!($script)),+) })
            }
        }
    };
}

page!(Home, "upstream/home.html", "home.js");
page!(Repositories, "upstream/repositories.html", "permissions.js", "repositories.js");
page!(Repository, "upstream/repository.html", "permissions.js", "webhooks.js", "repository.js");
page!(Mirror, "upstream/mirror.html", "mirror.js");
page!(Users, "upstream/users.html", "permissions.js", "users.js");
page!(Account, "upstream/account.html", "account.js");
page!(RepositoryFaults, "upstream/repository_faults.html", "repository_faults.js");

/// The pages of the upstream with this display name.
pub fn upstream_home(
    display_name: &str,
    upstream: &Upstream,
    cleartext_notice: Option<&'static str>,
) -> Route {
    let site = Arc::new(Site::new(display_name, upstream.base_url(), cleartext_notice));
    let of = |page: fn(&Site) -> Response| {
        let site = Arc::clone(&site);
        get(make_sync(move |_| page(&site)))
    };
    let home = Arc::clone(&site);
    let home = make_sync(move |request| redirect_to_folder(&request).unwrap_or_else(|| Home::of(&home)));
    Route::new()
        .at("/", get(home))
        .at("/projects", of(Repositories::of))
        .at("/projects/:project", of(Repositories::of))
        .at("/projects/:project/repos/:repository", of(Repository::of))
        .at("/projects/:project/repos/:repository/browse", of(Repository::of))
        .at("/mirrors/:mirror", of(Mirror::of))
        .at("/users", of(Users::of))
        .at("/users/:user", of(Users::of))
        .at("/account", of(Account::of))
        .at("/repository-faults", of(RepositoryFaults::of))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pages::page::tests::site;

    #[tokio::test]
    async fn the_pages_are_complete_and_their_texts_are_escaped() {
        let site = site();
        let pages = [
            Home::of,
            Repositories::of,
            Repository::of,
            Mirror::of,
            Users::of,
            Account::of,
            RepositoryFaults::of,
        ];
        for page in pages {
            let page = page(&site).into_body().into_string().await.expect("the page is text");
            assert!(!page.contains("<b>Heliostat") && !page.contains("<h1><b></h1>"), "{page}");
            assert!(page.contains("data-root=\"/x/\"") && page.contains("href=\"/x/projects\""), "{page}");
            assert!(page.contains("id=\"main\"") && page.contains("id=\"sign-in\""), "{page}");
        }
        let home = Home::of(&site).into_body().into_string().await.expect("the page is text");
        assert!(home.contains("git clone https://git.example.com/x/scm/"), "{home}");
    }
}
