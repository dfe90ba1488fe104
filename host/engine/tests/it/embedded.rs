//! A document from its deployment to its history, over the store that survives and the process that does not.

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use sandmill_core::ids::TenantId;
use sandmill_core::time::Timestamp;
use sandmill_core::value::Value;
use sandmill_engine::ports::{
    Clock, Components, Definitions as _, ExecutionKey, InspectError, PluginDescription, Runner, SharedStore, Status,
    TaskMessage, TaskResult,
};
use sandmill_engine::{Engine, LifecycleEvent, Live, Options, Parts, Registry, Start, TaskStatus, Workers};
use sandmill_store::{EmbeddedOptions, EmbeddedStore};

use crate::kit::{end, tenant, value};

const DOCUMENT: &str = "
document: { dsl: 1.0.3, namespace: t, name: everything, version: 1.0.0 }
do:
  - first:
      call: work
      with: { n: '${ .n + 1 }' }
  - choose:
      switch:
        - big: { when: '${ .n > 0 }', then: gather }
  - gather:
      set: { n: '${ .n }' }
  - loop:
      for: { each: item, in: '${ [1, 2] }' }
      do:
        - inner:
            call: work
            with: { n: '${ $item }' }
  - risky:
      try:
        - fail:
            raise:
              error: { type: 'https://example.com/errors/mine', status: 400, title: Mine }
      catch:
        do:
          - recover:
              set: { ok: true }
";

/// Gives back the config of each task; every component is a plugin.
struct Host;

#[async_trait]
impl Runner for Host {
    async fn run(&self, message: TaskMessage) -> TaskResult {
        TaskResult::Completed(Value::from_json(&message.config).unwrap())
    }

    fn cancel(&self, _: &TenantId, _: sandmill_core::ids::TaskExecId) {}
}

#[async_trait]
impl Components for Host {
    async fn inspect(&self, _: Bytes) -> Result<PluginDescription, InspectError> {
        let schema = || "{}".to_string();
        Ok(PluginDescription { summary: "works".into(), config_schema: schema(), output_schema: schema() })
    }
}

#[async_trait]
impl Clock for Host {
    fn now(&self) -> Timestamp {
        Timestamp(1_000_000)
    }

    async fn sleep_until(&self, _: Timestamp) {
        std::future::pending().await
    }
}

/// A process over the store in a folder.
fn process(folder: &Path) -> (Engine, Arc<Registry>) {
    let options = EmbeddedOptions { free_bytes_reserve: 0, ..EmbeddedOptions::new(folder.join("store")) };
    let store: SharedStore = Arc::new(EmbeddedStore::open(options).unwrap());
    let registry = Arc::new(Registry::new(Arc::clone(&store), Arc::new(Host), Arc::new(Host)));
    let parts = Parts {
        live: Live::start(Arc::clone(&store)).unwrap(),
        store,
        definitions: Arc::clone(&registry) as _,
        workers: Workers::here(Arc::new(Host)),
        clock: Arc::new(Host),
        on_store_failure: Arc::new(|error| panic!("{error}")),
    };
    (Engine::launch(parts, Options::default()).unwrap(), registry)
}

async fn events(engine: &Engine, key: &ExecutionKey) -> Vec<LifecycleEvent> {
    let (mut reader, mut events) = (engine.events(key, None), Vec::new());
    while let Some(event) = reader.next().await.unwrap() {
        events.push(event);
    }
    events
}

#[tokio::test]
async fn a_history_is_the_same_in_the_next_process_and_shows_what_each_task_was_given() {
    let folder = tempfile::tempdir().unwrap();
    let (engine, registry) = process(folder.path());
    registry.register(&tenant(), "work", "1.0.0", Bytes::from_static(b"component")).await.unwrap();
    let row = registry.deploy(&tenant(), Bytes::from_static(DOCUMENT.as_bytes())).unwrap().row;
    let definition = registry.definition(&tenant(), row.digest).unwrap().unwrap();
    let start = Start {
        tenant: tenant(),
        definition,
        input: value(r#"{"n":0}"#),
        idempotency_key: None,
        random: 1,
        origin: None,
    };
    let key = ExecutionKey { tenant: tenant(), id: engine.start(start).await.unwrap() };
    assert_eq!(end(&engine, &key).await, (Status::Completed, Some(value(r#"{"ok":true}"#))));
    let before = (events(&engine, &key).await, engine.tasks(&key, None, 100).unwrap().unwrap());
    drop(registry);
    engine.drain().await;
    let (engine, registry) = process(folder.path());
    let after = (events(&engine, &key).await, engine.tasks(&key, None, 100).unwrap().unwrap());
    assert_eq!(before, after);
    let shown: Vec<_> = after.1.items.iter().map(|task| (task.name.as_str(), task.config.clone())).collect();
    let config = |json: &str| Some(value(json));
    assert_eq!(
        shown,
        [
            ("first", config(r#"{"n":1}"#)),
            ("choose", config(r#"{"case":"big"}"#)),
            ("gather", config(r#"{"n":1}"#)),
            ("loop", config(r#"{"in":[1,2]}"#)),
            ("inner", config(r#"{"n":1}"#)),
            ("inner", config(r#"{"n":2}"#)),
            ("risky", None),
            ("fail", config(r#"{"type":"https://example.com/errors/mine","status":400,"title":"Mine"}"#)),
            ("recover", config(r#"{"ok":true}"#)),
        ]
    );
    let fail = &after.1.items[7];
    assert_eq!(fail.status, TaskStatus::Faulted);
    assert_eq!(fail.error.as_ref().map(|problem| problem.status), Some(400));
    drop(registry);
    engine.drain().await;
}
