//! The command `object-info` of protocol version 2: the sizes of objects, without the objects.

use std::collections::BTreeMap;

use heliostat_git_wire::{ObjectId, lines_of};

use crate::process::GitError;
use crate::repository::Repository;

impl Repository {
    /// The sizes of those of these objects that are here, in bytes.
    pub async fn object_sizes(&self, objects: &[ObjectId]) -> Result<BTreeMap<ObjectId, u64>, GitError> {
        if objects.is_empty() {
            return Ok(BTreeMap::new());
        }
        let operation = "read the sizes of objects";
        let names = lines_of("", objects);
        let command = self.command(operation).args(["cat-file", "--batch-check=%(objectsize)"]);
        let listing = command.input(names.into_bytes()).run().await?;
        let lines = listing.stdout.split_inclusive(|byte| *byte == b'\n');
        let sizes: Vec<_> = lines.map(size_in).collect();
        if sizes.len() != objects.len() {
            let output = format!("{} lines for {} objects", sizes.len(), objects.len());
            return Err(GitError::UnexpectedOutput { operation, output });
        }
        let here = objects.iter().zip(sizes).filter_map(|(object, size)| Some((object.clone(), size?)));
        Ok(here.collect())
    }
}

/// The size, or nothing where `git` says that the object is missing.
fn size_in(line: &[u8]) -> Option<u64> {
    std::str::from_utf8(line).ok()?.trim_end().parse().ok()
}

#[cfg(test)]
mod tests {
    use std::process::{Command as Process, Stdio};

    use heliostat_git_wire::{
        Command, ObjectFormat, ObjectInfoRequest, PacketLine, RequestError, decode_packet, spelled,
    };

    use super::*;
    use crate::fixture::Workshop;
    use crate::process::GitVersion;

    /// The first version that can be told to answer this command.
    const ANSWERS_WHEN_TOLD: GitVersion = GitVersion::new(2, 41, 0);

    fn body(format: ObjectFormat, arguments: &[String]) -> Vec<u8> {
        let mut lines =
            vec!["command=object-info".to_owned(), format!("object-format={format}"), "|".to_owned()];
        lines.extend_from_slice(arguments);
        lines.push(".".to_owned());
        spelled(&lines)
    }

    /// The answer to a client that may have all that is here.
    async fn answer(repository: &Repository, request: &ObjectInfoRequest) -> Vec<u8> {
        let objects = request.sized_objects();
        let sizes = repository.object_sizes(objects).await.expect("git runs");
        request.answer(&objects.iter().map(|object| sizes.get(object).copied()).collect::<Vec<_>>()).to_vec()
    }

    fn parse(body: &[u8]) -> Result<ObjectInfoRequest, RequestError> {
        ObjectInfoRequest::parse(&Command::read(body)?.expect("a command"))
    }

    #[expect(clippy::disallowed_methods, reason = "a test asks git itself")]
    fn answer_of_git(repository: &Repository, body: &[u8]) -> Vec<u8> {
        use std::io::Write;

        let mut git = Process::new(repository.git().program());
        git.args(["-c", "transfer.advertiseObjectInfo=true", "-c", "safe.directory=*"]);
        git.args(["upload-pack", "--stateless-rpc"]).arg(repository.path()).env("GIT_PROTOCOL", "version=2");
        let mut git = git.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("git runs");
        git.stdin.take().expect("piped").write_all(body).expect("it reads");
        git.wait_with_output().expect("it ends").stdout
    }

    /// The lines of an answer without line breaks, which are a matter of taste.
    fn lines_in(mut answer: &[u8]) -> Vec<String> {
        let mut lines = Vec::new();
        while let Some((packet, length)) = decode_packet(answer).expect("framed") {
            match packet {
                PacketLine::Data(line) => {
                    lines.push(String::from_utf8_lossy(line).trim_end_matches('\n').to_owned());
                }
                other => lines.push(format!("{other:?}")),
            }
            answer = &answer[length..];
        }
        assert!(answer.is_empty());
        lines
    }

    #[tokio::test]
    async fn sizes_are_those_that_git_tells() {
        let workshop = Workshop::new().await;
        for format in [ObjectFormat::Sha1, ObjectFormat::Sha256] {
            let repository = workshop.bare_with_format(format.as_str(), format).await;
            let oid =
                |name: &str| format!("oid {}", workshop.run(repository.path(), &["rev-parse", name]).trim());
            let absent = format!("oid {}", "12".repeat(format.hex_len() / 2));
            let size = || "size".to_owned();
            let (commit, tree, blob) = (oid("main"), oid("main^{tree}"), oid("main:file"));
            let cases = [
                vec![size(), blob.clone(), tree.clone(), commit.clone()],
                vec![absent.clone(), commit.clone(), size(), absent.clone(), commit.clone()],
                vec![commit.clone(), absent.clone()],
                vec![size()],
                vec![],
            ];
            for arguments in cases {
                let body = body(format, &arguments);
                let request = parse(&body).expect("a request");
                let answer = answer(&repository, &request).await;
                let text = String::from_utf8_lossy(&answer).into_owned();
                assert!(text.ends_with("0000"), "{text}");
                assert_eq!(
                    text.starts_with("0009size\n"),
                    arguments.contains(&size()) && arguments.len() > 1
                );
                if workshop.git.version() >= ANSWERS_WHEN_TOLD {
                    assert_eq!(
                        lines_in(&answer),
                        lines_in(&answer_of_git(&repository, &body)),
                        "{arguments:?}"
                    );
                }
            }
        }
    }

    #[tokio::test]
    async fn sizes_are_right() {
        let workshop = Workshop::new().await;
        let repository = workshop.bare_with_commits("one", &["main"]).await;
        let blob = workshop.run(repository.path(), &["rev-parse", "main:file"]);
        let length = workshop.run(repository.path(), &["cat-file", "-s", "main:file"]);
        let arguments = ["size".to_owned(), format!("oid {}", blob.trim())];
        let request = parse(&body(ObjectFormat::Sha1, &arguments)).expect("a request");
        let line = format!("{} {}\n", blob.trim(), length.trim());
        let expected = format!("0009size\n{:04x}{line}0000", line.len() + 4);
        assert_eq!(String::from_utf8_lossy(&answer(&repository, &request).await), expected);
    }
}
