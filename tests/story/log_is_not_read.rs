//! Standard error is a pipe that is not read: requests are answered nevertheless, and the log says how much was lost.

use crate::harness::{Server, ServerOptions, eventually};

/// With the line of a request to it, a path is longer than what a pipe takes at once.
const PATH_BYTES: usize = 4_000;

const LOST: &str = "lines of the log were lost";

fn unread() -> Server {
    Server::upstream(ServerOptions { has_unread_log: true, ..ServerOptions::default() })
}

/// Makes requests that leave a long line each.
async fn ask(server: &Server, times: usize) {
    let (client, path) = (server.anonymous(), format!("/{}", "x".repeat(PATH_BYTES)));
    for _ in 0..times {
        client.get(&path).await.expect(404);
    }
}

/// How many lines were lost, as metrics tell.
async fn lost_lines(server: &Server) -> u64 {
    let text = server.anonymous().get("/metrics").await.expect(200).text;
    let value = text.lines().find_map(|line| line.strip_prefix("heliostat_log_dropped_lines_total "));
    value.expect("it is counted").parse().expect("a number")
}

#[tokio::test]
async fn thousands_of_requests_are_answered_and_the_lost_lines_are_told_once() {
    let mut upstream = unread();
    assert_eq!(lost_lines(&upstream).await, 0);
    ask(&upstream, 3_000).await;
    let lost = lost_lines(&upstream).await;
    assert!(lost > 0, "so much is not kept in memory");

    upstream.read_log();
    let told = eventually("the log to tell of what it has lost", || async {
        let log = upstream.log();
        // The last line may not have come whole.
        let (whole, _) = log.rsplit_once('\n')?;
        whole.lines().find(|line| line.contains(LOST)).map(str::to_owned)
    })
    .await;
    let lost = lost_lines(&upstream).await;
    assert!(told.contains(&format!("lines={lost}")), "{lost} lines: {told}");
    // What comes after that is whole again, until the end.
    ask(&upstream, 1).await;
    assert!(upstream.terminate().success());
    let log = eventually("the end of the log", || async {
        Some(upstream.log()).filter(|log| log.contains("stopping: running requests may finish"))
    })
    .await;
    assert_eq!(log.matches(LOST).count(), 1, "it is told once");
}

#[tokio::test]
async fn a_log_that_is_not_read_keeps_no_process_from_its_end() {
    let mut upstream = unread();
    ask(&upstream, 100).await;
    assert_eq!(lost_lines(&upstream).await, 0, "they wait");
    assert!(upstream.terminate().success());
}
