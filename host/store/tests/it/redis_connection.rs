//! The way to a Redis server: what is told apart, how it comes back, and what it costs.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::time::{Duration, Instant};

use futures::StreamExt;
use sandmill_store::redis::{Backoff, Cmd, Redis, RedisFailure, RedisOptions, Value, cmd};
use sandmill_testkit::{AppendOnly, Direction, Proxy, RedisServer, RedisSetup};

use crate::kit::{Server, redis_options, wait};

fn ping() -> Cmd {
    cmd("PING")
}

fn set(key: &str, value: &str) -> Cmd {
    cmd("SET").arg(key).arg(value).clone()
}

fn connect(options: RedisOptions) -> Redis {
    wait(Redis::connect(options)).unwrap()
}

#[track_caller]
fn refused<T: std::fmt::Debug>(result: Result<T, RedisFailure>, expected: &str) -> RedisFailure {
    match result {
        Err(RedisFailure::Refused { code, reason }) if code == expected => RedisFailure::Refused { code, reason },
        other => panic!("{other:?} where {expected} was expected"),
    }
}

#[track_caller]
fn away<T: std::fmt::Debug>(result: Result<T, RedisFailure>) -> String {
    match result {
        Err(RedisFailure::Unavailable { reason }) => reason,
        other => panic!("{other:?} from a server that is away"),
    }
}

/// A server that answers two requests, whatever they are, and then nothing.
fn fake(answers: [&'static str; 2]) -> String {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let url = format!("redis://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        for answer in answers {
            let read = stream.read(&mut [0; 4_096]).unwrap();
            assert!(read > 0);
            stream.write_all(answer.as_bytes()).unwrap();
        }
        let _ = stream.read(&mut [0; 4_096]);
    });
    url
}

#[test]
fn a_server_that_is_too_old_is_refused_with_its_version() {
    let old = ["-ERR unknown command `HELLO`\r\n", "$22\r\nredis_version:5.0.14\r\n\r\n"];
    let failure = wait(Redis::connect(redis_options(fake(old)))).err().unwrap();
    assert_eq!(failure.to_string(), "Redis 5.0.14 is too old: 6.2 or newer is needed");
    let almost = ["*4\r\n$6\r\nserver\r\n$5\r\nredis\r\n$7\r\nversion\r\n$5\r\n6.0.9\r\n", ""];
    let failure = wait(Redis::connect(redis_options(fake(almost)))).err().unwrap();
    assert_eq!(failure, RedisFailure::TooOld { version: "6.0.9".into() });
    assert!(!failure.is_passing());
}

#[test]
fn passwords_and_permissions_are_refusals_and_do_not_pass() {
    let server = RedisServer::start(RedisSetup {
        password: Some("secret".into()),
        user: Some(("clerk".into(), "on >pen ~sandmill:* +ping +get +set".into())),
        ..RedisSetup::default()
    });
    assert_eq!(wait(connect(redis_options(server.url())).run::<String>(ping())), Ok("PONG".into()));

    let address = format!("redis://127.0.0.1:{}", server.port());
    let without = redis_options(address);
    refused(wait(Redis::connect(without.clone())).map(drop), "NOAUTH");
    let as_user = |password: &str| RedisOptions {
        username: Some("clerk".into()),
        password: Some(password.into()),
        ..without.clone()
    };
    let failure = refused(wait(Redis::connect(as_user("wrong"))).map(drop), "WRONGPASS");
    assert!(!failure.is_passing());

    let redis = connect(as_user("pen"));
    assert_eq!(wait(redis.run::<()>(set("sandmill:a", "1"))), Ok(()));
    refused(wait(redis.run::<()>(set("other", "1"))), "NOPERM");
    refused(wait(redis.run::<String>(cmd("INFO"))), "NOPERM");
    let operation = || async { redis.run::<()>(set("other", "1")).await };
    refused(wait(redis.retry(operation)), "NOPERM");
}

#[test]
fn tls_takes_the_ca_that_it_is_given_and_no_other() {
    let server = RedisServer::start(RedisSetup { tls: true, ..RedisSetup::default() });
    let options = redis_options(server.url());
    let trusting = RedisOptions { tls_ca: Some(server.ca()), ..options.clone() };
    assert_eq!(wait(connect(trusting).run::<String>(ping())), Ok("PONG".into()));
    let failure = wait(Redis::connect(options)).err().expect("the system does not know that CA");
    assert!(matches!(failure, RedisFailure::Misconfigured { .. }) && !failure.is_passing(), "{failure:?}");
}

