//! What `sandmill doctor` looks at in Redis: the server, what it does with data, what its user may do, and the queue in it.
//!
//! Works for a user without the permission for `CONFIG` and `ACL`, which managed servers keep to themselves: figures come from `INFO`, and whether a
//! command is allowed is learnt by running it on a key that nobody else has.

use std::collections::{BTreeSet, HashMap};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use sandmill_store::redis::queue::QueueStats;
use sandmill_store::redis::{Redis, RedisFailure, Request, cmd};

use super::{Check, bad, fair, good};
use crate::commands::queue;
use crate::settings::Settings;
use crate::wire;

/// Round trips that are timed: the quickest counts, for the first one connects.
const ROUND_TRIPS: usize = 5;

/// A round trip over which the queue is slow for short tasks.
const ROUND_TRIP_FAIR: Duration = Duration::from_millis(20);

/// Checks everything about the Redis of the settings. Where it cannot be reached, there is nothing more to check.
pub(super) async fn check(settings: &Settings) -> Vec<Check> {
    let redis = match wire::way(settings) {
        Ok(redis) => redis,
        Err(failure) => return vec![bad("redis", failure.to_string())],
    };
    let mut checks = Vec::new();
    match round_trip(&redis).await {
        Ok(check) => checks.push(check),
        Err(failure) => return vec![unreachable(&failure)],
    }
    match redis.run::<String>(cmd("INFO")).await {
        Ok(text) => checks.extend(server(&Info::parse(&text))),
        Err(failure) => {
            checks.push(fair("redis-info", format!("{failure}: allow `+info` to have the other checks of the server")));
        }
    }
    checks.push(clock(&redis).await);
    checks.push(permissions(&redis).await);
    match wire::desk(settings) {
        Ok(desk) => match desk.stats().await {
            Ok(stats) => checks.extend(queue_checks(settings, &stats)),
            Err(failure) => checks.push(bad("queue", queue::failure(&failure).to_string())),
        },
        Err(failure) => checks.push(bad("queue", failure.to_string())),
    }
    checks
}

async fn round_trip(redis: &Redis) -> Result<Check, RedisFailure> {
    let mut quickest = Duration::MAX;
    for _ in 0..ROUND_TRIPS {
        let started = Instant::now();
        redis.run::<String>(cmd("PING")).await?;
        quickest = quickest.min(started.elapsed());
    }
    let found = format!("answers in {:.2} ms", quickest.as_secs_f64() * 1000.0);
    Ok(if quickest <= ROUND_TRIP_FAIR {
        good("redis", found)
    } else {
        fair("redis", format!("{found}: every task takes some round trips, so run engine and workers nearer to it"))
    })
}

fn unreachable(failure: &RedisFailure) -> Check {
    let advice = match failure {
        RedisFailure::Unavailable { .. } => "start it, or name another one with --redis".to_owned(),
        RedisFailure::Misconfigured { .. } => "name the CA that signed its certificate by `redis.tls-ca`".to_owned(),
        RedisFailure::TooOld { .. } => "install a newer one".to_owned(),
        RedisFailure::Refused { code, .. } if ["NOAUTH", "WRONGPASS"].contains(&code.as_str()) => {
            "set `redis.username` and `redis.password` to what `ACL LIST` of the server has".to_owned()
        }
        RedisFailure::Refused { code, .. } if code == "NOPERM" => {
            "the guide to Redis has the permissions that are needed".to_owned()
        }
        _ => "is it a Redis, and is `rediss://` used where it wants TLS?".to_owned(),
    };
    bad("redis", format!("{failure}: {advice}"))
}

/// What `INFO` says.
struct Info<'text>(HashMap<&'text str, &'text str>);

impl<'text> Info<'text> {
    fn parse(text: &'text str) -> Self {
        Self(text.lines().filter_map(|line| line.trim_end().split_once(':')).collect())
    }

