//! The one way to a Redis server: a connection that many share, that comes back by itself, and that counts.
//!
//! Who asks decides whether to ask again: [`Redis::run`] sends a request once, for it cannot know whether one without an answer was carried out.
//! [`Redis::retry`] is for those who may repeat theirs. While the server is away, tries to reach it are as many as the back-off allows however many
//! callers wait; the others learn at once what the last try met.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use redis::aio::{MultiplexedConnection, PubSub};
use redis::{AsyncConnectionConfig, Client, FromRedisValue, Pipeline, RedisError, RedisResult, Value, cmd};
use tokio::sync::{Mutex, Notify};
use tokio::time::timeout;

use super::metrics::RedisMeters;
use super::{Keys, RedisFailure, RedisOptions, Request};

/// The oldest version that does what the scripts and streams need: `XAUTOCLAIM` came with 6.2.
const VERSION_MIN: (u32, u32) = (6, 2);

/// A way to a Redis server. Clones share it.
#[derive(Clone)]
pub struct Redis {
    shared: Arc<Shared>,
}

struct Shared {
    client: Client,
    options: RedisOptions,
    keys: Keys,
    slot: Mutex<Slot>,
    /// Told when a connection stands after tries that failed; not after one that was merely given up, or callers would wake each other for nothing.
    back: Notify,
    requests: AtomicU64,
    meters: RedisMeters,
}

/// The connection, or what is known about its absence.
#[derive(Default)]
struct Slot {
    connection: Option<MultiplexedConnection>,
    /// Counts the connections, so that a failure ends only the one that it came over.
    number: u64,
    failures: u32,
    /// No try before that, and what the last one met.
    pause: Option<(Instant, RedisFailure)>,
}

impl Redis {
    /// A way to a server that is not looked for yet.
    pub fn new(options: RedisOptions) -> Result<Self, RedisFailure> {
        // An error says that the process has a provider already, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = options.client()?;
        Ok(Self {
            shared: Arc::new(Shared {
                client,
                keys: Keys::new(options.prefix.clone()),
                options,
                slot: Mutex::default(),
                back: Notify::new(),
                requests: AtomicU64::new(0),
                meters: RedisMeters::new(),
            }),
        })
    }

    /// A way to a server that is there at this moment and is new enough.
    pub async fn connect(options: RedisOptions) -> Result<Self, RedisFailure> {
        let redis = Self::new(options)?;
        redis.connection().await?;
        Ok(redis)
    }

    /// The keys of its prefix.
    #[must_use]
    pub fn keys(&self) -> &Keys {
        &self.shared.keys
    }

