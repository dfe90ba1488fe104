//! What is in the way between an engine or a worker and Redis, by who met it: that one comes through again says nothing of another.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::super::RedisFailure;

/// Who meets trouble.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Source {
    /// Who keeps the prefix. It does so all the time, so it meets first whatever is wrong with the server.
    Owner,
    /// Who puts tasks in.
    Tasks,
    /// Who cancels, settles and forgets.
    Errands,
    /// Who reads completions.
    Completions,
    /// Who counts workers.
    Workers,
    /// Who forgets executions that have ended. Nothing waits for that, so it is no reason not to be ready.
    Forgetting,
    /// Who brings results back.
    Results,
}

impl Source {
    /// What does not happen.
    const fn what(self) -> &'static str {
        match self {
            Self::Owner => "the prefix is not renewed as it should be",
            Self::Tasks => "tasks cannot be put into the queue",
            Self::Errands => "what is cancelled and what has ended cannot be told",
            Self::Completions => "completions cannot be read",
            Self::Workers => "workers cannot be counted",
            Self::Forgetting => "what is stored for executions that have ended stays until its time is over",
            Self::Results => "results cannot be brought back",
        }
    }
}

/// What each one met last, and has not come past.
#[derive(Debug, Default)]
pub(super) struct Troubles {
    met: Mutex<BTreeMap<Source, RedisFailure>>,
}

impl Troubles {
    /// Somebody met something. Said in the log once for each kind, and not where the connection says so.
    pub(super) fn met(&self, source: Source, failure: &RedisFailure) {
        let before = self.all().insert(source, failure.clone());
        if failure.kind().is_some() && before.as_ref().and_then(RedisFailure::kind) != failure.kind() {
            tracing::warn!(%failure, "{}; it is tried again and again", source.what());
        }
    }

    /// Somebody came through.
    pub(super) fn over(&self, source: Source) {
        if let Some(before) = self.all().remove(&source)
            && before.kind().is_some()
        {
            tracing::info!("it is over that {}", source.what());
        }
    }

    /// All that is in the way of tasks, for people, with what is said beside it of single ones.
    pub(super) fn said<'a>(&self, of_tasks: impl Iterator<Item = &'a RedisFailure>) -> Option<String> {
        let met = self.all();
        let met = met.iter().filter(|(source, _)| **source != Source::Forgetting);
        let met = met.map(|(_, failure)| failure.with_advice());
        let mut said: Vec<String> = Vec::new();
        for failure in met.chain(of_tasks.map(RedisFailure::with_advice)) {
            if !said.contains(&failure) {
                said.push(failure);
            }
        }
        (!said.is_empty()).then(|| said.join("; "))
    }

    fn all(&self) -> MutexGuard<'_, BTreeMap<Source, RedisFailure>> {
        self.met.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(code: &str) -> RedisFailure {
        RedisFailure::Refused { code: code.into(), reason: "for a reason".into() }
    }

    fn said(troubles: &Troubles) -> Option<String> {
        troubles.said(std::iter::empty())
    }

    #[test]
    fn what_one_came_past_says_nothing_of_another() {
        let troubles = Troubles::default();
        assert_eq!(said(&troubles), None);
        troubles.met(Source::Tasks, &refused("ODD"));
        troubles.met(Source::Owner, &refused("ODD"));
        troubles.over(Source::Owner);
        troubles.over(Source::Errands);
        assert_eq!(said(&troubles).as_deref(), Some("Redis refused: ODD for a reason"));
        troubles.over(Source::Tasks);
        assert_eq!(said(&troubles), None);
    }

    #[test]
    fn the_same_is_said_once() {
        let troubles = Troubles::default();
        for source in [Source::Owner, Source::Tasks, Source::Completions] {
            troubles.met(source, &refused("ODD"));
        }
        troubles.met(Source::Errands, &refused("EVEN"));
        assert_eq!(said(&troubles).unwrap(), "Redis refused: ODD for a reason; Redis refused: EVEN for a reason");
    }

    #[test]
    fn what_is_said_of_single_tasks_is_said_beside_it_and_what_nothing_waits_for_is_not() {
        let troubles = Troubles::default();
        troubles.met(Source::Forgetting, &refused("ODD"));
        assert_eq!(said(&troubles), None);
        let of_tasks = vec![refused("NOPERM"); 2];
        let told = troubles.said(of_tasks.iter()).unwrap();
        assert_eq!(told.matches("NOPERM").count(), 1, "{told}");
        assert!(told.contains("sandmill doctor"), "{told}");
    }
}