    fn text(&self, name: &str) -> &'text str {
        self.0.get(name).copied().unwrap_or_default()
    }

    fn number(&self, name: &str) -> u64 {
        self.text(name).parse().unwrap_or(0)
    }
}

/// What the server says of itself.
fn server(info: &Info<'_>) -> Vec<Check> {
    vec![version(info), role(info), eviction(info), persistence(info), memory(info)]
}

/// An older one is refused with the first connection.
fn version(info: &Info<'_>) -> Check {
    good("redis-version", info.text("redis_version").into())
}

fn role(info: &Info<'_>) -> Check {
    match info.text("role") {
        "slave" => bad("redis-role", "a replica, which takes no writes: name the primary server".into()),
        _ => good("redis-role", "takes writes".into()),
    }
}

fn eviction(info: &Info<'_>) -> Check {
    match info.text("maxmemory_policy") {
        "noeviction" => good("redis-eviction", "off".into()),
        "" => {
            fair("redis-eviction", "the server does not tell: see to it that `maxmemory-policy` is `noeviction`".into())
        }
        policy => bad(
            "redis-eviction",
            format!("`maxmemory-policy` is `{policy}`, which deletes tasks that wait: set it to `noeviction`"),
        ),
    }
}

fn persistence(info: &Info<'_>) -> Check {
    let what = "redis-persistence";
    if info.text("aof_enabled") == "1" {
        return match info.text("aof_last_write_status") {
            "err" => {
                bad(what, "the append-only file cannot be written, so writes are refused: is its disk full?".into())
            }
            _ => good(what, "append-only file".into()),
        };
    }
    if info.text("rdb_last_bgsave_status") == "err" {
        return bad(what, "the last snapshot failed, and writes may be refused: is its disk full?".into());
    }
    let loss = "after a restart of Redis the engine puts back what is lost, from its journal, and running tasks go on or run again; \
        `appendonly yes` makes that rare";
    fair(what, format!("no append-only file: {loss}"))
}

fn memory(info: &Info<'_>) -> Check {
    let (used, max) = (info.number("used_memory"), info.number("maxmemory"));
    let mib = |bytes: u64| format!("{:.1} MiB", bytes as f64 / 1_048_576.0);
    if max == 0 {
        let found =
            format!("{} used, and no `maxmemory`: set one, or Redis may take all that the machine has", mib(used));
        return fair("redis-memory", found);
    }
    let found = format!("{} of {} used", mib(used), mib(max));
    if used as f64 > max as f64 * 0.9 {
        bad(
            "redis-memory",
            format!("{found}: nothing is put in beyond that; raise `maxmemory`, or lower `queue.config-ttl`"),
        )
    } else {
        good("redis-memory", found)
    }
}

/// Deadlines are told by the clock of Redis, and engine and workers measure how far theirs are from it.
async fn clock(redis: &Redis) -> Check {
    let what = "redis-clock";
    let now = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
    let before = now();
    let there = match redis.run::<(u64, u64)>(cmd("TIME")).await {
        Ok((seconds, micros)) => seconds as f64 + micros as f64 / 1e6,
        Err(failure) => return bad(what, failure.to_string()),
    };
    let skew = (there - f64::midpoint(before, now())).abs();
    skew_check(what, skew)
}

fn skew_check(what: &'static str, skew: f64) -> Check {
    let found = format!("{:.0} ms from this machine's", skew * 1000.0);
    match skew {
        skew if skew > 60.0 => bad(what, format!("{found}: set the clocks by a time server")),
        skew if skew > 1.0 => fair(what, format!("{found}: set the clocks by a time server")),
        _ => good(what, found),
    }
}

