//! Reads a Git request off its URL: `/scm/{projectKey}/{slug}.git/...`.

use heliostat_git::GitService;

/// Longest project key or repository slug that is looked up, in bytes.
const MAX_NAME_BYTES: usize = 128;

/// How many hex digits name a bundle.
const BUNDLE_ID_DIGITS: usize = 40;

/// What a git client asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GitRequest {
    /// The project's key, as sent.
    pub project_key: String,
    /// The repository's slug, as sent, without `.git`.
    pub slug: String,
    /// What to do with it.
    pub step: GitStep,
}

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

/// Why a URL below `/scm/` is not a request that is served.
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

/// Reads method, path (below the context path) and query.
pub fn read(method: &str, path: &str, query: Option<&str>) -> Result<GitRequest, NotServed> {
    let below = path.strip_prefix("/scm/").ok_or(NotServed::UnknownPath)?;
    let (project_key, rest) = below.split_once('/').ok_or(NotServed::UnknownPath)?;
    let (repository, step) = rest.split_once('/').ok_or(NotServed::UnknownPath)?;
    let slug = repository.strip_suffix(".git").unwrap_or(repository);
    if !is_name(project_key) || !is_name(slug) {
        return Err(NotServed::UnknownPath);
    }
    let step = match step {
        "info/refs" => {
            allow_reading(method)?;
            match service_of(query) {
                Some("git-upload-pack") => GitStep::Advertise(GitService::UploadPack),
                Some("git-receive-pack") => GitStep::Advertise(GitService::ReceivePack),
                Some(_) => return Err(NotServed::UnknownPath),
                None => return Err(NotServed::DumbProtocol),
            }
        }
        "git-upload-pack" => allow_post(method).map(|()| GitStep::UploadPack)?,
        "git-receive-pack" => allow_post(method).map(|()| GitStep::ReceivePack)?,
        "bundles/list" => allow_reading(method).map(|()| GitStep::BundleList)?,
        other => {
            let id = other.strip_prefix("bundles/").and_then(|name| name.strip_suffix(".bundle"));
            let id = id.and_then(bundle_id).ok_or(NotServed::UnknownPath)?;
            allow_reading(method).map(|()| GitStep::Bundle(id))?
        }
    };
    Ok(GitRequest { project_key: project_key.to_owned(), slug: slug.to_owned(), step })
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

/// Keys and slugs are plain: no separators, no escapes, no dot files. `~` starts a personal project's key.
fn is_name(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    !text.is_empty() && text.len() <= MAX_NAME_BYTES && text.bytes().all(plain) && !text.starts_with('.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_four_requests_are_read() {
        let request =
            read("GET", "/scm/PRJ/repo.git/info/refs", Some("service=git-upload-pack")).expect("is served");
        assert_eq!(request.project_key, "PRJ");
        assert_eq!(request.slug, "repo");
        assert_eq!(request.step, GitStep::Advertise(GitService::UploadPack));
        let head = read("HEAD", "/scm/PRJ/repo.git/info/refs", Some("service=git-upload-pack"));
        assert_eq!(head, Ok(request));
        let push = read("POST", "/scm/prj/repo/git-receive-pack", None).expect("is served");
        assert_eq!(push.step, GitStep::ReceivePack);
    }

    #[test]
    fn a_bundle_is_read_or_its_head() {
        let id = "0123456789abcdef0123456789abcdef01234567";
        let path = format!("/scm/PRJ/repo.git/bundles/{id}.bundle");
        for method in ["GET", "HEAD"] {
            let request = read(method, &path, None).expect("is served");
            assert!(matches!(request.step, GitStep::Bundle(found) if found.as_str() == id));
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
    fn hostile_and_old_requests_are_not_served() {
        let refused = |method, path, query| read(method, path, query).expect_err("must not be served");
        assert_eq!(
            refused("GET", "/scm/PRJ/../x.git/info/refs", Some("service=git-upload-pack")),
            NotServed::UnknownPath
        );
        assert_eq!(
            refused("GET", "/scm/PRJ/%2e%2e/info/refs", Some("service=git-upload-pack")),
            NotServed::UnknownPath
        );
        assert_eq!(
            refused("GET", "/scm/PRJ/.git/info/refs", Some("service=git-upload-pack")),
            NotServed::UnknownPath
        );
        assert_eq!(refused("GET", "/scm/PRJ/r.git/HEAD", None), NotServed::UnknownPath);
        assert_eq!(refused("GET", "/scm/PRJ/r.git/info/refs", None), NotServed::DumbProtocol);
        assert_eq!(
            refused("GET", "/scm/PRJ/r.git/git-upload-pack", None),
            NotServed::WrongMethod { allow: "POST" }
        );
        let long = format!("/scm/PRJ/{}.git/git-upload-pack", "a".repeat(200));
        assert_eq!(refused("POST", &long, None), NotServed::UnknownPath);
    }
}
