//! Engines to which everything happens at random, from a seed: stores that refuse, fail and lose acknowledgements, processes that die between an append
//! and what follows from it, clocks that jump, workers that are lost, executions that are cancelled, suspended and resumed.
//!
//! Whatever it is: no execution is lost, each comes to the outcome that it has when nothing happens, no task runs again once its end was durable,
//! every repeat has the same id and key, no status goes back, and every journal replays to the same decisions.
//!
//! A failing seed is printed; `SANDMILL_SEED=7` runs that one alone, and `SANDMILL_SOAK=1` runs thousands.

mod checks;
mod play;
mod workflows;

use play::Play;

/// Seeds of a normal run.
const SEEDS: u64 = 300;

/// Seeds with `SANDMILL_SOAK=1`.
const SEEDS_SOAK: u64 = 5_000;

#[test]
fn whatever_happens_nothing_is_lost_and_nothing_is_done_twice() {
    if let Ok(seed) = std::env::var("SANDMILL_SEED") {
        return play(seed.parse().unwrap());
    }
    let seeds = if std::env::var_os("SANDMILL_SOAK").is_some() { SEEDS_SOAK } else { SEEDS };
    for seed in 0..seeds {
        let played = std::panic::catch_unwind(|| play(seed));
        assert!(played.is_ok(), "seed {seed} fails: SANDMILL_SEED={seed} runs it alone");
    }
}

fn play(seed: u64) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(Play::new(seed).run());
}
