//! Redis that goes away, forgets everything, is full, or answers half.

use std::sync::Arc;
use std::time::{Duration, Instant};

use sandmill_engine::ports::{Deliveries as _, TaskQueue as _};
use sandmill_store::redis::queue::Envelope;
use sandmill_store::redis::{Redis, RedisOptions};
use sandmill_testkit::{AppendOnly, Direction, Proxy, RedisSetup};

use super::stage::{
    Counting, Engine, completion, connect, done, drive, engine, id, message, next, open_worker, options, until, work,
    worker,
};
use crate::kit::{Server, redis_options, tenant, wait};

const TASKS: u32 = 60;

async fn fill(engine: &Engine) {
    for number in 0..TASKS {
        engine.queue.enqueue(message(number)).await;
    }
}

/// An engine and a worker that runs tasks, while something happens to the server.
fn check(setup: RedisSetup, happens: impl FnOnce(&mut Server) + Send) {
    let mut server = Server::with(setup);
    let (queue, working) = wait(async {
        let engine = engine(&server.redis).await;
        let worker = worker(&server.redis, "worker-1").await;
        let runner = Arc::new(Counting { took: Duration::from_millis(10), ..Counting::default() });
        fill(&engine).await;
        (engine, (work(&worker, &runner, 4), worker))
    });
    // Some have ended, and that is not in the journal.
    let taken = wait(async {
        let mut taken = Vec::new();
        for _ in 0..8 {
            taken.push(completion(&*queue.queue).await);
        }
        taken
    });
    happens(&mut server);
    wait(async {
        let is_taken = |number: &u32| taken.iter().any(|completion| completion.id == id(*number));
        drive(&*queue.queue, (0..TASKS).filter(|number| !is_taken(number))).await;
        taken.iter().for_each(|completion| super::stage::settle(&*queue.queue, completion));
        server.tidied_by(&*queue.queue).await;
    });
    working.0.abort();
}

#[test]
fn what_redis_forgets_is_put_there_again() {
    check(RedisSetup::default(), |server| server.server.flush_all());
}

#[test]
fn redis_that_was_killed_has_what_it_acknowledged() {
    check(RedisSetup::default(), |server| server.server.restart());
}

#[test]
fn redis_that_comes_back_with_nothing_is_filled_again() {
    check(RedisSetup { append_only: AppendOnly::Never, ..RedisSetup::default() }, |server| server.server.restart());
}

#[test]
fn redis_that_hangs_for_a_while_loses_nothing() {
    check(RedisSetup::default(), |server| {
        server.server.pause();
        std::thread::sleep(options().lease * 2);
        server.server.resume();
    });
}

#[test]
fn what_redis_forgets_while_tasks_run_and_ends_are_unread_completes_once() {
    let server = Server::start();
    wait(async {
        let first = engine(&server.redis).await;
        let worker = open_worker(&server.redis, "worker-1", 2, options()).await;
        for number in 0..4 {
            first.queue.enqueue(message(number)).await;
        }
        let ended = next(&*worker).await;
        let running = next(&*worker).await;
        drop(first);
        worker.complete(done(&ended, "{\"number\":0}")).await;
        server.server.flush_all();
        let second = engine(&server.redis).await;
        for number in 0..4 {
            second.queue.enqueue(message(number)).await;
        }
        worker.complete(done(&running, "{\"number\":1}")).await;
        let runner = Arc::new(Counting::default());
        let working = work(&worker, &runner, 2);
        drive(&*second.queue, 0..4).await;
        server.tidied_by(&*second.queue).await;
        working.abort();
    });
}

#[test]
fn redis_that_is_full_takes_tasks_when_it_has_room_again() {
    let server = Server::start();
    wait(async {
        let engine = engine(&server.redis).await;
        let worker = worker(&server.redis, "worker-1").await;
        let working = work(&worker, &Arc::new(Counting::default()), 4);
        let _ = server.server.cli(&["CONFIG", "SET", "maxmemory", "1"]);
        fill(&engine).await;
        let mut requests = server.redis.requests();
        tokio::time::sleep(Duration::from_secs(1)).await;
        requests = server.redis.requests() - requests;
        assert!(requests < 400, "{requests} requests in a second, of a server that is full");
        let _ = server.server.cli(&["CONFIG", "SET", "maxmemory", "0"]);
        drive(&*engine.queue, 0..TASKS).await;
        server.tidied_by(&*engine.queue).await;
        working.abort();
    });
}

