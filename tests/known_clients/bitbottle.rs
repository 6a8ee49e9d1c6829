//! A command line tool that lists mirrors, shows one, and asks for a list of its repositories that no server has.

use serde::Deserialize;

use super::reading::{ReadPage, fields_it_cannot_do_without, read};
use crate::harness::shared_pair;

const PATH: &str = "/rest/mirroring/latest/mirrorServers";

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct MirrorServer {
    id: String,
    name: String,
    base_url: String,
    enabled: bool,
}

#[tokio::test]
async fn it_lists_mirrors_and_shows_one() {
    let pair = shared_pair().await;
    let page = pair.admin().get(PATH).await.expect(200).json();
    let required = fields_it_cannot_do_without::<MirrorServer>(&page["values"][0]);
    assert_eq!(required, ["baseUrl", "enabled", "id", "name"]);
    let listed: ReadPage<MirrorServer> = read(&page).expect("a page of mirrors");
    let saigon = listed.values.iter().find(|mirror| mirror.name == "Saigon").expect("it is listed");
    let shown = pair.admin().get(&format!("{PATH}/{}", saigon.id)).await.expect(200).json();
    let shown: MirrorServer = read(&shown).expect("a mirror");
    assert_eq!((shown.id.as_str(), shown.name.as_str()), (saigon.id.as_str(), "Saigon"));
    assert_eq!((shown.base_url.as_str(), shown.enabled), (pair.mirror.base(), true));
}

#[tokio::test]
async fn what_no_server_has_is_an_error_that_it_can_show() {
    let pair = shared_pair().await;
    let path = format!("{PATH}/{}/repos", pair.mirror_id().await);
    let error = pair.admin().get(&path).await.expect_error(404);
    assert!(error["message"].as_str().is_some_and(|message| message.contains(&path)), "{error}");
    let error = pair.admin().get(&format!("{PATH}/NONE-NONE-NONE-NONE")).await.expect_error(404);
    assert!(error["exceptionName"].is_string(), "{error}");
}
