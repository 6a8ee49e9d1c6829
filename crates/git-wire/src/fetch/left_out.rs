//! References whose history a client wants left out (`deepen-not`), and what their names mean.

use crate::fetch::{Deepen, FetchRequest};
use crate::packets::RequestError;
use crate::refs::RefSnapshot;

impl FetchRequest {
    /// The same question, where references whose history is left out are called by their full names. What a name means is
    /// looked up as `git` does it, among these references.
    pub fn naming_refs_of(mut self, refs: &RefSnapshot) -> Result<Self, RequestError> {
        if let Deepen::Cut { not, .. } = &mut self.deepen {
            let named = not.iter().map(|name| full_name(name, refs));
            *not = named.collect::<Result<_, _>>()?;
        }
        Ok(self)
    }

    /// The references whose history is left out.
    pub fn left_out(&self) -> impl Iterator<Item = &[u8]> {
        let names = match &self.deepen {
            Deepen::Cut { not, .. } => Some(not.iter().map(Vec::as_slice)),
            Deepen::No | Deepen::Depth { .. } => None,
        };
        names.into_iter().flatten()
    }
}

/// The full name of the only reference that this may mean: see `git help revisions`.
fn full_name(name: &[u8], refs: &RefSnapshot) -> Result<Vec<u8>, RequestError> {
    let places: [(&[u8], &[u8]); 6] = [
        (b"", b""),
        (b"refs/", b""),
        (b"refs/tags/", b""),
        (b"refs/heads/", b""),
        (b"refs/remotes/", b""),
        (b"refs/remotes/", b"/HEAD"),
    ];
    let meant = places.iter().map(|(start, end)| [*start, name, *end].concat());
    let mut found = meant.filter(|name| refs.find(name).is_some());
    match (found.next(), found.next()) {
        (Some(only), None) => Ok(only),
        _ => Err(RequestError::NoSingleReference(RequestError::quoted(name))),
    }
}