/// What engine, workers and `sandmill queue` ask for, each once, in a form that does nothing: `K` is a key that holds a string for a second, on which
/// commands for other types fail, and `C` the channel of cancellations, whose listeners ignore what names no task.
const COMMANDS: [&str; 39] = [
    "GET K",
    "EXISTS K",
    "MGET K",
    "PTTL K",
    "PEXPIRE K 1000",
    "SETRANGE K 0 0",
    "EVAL return(0) 1 K",
    "EVALSHA 0000000000000000000000000000000000000000 1 K",
    "HMGET K field",
    "HSET K field 0",
    "HDEL K field",
    "HINCRBY K field 1",
    "RPUSH K name",
    "LPOP K",
    "SADD K member",
    "SMEMBERS K",
    "ZADD K 0 member",
    "ZRANGE K 0 -1",
    "ZREM K member",
    "ZREMRANGEBYSCORE K 0 0",
    "XADD K * field 0",
    "XACK K workers 0-1",
    "XDEL K 0-1",
    "XLEN K",
    "XRANGE K - +",
    "XREAD COUNT 1 STREAMS K 0",
    "XREADGROUP GROUP workers doctor COUNT 1 STREAMS K >",
    "XCLAIM K workers doctor 0 0-1 JUSTID",
    "XAUTOCLAIM K workers doctor 0 0-0",
    "XGROUP CREATE K workers 0",
    "XGROUP DELCONSUMER K workers doctor",
    "XINFO STREAM K",
    "XINFO GROUPS K",
    "XINFO CONSUMERS K workers",
    "PUBLISH C doctor",
    "TIME",
    "PING",
    "INFO server",
    "DEL K",
];

async fn permissions(redis: &Redis) -> Check {
    let what = "redis-permissions";
    match refused(redis).await {
        Ok(refused) if refused.is_empty() => good(what, "the user may do all that is needed".into()),
        Ok(refused) => {
            let text = refused.into_iter().collect::<Vec<_>>().join("; ");
            bad(what, format!("{text}: the guide to Redis has the rule that is needed"))
        }
        Err(failure) => bad(what, failure.to_string()),
    }
}

/// What the server does not allow, in its own words.
async fn refused(redis: &Redis) -> Result<BTreeSet<String>, RedisFailure> {
    let key = format!("{}doctor", redis.keys().control());
    let words = |failure: &RedisFailure| match failure {
        RedisFailure::Refused { code, reason } if code == "NOPERM" => Some(reason.clone()),
        _ => None,
    };
    // Without the string under the key, the others would leave something there.
    let set = redis.run::<String>(cmd("SET").arg(&key).arg("").arg("PX").arg(1_000)).await;
    if let Err(failure) = set {
        return words(&failure).map(|reason| BTreeSet::from([reason])).ok_or(failure);
    }
    let requests = COMMANDS.iter().map(|line| request(line, &key, &redis.keys().cancel())).collect();
    let answers = redis.run_all(requests).await?;
    let mut refused: BTreeSet<String> = answers.iter().filter_map(|answer| words(answer.as_ref().err()?)).collect();
    let mut subscription = redis.pubsub().await?;
    if let Err(error) = subscription.subscribe(redis.keys().cancel()).await {
        refused.extend(words(&error.into()));
    }
    // The other hash tag: what is stored for tasks.
    let component = format!("{}:component:doctor", redis.keys().prefix().as_str());
    if let Err(failure) = redis.run::<Option<String>>(cmd("GET").arg(component)).await {
        refused.extend(words(&failure));
    }
    Ok(refused)
}

fn request(line: &str, key: &str, channel: &str) -> Request {
    let mut words = line.split(' ');
    let mut command = cmd(words.next().unwrap_or_default());
    for word in words {
        command.arg(match word {
            "K" => key,
            "C" => channel,
            word => word,
        });
    }
    command.into()
}

