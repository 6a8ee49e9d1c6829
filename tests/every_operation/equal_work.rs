//! What is hidden costs as much work as what is not there, at an upstream and through a mirror: a clock must not tell them
//! apart any more than the words of the answers.
//!
//! Work is counted in statements, by the servers' own metrics. Whatever else the servers do meanwhile only adds to them, so
//! the least of several rounds counts.

use serde_json::Value;

use crate::harness::{Answer, Identity, Pair, Server, unique};

/// What is asked each time about other names.
const ROUNDS: usize = 6;
const STATEMENTS: &str = "heliostat_database_statements_total";
/// No repository has this number, nor one of those before it, of which each round takes one: a mirror remembers for a while
/// what a user may not see under a name.
const NO_ID: usize = 99_999_999;

/// A repository, or what could be the names of one. Those of the two are equally long.
struct Names {
    key: String,
    slug: String,
    id: String,
    is_there: bool,
}

/// Statements at the upstream and at the mirror.
type Work = [f64; 2];

/// A way to ask about a repository or its project.
struct Door<'a> {
    server: &'a Server,
    address: Box<dyn Fn(&Names) -> String + 'a>,
    least_of_hidden: Work,
    least_of_missing: Work,
}

#[tokio::test]
async fn what_is_hidden_costs_as_many_statements_as_what_is_not_there() {
    let pair = Pair::start().await;
    let mirror_path = pair.mirror_path("/repos/").await;
    let stranger = pair.new_user().await;
    let mut doors = [
        Door::of(&pair.upstream, |names| format!("/rest/api/latest/projects/{}", names.key)),
        Door::of(&pair.upstream, Names::repository),
        Door::of(&pair.upstream, |names| format!("/rest/mirroring/latest/repos/{}", names.id)),
        Door::of(&pair.upstream, Names::git),
        Door::of(&pair.mirror, |names| format!("{mirror_path}{}", names.id)),
        Door::of(&pair.mirror, Names::git),
    ];
    for round in 0..ROUNDS {
        let (repository, _checkout) = pair.pushed_repository(false).await;
        pair.mirrored(&repository).await;
        let (hidden, missing) = (Names::of(&repository), Names::of_nothing(round));
        for door in &mut doors {
            door.ask_about(&pair, &stranger, &hidden, &missing, round).await;
        }
    }
    for door in &doors {
        let address = (door.address)(&Names::of_nothing(0));
        assert_eq!(door.least_of_hidden, door.least_of_missing, "hidden and missing: {address}");
        assert!(door.least_of_hidden.iter().sum::<f64>() > 0.0, "nothing was looked up: {address}");
    }
}

impl<'a> Door<'a> {
    fn of(server: &'a Server, address: impl Fn(&Names) -> String + 'a) -> Self {
        let least = [f64::INFINITY; 2];
        Self { server, address: Box::new(address), least_of_hidden: least, least_of_missing: least }
    }

    /// Asks about both, in another order in every second round, and compares the answers.
    async fn ask_about(
        &mut self,
        pair: &Pair,
        stranger: &Identity,
        hidden: &Names,
        missing: &Names,
        round: usize,
    ) {
        let order = if round.is_multiple_of(2) { [hidden, missing] } else { [missing, hidden] };
        let mut told = Vec::new();
        for names in order {
            let address = (self.address)(names);
            let before = statements(pair).await;
            let answer = self.server.client(stranger).get(&address).await;
            let after = statements(pair).await;
            assert_eq!(answer.status, 404, "{address}: {}", answer.text);
            told.push(in_general(&answer, names));
            let least = match names.is_there {
                true => &mut self.least_of_hidden,
                false => &mut self.least_of_missing,
            };
            for (least, (before, after)) in least.iter_mut().zip(before.into_iter().zip(after)) {
                *least = f64::min(*least, after - before);
            }
        }
        assert_eq!(told[0], told[1]);
    }
}

impl Names {
    fn of(repository: &Value) -> Self {
        let text = |value: &Value| value.as_str().expect("is text").to_owned();
        Self {
            key: text(&repository["project"]["key"]),
            slug: text(&repository["slug"]),
            id: repository["id"].to_string(),
            is_there: true,
        }
    }

    fn of_nothing(round: usize) -> Self {
        Self {
            key: format!("P{}", unique().to_uppercase()),
            slug: format!("repo-{}", unique()),
            id: (NO_ID - round).to_string(),
            is_there: false,
        }
    }

    fn repository(&self) -> String {
        format!("/rest/api/latest/projects/{}/repos/{}", self.key, self.slug)
    }

    fn git(&self) -> String {
        format!("/scm/{}/{}.git/info/refs?service=git-upload-pack", self.key.to_lowercase(), self.slug)
    }
}

async fn statements(pair: &Pair) -> Work {
    let of = async |server: &Server| server.metric(STATEMENTS).await.expect("it is shown");
    [of(&pair.upstream).await, of(&pair.mirror).await]
}

/// An answer without the names that the caller wrote: its text and which headers it has.
fn in_general(answer: &Answer, names: &Names) -> (String, Vec<String>) {
    let spelled = [&names.slug, &names.key, &names.key.to_lowercase()]
        .into_iter()
        .fold(answer.text.clone(), |text, name| text.replace(name.as_str(), "<name>"));
    let text = spelled.replace(&format!(" {} ", names.id), " <id> ");
    let mut headers: Vec<_> = answer.headers.keys().map(ToString::to_string).collect();
    headers.sort();
    (text, headers)
}
