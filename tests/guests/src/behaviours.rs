//! What the guest can do, by name.

use std::hint::black_box;
use std::io::Write as _;
use std::time::{Duration, Instant};

use serde_json_guest::{self as serde_json, Value, json};

use crate::bindings::Problem;
use crate::bindings::sandmill::task::{config, context, log, progress};
use crate::{Config, problem};

type Behaviour = fn(&str, Config) -> Result<String, Problem>;

/// Every behaviour. One that no test of the runtime runs fails a test there.
pub(crate) const BEHAVIOURS: &[(&str, Behaviour)] = &[
    ("return-text", |_, config| Ok(config.text)),
    ("return-bytes", |_, config| Ok("1".repeat(count(&config)))),
    ("return-problem", |_, config| Err(given_problem(&config))),
    ("trap", |_, _| trap()),
    ("panic", |_, config| panic!("{}", config.text)),
    ("spin", |_, config| Ok(spin(config.count))),
    ("grow", |_, config| Ok(core::arch::wasm32::memory_grow::<0>(count(&config)).to_string())),
    ("grow-forever", |_, _| grow_forever()),
    ("log", |_, config| log_lines(&config)),
    ("log-bytes", |_, config| log_bytes(&config)),
    ("log-fields", |_, config| log_fields(&config)),
    ("log-forever", |_, config| log_forever(&config)),
    ("print", |_, config| print_text(&config)),
    ("print-no-text", |_, _| print_no_text()),
    ("fetch", |_, config| Ok(json!(fetched(&config.text)).to_string())),
    ("fetch-bytes", |_, config| Ok(json!(fetched(&"x".repeat(count(&config)))).to_string())),
    ("open", |_, config| Ok(json!(opened(&config.text)).to_string())),
    ("read", |id, config| read(id, &config)),
    ("facts", |id, _| facts(id)),
    ("call", |_, config| call(config.count)),
    ("call-wasi", |_, config| call_wasi(config.count)),
    ("call-forever", |_, _| call(u64::MAX)),
    ("report", |_, config| report(&config)),
    ("sleep", |_, config| sleep(config.count)),
    ("wait-for-cancel", |_, _| wait_for_cancel()),
    ("environment", |_, _| environment()),
    ("counter", |_, _| counter()),
];

fn count(config: &Config) -> usize {
    config.count as usize
}

/// What `fetch` answers.
pub(crate) fn fetched(id: &str) -> String {
    config::fetch(id).unwrap_or_else(|error| error.name().to_owned())
}

/// What `open` answers.
pub(crate) fn opened(id: &str) -> String {
    context::open(id).map_or_else(|error| format!("{error:?}"), |_| "opened".to_owned())
}

/// Has a frame of its own, which a backtrace shows.
#[inline(never)]
fn trap() -> Result<String, Problem> {
    core::arch::wasm32::unreachable()
}

/// The problem whose members stand in the text.
fn given_problem(config: &Config) -> Problem {
    let given: Value = serde_json::from_str(&config.text).unwrap_or_default();
    let text = |name: &str| given[name].as_str().map(str::to_owned);
    Problem {
        type_: text("type").unwrap_or_default(),
        title: text("title").unwrap_or_default(),
        detail: text("detail"),
        status: given["status"].as_u64().unwrap_or_default() as u16,
        retryable: given["retryable"].as_bool().unwrap_or_default(),
        data: text("data"),
    }
}

/// So many rounds; none means without end.
fn spin(rounds: u64) -> String {
    let mut sum = 0_u64;
    let mut round = 0_u64;
    while rounds == 0 || round < rounds {
        sum = black_box(sum.wrapping_add(round));
        round = round.wrapping_add(1);
    }
    sum.to_string()
}

fn grow_forever() -> ! {
    loop {
        core::arch::wasm32::memory_grow::<0>(1);
    }
}

fn log_lines(config: &Config) -> Result<String, Problem> {
    for _ in 0..config.count {
        log::write(log::Level::Warn, &config.text, &[]);
    }
    Ok("null".to_owned())
}

fn log_bytes(config: &Config) -> Result<String, Problem> {
    log::write(log::Level::Info, &"x".repeat(count(config)), &[]);
    Ok("null".to_owned())
}