#[test]
fn a_full_server_and_a_replica_are_refusals_that_pass() {
    let full = RedisServer::start(RedisSetup { maxmemory_bytes: Some(1), ..RedisSetup::default() });
    let failure = refused(wait(connect(redis_options(full.url())).run::<()>(set("a", "1"))), "OOM");
    assert!(failure.is_passing());

    let setup = RedisSetup { replica_of: Some(full.port()), ..RedisSetup::default() };
    let replica = RedisServer::start(setup);
    let redis = connect(redis_options(replica.url()));
    assert!(refused(wait(redis.run::<()>(set("a", "1"))), "READONLY").is_passing());
    assert_eq!(replica.cli(&["REPLICAOF", "NO", "ONE"]), "OK");
    assert_eq!(wait(redis.run::<()>(set("a", "1"))), Ok(()));
}

#[test]
fn each_request_of_a_round_trip_has_its_own_answer() {
    let server = Server::start();
    let requests = vec![set("a", "1").into(), cmd("LPUSH").arg("a").arg("1").into(), cmd("GET").arg("a").into()];
    let before = server.redis.requests();
    let answers = wait(server.redis.run_all(requests)).unwrap();
    assert_eq!(server.redis.requests() - before, 3);
    assert_eq!(answers[0], Ok(Value::Okay));
    refused(answers[1].clone(), "WRONGTYPE");
    assert_eq!(answers[2], Ok(Value::BulkString(b"1".to_vec())));
    assert_eq!(wait(server.redis.run_all(Vec::new())), Ok(Vec::new()));
}

#[test]
fn the_requests_that_are_counted_are_those_on_the_wire() {
    let server = Server::start();
    let proxy = Proxy::start(server.server.port());
    let redis = connect(redis_options(proxy.url()));
    let (counted, on_the_wire) = (redis.requests(), proxy.requests());
    for number in 0..10 {
        let requests = (0..number).map(|_| ping().into()).collect();
        wait(redis.run_all(requests)).unwrap();
    }
    assert_eq!(redis.requests() - counted, 45);
    assert_eq!(proxy.requests() - on_the_wire, 45);
}

#[test]
fn it_comes_back_after_a_crash_and_callers_that_retry_notice_nothing() {
    let mut server = Server::start();
    let redis = server.redis.clone();
    wait(redis.run::<()>(set("a", "1"))).unwrap();
    server.server.kill();
    away(wait(redis.run::<()>(ping())));
    let waiting = std::thread::spawn({
        let redis = redis.clone();
        move || wait(redis.retry(|| async { redis.run::<String>(cmd("GET").arg("a")).await }))
    });
    server.server.restart();
    assert_eq!(waiting.join().unwrap(), Ok("1".into()), "and what was acknowledged is there");
}

#[test]
fn a_server_that_loads_its_data_is_away_and_callers_that_retry_wait() {
    let server = Server::start();
    for number in 0..100 {
        wait(server.redis.run::<()>(set(&format!("key-{number}"), &"x".repeat(100_000)))).unwrap();
    }
    // Every key takes 10 ms to load, and after 2 MiB of its file the server looks at its clients.
    for (name, value) in [("key-load-delay", "10000"), ("rdbcompression", "no")] {
        assert_eq!(server.server.cli(&["CONFIG", "SET", name, value]), "OK");
    }
    std::thread::scope(|scope| {
        let reload = scope.spawn(|| server.server.cli(&["DEBUG", "RELOAD"]));
        let mut reason = None;
        while reason.is_none() {
            assert!(!reload.is_finished(), "nobody was told that the server loads");
            reason = wait(server.redis.run::<String>(cmd("GET").arg("key-1"))).err();
        }
        let reason = away(Err::<(), _>(reason.unwrap()));
        assert!(reason.starts_with("LOADING"), "{reason}");
        let get = || async { server.redis.run::<String>(cmd("GET").arg("key-99")).await };
        let all: Vec<_> = (0..20).map(|_| server.redis.retry(get)).collect();
        let before = server.redis.requests();
        let values = wait(futures::future::join_all(all));
        assert!(values.iter().all(|value| value.as_ref().is_ok_and(|value| value.len() == 100_000)), "{values:?}");
        let asked = server.redis.requests() - before;
        assert!(asked < 20 * 200, "{asked} requests: those who wait do not wake each other");
    });
}

#[test]
fn many_callers_do_not_make_many_tries() {
    let server = Server::start();
    let proxy = Proxy::start(server.server.port());
    let backoff = Backoff { min: Duration::from_secs(600), max: Duration::from_secs(600) };
    let redis = connect(RedisOptions { backoff, ..redis_options(proxy.url()) });
    proxy.refuse(true);
    proxy.cut();
    for _ in 0..1_000 {
        away(wait(redis.run::<()>(ping())));
    }
    assert!((1..=3).contains(&proxy.refusals()), "{} tries", proxy.refusals());
    assert_eq!(proxy.connections(), 1);
}

