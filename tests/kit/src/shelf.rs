//! The definitions of a test.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use sandmill_core::definition::Definition;
use sandmill_core::ids::{Digest, TenantId};
use sandmill_engine::ports::{Definitions, StoreError};

/// Definitions by digest, the same for every tenant.
#[derive(Default)]
pub struct Shelf(Mutex<HashMap<Digest, Arc<Definition>>>);

impl Shelf {
    /// Puts a definition on it.
    pub fn put(&self, definition: &Arc<Definition>) {
        self.put_as(definition.digest, definition);
    }

    /// Puts a definition where another one is looked for.
    pub fn put_as(&self, digest: Digest, definition: &Arc<Definition>) {
        self.0.lock().unwrap().insert(digest, Arc::clone(definition));
    }

    /// Takes a definition away.
    pub fn remove(&self, digest: Digest) {
        self.0.lock().unwrap().remove(&digest);
    }
}

impl Definitions for Shelf {
    fn definition(&self, _: &TenantId, digest: Digest) -> Result<Option<Arc<Definition>>, StoreError> {
        Ok(self.0.lock().unwrap().get(&digest).cloned())
    }

    fn named(&self, _: &TenantId, name: &str, version: Option<&str>) -> Result<Option<Arc<Definition>>, StoreError> {
        let shelf = self.0.lock().unwrap();
        let is_it = |definition: &&Arc<Definition>| {
            let is = &definition.name;
            format!("{}/{}", is.namespace, is.name) == name && version.is_none_or(|version| version == &*is.version)
        };
        // Tests give versions that sort as texts do.
        Ok(shelf.values().filter(is_it).max_by_key(|definition| Arc::clone(&definition.name.version)).cloned())
    }
}
