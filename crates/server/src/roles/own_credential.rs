//! The mirror's own credential, and whether the origin takes it.
//!
//! Once it has expired, webhooks and lists bring nothing here, and no reader notices. So the first refusal is a warning in the
//! log, and `/status` is yellow until the origin has taken the credential again.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use heliostat_foreign::discovery::{ApiOptions, CredentialSource, ServiceCredential};
use heliostat_foreign::{Credentials, RepositoryPath, UnusableServer};
use heliostat_origin::{OwnAnswer, ServiceAccess};
use heliostat_peer::Clock;
use parking_lot::Mutex;

/// After so long a refusal is old news: perhaps no client asks for that repository any more.
const REFUSAL_LASTS: Duration = Duration::from_secs(3_600);

/// With what credentials are hashed so that they can be compared. The hashes stay in this process, so it need not be secret.
const KEY: [u8; 32] = [0; 32];

/// The credential, as those take it who ask the origin.
pub(super) struct OwnCredential {
    credential: Arc<ServiceCredential>,
    kind: Kind,
    fault: Mutex<Option<Fault>>,
}

/// By which options an operator gives it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    File,
    App,
}

/// Why it is of no use, and where that was found.
#[derive(Debug)]
enum Fault {
    /// There is none: the file cannot be read, or GitHub gives no token.
    Missing { path: RepositoryPath },
    /// The origin does not take it, most lately at this moment.
    Refused { path: RepositoryPath, fingerprint: [u8; 32], at: Instant },
}

impl OwnCredential {
    /// Prepares to use it; nothing is read or asked yet.
    pub(super) fn new(
        source: CredentialSource,
        api: ApiOptions,
        clock: Clock,
    ) -> Result<Self, UnusableServer> {
        let kind = match &source {
            CredentialSource::File(_) => Kind::File,
            CredentialSource::App { .. } => Kind::App,
        };
        let credential = Arc::new(ServiceCredential::new(source, api, clock)?);
        Ok(Self { credential, kind, fault: Mutex::default() })
    }

    /// The credential, for those who ask the provider's interface.
    pub(super) fn credential(&self) -> &Arc<ServiceCredential> {
        &self.credential
    }

    /// What `/status` says of it: no names, which unauthenticated clients could read there.
    pub(super) fn complaint(&self) -> Option<String> {
        let fault = self.fault.lock();
        let words = match fault.as_ref()? {
            Fault::Refused { at, .. } if at.elapsed() > REFUSAL_LASTS => return None,
            Fault::Missing { .. } => {
                "the mirror's own credential cannot be used, so that webhooks and lists bring only what is public; the log says \
                 why"
            }
            Fault::Refused { .. } => {
                "the origin does not take the mirror's own credential, at least for one repository, so that webhooks and lists \
                 may bring nothing; the log says what to do"
            }
        };
        Some(words.to_owned())
    }

    fn note_missing(&self, path: &RepositoryPath, reason: &str) {
        let before = self.fault.lock().replace(Fault::Missing { path: path.clone() });
        if !matches!(before, Some(Fault::Missing { .. })) {
            let option = self.kind.options();
            tracing::warn!(
                repository.path = path.as_str(),
                option,
                "the mirror has no credential of its own: {reason}"
            );
        }
    }

    /// It could be had.
    fn note_there(&self, path: &RepositoryPath) {
        let is_over =
            |fault: &Fault| matches!(fault, Fault::Missing { path: before } if self.is_same(before, path));
        if self.fault.lock().take_if(|fault| is_over(fault)).is_some() {
            tracing::info!("the mirror has a credential of its own again");
        }
    }

    fn note_refused(&self, path: &RepositoryPath, fingerprint: [u8; 32]) {
        let mut fault = self.fault.lock();
        // Another repository that is refused is no news. Another credential is, unless it is the next of an app.
        if let Some(Fault::Refused { fingerprint: before, at, .. }) = &mut *fault
            && (*before == fingerprint || self.kind == Kind::App)
            && at.elapsed() <= REFUSAL_LASTS
        {
            *at = Instant::now();
            return;
        }
        *fault = Some(Fault::Refused { path: path.clone(), fingerprint, at: Instant::now() });
        drop(fault);
        let option = self.kind.options();
        tracing::warn!(
            repository.path = path.as_str(),
            option,
            "the origin does not take the mirror's own credential, so that webhooks and lists bring nothing here: {}",
            self.kind.remedy()
        );
    }

    /// One that is taken elsewhere may still be refused where it was.
    fn note_taken(&self, path: &RepositoryPath, fingerprint: [u8; 32]) {
        let is_over = |fault: &Fault| match fault {
            Fault::Missing { .. } => false,
            Fault::Refused { path: before, fingerprint: shown, .. } => {
                before == path || (*shown != fingerprint && self.is_same(before, path))
            }
        };
        if self.fault.lock().take_if(|fault| is_over(fault)).is_some() {
            tracing::info!("the origin takes the mirror's own credential again");
        }
    }

    /// Whether one credential is shown for both: an app has one for each account.
    fn is_same(&self, one: &RepositoryPath, other: &RepositoryPath) -> bool {
        let account = |path: &RepositoryPath| path.parts().next().map(str::to_lowercase);
        self.kind == Kind::File || account(one) == account(other)
    }
}

impl Kind {
    fn options(self) -> &'static str {
        match self {
            Self::File => "--origin-token-file",
            Self::App => "--github-app-id and --github-app-key-file",
        }
    }

    fn remedy(self) -> &'static str {
        match self {
            Self::File => {
                "see whether it has expired or was revoked, and write a good one into the file of --origin-token-file, which is \
                 read again each time"
            }
            Self::App => {
                "see whether the app is still installed there, with the right to read contents (--github-app-id, \
                 --github-app-key-file)"
            }
        }
    }
}

impl ServiceAccess for OwnCredential {
    fn credentials<'a>(&'a self, path: &'a RepositoryPath) -> BoxFuture<'a, Option<Credentials>> {
        Box::pin(async move {
            match self.credential.for_git(path).await {
                Ok(credentials) => {
                    self.note_there(path);
                    credentials
                }
                Err(failure) => {
                    self.note_missing(path, &failure.to_string());
                    None
                }
            }
        })
    }

    fn answered(&self, path: &RepositoryPath, credentials: &Credentials, answer: OwnAnswer) {
        let fingerprint = credentials.fingerprint(&KEY);
        match answer {
            OwnAnswer::Taken => self.note_taken(path, fingerprint),
            OwnAnswer::Refused => self.note_refused(path, fingerprint),
        }
    }
}
