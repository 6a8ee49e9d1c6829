//! Credentials for another Git server as they come, and its refusals as they go on to the client.

use heliostat_api::Call;
use heliostat_foreign::{Credentials, Refusal as OriginRefusal};
use heliostat_origin::NotOpened;
use heliostat_refusal::Refusal;
use url::Url;

/// What the client shows of itself, only for the origin.
pub fn origin_credentials(call: &Call) -> Result<Credentials, Refusal> {
    Credentials::from_header(call.authorization.as_deref().map(str::as_bytes)).map_err(|error| {
        Refusal::unauthenticated(format!("The request could not be authenticated: {error}."))
    })
}

/// Why a repository is not opened, for the client: what the origin has said, as it has said it. `url` is where the origin has
/// the repository, and `shown` is what the client has shown of itself.
pub fn not_opened(error: NotOpened, url: &Url, shown: &Credentials) -> Refusal {
    match error {
        NotOpened::ByOrigin(refusal) => refused_by_origin(refusal, url, shown),
        NotOpened::NotServed(path) => Refusal::not_found(
            "repository",
            format!(
                "This mirror serves some repositories of its origin only, and not {path}, which is at {url}."
            ),
        ),
        NotOpened::ByMirror(refusal) => refusal,
    }
}

fn refused_by_origin(refusal: OriginRefusal, url: &Url, shown: &Credentials) -> Refusal {
    let host = url.host_str().unwrap_or_default();
    let words = |said: Option<String>, otherwise: &str| match said {
        Some(said) => format!("{host} says: {said}"),
        None => otherwise.to_owned(),
    };
    match refusal {
        OriginRefusal::NeedsCredentials { www_authenticate, said } => {
            let otherwise = match shown.is_anonymous() || shown.lack_the_password() {
                true => format!("{host} wants credentials to read this repository."),
                false => format!(
                    "{host} does not take these credentials: check the user name, and the password or token."
                ),
            };
            Refusal::challenged(www_authenticate, words(said, &otherwise))
        }
        OriginRefusal::Forbidden { said } => {
            Refusal::forbidden(words(said, &format!("{host} does not let you read this repository.")))
        }
        OriginRefusal::NotFound { said } => {
            let words = words(said, &format!("{host} has no such repository, or you may not read it."));
            Refusal::not_found("repository", words)
        }
        OriginRefusal::TooMany { retry_after } => {
            let words = format!("{host} wants fewer requests; try again later.");
            match retry_after {
                Some(retry_after) => Refusal::too_many_for(retry_after, words),
                None => Refusal::too_many(words),
            }
        }
        away => Refusal::unavailable(format!(
            "This mirror cannot ask {host} whether you may read this repository: {away}."
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(refusal: OriginRefusal) -> Refusal {
        refused_to(refusal, &Credentials::anonymous())
    }

    fn refused_to(refusal: OriginRefusal, shown: &Credentials) -> Refusal {
        let url = Url::parse("https://git.example.com/acme/tool.git").expect("a URL");
        not_opened(NotOpened::ByOrigin(refusal), &url, shown)
    }

    #[test]
    fn what_the_origin_says_goes_on_as_it_is() {
        let challenges = vec!["Basic realm=\"GitHub\"".to_owned()];
        let asked =
            refused(OriginRefusal::NeedsCredentials { www_authenticate: challenges.clone(), said: None });
        let Refusal::Challenged { challenges: passed, message } = asked else { panic!("{asked:?}") };
        assert_eq!((&passed, message.contains("git.example.com wants")), (&challenges, true));
        let wrong = Credentials::basic("ann", "wrong").expect("valid");
        let asked = OriginRefusal::NeedsCredentials { www_authenticate: challenges, said: None };
        let told = refused_to(asked, &wrong).to_string();
        assert!(told.starts_with("git.example.com does not take these credentials"), "{told}");
        let said = refused(OriginRefusal::NotFound { said: Some("Repository not found.".to_owned()) });
        assert_eq!(said.to_string(), "git.example.com says: Repository not found.");
        assert!(matches!(said, Refusal::NotFound { .. }));
        assert!(matches!(refused(OriginRefusal::Forbidden { said: None }), Refusal::Forbidden { .. }));
        let limited = refused(OriginRefusal::TooMany { retry_after: None });
        assert!(matches!(limited, Refusal::TooMany { retry_after: None, .. }));
        for reason in [
            OriginRefusal::Away("no route".to_owned()),
            OriginRefusal::Nonsense("a page for people".to_owned()),
            OriginRefusal::Certificate("it is expired".to_owned()),
            OriginRefusal::ElsewhereOnly { location_host: "login.example.com".to_owned() },
        ] {
            assert!(matches!(refused(reason), Refusal::Unavailable { .. }));
        }
    }
}
