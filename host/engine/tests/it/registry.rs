//! Plugins and definitions on their way into a catalog and out of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use sandmill_core::definition::{PluginSource, compile};
use sandmill_core::ids::{Digest, TenantId};
use sandmill_core::time::Timestamp;
use sandmill_engine::ports::{
    CatalogError, Clock, Components, Definitions as _, InspectError, PluginDescription, SharedStore,
};
use sandmill_engine::{DeployError, RegisterError, Registry};
use sandmill_store::MemoryStore;

use crate::kit::tenant;

/// Counts what it looks at, and refuses what begins with `no`.
#[derive(Default)]
struct FakeComponents {
    inspected: AtomicUsize,
}

#[async_trait]
impl Components for FakeComponents {
    async fn inspect(&self, component: Bytes) -> Result<PluginDescription, InspectError> {
        self.inspected.fetch_add(1, Ordering::SeqCst);
        if component.starts_with(b"no") {
            return Err(InspectError::Refused { reason: "it exports no `run`".into() });
        }
        let schema = || "{}".to_string();
        Ok(PluginDescription { summary: "a plugin".into(), config_schema: schema(), output_schema: schema() })
    }
}

struct StoppedClock;

#[async_trait]
impl Clock for StoppedClock {
    fn now(&self) -> Timestamp {
        Timestamp(7)
    }

    async fn sleep_until(&self, _: Timestamp) {
        std::future::pending().await
    }
}

struct Desk {
    registry: Arc<Registry>,
    store: SharedStore,
    components: Arc<FakeComponents>,
    compiled: Arc<AtomicUsize>,
}

impl Desk {
    fn new() -> Self {
        let store: SharedStore = Arc::new(MemoryStore::new());
        let components: Arc<FakeComponents> = Arc::default();
        let clock = Arc::new(StoppedClock);
        let registry = Registry::new(Arc::clone(&store), Arc::clone(&components) as Arc<dyn Components>, clock);
        let mut desk = Self { registry: Arc::new(registry), store, components, compiled: Arc::default() };
        desk.registry = Arc::new(desk.another_registry());
        desk
    }

    /// A registry over the same store, as of another process, which counts what it compiles.
    fn another_registry(&self) -> Registry {
        let counter = Arc::clone(&self.compiled);
        let counting = move |document: &[u8], plugins: &dyn PluginSource| {
            counter.fetch_add(1, Ordering::SeqCst);
            compile(document, plugins)
        };
        let components = Arc::clone(&self.components) as Arc<dyn Components>;
        Registry::with_compiler(Arc::clone(&self.store), components, Arc::new(StoppedClock), Arc::new(counting))
            .with_component_bytes_max(64)
    }

    async fn register(&self, plugin: &str, component: &'static str) -> Result<bool, RegisterError> {
        let (name, version) = plugin.split_once(':').unwrap();
        let component = Bytes::from_static(component.as_bytes());
        self.registry.register(&tenant(), name, version, component).await.map(|registered| registered.is_new)
    }

    /// The plugins that the definition is pinned to.
    fn deploy(&self, line: &str) -> Result<String, DeployError> {
        let row = self.registry.deploy(&tenant(), document(line))?.row;
        Ok(row.plugins.iter().map(|(name, version, _)| format!("{name}:{version}")).collect::<Vec<_>>().join(" "))
    }
}

/// A document from a line: its name, then the plugins that it calls.
fn document(line: &str) -> Bytes {
    let (name, calls) = line.split_once(' ').unwrap_or((line, ""));
    let (name, version) = name.split_once(':').unwrap();
    let (namespace, name) = name.split_once('/').unwrap();
    let mut text =
        format!("document:\n  dsl: 1.0.3\n  namespace: {namespace}\n  name: {name}\n  version: {version}\ndo:\n");
    for (place, call) in calls.split_whitespace().enumerate() {
        let call = if call.contains(':') { format!("{call}@default") } else { call.into() };
        text.push_str(&format!("  - step{place}:\n      call: {call}\n"));
    }
    text.into()
}

#[tokio::test]
async fn the_same_bytes_again_change_nothing_and_other_bytes_are_a_conflict() {
    let desk = Desk::new();
    assert!(desk.register("a:1.0.0", "one").await.unwrap());
    assert!(!desk.register("a:1.0.0", "one").await.unwrap());
    assert_eq!(desk.components.inspected.load(Ordering::SeqCst), 1, "the same bytes are inspected once");
    let error = desk.register("a:1.0.0", "two").await.unwrap_err();
    assert!(matches!(error, RegisterError::Catalog(CatalogError::Conflict { .. })), "{error}");
    assert_eq!(desk.components.inspected.load(Ordering::SeqCst), 1, "what cannot be registered is not inspected");
    let row = desk.registry.plugin(&tenant(), "a", None).unwrap().unwrap();
    assert_eq!((row.digest, row.bytes, row.created_at), (Digest::of(b"one"), 3, Timestamp(7)));
    // Also after it was removed.
    assert!(desk.store.remove_plugin(&tenant(), "a", "1.0.0").unwrap());
    let error = desk.register("a:1.0.0", "two").await.unwrap_err();
    assert!(matches!(error, RegisterError::Catalog(CatalogError::Conflict { .. })), "{error}");
    assert!(desk.register("a:1.0.0", "one").await.unwrap());
}