fn log_fields(config: &Config) -> Result<String, Problem> {
    let field = |number| log::Field { name: format!("f{number}"), value: config.text.clone() };
    let fields: Vec<_> = (0..config.count).map(field).collect();
    log::write(log::Level::Error, "fields", &fields);
    Ok("null".to_owned())
}

fn log_forever(config: &Config) -> Result<String, Problem> {
    loop {
        log::write(log::Level::Info, &config.text, &[]);
    }
}

fn print_text(config: &Config) -> Result<String, Problem> {
    print!("{}", config.text);
    eprint!("{}", config.text);
    std::io::stdout().flush().map_err(|error| problem(&error.to_string()))?;
    Ok("null".to_owned())
}

fn print_no_text() -> Result<String, Problem> {
    let bytes = b"a\xff\xfeb\n\xc3";
    let written = std::io::stdout().write_all(bytes).and_then(|()| std::io::stdout().flush());
    let written = written.and_then(|()| std::io::stderr().write_all(bytes));
    written.map(|()| "null".to_owned()).map_err(|error| problem(&error.to_string()))
}

/// Everything that can be read at a path.
fn read(id: &str, config: &Config) -> Result<String, Problem> {
    let snapshot = context::open(id).map_err(|error| problem(&format!("{error:?}")))?;
    let path = &config.text;
    let told = |error: context::ContextError| format!("{error:?}");
    let get = snapshot.get(path).map_or_else(told, |value| value.unwrap_or_else(|| "none".to_owned()));
    let keys = snapshot.keys(path).map_or_else(told, |keys| format!("{keys:?}"));
    let length = snapshot.length(path).map_or_else(told, |length| format!("{length:?}"));
    Ok(json!([get, keys, length]).to_string())
}

fn facts(id: &str) -> Result<String, Problem> {
    let snapshot = context::open(id).map_err(|error| problem(&format!("{error:?}")))?;
    let facts = json!({
        "id": id,
        "attempt": snapshot.attempt(),
        "round": snapshot.round(),
        "key": snapshot.idempotency_key(),
        "deadline": snapshot.deadline(),
    });
    Ok(facts.to_string())
}

fn call(times: u64) -> Result<String, Problem> {
    for _ in 0..times {
        black_box(progress::is_cancelled());
    }
    Ok("null".to_owned())
}

fn call_wasi(times: u64) -> Result<String, Problem> {
    for _ in 0..times {
        black_box(Instant::now());
    }
    Ok("null".to_owned())
}

/// The number in the text, or what is no number, with a message of so many bytes.
fn report(config: &Config) -> Result<String, Problem> {
    let fraction = config.text.parse().unwrap_or(f64::NAN);
    let message = "m".repeat(count(config));
    progress::report(fraction, (!message.is_empty()).then_some(message.as_str()));
    Ok("null".to_owned())
}

/// Waits in an import of the host.
fn sleep(ms: u64) -> Result<String, Problem> {
    std::thread::sleep(Duration::from_millis(ms));
    Ok("null".to_owned())
}

/// Leaves as a task should: once it is told to.
fn wait_for_cancel() -> Result<String, Problem> {
    while !progress::is_cancelled() {
        std::thread::sleep(Duration::from_millis(1));
    }
    log::write(log::Level::Info, "left in order", &[]);
    Ok("null".to_owned())
}

/// What can be seen of the world outside.
fn environment() -> Result<String, Problem> {
    let files = std::fs::read_dir("/").map(|_| ()).is_ok();
    let network = std::net::TcpStream::connect("127.0.0.1:1").map_err(|error| error.kind());
    let is_refused_by_policy = !matches!(network, Ok(_) | Err(std::io::ErrorKind::ConnectionRefused));
    Ok(json!([std::env::vars().count(), std::env::args().count(), files, is_refused_by_policy]).to_string())
}

/// Counts the calls that this memory has seen.
fn counter() -> Result<String, Problem> {
    use std::sync::atomic::{AtomicU32, Ordering};
    static CALLS: AtomicU32 = AtomicU32::new(0);
    Ok((CALLS.fetch_add(1, Ordering::Relaxed) + 1).to_string())
}
