//! Whether the server gives objects to a reader, asked without taking them.

use std::collections::BTreeSet;

use heliostat_git::{GitService, Given, ObjectId};
use reqwest::Method;

use super::SmartHttp;
use super::list_refs::{REQUEST_TYPE, RESULT_TYPE, below};
use super::question::{Answer, Question, read_beginning};
use crate::source::Source;
use crate::{Credentials, Refusal, RepositoryPath};

/// Of an answer to such a question only the beginning says something; the rest is an empty pack.
const MAX_ANSWER_BYTES: usize = 64 * 1024;

impl SmartHttp {
    pub(super) async fn ask_whether_given(
        &self,
        path: &RepositoryPath,
        credentials: &Credentials,
        objects: &BTreeSet<ObjectId>,
    ) -> Result<Given, Refusal> {
        // The question exists in version 2 of the protocol only.
        let Some(place) = self.found.place_with_offer(path) else { return Ok(Given::Unclear) };
        let service = GitService::UploadPack.name();
        let question = Question {
            method: Method::POST,
            url: below(&self.url_of(&place), &format!("/{service}")),
            credentials,
            answer_type: RESULT_TYPE,
            body: Some((REQUEST_TYPE, Given::question(objects))),
        };
        match self.ask(question).await? {
            Answer::Success(answer) => Ok(Given::read(&read_beginning(answer, MAX_ANSWER_BYTES).await?)),
            Answer::MovedTo(_) => Ok(Given::Unclear),
        }
    }
}
