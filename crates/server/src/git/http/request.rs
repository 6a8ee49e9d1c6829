//! Reads a Git request off its URL: what is wanted stands at its end, behind the repository.

use heliostat_git::GitService;

/// How many hex digits name a bundle.
const BUNDLE_ID_DIGITS: usize = 40;

/// The steps of Git's smart HTTP protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GitStep {
    /// `GET info/refs?service=...`: what there is.
    Advertise(GitService),
    /// `POST git-upload-pack`: objects for the client.
    UploadPack,
    /// `POST git-receive-pack`: objects from the client.
    ReceivePack,
    /// `GET bundles/<id>.bundle`: something to begin a clone with.
    Bundle(BundleId),
    /// `GET bundles/list`: which bundles there are.
    BundleList,
}

/// Names a bundle by its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BundleId([u8; BUNDLE_ID_DIGITS]);

impl BundleId {
    /// The hex digits.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("hex digits are text")
    }
}

/// Why a URL is not a Git request that is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotServed {
    /// Nothing is there.
    UnknownPath,
    /// The path is answered to another method.
    WrongMethod {
        /// The method that is.
        allow: &'static str,
    },
    /// Git's old HTTP protocol, which reads files.
    DumbProtocol,
}

/// Reads method, path (below the context path) and query; gives the part of the path that names the repository, too.
pub fn read<'a>(method: &str, path: &'a str, query: Option<&str>) -> Result<(&'a str, GitStep), NotServed> {
    if let Some(repository) = path.strip_suffix("/info/refs") {
        allow_reading(method)?;
        return match service_of(query) {
            Some("git-upload-pack") => Ok((repository, GitStep::Advertise(GitService::UploadPack))),
            Some("git-receive-pack") => Ok((repository, GitStep::Advertise(GitService::ReceivePack))),
            Some(_) => Err(NotServed::UnknownPath),
            None => Err(NotServed::DumbProtocol),
        };
    }
    if let Some(repository) = path.strip_suffix("/git-upload-pack") {
        return allow_post(method).map(|()| (repository, GitStep::UploadPack));
    }
    if let Some(repository) = path.strip_suffix("/git-receive-pack") {
        return allow_post(method).map(|()| (repository, GitStep::ReceivePack));
    }
    if let Some(repository) = path.strip_suffix("/bundles/list") {
        return allow_reading(method).map(|()| (repository, GitStep::BundleList));
    }
    let (repository, name) = path.rsplit_once("/bundles/").ok_or(NotServed::UnknownPath)?;
    let id = name.strip_suffix(".bundle").and_then(bundle_id).ok_or(NotServed::UnknownPath)?;
    allow_reading(method).map(|()| (repository, GitStep::Bundle(id)))
}

fn bundle_id(text: &str) -> Option<BundleId> {
    let is_hex = text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    text.as_bytes().try_into().ok().filter(|_| is_hex).map(BundleId)
}

/// `HEAD` is `GET` without a body, which the connection leaves out.
fn allow_reading(method: &str) -> Result<(), NotServed> {
    if matches!(method, "GET" | "HEAD") { Ok(()) } else { Err(NotServed::WrongMethod { allow: "GET, HEAD" }) }
}

fn allow_post(method: &str) -> Result<(), NotServed> {
    if method == "POST" { Ok(()) } else { Err(NotServed::WrongMethod { allow: "POST" }) }
}

fn service_of(query: Option<&str>) -> Option<&str> {
    query?.split('&').find_map(|pair| pair.strip_prefix("service="))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_four_requests_are_read() {
        let request =
            read("GET", "/scm/PRJ/repo.git/info/refs", Some("service=git-upload-pack")).expect("is served");
        assert_eq!(request, ("/scm/PRJ/repo.git", GitStep::Advertise(GitService::UploadPack)));
        let head = read("HEAD", "/scm/PRJ/repo.git/info/refs", Some("service=git-upload-pack"));
        assert_eq!(head, Ok(request));
        let push = read("POST", "/scm/prj/repo/git-receive-pack", None).expect("is served");
        assert_eq!(push, ("/scm/prj/repo", GitStep::ReceivePack));
        let deep = read("POST", "/a/b/c/tool.git/git-upload-pack", None).expect("is served");
        assert_eq!(deep, ("/a/b/c/tool.git", GitStep::UploadPack));
    }

    #[test]
    fn a_bundle_is_read_or_its_head() {
        let id = "0123456789abcdef0123456789abcdef01234567";
        let path = format!("/scm/PRJ/repo.git/bundles/{id}.bundle");
        for method in ["GET", "HEAD"] {
            let request = read(method, &path, None).expect("is served");
            assert!(matches!(request.1, GitStep::Bundle(found) if found.as_str() == id));
        }
        assert_eq!(read("PUT", &path, None), Err(NotServed::WrongMethod { allow: "GET, HEAD" }));
        for name in
            ["", "x.bundle", "../../x.bundle", &format!("{id}.pack"), &format!("{}.bundle", "G".repeat(40))]
        {
            let path = format!("/scm/PRJ/repo.git/bundles/{name}");
            assert_eq!(read("GET", &path, None), Err(NotServed::UnknownPath), "{path}");
        }
    }

    #[test]
    fn old_and_unknown_requests_are_not_served() {
        let refused = |method, path, query| read(method, path, query).expect_err("must not be served");
        assert_eq!(refused("GET", "/scm/PRJ/r.git/HEAD", None), NotServed::UnknownPath);
        assert_eq!(refused("GET", "/scm/PRJ/r.git", None), NotServed::UnknownPath);
        assert_eq!(refused("GET", "/scm/PRJ/r.git/info/refs", None), NotServed::DumbProtocol);
        assert_eq!(
            refused("GET", "/scm/PRJ/r.git/git-upload-pack", None),
            NotServed::WrongMethod { allow: "POST" }
        );
    }
}
