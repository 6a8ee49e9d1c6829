//! Whether the server gives objects to a reader, asked without taking them.

use std::collections::BTreeSet;

use heliostat_git::{Given, ObjectId};

use super::SmartHttp;
use super::question::{Answer, Question, read_up_to};
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
        let question = Question::of_git(&self.url_of(&place), credentials, Given::question(objects));
        match self.ask(question).await? {
            Answer::Success(answer) => {
                let (beginning, _) = read_up_to(answer, MAX_ANSWER_BYTES).await?;
                Ok(Given::read(&beginning))
            }
            Answer::MovedTo(_) => Ok(Given::Unclear),
        }
    }
}
