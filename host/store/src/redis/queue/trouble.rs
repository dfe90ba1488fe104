//! What is in the way between an engine and Redis, by who met it: that one comes through again says nothing of another.

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
}

impl Source {
    /// What does not happen.
    const fn what(self) -> &'static str {
        match self {
            Self::Owner => "the prefix is not renewed as it should be",
            Self::Tasks => "tasks cannot be put into the queue",
            Self::Errands => "what has ended cannot be taken out of Redis",
            Self::Completions => "completions cannot be read",
            Self::Workers => "workers cannot be counted",
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

    /// All of it, for people.
    pub(super) fn said(&self) -> Option<String> {
        let mut said: Vec<String> = Vec::new();
        for failure in self.all().values().map(ToString::to_string) {
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

    #[test]
    fn what_one_came_past_says_nothing_of_another() {
        let troubles = Troubles::default();
        assert_eq!(troubles.said(), None);
        troubles.met(Source::Tasks, &refused("OOM"));
        troubles.met(Source::Owner, &refused("OOM"));
        troubles.over(Source::Owner);
        troubles.over(Source::Errands);
        assert_eq!(troubles.said().as_deref(), Some("Redis refused: OOM for a reason"));
        troubles.over(Source::Tasks);
        assert_eq!(troubles.said(), None);
    }

    #[test]
    fn the_same_is_said_once() {
        let troubles = Troubles::default();
        for source in [Source::Owner, Source::Tasks, Source::Completions] {
            troubles.met(source, &refused("OOM"));
        }
        troubles.met(Source::Errands, &refused("NOPERM"));
        assert_eq!(troubles.said().unwrap(), "Redis refused: OOM for a reason; Redis refused: NOPERM for a reason");
    }
}
