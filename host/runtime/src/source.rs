//! Where the bytes of components come from: the catalog of this process, or what another one put where workers find it.

use std::sync::Arc;

use bytes::Bytes;
use sandmill_core::ids::{Digest, TenantId};
use sandmill_engine::ports::{Catalog, ComponentBytes, ConfigError};

use crate::components::PrepareError;

/// What a runtime asks for components. Either way a tenant gets only its own.
#[derive(Clone)]
pub enum ComponentSource {
    /// The catalog of this process. What is not in it will not come.
    Catalog(Arc<dyn Catalog>),
    /// What an engine in another process gives to its workers. What is not there may be put there again, so a task that misses it may be repeated.
    Elsewhere(Arc<dyn ComponentBytes>),
}

impl<T: Catalog + 'static> From<Arc<T>> for ComponentSource {
    fn from(catalog: Arc<T>) -> Self {
        Self::Catalog(catalog)
    }
}

impl From<Arc<dyn Catalog>> for ComponentSource {
    fn from(catalog: Arc<dyn Catalog>) -> Self {
        Self::Catalog(catalog)
    }
}

impl From<Arc<dyn ComponentBytes>> for ComponentSource {
    fn from(bytes: Arc<dyn ComponentBytes>) -> Self {
        Self::Elsewhere(bytes)
    }
}

/// Asks a catalog, which may block.
pub(crate) fn from_catalog(catalog: &dyn Catalog, tenant: &TenantId, digest: Digest) -> Result<Bytes, PrepareError> {
    catalog.component(tenant, digest).map_err(PrepareError::Store)?.ok_or(PrepareError::Unknown(digest))
}

/// Asks for what an engine elsewhere put there.
pub(crate) async fn from_elsewhere(
    bytes: &dyn ComponentBytes,
    tenant: &TenantId,
    digest: Digest,
) -> Result<Bytes, PrepareError> {
    match bytes.get(tenant, digest).await {
        Ok(Some(component)) => Ok(component),
        Ok(None) | Err(ConfigError::NotFound | ConfigError::Expired) => Err(PrepareError::Absent(digest)),
        Err(ConfigError::Damaged { .. }) => Err(PrepareError::Damaged(digest)),
        Err(ConfigError::Unavailable { reason }) => Err(PrepareError::Unreachable { digest, reason }),
        Err(error @ ConfigError::Conflict) => Err(PrepareError::Unreachable { digest, reason: error.to_string() }),
    }
}

/// The bytes, if they are those that were asked for.
pub(crate) fn verified(digest: Digest, bytes: Bytes) -> Result<Bytes, PrepareError> {
    if Digest::of(&bytes) == digest { Ok(bytes) } else { Err(PrepareError::Damaged(digest)) }
}
