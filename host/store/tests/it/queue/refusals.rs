//! What Redis refuses for good: told, tried again where somebody may mend it, and never in the way of anything else.

use bytes::Bytes;
use sandmill_core::machine::ContextHandle;
use sandmill_engine::ports::{Deliveries as _, ExecutionKey, TaskMessage, TaskQueue as _};
use sandmill_store::redis::{Redis, RedisOptions};
use sandmill_testkit::RedisSetup;

use super::stage::{
    completion, done, engine, handle, id, json, message, next, nothing_comes, output, problem, settle, until, with,
    worker,
};
use crate::kit::{Server, redis_options, tenant, wait};

/// The least that a server may take at once, and a text that is larger however well it is compressed.
const LEAST: &str = "1048576";

fn noise() -> String {
    let mut random = fastrand::Rng::with_seed(1);
    (0..3_000_000).map(|_| random.alphanumeric()).collect()
}

/// A server with a user of certain rules, and a way to it as that user.
fn limited(rules: &str) -> (Server, Redis) {
    let user = Some(("limited".to_owned(), format!("on >hush {rules}")));
    let server = Server::with(RedisSetup { user, ..RedisSetup::default() });
    let options = RedisOptions {
        username: Some("limited".into()),
        password: Some("hush".into()),
        ..redis_options(server.server.url())
    };
    let redis = wait(Redis::connect(options)).unwrap();
    (server, redis)
}

fn of_tenant(name: &str, number: u32) -> TaskMessage {
    TaskMessage { tenant: tenant(name), ..message(number) }
}

#[test]
fn a_tenant_whose_keys_are_forbidden_holds_up_no_other_and_goes_on_when_they_are_not() {
    let (server, redis) = limited("~sandmill:{queue}* ~sandmill:component* ~sandmill:{a.* &* +@all");
    wait(async {
        let engine = engine(&redis).await;
        let worker = worker(&server.redis, "worker-1").await;
        for number in 0..20 {
            engine.queue.enqueue(of_tenant(if number % 7 == 3 { "b" } else { "a" }, number)).await;
        }
        for _ in 0..17 {
            let given = next(&*worker).await;
            assert_eq!(given.tenant, tenant("a"));
            worker.complete(done(&given, "1")).await;
            settle(&*engine.queue, &completion(&*engine.queue).await);
        }
        let trouble = engine.queue.trouble().unwrap();
        assert!(trouble.contains("NOPERM") && trouble.contains("sandmill doctor"), "{trouble}");
        nothing_comes(engine.queue.completion()).await;
        assert_eq!(server.server.cli(&["ACL", "SETUSER", "limited", "~*"]), "OK");
        for _ in 0..3 {
            let given = next(&*worker).await;
            assert_eq!(given.tenant, tenant("b"));
            worker.complete(done(&given, "1")).await;
            settle(&*engine.queue, &completion(&*engine.queue).await);
        }
        until(|| engine.queue.trouble().is_none()).await;
        server.tidied().await;
    });
}

#[test]
fn a_refused_task_that_is_cancelled_ends_and_is_told_no_more() {
    let (_server, redis) = limited("~sandmill:{queue}* ~sandmill:component* &* +@all");
    wait(async {
        let engine = engine(&redis).await;
        engine.queue.enqueue(message(1)).await;
        until(|| engine.queue.trouble().is_some()).await;
        engine.queue.cancel(&tenant("a"), &[id(1)]).await;
        let end = completion(&*engine.queue).await;
        assert_eq!(end.id, id(1));
        settle(&*engine.queue, &end);
        until(|| engine.queue.trouble().is_none()).await;
    });
}

#[test]
fn a_task_that_is_too_large_for_redis_fails_and_no_other_waits_for_it() {
    let server = Server::start();
    wait(async {
        let engine = engine(&server.redis).await;
        let _ = server.server.cli(&["CONFIG", "SET", "proto-max-bulk-len", LEAST]);
        let text = noise();
        for number in 0..20 {
            let mut task = message(number);
            if number == 7 {
                task.config = Bytes::from(format!("\"{text}\""));
            }
            if number == 11 {
                let context: ContextHandle = handle(json(&format!("{{\"large\":\"{text}\"}}")), json("true"));
                task = with(task, |dispatch| dispatch.context = context);
            }
            engine.queue.enqueue(task).await;
        }
        let worker = worker(&server.redis, "worker-1").await;
        for _ in 0..18 {
            let given = next(&*worker).await;
            worker.complete(done(&given, "1")).await;
        }
        for _ in 0..20 {
            let end = completion(&*engine.queue).await;
            settle(&*engine.queue, &end);
            if matches!(end.id.number, 7 | 11) {
                let problem = problem(end);
                assert!(problem.kind.ends_with("/too-large-for-redis"), "{problem:?}");
                assert!(problem.detail.unwrap().contains("proto-max-bulk-len"));
            } else {
                assert_eq!(output(end), "1");
            }
        }
        until(|| engine.queue.trouble().is_none()).await;
        server.tidied().await;
    });
}

#[test]
fn a_result_that_is_too_large_for_redis_fails_its_task_and_no_other() {
    let server = Server::start();
    wait(async {
        let engine = engine(&server.redis).await;
        let worker = worker(&server.redis, "worker-1").await;
        for number in 0..2 {
            engine.queue.enqueue(message(number)).await;
        }
        let (first, second) = (next(&*worker).await, next(&*worker).await);
        let _ = server.server.cli(&["CONFIG", "SET", "proto-max-bulk-len", LEAST]);
        let large = done(&first, &format!("\"{}\"", noise()));
        tokio::join!(worker.complete(large), worker.complete(done(&second, "2")));
        for _ in 0..2 {
            let end = completion(&*engine.queue).await;
            settle(&*engine.queue, &end);
            match end.id.number {
                0 => assert!(problem(end).kind.ends_with("/too-large-for-redis")),
                _ => assert_eq!(output(end), "2"),
            }
        }
        assert_eq!(worker.in_hand(), 0);
        server.tidied().await;
    });
}

#[test]
fn a_user_that_may_not_forget_executions_is_no_reason_not_to_be_ready() {
    let (server, redis) = limited("~* &* +@all -lpop");
    wait(async {
        let engine = engine(&redis).await;
        let worker = worker(&server.redis, "worker-1").await;
        engine.queue.enqueue(message(1)).await;
        let given = next(&*worker).await;
        engine.queue.execution_ended(&ExecutionKey { tenant: tenant("a"), id: id(1).workflow });
        worker.complete(done(&given, "1")).await;
        settle(&*engine.queue, &completion(&*engine.queue).await);
        server.tidied().await;
        assert_eq!(engine.queue.trouble(), None);
        assert!(!server.keys(":names").is_empty());
    });
}
