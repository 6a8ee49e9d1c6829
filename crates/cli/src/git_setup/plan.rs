//! Which settings of git one call adds, or takes away: all that leads to this mirror, and nothing that other mirrors need.

use anyhow::bail;

use super::GitSetupOptions;
use super::configured::Configured;
use super::rewrites::{Rewrite, Setting};
use crate::client::is_loopback;

/// What is to be done.
#[derive(Debug, Default)]
pub struct Plan {
    /// The settings to add, or to take away, each once.
    pub settings: Vec<Setting>,
    /// Beginnings of addresses that are rewritten by other settings, too, which are left alone.
    pub shared: Vec<String>,
}

impl Plan {
    /// Adds what the options say.
    pub fn to_write(options: &GitSetupOptions, given: &[Rewrite]) -> anyhow::Result<Self> {
        let (origin, mirror) = (&options.origin, &options.mirror_url);
        let mut plan = Self::default();
        for setting in given.iter().flat_map(Setting::of) {
            plan.add(setting);
        }
        if options.credentials {
            if mirror.scheme() != "https" && !is_loopback(mirror) {
                bail!("passwords of {origin} would travel unencrypted to {mirror}: give an https address");
            }
            plan.add(Setting::credentials_of(origin, mirror)?);
        }
        Ok(plan)
    }

    /// Takes away what the options say and what is there besides. The options of this call do not tell all: a name or a port
    /// that was given when it was written may not be given now.
    pub fn to_undo(
        options: &GitSetupOptions,
        given: Vec<Rewrite>,
        configured: &Configured,
    ) -> anyhow::Result<Self> {
        let (origin, mirror) = (&options.origin, &options.mirror_url);
        let (found, others): (Vec<Rewrite>, Vec<Rewrite>) =
            configured.rewrites().partition(|rewrite| rewrite.leads(origin, mirror));
        let mut plan = Self::default();
        for rewrite in given.into_iter().chain(found) {
            let [read, push] = Setting::of(&rewrite);
            plan.add(read);
            // Without `push`, what is pushed to the origin would go where the other setting leads.
            let is_shared = others.iter().any(|other| other.from == rewrite.from);
            match is_shared {
                true => plan.share(rewrite.from),
                false => plan.add(push),
            }
        }
        let credentials = Setting::credentials_of(origin, mirror)?;
        let are_shared = others.iter().any(|other| other.shares_credentials(origin, mirror));
        if !are_shared && (options.credentials || configured.has(&credentials)) {
            plan.add(credentials);
        }
        Ok(plan)
    }

    fn add(&mut self, setting: Setting) {
        if !self.settings.contains(&setting) {
            self.settings.push(setting);
        }
    }

    fn share(&mut self, from: String) {
        if !self.shared.contains(&from) {
            self.shared.push(from);
        }
    }
}