#[tokio::test]
async fn two_that_race_with_the_same_plugin_add_it_once() {
    let desk = Desk::new();
    let both = futures::future::join_all((0..10).map(|_| desk.register("a:1.0.0", "one"))).await;
    assert_eq!(both.into_iter().filter(|is_new| *is_new.as_ref().unwrap()).count(), 1);
}

#[tokio::test]
async fn what_is_no_plugin_is_refused_and_says_why() {
    let desk = Desk::new();
    let check = async |plugin: &str, component: &'static str, expected: &str| {
        let error = desk.register(plugin, component).await.unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
    };
    check("A:1.0.0", "x", "`A` is no name for a plugin").await;
    check("a:1", "x", "`1` is no semantic version").await;
    check("a:1.0.0", "no component", "it exports no `run`").await;
    let at_the_limit = "0123456789012345678901234567890123456789012345678901234567890123";
    let one_over = "01234567890123456789012345678901234567890123456789012345678901234";
    check("a:1.0.0", one_over, "the component has 65 bytes, and 64 are allowed").await;
    assert!(desk.register("a:1.0.0", at_the_limit).await.unwrap());
}

#[tokio::test]
async fn a_definition_is_pinned_to_the_newest_plugins_of_the_moment_it_is_deployed() {
    let desk = Desk::new();
    for (plugin, component) in [("a:1.0.0", "one"), ("a:1.9.0", "two"), ("a:1.10.0", "three"), ("a:2.0.0-rc.1", "four")]
    {
        desk.register(plugin, component).await.unwrap();
    }
    assert_eq!(desk.deploy("t/w:1.0.0 a a:1.9.0 a:1").unwrap(), "a:1.10.0 a:1.9.0");
    desk.register("a:3.0.0", "five").await.unwrap();
    assert_eq!(desk.deploy("t/w:1.0.0 a a:1.9.0 a:1").unwrap(), "a:1.10.0 a:1.9.0", "pins never change");
    assert_eq!(desk.deploy("t/w:1.1.0 a").unwrap(), "a:3.0.0");
    let find = |version| desk.registry.find(&tenant(), "t/w", version).unwrap().map(|row| row.version);
    assert_eq!(find(None).as_deref(), Some("1.1.0"));
    assert_eq!(find(Some("1.0.0")).as_deref(), Some("1.0.0"));
    assert_eq!(find(Some("1")), None);
    assert_eq!(desk.registry.find(&TenantId::new("other").unwrap(), "t/w", None).unwrap(), None);
}

#[tokio::test]
async fn a_document_that_cannot_run_here_is_rejected_with_its_report() {
    let desk = Desk::new();
    desk.register("nothing-else:1.0.0", "one").await.unwrap();
    let error = desk.deploy("t/w:1.0.0 nothing-els").unwrap_err();
    let DeployError::Rejected(report) = &error else { panic!("{error}") };
    let [finding] = &report.findings[..] else { panic!("{error}") };
    assert_eq!((finding.code, finding.line, finding.pointer.as_str()), ("unknown-plugin", 8, "/do/0/step0/call"));
    assert!(error.to_string().contains("nothing-else"), "it guesses what was meant: {error}");
}

#[tokio::test]
async fn a_definition_never_changes_and_comes_back_on_the_plugins_it_had() {
    let desk = Desk::new();
    desk.register("a:1.0.0", "one").await.unwrap();
    desk.deploy("t/w:1.0.0 a").unwrap();
    let error = desk.deploy("t/w:1.0.0 a a").unwrap_err();
    assert!(matches!(error, DeployError::Catalog(CatalogError::Conflict { .. })), "{error}");
    let error = desk.store.remove_plugin(&tenant(), "a", "1.0.0").unwrap_err();
    assert!(matches!(error, CatalogError::Pinned { .. }), "{error}");
    assert!(desk.store.remove_definition(&tenant(), "t/w", "1.0.0").unwrap());
    desk.register("a:2.0.0", "two").await.unwrap();
    assert_eq!(desk.deploy("t/w:1.0.0 a").unwrap(), "a:1.0.0", "its digest means what it meant");
}

#[tokio::test]
async fn a_definition_is_compiled_once_however_many_ask_for_it() {
    let desk = Desk::new();
    desk.register("a:1.0.0", "one").await.unwrap();
    desk.deploy("t/w:1.0.0 a").unwrap();
    desk.deploy("t/w:1.0.0 a").unwrap();
    assert_eq!(desk.compiled.load(Ordering::SeqCst), 1, "what stands there already is not compiled again");
    // Another process over the same store.
    let registry = desk.another_registry();
    let digest = Digest::of(&document("t/w:1.0.0 a"));
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let definition = registry.definition(&tenant(), digest).unwrap().unwrap();
                assert_eq!(definition.plugins[0].digest, Digest::of(b"one"));
            });
        }
    });
    assert_eq!(desk.compiled.load(Ordering::SeqCst), 2);
    assert!(registry.definition(&TenantId::new("other").unwrap(), digest).unwrap().is_none(), "it is another tenant's");
    assert!(registry.definition(&tenant(), Digest::of(b"nothing")).unwrap().is_none());
}
