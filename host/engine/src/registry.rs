//! The registry: how plugins and workflow definitions get into a tenant's catalog, and how definitions come back out of it, compiled.
//!
//! Owns what a name and a version look like, what is newest, and that what a digest means never changes: the bytes of a definition are pinned
//! to the same plugins for ever, also when they are deployed again after a removal, for executions and their histories are replayed on them.
//! Knows neither what a component nor what a document contains: `Components` and the compiler do.

mod error;
mod versions;

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use moka::sync::Cache;
use sandmill_core::definition::{self, Definition, PinnedFunction, PinnedPlugin, PluginSource, Report};
use sandmill_core::ids::{Digest, TenantId};

pub use error::{DeployError, RegisterError};

use crate::ports::{
    Catalog, CatalogError, Clock, Components, DefinitionRow, Definitions, FunctionRow, Functions, PluginDescription,
    PluginRow, SharedStore, StoreError,
};
use versions::Pick;

/// The largest component that is taken, where nobody sets another limit: the largest plugins of today (a JavaScript engine with all of the
/// web's interfaces) have about 13 MB, Python's 18.
pub const COMPONENT_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// Compiled definitions that are kept in memory, counted in bytes of their documents. A definition takes about ten times its document.
const CACHED_DOCUMENT_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// What a definition costs beside its document, in the same count: thousands of small ones are bounded by this.
const CACHED_OVERHEAD_BYTES: u32 = 2 * 1024;

/// What turns a document into a definition: `sandmill_core::definition::compile`.
pub type Compile = dyn Fn(&[u8], &dyn PluginSource) -> Result<Definition, Report> + Send + Sync;

/// What stands in a catalog after it was put there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registered<T> {
    /// Its row.
    pub row: T,
    /// False where the same bytes stood there already.
    pub is_new: bool,
}

/// The way into and out of the catalogs of all tenants.
pub struct Registry {
    store: SharedStore,
    components: Arc<dyn Components>,
    clock: Arc<dyn Clock>,
    compile: Arc<Compile>,
    functions: Arc<dyn Functions>,
    component_bytes_max: u64,
    compiled: Cache<(TenantId, Digest), Compiled>,
    /// Held from looking whether a version is there to putting it there.
    putting: Arc<Mutex<()>>,
}

/// A definition in the cache.
#[derive(Clone)]
struct Compiled {
    definition: Arc<Definition>,
    weight: u32,
}

impl Compiled {
    fn new(definition: Definition, document: &[u8]) -> Self {
        let bytes = u32::try_from(document.len()).unwrap_or(u32::MAX);
        Self { definition: Arc::new(definition), weight: bytes.saturating_add(CACHED_OVERHEAD_BYTES) }
    }
}

/// Why there is no compiled definition.
enum Missing {
    NotFound,
    Store(StoreError),
}

impl Registry {
    /// A registry over a store.
    #[must_use]
    pub fn new(store: SharedStore, components: Arc<dyn Components>, clock: Arc<dyn Clock>) -> Self {
        Self::with_compiler(store, components, clock, Arc::new(definition::compile))
    }

    /// A registry over a store, with a compiler of its own.
    #[must_use]
    pub fn with_compiler(
        store: SharedStore,
        components: Arc<dyn Components>,
        clock: Arc<dyn Clock>,
        compile: Arc<Compile>,
    ) -> Self {
        let compiled = Cache::builder()
            .max_capacity(CACHED_DOCUMENT_BYTES_MAX)
            .weigher(|_, compiled: &Compiled| compiled.weight)
            .build();
        Self {
            store,
            components,
            clock,
            compile,
            functions: Arc::new(NoCatalogs),
            component_bytes_max: COMPONENT_BYTES_MAX,
            compiled,
            putting: Arc::default(),
        }
    }

    /// The same registry with catalogs of functions.
    #[must_use]
    pub fn with_functions(mut self, functions: Arc<dyn Functions>) -> Self {
        self.functions = functions;
        self
    }

    /// The same registry with another limit for components.
    #[must_use]
    pub const fn with_component_bytes_max(mut self, component_bytes_max: u64) -> Self {
        self.component_bytes_max = component_bytes_max;
        self
    }

