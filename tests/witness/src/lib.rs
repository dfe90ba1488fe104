//! Writes one line to its log, so that a test outside learns that it ran, and returns its number plus one.
//!
//! With `loops` it computes for a while before that, for tests that interrupt tasks.

use sandmill_sdk::prelude::*;

/// What to do.
#[derive(Deserialize, JsonSchema)]
struct Config {
    /// A number.
    number: u64,
    /// Loops to go round before the end.
    #[serde(default)]
    loops: u64,
}

/// Says that it ran, and counts.
#[task]
fn witness(config: Config) -> Result<u64, Problem> {
    let mut sum = 0_u64;
    for round in 0..config.loops {
        sum = std::hint::black_box(sum.wrapping_add(round));
    }
    log::info!("ran");
    Ok(config.number + 1)
}
