//! Runs scenarios, many at the same time, each against its own time.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Error, Result};
use futures::{StreamExt as _, stream};

use crate::host::Host;
use crate::steps::Steps;
use crate::world::{NotDeployable, World};
use sandmill_conformance::features::{Scenario, Step};

/// How long one scenario may take, as the specification's kit has it.
const SCENARIO_TIME: Duration = Duration::from_secs(30);

/// What runs them.
pub(crate) struct Runner {
    pub(crate) host: Arc<Host>,
    pub(crate) steps: Steps,
    /// How many run at the same time.
    pub(crate) jobs: usize,
}

/// What became of one scenario.
pub(crate) struct Finished {
    pub(crate) scenario: Scenario,
    pub(crate) outcome: Outcome,
    pub(crate) took: Duration,
}

/// How a scenario ended.
pub(crate) enum Outcome {
    Passed,
    /// At a step, with what was expected and what was got instead.
    Failed {
        step: Step,
        reason: String,
    },
    /// The host refused its definition, and says why: it counts as not passed.
    NotDeployable {
        reason: String,
    },
}

impl Runner {
    /// Runs all of them. `tell` hears of each as it ends; the results come in the order of the scenarios.
    pub(crate) async fn run(&self, scenarios: Vec<Scenario>, tell: impl Fn(&Finished)) -> Vec<Finished> {
        let tell = &tell;
        let finished = stream::iter(scenarios.into_iter().enumerate()).map(async |(number, scenario)| {
            let began = Instant::now();
            let outcome = self.run_one(number, &scenario).await;
            let finished = Finished { scenario, outcome, took: began.elapsed() };
            tell(&finished);
            finished
        });
        finished.buffered(self.jobs).collect().await
    }

    async fn run_one(&self, number: usize, scenario: &Scenario) -> Outcome {
        let deadline = tokio::time::Instant::now() + SCENARIO_TIME;
        let mut world = None;
        for step in &scenario.steps {
            let done = tokio::time::timeout_at(deadline, self.step(&mut world, number, step)).await;
            let too_long = || Error::msg(format!("the scenario takes longer than {} s", SCENARIO_TIME.as_secs()));
            let Err(error) = done.unwrap_or_else(|_| Err(too_long())) else { continue };
            return match error.downcast::<NotDeployable>() {
                Ok(NotDeployable(reason)) => Outcome::NotDeployable { reason },
                Err(error) => Outcome::Failed { step: step.clone(), reason: format!("{error:#}") },
            };
        }
        Outcome::Passed
    }

    async fn step(&self, world: &mut Option<World>, number: usize, step: &Step) -> Result<()> {
        let (code, given) = self.steps.find(step)?;
        if world.is_none() {
            let tenant = self.host.tenant(&format!("scenario-{number}")).await?;
            *world = Some(World::new(Arc::clone(&self.host), tenant));
        }
        code.run(world.as_mut().context("the world was just made")?, &given).await
    }
}