    /// Adds a plugin. The same bytes under the same version again change nothing, and are not inspected again.
    pub async fn register(
        &self,
        tenant: &TenantId,
        name: &str,
        version: &str,
        component: Bytes,
    ) -> Result<Registered<PluginRow>, RegisterError> {
        versions::check_name(name)?;
        versions::check_version(version)?;
        let bytes = component.len() as u64;
        if bytes > self.component_bytes_max {
            return Err(RegisterError::TooLarge { bytes, bytes_max: self.component_bytes_max });
        }
        let digest = digest_of(component.clone()).await;
        if let Some(row) = same_plugin(&self.store, tenant, (name, version), digest)? {
            return Ok(Registered { row, is_new: false });
        }
        let PluginDescription { summary, config_schema, output_schema } =
            self.components.inspect(component.clone()).await?;
        let (name, version, created_at) = (name.into(), version.into(), self.clock.now());
        let row = PluginRow { name, version, digest, summary, config_schema, output_schema, bytes, created_at };
        let (store, putting, tenant) = (Arc::clone(&self.store), Arc::clone(&self.putting), tenant.clone());
        blocking(move || {
            let _putting = putting.lock().unwrap_or_else(PoisonError::into_inner);
            put_plugin(&store, &tenant, row, component)
        })
        .await
    }

    /// A plugin: of that version, or else the newest.
    pub fn plugin(
        &self,
        tenant: &TenantId,
        name: &str,
        version: Option<&str>,
    ) -> Result<Option<PluginRow>, StoreError> {
        let mut rows = self.store.plugins(tenant, Some(name))?;
        let place = versions::pick(rows.iter().map(|row| row.version.as_str()), Pick::exact_or_newest(version));
        Ok(place.map(|place| rows.swap_remove(place)))
    }

    /// Compiles a document against the tenant's plugins, pins it to what it calls, and adds it. Blocks: a large document takes a while.
    ///
    /// The same bytes again change nothing. After a removal they come back on the plugins that they were pinned to before.
    pub fn deploy(&self, tenant: &TenantId, document: Bytes) -> Result<Registered<DefinitionRow>, DeployError> {
        let digest = Digest::of(&document);
        let before = self.store.document(tenant, digest)?.map(|(row, _)| row);
        let definition = match before {
            Some(row) if self.is_live(tenant, &row)? => return Ok(Registered { row, is_new: false }),
            Some(row) => (self.compile)(&document, &Pins(&row)).map_err(DeployError::Rejected)?,
            None => self.compile_against_catalog(tenant, &document)?,
        };
        let row = DefinitionRow {
            name: format!("{}/{}", definition.name.namespace, definition.name.name),
            version: definition.name.version.to_string(),
            digest,
            plugins: definition.plugins.iter().map(pin_of).collect(),
            functions: definition.functions.iter().map(function_row).collect(),
            created_at: self.clock.now(),
        };
        let compiled = Compiled::new(definition, &document);
        let registered = self.put_definition(tenant, row, document)?;
        if registered.is_new {
            self.compiled.insert((tenant.clone(), digest), compiled);
        }
        Ok(registered)
    }

    /// What deploying a document would say no with, without deploying it. Blocks: a large document takes a while.
    pub fn check(&self, tenant: &TenantId, document: &[u8]) -> Result<(), DeployError> {
        self.compile_against_catalog(tenant, document).map(drop)
    }

    /// A definition by its `namespace/name`: of that version, or else the newest.
    ///
    /// The newest is the last in the order of semantic versions that is no pre-release, and a pre-release only where there is nothing else.
    pub fn find(
        &self,
        tenant: &TenantId,
        name: &str,
        version: Option<&str>,
    ) -> Result<Option<DefinitionRow>, StoreError> {
        let mut rows = self.store.definitions(tenant, Some(name))?;
        let place = versions::pick(rows.iter().map(|row| row.version.as_str()), Pick::exact_or_newest(version));
        Ok(place.map(|place| rows.swap_remove(place)))
    }