fn queue_checks(settings: &Settings, stats: &QueueStats) -> Vec<Check> {
    let owner = match &stats.owner {
        Some(owner) => {
            let text = |name: &str| crate::output::cell(owner, name);
            good("queue-engine", format!("{} on {}, process {}", text("engine"), text("host"), text("pid")))
        }
        None => {
            let prefix = settings.text("redis.prefix");
            fair("queue-engine", format!("none has the prefix `{prefix}`: start one with `sandmill up --redis URL`"))
        }
    };
    let dead = match stats.dead {
        0 => good("queue-dead-letters", "none".into()),
        count => fair("queue-dead-letters", format!("{count}: look at them with `sandmill queue dead`")),
    };
    vec![owner, workers(settings, stats), dead]
}

/// Each queue that has tasks, or that this machine's settings name, needs a worker.
fn workers(settings: &Settings, stats: &QueueStats) -> Check {
    let what = "queue-workers";
    let mut queues: BTreeSet<String> = match wire::queues(settings) {
        Ok(queues) => queues.iter().map(ToString::to_string).collect(),
        Err(failure) => return bad(what, failure.to_string()),
    };
    queues.extend(stats.streams.iter().filter(|stream| stream.waiting > 0).map(|stream| stream.queue.clone()));
    let idle: Vec<String> = queues
        .into_iter()
        .filter(|queue| !stats.workers.iter().any(|worker| worker.queues.contains(queue)))
        .map(|queue| format!("`{queue}`"))
        .collect();
    if idle.is_empty() {
        let slots: usize = stats.workers.iter().map(|worker| worker.slots).sum();
        return good(what, format!("{} with {slots} slots", stats.workers.len()));
    }
    fair(what, format!("none for {}: start one with `sandmill worker --redis URL --queue NAME`", idle.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::super::Verdict;
    use super::*;

    const WELL: &str = "# Server\r\nredis_version:7.0.15\r\nrole:master\r\nmaxmemory:1000\r\nused_memory:100\r\n\
        maxmemory_policy:noeviction\r\naof_enabled:1\r\naof_last_write_status:ok\r\nrdb_last_bgsave_status:ok\r\n";

    #[track_caller]
    fn check_info(what: &str, change: (&str, &str), verdict: Verdict) {
        let text = WELL.replace(change.0, change.1);
        let checks = server(&Info::parse(&text));
        let check = checks.iter().find(|check| check.what == what).unwrap();
        assert!(check.verdict == verdict, "{change:?}: {}", check.found);
        let others = checks.iter().filter(|check| check.what != what);
        others.for_each(|check| assert!(check.verdict == Verdict::Good, "{}: {}", check.what, check.found));
    }

    #[test]
    fn each_figure_of_a_server_has_its_verdict() {
        check_info("redis-role", ("role:master", "role:slave"), Verdict::Bad);
        check_info("redis-eviction", ("noeviction", "allkeys-lru"), Verdict::Bad);
        check_info("redis-eviction", ("maxmemory_policy:noeviction", ""), Verdict::Fair);
        check_info("redis-persistence", ("aof_enabled:1", "aof_enabled:0"), Verdict::Fair);
        check_info("redis-persistence", ("write_status:ok", "write_status:err"), Verdict::Bad);
        check_info(
            "redis-persistence",
            ("1\r\naof_last_write_status:ok\r\nrdb_last_bgsave_status:ok", "0\r\nrdb_last_bgsave_status:err"),
            Verdict::Bad,
        );
        check_info("redis-memory", ("used_memory:100", "used_memory:900"), Verdict::Good);
        check_info("redis-memory", ("used_memory:100", "used_memory:901"), Verdict::Bad);
        check_info("redis-memory", ("maxmemory:1000", "maxmemory:0"), Verdict::Fair);
    }

    #[test]
    fn clocks_that_go_apart_are_told() {
        assert!(skew_check("redis-clock", 0.2).verdict == Verdict::Good);
        assert!(skew_check("redis-clock", 1.5).verdict == Verdict::Fair);
        assert!(skew_check("redis-clock", 61.0).verdict == Verdict::Bad);
    }
}