    /// How many requests went to the server; a script is one, and so is each command that shares a round trip.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.shared.requests.load(Ordering::Relaxed)
    }

    /// Asks once.
    pub async fn run<T: FromRedisValue>(&self, request: impl Into<Request>) -> Result<T, RedisFailure> {
        let mut answers = self.run_all(vec![request.into()]).await?;
        let answer = answers.pop().ok_or_else(|| RedisFailure::protocol("an answer is missing"))?;
        Ok(redis::from_redis_value(answer?).map_err(RedisError::from)?)
    }

    /// Asks several things in one round trip. They are carried out in order, each on its own: one may fail where the next does not.
    ///
    /// Scripts that the server does not know go there once more, in full, after everything else.
    pub async fn run_all(&self, requests: Vec<Request>) -> Result<Vec<Result<Value, RedisFailure>>, RedisFailure> {
        if requests.is_empty() {
            return Ok(Vec::new());
        }
        let (number, mut connection) = self.connection().await?;
        let result = self.exchange(&mut connection, &requests).await;
        let failure = match &result {
            Ok(answers) => answers.iter().filter_map(|answer| answer.as_ref().err()).find(|failure| failure.moves_on()),
            Err(failure) => Some(failure),
        };
        if let Some(failure) = failure {
            self.drop_connection(number, failure).await;
        }
        result
    }

    async fn exchange(
        &self,
        connection: &mut MultiplexedConnection,
        requests: &[Request],
    ) -> Result<Vec<Result<Value, RedisFailure>>, RedisFailure> {
        let mut answers = self.send(connection, requests.iter().map(Request::command)).await?;
        let is_unknown =
            |answer: &Result<Value, RedisFailure>| answer.as_ref().is_err_and(RedisFailure::is_unknown_script);
        let unknown: Vec<_> = (0..answers.len()).filter(|index| is_unknown(&answers[*index])).collect();
        if !unknown.is_empty() {
            let again = self.send(connection, unknown.iter().map(|index| requests[*index].in_full())).await?;
            for (index, answer) in unknown.into_iter().zip(again) {
                answers[index] = answer;
            }
        }
        Ok(answers)
    }

    async fn send(
        &self,
        connection: &mut MultiplexedConnection,
        commands: impl Iterator<Item = redis::Cmd>,
    ) -> Result<Vec<Result<Value, RedisFailure>>, RedisFailure> {
        let mut pipeline = Pipeline::new();
        for command in commands {
            pipeline.add_command(command);
        }
        let count = pipeline.len();
        self.shared.requests.fetch_add(count as u64, Ordering::Relaxed);
        let started = Instant::now();
        let answers = connection.send_packed_commands(&pipeline, 0, count).await;
        self.shared.meters.round_trip(count as u64, started.elapsed());
        let answers = answers?;
        if answers.len() != count {
            return Err(RedisFailure::protocol(format!("{} answers to {count} requests", answers.len())));
        }
        Ok(answers.into_iter().map(|value| value.extract_error().map_err(RedisFailure::from)).collect())
    }

    /// Does something over and over until it succeeds or meets a failure that does not pass. It must be something that may be done twice.
    pub async fn retry<T, F>(&self, mut operation: impl FnMut() -> F) -> Result<T, RedisFailure>
    where
        F: Future<Output = Result<T, RedisFailure>>,
    {
        let mut failures = 0;
        loop {
            match operation().await {
                Err(failure) if failure.is_passing() => {
                    failures += 1;
                    self.pause(failures).await;
                }
                result => return result,
            }
        }
    }

    /// Waits as long as the back-off says after so many failures in a row, or until the server is back.
    pub async fn pause(&self, failures: u32) {
        let back = self.shared.back.notified();
        tokio::select! {
            () = back => {}
            () = tokio::time::sleep(self.shared.options.backoff.wait(failures)) => {}
        }
    }

    /// A connection of its own, for commands that wait on the server.
    pub async fn blocking_connection(&self) -> Result<BlockingConnection, RedisFailure> {
        Ok(BlockingConnection { connection: self.new_connection().await?, redis: self.clone() })
    }

    /// A connection of its own, for subscriptions. Its stream ends with the connection; who holds it asks for another one.
    pub async fn pubsub(&self) -> Result<PubSub, RedisFailure> {
        self.in_time(self.shared.client.get_async_pubsub()).await
    }

    /// The connection that all share, made where there is none.
    async fn connection(&self) -> Result<(u64, MultiplexedConnection), RedisFailure> {
        let mut slot = self.shared.slot.lock().await;
        if let Some(connection) = &slot.connection {
            return Ok((slot.number, connection.clone()));
        }
        if let Some((until, failure)) = &slot.pause
            && Instant::now() < *until
        {
            return Err(failure.clone());
        }
        match self.new_connection().await {
            Ok(connection) => {
                if slot.failures > 0 {
                    tracing::info!(failures = slot.failures, "Redis is back");
                    self.shared.back.notify_waiters();
                }
                let number = slot.number + 1;
                *slot = Slot { connection: Some(connection.clone()), number, ..Slot::default() };
                Ok((number, connection))
            }
            Err(failure) => {
                slot.failures = slot.failures.saturating_add(1);
                if slot.failures == 1 {
                    tracing::warn!(%failure, "Redis is away");
                }
                slot.pause = Some((Instant::now() + self.shared.options.backoff.wait(slot.failures), failure.clone()));
                Err(failure)
            }
        }
    }

    /// Sees to it that the next request makes a connection anew. The others that wait for an answer over the old one still get it, or an error.
    async fn drop_connection(&self, number: u64, failure: &RedisFailure) {
        let mut slot = self.shared.slot.lock().await;
        if slot.number == number && slot.connection.take().is_some() {
            tracing::debug!(%failure, "a connection to Redis is given up");
        }
    }

    async fn new_connection(&self) -> Result<MultiplexedConnection, RedisFailure> {
        let options = &self.shared.options;
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(options.connect_timeout))
            .set_response_timeout(Some(options.response_timeout));
        self.in_time(async {
            let mut connection = self.shared.client.get_multiplexed_async_connection_with_config(&config).await?;
            check_version(&mut connection).await?;
            Ok::<_, RedisFailure>(connection)
        })
        .await
    }

    /// What comes of something, or that it took longer than a connection may take.
    async fn in_time<T, E: Into<RedisFailure>>(
        &self,
        future: impl Future<Output = Result<T, E>>,
    ) -> Result<T, RedisFailure> {
        let limit = self.shared.options.connect_timeout;
        match timeout(limit, future).await {
            Ok(result) => result.map_err(Into::into),
            Err(_) => Err(RedisFailure::unavailable(format!("no connection within {} ms", limit.as_millis()))),
        }
    }
}