    fn put_definition(
        &self,
        tenant: &TenantId,
        row: DefinitionRow,
        document: Bytes,
    ) -> Result<Registered<DefinitionRow>, DeployError> {
        let _putting = self.putting.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(row) = self.find(tenant, &row.name, Some(&row.version))?.filter(|there| there.digest == row.digest)
        {
            return Ok(Registered { row, is_new: false });
        }
        self.store.put_definition(tenant, row.clone(), document)?;
        Ok(Registered { row, is_new: true })
    }

    /// False for a definition that was removed: its document stays.
    fn is_live(&self, tenant: &TenantId, row: &DefinitionRow) -> Result<bool, StoreError> {
        Ok(self.find(tenant, &row.name, Some(&row.version))?.is_some())
    }

    fn compile_against_catalog(&self, tenant: &TenantId, document: &[u8]) -> Result<Definition, DeployError> {
        let (read, failed) = (RefCell::default(), RefCell::default());
        let plugins = CatalogPlugins { store: &self.store, functions: &*self.functions, tenant, read, failed };
        let compiled = (self.compile)(document, &plugins);
        // A plugin that could not be read looks to the compiler like one that is not there.
        match plugins.failed.take() {
            Some(error) => Err(error.into()),
            None => compiled.map_err(DeployError::Rejected),
        }
    }

    fn compile_again(&self, tenant: &TenantId, digest: Digest) -> Result<Compiled, Missing> {
        let (row, document) = self.store.document(tenant, digest).map_err(Missing::Store)?.ok_or(Missing::NotFound)?;
        match (self.compile)(&document, &Pins(&row)) {
            Ok(definition) => Ok(Compiled::new(definition, &document)),
            Err(report) => Err(Missing::Store(StoreError::Damaged {
                place: format!("the definition {}:{}", row.name, row.version),
                reason: format!("this program does not compile it: {report}"),
            })),
        }
    }
}

impl Definitions for Registry {
    /// However many ask for the same one at the same time, it is compiled once.
    fn definition(&self, tenant: &TenantId, digest: Digest) -> Result<Option<Arc<Definition>>, StoreError> {
        let key = (tenant.clone(), digest);
        match self.compiled.try_get_with(key, || self.compile_again(tenant, digest)) {
            Ok(compiled) => Ok(Some(compiled.definition)),
            Err(missing) => match &*missing {
                Missing::NotFound => Ok(None),
                Missing::Store(error) => Err(error.clone()),
            },
        }
    }

    fn named(
        &self,
        tenant: &TenantId,
        name: &str,
        version: Option<&str>,
    ) -> Result<Option<Arc<Definition>>, StoreError> {
        match self.find(tenant, name, version)? {
            Some(row) => self.definition(tenant, row.digest),
            None => Ok(None),
        }
    }
}

/// A host whose operator named no catalog of functions.
struct NoCatalogs;

impl Functions for NoCatalogs {
    fn function(&self, catalog: &str, _: &str, _: &str) -> Result<Bytes, String> {
        Err(format!("this host knows no catalog `{catalog}`: its operator names the folder of each with `--catalog`"))
    }
}

/// The plugins and functions that a definition was pinned to. What was the newest of the whole catalog then is the newest of these.
struct Pins<'a>(&'a DefinitionRow);

impl PluginSource for Pins<'_> {
    fn plugin(&self, name: &str, version: Option<&str>) -> Option<PinnedPlugin> {
        let pins: Vec<_> = self.0.plugins.iter().filter(|pin| pin.0 == name).collect();
        let place = versions::pick(pins.iter().map(|pin| pin.1.as_str()), Pick::of_call(version))?;
        let (name, version, digest) = pins[place];
        Some(PinnedPlugin { name: name.as_str().into(), version: version.as_str().into(), digest: *digest })
    }

    fn function(&self, catalog: &str, name: &str, version: &str) -> Result<PinnedFunction, String> {
        let is_it = |row: &&FunctionRow| row.catalog == catalog && row.name == name && row.version == version;
        let row = self.0.functions.iter().find(is_it);
        row.map(pinned_function).ok_or_else(|| format!("`{name}:{version}` of `{catalog}` was not pinned"))
    }
}

