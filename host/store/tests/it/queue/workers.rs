//! Workers that die, stop for a while, or get what nobody can read.

use std::sync::Arc;
use std::time::Duration;

use sandmill_engine::ports::{Deliveries as _, TaskQueue as _, TaskResult};
use sandmill_store::redis::queue::{Envelope, QueueDesk, QueueOptions};

use super::stage::{
    Counting, attempt, completion, connect, done, drive, ended, engine, id, message, next, nothing_comes, open_worker,
    options, output, problem, settle, soon, until, work, worker,
};
use crate::kit::{Server, tenant, wait};
use sandmill_testkit::Proxy;

fn epoch(message: &sandmill_engine::ports::TaskMessage) -> u32 {
    message.remote.as_ref().unwrap().epoch
}

fn desk(server: &Server) -> QueueDesk {
    QueueDesk::new(server.redis.clone(), Duration::from_secs(10))
}

/// A worker that is there and renews nothing, as one whose process is stopped.
fn paused() -> QueueOptions {
    QueueOptions { renew_every: Duration::from_secs(600), lease: Duration::from_secs(600), ..options() }
}

#[test]
fn a_task_whose_worker_died_goes_to_another_one_and_the_late_end_is_refused() {
    let server = Server::start();
    wait(async {
        let engine = engine(&server.redis).await;
        let first = open_worker(&server.redis, "worker-1", 4, paused()).await;
        engine.queue.enqueue(message(1)).await;
        let given = next(&*first).await;
        assert_eq!(epoch(&given), 1);
        let second = worker(&server.redis, "worker-2").await;
        let again = next(&*second).await;
        assert_eq!((again.dispatch.id, again.dispatch.attempt, epoch(&again)), (id(1), 1, 2));
        soon(first.complete(done(&given, "1"))).await;
        assert_eq!(first.in_hand(), 0, "its slot is free");
        nothing_comes(engine.queue.completion()).await;
        second.complete(done(&again, "2")).await;
        let end = completion(&*engine.queue).await;
        assert_eq!(end.epoch, 2);
        settle(&*engine.queue, &end);
        assert_eq!(output(end), "2");
        nothing_comes(engine.queue.completion()).await;
        server.tidied().await;
    });
}

#[test]
fn a_task_that_kills_its_workers_goes_to_the_dead_letters_once() {
    let server = Server::start();
    wait(async {
        let engine = engine(&server.redis).await;
        engine.queue.enqueue(message(1)).await;
        let two = QueueOptions { losses_max: 3, ..options() };
        for number in 0..3 {
            let victim = open_worker(&server.redis, &format!("victim-{number}"), 4, two.clone()).await;
            assert_eq!(epoch(&next(&*victim).await), number + 1);
        }
        let last = open_worker(&server.redis, "last", 4, two).await;
        let end = completion(&*engine.queue).await;
        settle(&*engine.queue, &end);
        assert!(problem(end).kind.ends_with("worker-lost"));
        let letters = desk(&server).dead(None, 10).await.unwrap();
        assert_eq!(letters.len(), 1);
        assert_eq!(
            (letters[0].reason.as_str(), letters[0].task_exec_id.as_str()),
            ("worker-lost", &*id(1).to_string())
        );
        assert_eq!(Envelope::from_json(letters[0].envelope.as_bytes()).unwrap().task_exec_id, id(1));
        nothing_comes(last.next()).await;
        nothing_comes(engine.queue.completion()).await;
        server.tidied().await;
    });
}

#[test]
fn many_that_are_renewed_do_not_hide_one_that_is_lost() {
    let server = Server::start();
    wait(async {
        let engine = engine(&server.redis).await;
        let busy = open_worker(&server.redis, "busy", 60, options()).await;
        for number in 0..50 {
            engine.queue.enqueue(message(number)).await;
        }
        for _ in 0..50 {
            next(&*busy).await;
        }
        let victim = open_worker(&server.redis, "victim", 1, paused()).await;
        busy.stop().await;
        engine.queue.enqueue(message(50)).await;
        next(&*victim).await;
        drop(victim);
        let one = QueueOptions { claims_ahead: 0, ..options() };
        let other = open_worker(&server.redis, "other", 1, one).await;
        assert_eq!(next(&*other).await.dispatch.id, id(50));
    });
}