/// A connection for commands that wait on the server, such as `XREADGROUP` with `BLOCK`. One command at a time.
pub struct BlockingConnection {
    connection: MultiplexedConnection,
    redis: Redis,
}

impl BlockingConnection {
    /// Asks once, and waits for the answer as long as the command waits and the time for an answer on top. After an error that passes, the
    /// connection is of no more use.
    pub async fn run<T: FromRedisValue>(
        &mut self,
        request: impl Into<Request>,
        block: Duration,
    ) -> Result<T, RedisFailure> {
        self.connection.set_response_timeout(block + self.redis.shared.options.response_timeout);
        let mut answers = self.redis.exchange(&mut self.connection, &[request.into()]).await?;
        let answer = answers.pop().ok_or_else(|| RedisFailure::protocol("an answer is missing"))?;
        Ok(redis::from_redis_value(answer?).map_err(RedisError::from)?)
    }
}

/// Refuses a server that is too old. `HELLO` tells the version and needs no permission; it is as old as Redis 6.
async fn check_version(connection: &mut MultiplexedConnection) -> Result<(), RedisFailure> {
    let hello: RedisResult<Vec<Value>> = cmd("HELLO").query_async(connection).await;
    let version = match hello {
        Ok(fields) => version_of_hello(fields),
        Err(error) if error.code() == Some("ERR") => {
            let info: String = cmd("INFO").arg("server").query_async(connection).await?;
            info.lines().find_map(|line| line.strip_prefix("redis_version:")).map(|version| version.trim().into())
        }
        Err(error) => return Err(error.into()),
    };
    let version = version.ok_or_else(|| RedisFailure::protocol("the server tells no version"))?;
    if is_new_enough(&version) { Ok(()) } else { Err(RedisFailure::TooOld { version }) }
}

fn version_of_hello(fields: Vec<Value>) -> Option<String> {
    let mut fields = fields.into_iter();
    while let (Some(name), Some(value)) = (fields.next(), fields.next()) {
        if redis::from_redis_value::<String>(name).is_ok_and(|name| name == "version") {
            return redis::from_redis_value(value).ok();
        }
    }
    None
}

fn is_new_enough(version: &str) -> bool {
    let mut numbers = version.split('.').map(|number| number.parse::<u32>().unwrap_or(0));
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0)) >= VERSION_MIN
}
