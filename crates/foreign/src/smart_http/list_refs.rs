//! The references of a repository of the server: who may read and what is there, in one question.

use futures_util::StreamExt;
use heliostat_git::{GitService, ObjectFormat, RefSnapshot, RemoteCapabilities, RemoteListError};
use heliostat_git_wire::read_legacy_list;
use reqwest::{Method, Response};
use url::Url;

use super::SmartHttp;
use super::question::{Answer, Question, below, no_answer};
use crate::long_lists::ListBody;
use crate::source::Source;
use crate::{Credentials, Listing, Refusal, RepositoryPath};

/// How often a server may lead on to another place on it.
const MAX_REDIRECTS: usize = 5;

const OFFER_TYPE: &str = "application/x-git-upload-pack-advertisement";
const OFFER_PLACE: &str = "/info/refs";

/// Where a repository was found, and what the server said first.
struct Greeting {
    /// The repository there.
    repository: Url,
    moved_to: Option<RepositoryPath>,
    body: ListBody,
}

impl SmartHttp {
    pub(super) async fn list_refs(
        &self,
        path: &RepositoryPath,
        credentials: &Credentials,
    ) -> Result<Listing, Refusal> {
        if let Some(listing) = self.list_at_once(path, credentials, &[]).await? {
            return Ok(listing);
        }
        let Greeting { repository, moved_to, body } = self.greet(path, credentials).await?;
        let (refs, offer) = match RemoteCapabilities::read(body.bytes()) {
            Ok(offer) => {
                drop(body);
                (self.ask_for_list(&repository, credentials, &offer, &[]).await?, Some(offer))
            }
            Err(RemoteListError::OtherVersion(_) | RemoteListError::UnexpectedPacket(_)) => {
                (read_legacy_list(body.bytes()).map_err(no_list)?, None)
            }
            Err(error) => return Err(no_list(error)),
        };
        let object_format = refs.object_format().unwrap_or(ObjectFormat::Sha1);
        self.found.note(path, moved_to.as_ref(), offer);
        Ok(Listing::new(refs, object_format, moved_to))
    }

    /// Asks a server for a list of which is known what it offers: for those references that begin so, or for all. `None` if there
    /// is none: in words for the client, and whether it was renamed, is told by the answer to the first question only.
    pub(super) async fn list_at_once(
        &self,
        path: &RepositoryPath,
        credentials: &Credentials,
        prefixes: &[Vec<u8>],
    ) -> Result<Option<Listing>, Refusal> {
        let Some((place, offer)) = self.found.offer_of(path) else { return Ok(None) };
        match self.ask_for_list(&self.url_of(&place), credentials, &offer, prefixes).await {
            Ok(refs) => {
                let moved_to = Some(place).filter(|place| place != path);
                Ok(Some(Listing::new(refs, offer.object_format, moved_to)))
            }
            Err(unclear) if !unclear.is_verdict() && !matches!(unclear, Refusal::Nonsense(_)) => Err(unclear),
            Err(_) => Ok(None),
        }
    }

    /// Asks what the server offers at a path, and goes along where it leads within itself.
    async fn greet(&self, path: &RepositoryPath, credentials: &Credentials) -> Result<Greeting, Refusal> {
        let asked = self.url_of(path);
        let mut repository = asked.clone();
        for _ in 0..=MAX_REDIRECTS {
            let question = Question {
                method: Method::GET,
                url: offer_url(&repository),
                credentials,
                answer_type: OFFER_TYPE,
                body: None,
            };
            match self.ask(question).await? {
                Answer::Success(answer) => {
                    let found_at = (repository != asked).then(|| self.path_of(&repository)).transpose()?;
                    let moved_to = found_at.filter(|found_at| found_at != path);
                    let body = self.read_list(answer).await?;
                    return Ok(Greeting { repository, moved_to, body });
                }
                Answer::MovedTo(url) => repository = repository_at(&url)?,
            }
        }
        Err(Refusal::Nonsense(format!("it leads on more than {MAX_REDIRECTS} times")))
    }

    async fn ask_for_list(
        &self,
        repository: &Url,
        credentials: &Credentials,
        offer: &RemoteCapabilities,
        prefixes: &[Vec<u8>],
    ) -> Result<RefSnapshot, Refusal> {
        let question = Question::of_git(repository, credentials, offer.ls_refs_request_as_shown(prefixes));
        match self.ask(question).await? {
            Answer::Success(answer) => {
                let list = self.read_list(answer).await?;
                offer.read_refs_as_shown(list.bytes()).map_err(no_list)
            }
            Answer::MovedTo(url) => {
                Err(Refusal::Nonsense(format!("it leads on to {} in the middle of a question", url.path())))
            }
        }
    }

    /// Reads a list to its end.
    async fn read_list(&self, answer: Response) -> Result<ListBody, Refusal> {
        let mut list = self.long_lists.begin();
        let mut pieces = answer.bytes_stream();
        while let Some(piece) = pieces.next().await {
            let piece = piece.map_err(|error| no_answer(&error))?;
            list.take(&piece).await?;
        }
        Ok(list)
    }

    /// The path of a repository that the server has led to.
    fn path_of(&self, repository: &Url) -> Result<RepositoryPath, Refusal> {
        let below = repository.path().strip_prefix(self.base_url().path());
        let path = below.and_then(|path| RepositoryPath::parse(path).ok());
        path.ok_or_else(|| Refusal::ElsewhereOnly { location_host: repository.to_string() })
    }
}

fn offer_url(repository: &Url) -> Url {
    let mut url = below(repository, OFFER_PLACE);
    url.set_query(Some(&format!("service={}", GitService::UploadPack.name())));
    url
}

/// The repository to which a redirect of such a question leads. Where it leads to something else, a page to sign in for
/// instance, the reader was not let in.
fn repository_at(offer: &Url) -> Result<Url, Refusal> {
    let Some(path) = offer.path().strip_suffix(OFFER_PLACE) else {
        let said = format!("it leads on to {}, where there is no repository", offer.path());
        return Err(Refusal::Forbidden { said: Some(said) });
    };
    let mut repository = offer.clone();
    repository.set_path(path);
    repository.set_query(None);
    repository.set_fragment(None);
    Ok(repository)
}

fn no_list(error: RemoteListError) -> Refusal {
    match error {
        RemoteListError::Refused(said) => Refusal::Forbidden { said: Some(said) },
        error => Refusal::Nonsense(error.to_string()),
    }
}