#[test]
fn an_answer_that_is_cut_in_the_middle_is_no_answer() {
    let server = Server::start();
    let proxy = Proxy::start(server.server.port());
    wait(server.redis.run::<()>(set("a", &"x".repeat(100_000)))).unwrap();
    for direction in [Direction::Down, Direction::Up] {
        proxy.cut();
        proxy.cut_after_bytes(direction, 20_000);
        let redis = connect(redis_options(proxy.url()));
        let requests = [cmd("GET").arg("a").clone(), set("b", &"y".repeat(100_000))];
        let requests: Vec<_> = requests.into_iter().map(Into::into).collect();
        away(wait(redis.run_all(requests.clone())));
        let answers = wait(redis.retry(|| redis.run_all(requests.clone()))).unwrap();
        assert_eq!(answers[0], Ok(Value::BulkString("x".repeat(100_000).into_bytes())));
    }
}

#[test]
fn half_a_connection_is_none() {
    let server = Server::start();
    let proxy = Proxy::start(server.server.port());
    let redis = connect(RedisOptions { response_timeout: Duration::from_millis(300), ..redis_options(proxy.url()) });
    for direction in [Direction::Up, Direction::Down] {
        proxy.half_close(direction);
        assert_eq!(wait(redis.retry(|| redis.run::<String>(ping()))), Ok("PONG".into()));
    }
    proxy.stall(true);
    away(wait(redis.run::<()>(ping())));
    proxy.stall(false);
    assert_eq!(wait(redis.retry(|| redis.run::<String>(ping()))), Ok("PONG".into()));
}

#[test]
fn a_server_that_hangs_is_away_until_it_goes_on() {
    let server = Server::start();
    let limits = RedisOptions {
        connect_timeout: Duration::from_millis(200),
        response_timeout: Duration::from_millis(200),
        ..redis_options(server.server.url())
    };
    let redis = connect(limits);
    server.server.pause();
    let started = Instant::now();
    away(wait(redis.run::<()>(ping())));
    let reason = away(wait(redis.run::<()>(ping())));
    assert!(started.elapsed() < Duration::from_secs(5), "{reason}");
    server.server.resume();
    assert_eq!(wait(redis.retry(|| redis.run::<String>(ping()))), Ok("PONG".into()));
}

#[test]
fn a_delay_is_borne_once_for_a_round_trip() {
    let server = Server::start();
    let proxy = Proxy::start(server.server.port());
    let redis = connect(redis_options(proxy.url()));
    proxy.delay(Duration::from_millis(20));
    let started = Instant::now();
    wait(redis.run_all((0..100).map(|_| ping().into()).collect())).unwrap();
    let took = started.elapsed();
    assert!(took >= Duration::from_millis(40), "{took:?}: there and back");
    assert!(took < Duration::from_secs(1), "{took:?}");
}

#[test]
fn a_blocking_read_outlasts_the_time_for_an_answer() {
    let server = Server::start();
    let limits = RedisOptions { response_timeout: Duration::from_secs(1), ..redis_options(server.server.url()) };
    let redis = connect(limits);
    let block = Duration::from_millis(1_500);
    let read = cmd("BLPOP").arg("list").arg(1.5).clone();
    let mut blocking = wait(redis.blocking_connection()).unwrap();
    assert_eq!(wait(blocking.run::<Option<Vec<String>>>(read.clone(), block)), Ok(None));
    wait(redis.run::<()>(cmd("LPUSH").arg("list").arg("a"))).unwrap();
    let found = Some(vec!["list".to_owned(), "a".to_owned()]);
    assert_eq!(wait(blocking.run::<Option<Vec<String>>>(read.clone(), block)), Ok(found));
    server.server.pause();
    away(wait(blocking.run::<Option<Vec<String>>>(read, block)));
    server.server.resume();
}

#[test]
fn a_subscription_gets_what_is_published_and_ends_with_its_connection() {
    let mut server = Server::start();
    let channel = server.redis.keys().cancel();
    let mut pubsub = wait(server.redis.pubsub()).unwrap();
    wait(pubsub.subscribe(&channel)).unwrap();
    wait(server.redis.run::<()>(cmd("PUBLISH").arg(&channel).arg("a"))).unwrap();
    let mut messages = pubsub.into_on_message();
    let message = wait(messages.next()).unwrap();
    assert_eq!(message.get_payload::<String>().unwrap(), "a");
    server.server.kill();
    assert!(wait(messages.next()).is_none());
}

#[test]
fn what_a_server_keeps_is_as_it_is_set_up() {
    for (append_only, kept) in [(AppendOnly::Always, "1"), (AppendOnly::Never, "")] {
        let mut server = RedisServer::start(RedisSetup { append_only, ..RedisSetup::default() });
        assert_eq!(server.cli(&["SET", "a", "1"]), "OK");
        server.restart();
        assert_eq!(server.cli(&["GET", "a"]), kept);
        server.kill();
        server.wipe();
        server.restart();
        assert_eq!(server.cli(&["GET", "a"]), "");
    }
}
