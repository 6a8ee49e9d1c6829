//! A repository as a whole, as mirrors are given it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use heliostat_api::models::RestRepositoryContent;
use heliostat_upstream::WholeRepository;

/// What a mirror reads it from.
pub fn repository_content(repository: WholeRepository) -> RestRepositoryContent {
    RestRepositoryContent {
        id: repository.id.to_string(),
        object_format: repository.format.as_str().to_owned(),
        refs: repository.refs,
        pack: repository.pack.map(|pack| STANDARD.encode(pack)),
    }
}
