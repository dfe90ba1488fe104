//! What a task reads of its context from afar.

use std::sync::Arc;

use sandmill_core::machine::ContextHandle;
use sandmill_core::value::Value;
use sandmill_engine::ports::{Deliveries as _, RemoteContext, TaskQueue as _};

use super::stage::{done, engine, handle, json, message, next, open_worker, options, with, worker};
use crate::kit::{Server, wait};

/// What the runtime of the same process would give.
fn local(handle: &ContextHandle, name: &str) -> Option<Value> {
    let workflow = handle.workflow();
    match name {
        "context" => Some(handle.context().clone()),
        "input" => Some(handle.input().clone()),
        "vars" => Some(handle.variables()),
        "item" => handle.item().map(|(item, _)| item.clone()),
        "index" => handle.item().map(|(_, index)| Value::from(index)),
        "workflow" => Some(Value::object([
            ("id", Value::from(workflow.id.to_string())),
            ("name", Value::from(format!("{}/{}", workflow.name.namespace, workflow.name.name))),
            ("version", Value::from(&*workflow.name.version)),
            ("input", workflow.input.clone()),
        ])),
        _ => None,
    }
}

async fn same(context: &dyn RemoteContext, handle: &ContextHandle) {
    for name in ["context", "input", "vars", "item", "index", "workflow", "none"] {
        let there = context.member(name, None).await.unwrap();
        let here = local(handle, name);
        assert_eq!(there.as_ref().map(Value::to_json), here.as_ref().map(Value::to_json), "{name}");
        for inner in ["small", "large", "id", "name", "version", "input", "a", "none", "0"] {
            let there = context.member(name, Some(inner)).await.unwrap();
            let here = here.as_ref().and_then(|value| value.get(inner));
            assert_eq!(there.map(|value| value.to_json()), here.map(|value| value.to_json()), "{name}.{inner}");
        }
    }
    assert_eq!(context.has_item(), handle.item().is_some());
}

#[test]
fn it_is_what_the_engine_has() {
    let large = format!(r#"{{"small":1,"large":"{}","a":{{"b":[1,2.5,null]}},"":0}}"#, "x".repeat(1_000));
    let list = format!("[{}1]", "1,".repeat(500));
    let server = Server::start();
    wait(async {
        let engine = engine(&server.redis).await;
        let worker = worker(&server.redis, "worker-1").await;
        let values = ["{}", "null", "[]", "17", "\"text\"", &*list, &*large];
        for (number, value) in values.into_iter().enumerate() {
            let handle = handle(json(value), json(values[values.len() - 1 - number]));
            let task = with(message(number as u32), |dispatch| dispatch.context = handle.clone());
            engine.queue.enqueue(task).await;
            let given = next(&*worker).await;
            let remote = given.remote.as_ref().unwrap();
            assert_eq!(remote.engine, "engine-1");
            assert_eq!(remote.limits, [("memory_bytes".to_owned(), 7)].into());
            same(&*remote.context, &handle).await;
            worker.complete(done(&given, "1")).await;
        }
    });
}

#[test]
fn what_many_tasks_read_comes_over_the_wire_once() {
    let server = Server::start();
    let far = super::stage::connect(server.server.url());
    wait(async {
        let engine = engine(&server.redis).await;
        let worker = open_worker(&far, "worker-1", 200, options()).await;
        let shared = handle(json(&format!(r#"{{"large":"{}"}}"#, "x".repeat(100_000))), json("1"));
        for number in 0..200 {
            engine.queue.enqueue(with(message(number), |dispatch| dispatch.context = shared.clone())).await;
        }
        let mut given = Vec::new();
        for _ in 0..200 {
            given.push(next(&*worker).await);
        }
        let before = far.requests();
        let reads = given.iter().map(|message| {
            let remote = Arc::clone(message.remote.as_ref().unwrap());
            async move { remote.context.member("context", Some("large")).await.unwrap().unwrap().to_json().len() }
        });
        let lengths = futures::future::join_all(reads).await;
        assert!(lengths.into_iter().all(|length| length == 100_002));
        let asked = far.requests() - before;
        // A lease may be renewed meanwhile.
        assert!(asked < 20, "{asked} requests");
    });
}