#[test]
fn an_engine_keeps_its_prefix_while_redis_is_full_and_says_that_it_is() {
    let server = Server::start();
    let owner = server.redis.keys().owner();
    wait(async {
        let engine = engine(&server.redis).await;
        assert_eq!(engine.queue.trouble(), None);
        let _ = server.server.cli(&["CONFIG", "SET", "maxmemory", "1"]);
        until(|| engine.queue.trouble().is_some_and(|trouble| trouble.contains("OOM"))).await;
        let over = Instant::now() + options().owner_lease * 2;
        while Instant::now() < over {
            assert_eq!(server.server.cli(&["EXISTS", &owner]), "1", "what lapses looks as if Redis had lost all");
            assert!(engine.queue.trouble().is_some(), "it is still full");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let again = super::stage::open_engine(&server.redis, "engine-1", options()).await;
        assert!(again.is_ok(), "the same engine may start while Redis is full");
        let _ = server.server.cli(&["CONFIG", "SET", "maxmemory", "0"]);
        until(|| engine.queue.trouble().is_none()).await;
    });
}

#[test]
fn what_a_task_waited_in_the_engine_counts_as_its_wait() {
    let server = Server::start();
    let proxy = Proxy::start(server.server.port());
    let far = connect(proxy.url());
    wait(async {
        let engine = engine(&far).await;
        proxy.refuse(true);
        proxy.cut();
        engine.queue.enqueue(message(1)).await;
        tokio::time::sleep(Duration::from_millis(500)).await;
        proxy.refuse(false);
        let stream = server.redis.keys().stream(&"default".parse().unwrap(), Default::default());
        until(|| server.length(&stream) == 1).await;
        let entry = server.server.cli(&["XRANGE", &stream, "-", "+"]);
        let put_at: i64 = entry.split('-').next().unwrap().parse().unwrap();
        let envelope = entry.lines().find(|line| line.starts_with('{')).unwrap();
        let created_at = Envelope::from_json(envelope.as_bytes()).unwrap().created_at.0;
        assert!((450..20_000).contains(&(put_at - created_at)), "{} ms", put_at - created_at);
    });
}

#[test]
fn tasks_that_nobody_wants_any_more_leave_no_trouble_behind() {
    let server = Server::start();
    wait(async {
        let engine = engine(&server.redis).await;
        let _ = server.server.cli(&["CONFIG", "SET", "maxmemory", "1"]);
        engine.queue.enqueue(message(1)).await;
        until(|| engine.queue.trouble().is_some()).await;
        engine.queue.settled(&tenant("a"), id(1), None);
        let _ = server.server.cli(&["CONFIG", "SET", "maxmemory", "0"]);
        until(|| engine.queue.trouble().is_none()).await;
    });
}

/// A connection through a proxy, whose waits are short.
fn through(proxy: &Proxy) -> Redis {
    let options = RedisOptions { response_timeout: Duration::from_secs(2), ..redis_options(proxy.url()) };
    wait(Redis::connect(options)).unwrap()
}

#[test]
fn connections_that_break_anywhere_lose_nothing() {
    let server = Server::start();
    let (of_engine, of_worker) = (Proxy::start(server.server.port()), Proxy::start(server.server.port()));
    let (near, far) = (through(&of_engine), through(&of_worker));
    wait(async {
        let engine = engine(&near).await;
        let worker = worker(&far, "worker-1").await;
        let runner = Arc::new(Counting { took: Duration::from_millis(1), ..Counting::default() });
        let working = work(&worker, &runner, 4);
        fill(&engine).await;
        let cutting = tokio::spawn(async move {
            for step in 0..150 {
                for (proxy, factor) in [(&of_engine, 97), (&of_worker, 61)] {
                    let direction = if step % 2 == 0 { Direction::Up } else { Direction::Down };
                    proxy.cut_after_bytes(direction, 40 + step * factor);
                    proxy.cut();
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            (of_engine, of_worker)
        });
        for round in 0..10 {
            drive(&*engine.queue, round * TASKS..(round + 1) * TASKS).await;
            for number in (round + 1) * TASKS..(round + 2) * TASKS {
                engine.queue.enqueue(message(number)).await;
            }
        }
        let _proxies = cutting.await.unwrap();
        drive(&*engine.queue, 10 * TASKS..11 * TASKS).await;
        server.tidied_by(&*engine.queue).await;
        working.abort();
    });
}

#[test]
fn nobody_asks_without_pause_while_redis_is_away() {
    let server = Server::start();
    let proxy = Proxy::start(server.server.port());
    let far = connect(proxy.url());
    wait(async {
        let engine = engine(&far).await;
        let worker = worker(&far, "worker-1").await;
        fill(&engine).await;
        let given = next(&*worker).await;
        proxy.refuse(true);
        proxy.cut();
        let completing = tokio::spawn(async move {
            worker.complete(done(&given, "{\"number\":0}")).await;
            worker
        });
        engine.queue.cancel(&tenant("a"), &[id(TASKS - 1)]).await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert!(proxy.refusals() < 400, "{} tries in a second", proxy.refusals());
        proxy.refuse(false);
        let _worker = completing.await.unwrap();
        let mut came = [completion(&*engine.queue).await.id.number, completion(&*engine.queue).await.id.number];
        came.sort_unstable();
        assert_eq!(came, [0, TASKS - 1]);
        until(|| engine.queue.depth() == 0).await;
    });
}
