//! By what the server of a source knows its caller: what was said, or what the user's own git would show it.
//!
//! Every git of ours runs without the configuration and the home directory of the user. An import by a person is the exception,
//! and only in what concerns authentication. All of it goes by environment, and nothing of it is logged.

use std::path::PathBuf;

use crate::process::{GitCommand, SecretHeader};
use crate::remote::{InvalidAddress, Remote, is_http};

/// What the server of a source is shown of its caller; by default nothing.
#[derive(Clone, Default)]
pub struct SourceAccess {
    authorization: Option<SecretHeader>,
    extra_headers: Vec<(String, String)>,
    home: Option<PathBuf>,
}

impl SourceAccess {
    /// What the user's own git would show: those settings named `http.extraHeader` or `http.<url>.extraHeader` that match
    /// the source, in their order; and what the `.netrc` in this home directory holds.
    pub fn of_user(extra_headers: Vec<(String, String)>, home: Option<PathBuf>) -> Self {
        Self { authorization: None, extra_headers, home }
    }

    /// The same with an authorization, which wins over everything else that says who calls.
    pub fn authorized(mut self, authorization: SecretHeader) -> Self {
        self.authorization = Some(authorization);
        self
    }

    /// Where the source is. Where `.netrc` is read, a user name without a password stays in the address: git and curl look up the
    /// password of that name there.
    pub(super) fn remote(&self, source: &str) -> Result<Remote, InvalidAddress> {
        match (&self.authorization, &self.home) {
            (None, Some(_)) => Remote::with_name(source),
            (authorization, _) => Remote::parse(source, authorization.as_ref()),
        }
    }

    /// The command that shows it to this server.
    pub(super) fn of(&self, command: GitCommand, remote: &Remote) -> GitCommand {
        // A password in the address gives way to a header that the user has set for this server, as it does in git.
        let says_who = self.extra_headers.iter().any(|(_, header)| is_authorization(header));
        let gives_way = self.authorization.is_none() && says_who;
        let authorization = remote.authorization.as_ref().filter(|_| !gives_way);
        if !is_http(&remote.address) {
            return command.authorization(authorization);
        }
        // Git reads no configuration there, as it is told to read none at all; curl finds `.netrc` by this variable.
        let command = match (&self.home, authorization) {
            (Some(home), None) => command.env("HOME", home),
            _ => command,
        };
        if self.extra_headers.is_empty() {
            return command.authorization(authorization);
        }
        let replaced = |header: &str| authorization.is_some() && is_authorization(header);
        let sent = self.extra_headers.iter().filter(|(_, header)| !replaced(header));
        let command = sent.fold(command, |command, (key, header)| command.setting(key, header.as_str()));
        let command = match authorization {
            // Git skips a header whose key matches less closely than one before it. None matches closer than the whole address.
            Some(header) => command.setting(
                &format!("http.{}.extraHeader", remote.address),
                format!("Authorization: {}", header.expose()),
            ),
            None => command,
        };
        if authorization.is_none() && !self.extra_headers.iter().any(|(_, header)| is_secret(header)) {
            return command;
        }
        // The other server would get the headers as well.
        command.setting("http.followRedirects", "false")
    }
}

/// Whether a header says who calls, so that it is for one server only.
fn is_secret(header: &str) -> bool {
    is_authorization(header) || is_named(header, "cookie")
}

fn is_authorization(header: &str) -> bool {
    is_named(header, "authorization")
}

fn is_named(header: &str, expected: &str) -> bool {
    header.split_once(':').is_some_and(|(name, _)| name.trim().eq_ignore_ascii_case(expected))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_headers_that_say_who_calls_are_for_one_server() {
        for header in ["authorization: Basic x", "AUTHORIZATION : bearer x", "Cookie: session=x"] {
            assert!(is_secret(header), "{header}");
        }
        for header in ["X-Trace: authorization: 1", "Accept-Language: en", "Cookie"] {
            assert!(!is_secret(header), "{header}");
        }
    }
}
