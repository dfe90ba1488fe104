//! What the platform does by itself where a document says nothing: attempts of a task that failed in a way that may pass, and where tasks wait.

use serde::{Deserialize, Serialize};

use crate::ids::QueueName;
use crate::time::Millis;

/// How often the platform repeats a task whose problem says `retryable`, when no `try` retries it (rule 17).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct AttemptPolicy {
    /// Attempts in all, the first one included.
    pub attempts_max: u32,
    /// The wait before the second attempt.
    pub delay_ms: Millis,
    /// What the wait is multiplied with after each attempt.
    pub factor: u32,
    /// The longest wait.
    pub delay_max_ms: Millis,
}

impl Default for AttemptPolicy {
    fn default() -> Self {
        Self { attempts_max: 3, delay_ms: Millis(1_000), factor: 2, delay_max_ms: Millis(60_000) }
    }
}

impl AttemptPolicy {
    /// How long to wait after the attempt with that number (from 1) failed; `None` when it was the last one.
    #[must_use]
    pub fn delay_after(&self, attempt: u32) -> Option<Millis> {
        if attempt >= self.attempts_max {
            return None;
        }
        let factor = u64::from(self.factor).saturating_pow(attempt.saturating_sub(1));
        Some(Millis(self.delay_ms.0.saturating_mul(factor).min(self.delay_max_ms.0)))
    }
}

/// `document.metadata.defaults`: what holds for every task that does not say otherwise.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Defaults {
    /// The timeout of a task.
    pub timeout: Option<Millis>,
    /// How often a task is attempted.
    pub retry: Option<AttemptPolicy>,
    /// The queue that a task waits in.
    pub queue: QueueName,
}

/// `metadata.task.priority`: which of the tasks that wait in the same queue comes first. In this order.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Priority {
    /// Before all others.
    High,
    /// Where a document says nothing.
    #[default]
    Normal,
    /// When nothing else waits.
    Low,
}

impl Priority {
    /// All of them, in the order in which they come.
    pub const ALL: [Self; 3] = [Self::High, Self::Normal, Self::Low];

    /// The word for it in a document.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::High => "high",
            Self::Normal => "normal",
            Self::Low => "low",
        }
    }

    /// The one with that word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|priority| priority.as_str() == word)
    }
}

impl std::fmt::Display for Priority {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_by_the_factor_up_to_the_longest_and_end_with_the_last_attempt() {
        let policy = AttemptPolicy { attempts_max: 9, ..AttemptPolicy::default() };
        let waits: Vec<_> = (1..=9).map(|attempt| policy.delay_after(attempt).map(|wait| wait.0)).collect();
        let seconds = [1, 2, 4, 8, 16, 32, 60, 60].map(|wait| Some(wait * 1_000));
        assert_eq!(waits, [&seconds[..], &[None]].concat());
        assert_eq!(AttemptPolicy::default().delay_after(3), None, "three attempts in all");
    }
}