#[test]
fn a_worker_that_was_away_runs_no_task_of_its_own_twice() {
    let server = Server::start();
    let proxy = Proxy::start(server.server.port());
    let far = connect(proxy.url());
    wait(async {
        let engine = engine(&server.redis).await;
        let worker = worker(&far, "worker-1").await;
        engine.queue.enqueue(message(1)).await;
        let given = next(&*worker).await;
        proxy.refuse(true);
        proxy.cut();
        tokio::time::sleep(options().lease * 2).await;
        proxy.refuse(false);
        nothing_comes(async { tokio::join!(worker.next(), std::future::pending::<()>()) }).await;
        tokio::time::sleep(options().lease).await;
        nothing_comes(worker.next()).await;
        worker.complete(done(&given, "1")).await;
        let end = completion(&*engine.queue).await;
        assert_eq!(end.epoch, 1);
        assert_eq!(output(end), "1");
    });
}

#[test]
fn workers_share_tasks_and_run_each_once() {
    let server = Server::start();
    wait(async {
        let engine = engine(&server.redis).await;
        let runner = Arc::new(Counting::default());
        let mut running = Vec::new();
        for number in 0..3 {
            let worker = worker(&server.redis, &format!("worker-{number}")).await;
            running.push((work(&worker, &runner, 4), worker));
        }
        for number in 0..1_000 {
            engine.queue.enqueue(message(number)).await;
        }
        assert_eq!(drive(&*engine.queue, 0..1_000).await, 0);
        assert!(runner.begun.lock().unwrap().values().all(|times| *times == 1));
        server.tidied().await;
        running.into_iter().for_each(|(task, _)| task.abort());
    });
}

#[test]
fn an_older_attempt_that_still_runs_is_refused() {
    let server = Server::start();
    wait(async {
        let engine = engine(&server.redis).await;
        let worker = worker(&server.redis, "worker-1").await;
        engine.queue.enqueue(message(1)).await;
        let first = next(&*worker).await;
        engine.queue.enqueue(attempt(1, 2)).await;
        soon(worker.cancelled()).await;
        worker.complete(ended(&first, TaskResult::Stopped)).await;
        let second = next(&*worker).await;
        assert_eq!(second.dispatch.attempt, 2);
        worker.complete(done(&second, "2")).await;
        let end = completion(&*engine.queue).await;
        settle(&*engine.queue, &end);
        assert_eq!((end.attempt, output(end)), (2, "2".into()));
        nothing_comes(engine.queue.completion()).await;
        server.tidied().await;
    });
}

#[test]
fn a_task_that_a_worker_has_and_has_not_begun_is_cancelled() {
    let server = Server::start();
    wait(async {
        let engine = engine(&server.redis).await;
        let worker = worker(&server.redis, "worker-1").await;
        for number in 0..3 {
            engine.queue.enqueue(message(number)).await;
        }
        next(&*worker).await;
        until(|| worker.in_hand() == 3).await;
        engine.queue.cancel(&tenant("a"), &[id(1)]).await;
        let end = completion(&*engine.queue).await;
        settle(&*engine.queue, &end);
        assert_eq!((end.id, matches!(end.result, TaskResult::Stopped)), (id(1), true));
        assert_eq!(next(&*worker).await.dispatch.id, id(2));
        until(|| worker.in_hand() == 2).await;
    });
}

#[test]
fn a_worker_that_hears_nothing_learns_of_a_cancellation_when_it_renews() {
    let server = Server::start();
    let proxy = Proxy::start(server.server.port());
    let far = connect(proxy.url());
    wait(async {
        let engine = engine(&server.redis).await;
        let worker = worker(&far, "worker-1").await;
        engine.queue.enqueue(message(1)).await;
        next(&*worker).await;
        proxy.refuse(true);
        proxy.cut();
        engine.queue.cancel(&tenant("a"), &[id(1)]).await;
        until(|| server.server.cli(&["HGET", &server.redis.keys().state(&tenant("a"), id(1)), "cancelled"]) == "1")
            .await;
        proxy.refuse(false);
        assert_eq!(soon(worker.cancelled()).await, (tenant("a"), id(1)));
    });
}

