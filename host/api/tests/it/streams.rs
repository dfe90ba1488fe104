//! What happens in an execution, as it happens: tasks, events, logs.

use std::time::Duration;

use axum::body::Body;
use futures::StreamExt as _;
use sandmill_api::ApiOptions;
use sandmill_engine::ports::{LogLevel, LogLine, Progress};

use crate::kit::{Ask, World, get};

/// One server-sent event.
#[derive(Debug, Default, PartialEq)]
struct Sent {
    id: String,
    event: String,
    data: serde_json::Value,
}

/// Reads a stream event by event.
struct Reader {
    chunks: axum::body::BodyDataStream,
    text: String,
}

impl Reader {
    async fn open(world: &World, ask: Ask) -> Self {
        let response = world.open(ask).await;
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self { chunks: Body::into_data_stream(response.into_body()), text: String::new() }
    }

    /// The next event, without signs of life; `None` at the end.
    async fn next(&mut self) -> Option<Sent> {
        loop {
            while let Some((block, rest)) = self.text.split_once("\n\n") {
                let mut sent = Sent::default();
                for line in block.lines() {
                    match line.split_once(": ") {
                        Some(("id", id)) => sent.id = id.into(),
                        Some(("event", event)) => sent.event = event.into(),
                        Some(("data", data)) => sent.data = serde_json::from_str(data).unwrap(),
                        _ => {}
                    }
                }
                self.text = rest.to_owned();
                if sent != Sent::default() {
                    return Some(sent);
                }
            }
            let chunk = self.chunks.next().await?.unwrap();
            self.text.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    }

    async fn rest(&mut self) -> Vec<Sent> {
        let mut all = Vec::new();
        while let Some(sent) = self.next().await {
            all.push(sent);
        }
        all
    }
}

/// What happened, in short.
fn kinds(events: &[Sent]) -> Vec<String> {
    let kind = |event: &Sent| {
        let kind = event.data["type"].as_str().unwrap();
        format!("{} {}", event.id, kind.strip_prefix("io.serverlessworkflow.").unwrap())
    };
    events.iter().map(kind).collect()
}

#[tokio::test]
async fn events_come_as_cloud_events_and_the_stream_ends_with_the_execution() {
    let world = World::new();
    world.deploy("steps", 1).await;
    world.runner.hold(true);
    let id = world.start("steps", "{}").await;
    let path = format!("/v1/executions/{id}/events");
    let mut reader = Reader::open(&world, get(&path)).await;
    let first = reader.next().await.unwrap();
    assert_eq!(first.data["source"], format!("/v1/executions/{id}"));
    assert_eq!(
        first.data["data"]["definition"],
        serde_json::json!({"name": "steps", "namespace": "test", "version": "1.0.0"})
    );
    assert_eq!(kinds(&[first]), ["0-0 workflow.started.v1"]);
    world.runner.hold(false);
    let rest = reader.rest().await;
    assert_eq!(
        kinds(&rest),
        ["0-1 task.created.v1", "0-2 task.started.v1", "1-0 task.completed.v1", "1-1 workflow.completed.v1"]
    );
    let output = rest[2].data["data"]["outputUri"].as_str().unwrap().to_owned();
    let tasks = world.send(get(&output).done()).await;
    assert_eq!(tasks.json["items"][0]["output"], serde_json::json!({}), "{}", tasks.text);
    assert_eq!(kinds(&Reader::open(&world, get(&path)).await.rest().await).len(), 5, "it can be read again");
}

#[tokio::test]
async fn a_client_goes_on_after_the_last_event_that_it_has_seen() {
    let world = World::new();
    world.deploy("steps", 1).await;
    let id = world.start("steps", "{}").await;
    world.ended(&id).await;
    let path = format!("/v1/executions/{id}/events");
    for ask in [get(&path).header("last-event-id", "0-2"), get(&format!("{path}?after=0-2"))] {
        let rest = Reader::open(&world, ask).await.rest().await;
        assert_eq!(kinds(&rest), ["1-0 task.completed.v1", "1-1 workflow.completed.v1"]);
    }
    let both = get(&format!("{path}?after=0-0")).header("last-event-id", "1-0");
    assert_eq!(kinds(&Reader::open(&world, both).await.rest().await), ["1-1 workflow.completed.v1"]);
    assert_eq!(
        world.send(get(&path).header("last-event-id", "1-1").done()).await.status,
        204,
        "there will be nothing more"
    );
    for wrong in ["last", "0", "00-1", "-1", "0-0-0"] {
        world.send(get(&path).header("last-event-id", wrong).done()).await.is_error(400, "invalid-event-id");
        world.send(get(&format!("{path}?after={wrong}")).done()).await.is_error(400, "invalid-event-id");
    }
}

#[tokio::test]
async fn progress_stands_between_the_events_without_an_id() {
    let world = World::new();
    world.deploy("steps", 1).await;
    world.runner.hold(true);
    let id = world.start("steps", "{}").await;
    let mut reader = Reader::open(&world, get(&format!("/v1/executions/{id}/events"))).await;
    for _ in ["workflow.started", "task.created", "task.started"] {
        reader.next().await.unwrap();
    }
    let message = world.runner.running().await;
    let (progress, next) = tokio::join!(
        async {
            world.engine.observer().progress(&message, Progress { fraction: Some(0.5), message: Some("half".into()) })
        },
        reader.next()
    );
    let () = progress;
    let data = serde_json::json!({ "task": format!("{id}-0"), "fraction": 0.5, "message": "half" });
    assert_eq!(next.unwrap(), Sent { id: String::new(), event: "progress".into(), data: data.clone() });
    let tasks = world.send(get(&format!("/v1/executions/{id}/tasks")).done()).await;
    assert_eq!(tasks.json["items"][0]["progress"], data, "{}", tasks.text);
    world.runner.hold(false);
    let rest = reader.rest().await;
    assert_eq!(kinds(&rest), ["1-0 task.completed.v1", "1-1 workflow.completed.v1"]);
}

#[tokio::test]
async fn tasks_are_shown_in_pages_with_their_configs() {
    let world = World::new();
    world.deploy("steps", 3).await;
    let id = world.start("steps", r#"{"n":1}"#).await;
    world.ended(&id).await;
    let path = format!("/v1/executions/{id}/tasks");
    let first = world.send(get(&format!("{path}?limit=2")).done()).await;
    let items = first.json["items"].as_array().unwrap();
    assert_eq!(items.len(), 2, "{}", first.text);
    assert_eq!(items[0]["id"], format!("{id}-0"));
    assert_eq!((&items[0]["name"], &items[0]["pointer"]), (&"step0".into(), &"/do/0/step0".into()));
    assert_eq!((&items[0]["status"], &items[0]["attempt"]), (&"completed".into(), &1.into()));
    assert_eq!(items[0]["config"], serde_json::json!({"input": {"n": 1}}));
    let next = first.json["next"].as_str().unwrap();
    let second = world.send(get(&format!("{path}?limit=2&after={next}")).done()).await;
    assert_eq!((second.json["items"].as_array().unwrap().len(), &second.json["next"]), (1, &serde_json::Value::Null));
    for wrong in ["limit=0", "limit=501", "after=x", "after=-1"] {
        world.send(get(&format!("{path}?{wrong}")).done()).await.is_error(400, "invalid-parameter");
    }
}

fn line(number: i64, message: &sandmill_engine::ports::TaskMessage) -> LogLine {
    LogLine {
        at: sandmill_core::time::Timestamp(number),
        task: message.dispatch.id,
        attempt: 1,
        level: LogLevel::Warn,
        message: format!("line {number}"),
        fields: vec![("file".into(), "a.rs".into())],
    }
}

#[tokio::test]
async fn a_log_is_read_in_pages_and_followed() {
    let world = World::new();
    world.deploy("steps", 1).await;
    world.runner.hold(true);
    let id = world.start("steps", "{}").await;
    let message = world.runner.running().await;
    let log = world.engine.observer();
    (1..=3).for_each(|number| log.log(&message, line(number, &message)));
    let path = format!("/v1/executions/{id}/logs");
    let mut reader = Reader::open(&world, get(&format!("{path}?follow=true"))).await;
    let mut followed = Vec::new();
    for _ in 0..3 {
        followed.push(reader.next().await.unwrap().data["message"].clone());
    }
    assert_eq!(followed, ["line 1", "line 2", "line 3"]);
    let page = world.send(get(&format!("{path}?limit=2")).done()).await;
    let items = page.json["items"].as_array().unwrap();
    assert_eq!(items.len(), 2, "{}", page.text);
    let expected = serde_json::json!({
        "at": "1970-01-01T00:00:00.001Z", "task": format!("{id}-0"), "attempt": 1,
        "level": "warn", "message": "line 1", "fields": {"file": "a.rs"},
    });
    assert_eq!(items[0], expected);
    let next = page.json["next"].as_str().unwrap();
    let page = world.send(get(&format!("{path}?limit=2&after={next}")).done()).await;
    assert_eq!(page.json["items"][0]["message"], "line 3", "{}", page.text);
    log.log(&message, line(4, &message));
    let last = reader.next().await.unwrap();
    assert_eq!(last.data["message"], "line 4");
    assert!(!last.id.is_empty(), "the last line of a page is a place to go on from");
    world.runner.hold(false);
    assert_eq!(reader.rest().await, [], "it ends with the execution");
    world.ended(&id).await;
    let seen = world.send(get(&format!("{path}?follow=true")).header("last-event-id", &last.id).done()).await;
    assert_eq!(seen.status, 204);
    for query in ["after=x", "follow=maybe", "limit=0", "follow=true&after=x"] {
        world.send(get(&format!("{path}?{query}")).done()).await.is_error(400, "invalid-parameter");
    }
}

#[tokio::test]
async fn streams_at_the_same_time_are_bounded() {
    let world = World::with_options(ApiOptions { streams_max: 1, ..ApiOptions::default() });
    world.deploy("steps", 1).await;
    world.runner.hold(true);
    let id = world.start("steps", "{}").await;
    let path = format!("/v1/executions/{id}/events");
    let reader = Reader::open(&world, get(&path)).await;
    for path in [path.clone(), format!("/v1/executions/{id}/logs?follow=true")] {
        let refused = world.send(get(&path).done()).await;
        refused.is_error(429, "too-many-streams");
        assert_eq!(refused.header("retry-after"), "1");
    }
    drop(reader);
    let mut reader = Reader::open(&world, get(&path)).await;
    assert!(reader.next().await.is_some(), "the room is given back");
}

#[tokio::test]
async fn a_stream_says_that_it_is_alive_and_ends_when_the_server_stops() {
    let world = World::with_options(ApiOptions { keep_alive: Duration::from_millis(5), ..ApiOptions::default() });
    world.deploy("steps", 1).await;
    world.runner.hold(true);
    let id = world.start("steps", "{}").await;
    let ask = get(&format!("/v1/executions/{id}/logs?follow=true"));
    let closing = ask.closing();
    let mut stream = Body::into_data_stream(world.open(ask).await.into_body());
    let alive = stream.next().await.unwrap().unwrap();
    assert!(alive.starts_with(b":"), "{alive:?}");
    closing.cancel();
    while let Some(more) = stream.next().await {
        assert!(more.unwrap().starts_with(b":"));
    }
}

#[tokio::test]
async fn what_happens_to_another_tenant_is_not_shown() {
    let world = World::new();
    world.deploy("steps", 1).await;
    let id = world.start("steps", "{}").await;
    let key = world.key_of("other");
    for path in ["events", "tasks", "logs", "logs?follow=true"] {
        let path = format!("/v1/executions/{id}/{path}");
        world.send(get(&path).key(&key).done()).await.is_error(404, "execution-not-found");
    }
}
