//! What a caller may not see is answered like what is not there, and in the words of the caller.

use std::collections::BTreeMap;

use super::scene::{Scene, scenes};
use crate::harness::Promised;

/// Names and numbers that nothing has, by the parameters that have them.
const MISSING: [(&str, &str); 4] = [
    ("projectId", "99999999"),
    ("projectKey", "PNOWHERE"),
    ("repoId", "99999999"),
    ("repositorySlug", "nowhere"),
];

type Names = BTreeMap<&'static str, String>;

/// Status and text of an answer; each name in it is replaced by what it stands for.
async fn told(scene: &Scene, operation: &Promised, names: &Names) -> (u16, String) {
    let address = operation.address(|name| names.get(name).cloned().unwrap_or_else(|| scene.sample(name)));
    let answer = scene.call(operation, &address, &scene.plain_user).await;
    (answer.status, without(names, answer.text))
}

fn without(names: &Names, text: String) -> String {
    // The longest first, because one may be part of another.
    let mut names: Vec<_> = names.iter().collect();
    names.sort_by_key(|(_, value)| std::cmp::Reverse(value.len()));
    names.iter().fold(text, |text, (name, value)| text.replace(value.as_str(), &format!("<{name}>")))
}

fn spelled(names: &Names, spell: fn(&str) -> String) -> Names {
    names.iter().map(|(name, value)| (*name, spell(value))).collect()
}

#[tokio::test]
async fn what_is_hidden_is_answered_like_what_is_not_there_in_the_words_of_the_caller() {
    let [upstream, _] = scenes().await;
    let hidden = upstream.hidden_things().await;
    let missing: Names = MISSING.map(|(name, value)| (name, value.to_owned())).into();
    let spellings: [fn(&str) -> String; 2] = [str::to_lowercase, str::to_uppercase];
    let mut compared = 0;
    for operation in upstream.operations().filter(|operation| operation.accepts("basic")) {
        if !operation.path_parameters().iter().any(|name| hidden.contains_key(name)) {
            continue;
        }
        compared += 1;
        for spell in spellings {
            let (hidden, missing) = (spelled(&hidden, spell), spelled(&missing, spell));
            let (of_hidden, of_missing) =
                (told(upstream, &operation, &hidden).await, told(upstream, &operation, &missing).await);
            assert_eq!(of_hidden, of_missing, "{}", operation.id());
            assert!([403, 404].contains(&of_hidden.0), "{}: {of_hidden:?}", operation.id());
        }
    }
    assert!(compared > 20, "only {compared} operations name a project or a repository");

    for spell in spellings {
        for service in ["git-upload-pack", "git-receive-pack"] {
            let mut told = Vec::new();
            for names in [&hidden, &missing] {
                let names = spelled(names, spell);
                let (key, slug) = (&names["projectKey"], &names["repositorySlug"]);
                let path = format!("/scm/{key}/{slug}.git/info/refs?service={service}");
                let answer = upstream.client(&upstream.plain_user).get(&path).await;
                told.push((answer.status, without(&names, answer.text)));
            }
            assert_eq!(told[0], told[1], "{service}");
            assert_eq!(told[0].0, 404, "{service}");
        }
    }
}
