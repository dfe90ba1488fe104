//! Compares what the specification's schema, the published one and the compiler say of documents: of the specification's own, and of ten
//! thousand that are made by changing those.
//!
//! The specification is no part of this repository: it is read from `OWS_DIR`, or from `../shared/ows` where it lies there. The changes are
//! drawn from a seed, so a run is the same each time. What the three may say differently stands in `listed`, with reasons; anything else
//! fails the run.

mod documents;
mod judges;

mod changes;
mod mutant;

mod listed;
mod mutations;

mod examples;

use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;

/// Compares what the specification's schema, the published one and the compiler say of documents.
#[derive(Parser)]
struct Arguments {
    /// How many documents are made.
    #[arg(long, default_value_t = 10_000)]
    count: u64,
    /// What the changes are drawn from.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

fn main() -> Result<ExitCode> {
    let arguments = Arguments::parse();
    let specification = documents::Specification::read()?;
    let judges = judges::Judges::new(&specification.schema)?;
    let parts = mutant::Parts::of(&specification);
    let mutations = |documents| mutations::Mutations {
        judges: &judges,
        parts: &parts,
        documents,
        seed: arguments.seed,
        count: arguments.count,
    };
    println!("== documents made from ours");
    let own = mutations(&specification.own).check()?;
    println!("== documents made from the examples of the specification");
    let made = mutations(&specification.examples).check()?;
    println!("== the documents of the specification");
    let examples_agree = examples::check(&specification, &judges);
    println!("RESULT schema_mutations={} differences={} listed={}", arguments.count, made.differences, made.listed);
    Ok(if examples_agree && own.is_good && made.is_good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