#[test]
fn a_worker_that_leaves_gives_its_tasks_back_and_nobody_waits_for_it() {
    let server = Server::start();
    wait(async {
        let engine = engine(&server.redis).await;
        let leaving = open_worker(&server.redis, "leaving", 4, paused()).await;
        for number in 0..4 {
            engine.queue.enqueue(message(number)).await;
        }
        let given = next(&*leaving).await;
        until(|| leaving.in_hand() == 4).await;
        leaving.leave().await;
        soon(leaving.complete(done(&given, "1"))).await;
        let staying = open_worker(&server.redis, "staying", 4, paused()).await;
        let mut came = Vec::new();
        for _ in 0..4 {
            let given = next(&*staying).await;
            came.push(given.dispatch.id.number);
            assert!(epoch(&given) >= 1, "it did not wait for a lease");
        }
        came.sort_unstable();
        assert_eq!(came, [0, 1, 2, 3]);
        let stats = desk(&server).stats().await.unwrap();
        assert_eq!(stats.workers.len(), 1);
    });
}

#[test]
fn what_nobody_can_read_goes_to_the_dead_letters_with_its_bytes() {
    let server = Server::start();
    wait(async {
        let engine = engine(&server.redis).await;
        engine.queue.enqueue(message(1)).await;
        let stream = server.redis.keys().stream(&"default".parse().unwrap(), Default::default());
        until(|| server.length(&stream) == 1).await;
        let entry = server.server.cli(&["XRANGE", &stream, "-", "+"]);
        let envelope = entry.lines().find(|line| line.starts_with('{')).unwrap().to_owned();
        engine.queue.cancel(&tenant("a"), &[id(1)]).await;
        settle(&*engine.queue, &completion(&*engine.queue).await);
        let task = id(2).to_string();
        let usable = [("task_exec_id", &*task), ("tenant", "a"), ("engine", "engine-1"), ("attempt", "1")];
        let future = envelope.replace("\"v\":1", "\"v\":2");
        std::thread::scope(|scope| {
            let garbage = || {
                server.add(&[("what", "ever"), ("envelope", "\u{1}garbage")]);
                server.add(&[("what", "ever")]);
                server.add(&[
                    ("task_exec_id", "no id"),
                    ("tenant", "A!"),
                    ("engine", "-"),
                    ("attempt", "x"),
                    ("envelope", "{}"),
                ]);
                server.add(&[usable.as_slice(), &[("envelope", &*future)]].concat());
            };
            scope.spawn(garbage).join().unwrap();
        });
        let _worker = worker(&server.redis, "worker-1").await;
        let end = completion(&*engine.queue).await;
        settle(&*engine.queue, &end);
        assert_eq!(end.id, id(2));
        let problem = problem(end);
        assert!(problem.detail.as_ref().unwrap().contains("version 2"), "{problem:?}");
        let desk = desk(&server);
        let dead = server.redis.keys().dead();
        until(|| server.length(&dead) == 4).await;
        let letters = desk.dead(None, 10).await.unwrap();
        assert_eq!(
            letters.iter().map(|letter| &*letter.envelope).collect::<Vec<_>>(),
            ["\u{1}garbage", "", "{}", &future]
        );
        assert_eq!(desk.letter(&letters[3].id).await.unwrap().unwrap().task_exec_id, task);
        assert!(desk.drop_letter(&letters[3].id).await.unwrap());
        assert!(!desk.drop_letter(&letters[3].id).await.unwrap());
        assert_eq!(desk.dead(Some(&letters[0].id), 10).await.unwrap().len(), 2);
        server.tidied().await;
    });
}

#[test]
fn the_keys_that_the_script_of_taking_makes_are_those_of_everybody_else() {
    let server = Server::start();
    wait(async {
        let keys = server.redis.keys();
        let engine = engine(&server.redis).await;
        let worker = worker(&server.redis, "worker-1").await;
        engine.queue.enqueue(message(1)).await;
        next(&*worker).await;
        let state = keys.state(&tenant("a"), id(1));
        assert_eq!(server.server.cli(&["HGET", &state, "worker"]), "worker-1");
        assert_eq!(server.keys("state:"), [state.as_str()]);
        // One that is cancelled and lost ends in the script.
        let _ = server.server.cli(&["HSET", &state, "cancelled", "1"]);
        drop(worker);
        drop(engine);
        let _other = super::stage::worker(&server.redis, "worker-2").await;
        let completions = keys.completions(&super::stage::process("engine-1"));
        until(|| server.length(&completions) == 1).await;
        assert_eq!(server.keys(":completions"), [completions]);
        assert_eq!(server.keys("state:"), [state.as_str()]);
    });
}