/// The plugins of a tenant's catalog, each name read once, and the functions of the host's catalogs.
struct CatalogPlugins<'a> {
    store: &'a SharedStore,
    functions: &'a dyn Functions,
    tenant: &'a TenantId,
    read: RefCell<HashMap<String, Vec<PluginRow>>>,
    failed: RefCell<Option<StoreError>>,
}

impl PluginSource for CatalogPlugins<'_> {
    fn plugin(&self, name: &str, version: Option<&str>) -> Option<PinnedPlugin> {
        let mut read = self.read.borrow_mut();
        let rows = read.entry(name.into()).or_insert_with(|| {
            Catalog::plugins(&**self.store, self.tenant, Some(name)).unwrap_or_else(|error| {
                self.failed.replace(Some(error));
                Vec::new()
            })
        });
        let place = versions::pick(rows.iter().map(|row| row.version.as_str()), Pick::of_call(version))?;
        let PluginRow { name, version, digest, .. } = &rows[place];
        Some(PinnedPlugin { name: name.as_str().into(), version: version.as_str().into(), digest: *digest })
    }

    fn names(&self) -> Vec<String> {
        let rows = Catalog::plugins(&**self.store, self.tenant, None).unwrap_or_else(|error| {
            self.failed.replace(Some(error));
            Vec::new()
        });
        let mut names: Vec<_> = rows.into_iter().map(|row| row.name).collect();
        names.dedup();
        names
    }

    fn function(&self, catalog: &str, name: &str, version: &str) -> Result<PinnedFunction, String> {
        let document = self.functions.function(catalog, name, version)?;
        let (catalog, name, version) = (catalog.into(), name.into(), version.into());
        Ok(pinned_function(&FunctionRow { catalog, name, version, document }))
    }
}

fn pinned_function(row: &FunctionRow) -> PinnedFunction {
    PinnedFunction {
        catalog: row.catalog.as_str().into(),
        name: row.name.as_str().into(),
        version: row.version.as_str().into(),
        document: (&*row.document).into(),
    }
}

fn function_row(function: &PinnedFunction) -> FunctionRow {
    let PinnedFunction { catalog, name, version, document } = function;
    FunctionRow {
        catalog: catalog.to_string(),
        name: name.to_string(),
        version: version.to_string(),
        document: Bytes::copy_from_slice(document),
    }
}

fn pin_of(plugin: &PinnedPlugin) -> (String, String, Digest) {
    (plugin.name.to_string(), plugin.version.to_string(), plugin.digest)
}

/// The row of that version where it has the same bytes; an error where it has others.
fn same_plugin(
    store: &SharedStore,
    tenant: &TenantId,
    (name, version): (&str, &str),
    digest: Digest,
) -> Result<Option<PluginRow>, CatalogError> {
    let rows = store.plugins(tenant, Some(name))?;
    match rows.into_iter().find(|row| row.version == version) {
        Some(row) if row.digest == digest => Ok(Some(row)),
        Some(row) => Err(CatalogError::Conflict { name: format!("{name}:{version}"), digest: row.digest }),
        None => Ok(None),
    }
}

/// Of two who put the same, one finds what the other has put.
fn put_plugin(
    store: &SharedStore,
    tenant: &TenantId,
    row: PluginRow,
    component: Bytes,
) -> Result<Registered<PluginRow>, RegisterError> {
    if let Some(row) = same_plugin(store, tenant, (&row.name, &row.version), row.digest)? {
        return Ok(Registered { row, is_new: false });
    }
    store.put_plugin(tenant, row.clone(), component)?;
    Ok(Registered { row, is_new: true })
}

/// Hashing many megabytes takes longer than a thread that serves requests has.
async fn digest_of(component: Bytes) -> Digest {
    blocking(move || Digest::of(&component)).await
}

/// Does what takes a while on a thread that may block.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        // It is aborted only when the runtime shuts down, and then nobody waits for it.
        Err(panicked) => std::panic::resume_unwind(panicked.into_panic()),
    }
}
