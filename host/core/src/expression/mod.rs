//! Runtime expressions: jq filters over shared values, each of which ends.
//!
//! A [`Filter`] is compiled once, when a definition is deployed, and evaluated on values as they are: nothing is converted and nothing is
//! copied. What it may use up is bounded by a [`Budget`] that is counted in steps of the language, never in time or in stack addresses, so
//! that the same expression on the same data ends in the same way on every machine.
//!
//! How that is done, in the order of reading: `source` bounds the text; `rewrite` puts counters into the syntax tree; `meter` counts;
//! `natives` is the list of built-in functions that are allowed; `library` holds the definitions of jq, of which a filter gets those it uses.
//!
//! Knows nothing of tasks and workflows: what a variable means is said by a [`Scope`].

mod library;
mod meter;
mod natives;
mod rewrite;
mod source;
mod template;

#[cfg(test)]
mod tests;

use jaq_core::load::{Arena, File, Loader};
use jaq_core::{Compiler, Ctx, Vars, unwrap_valr};
use serde::{Deserialize, Serialize};

use crate::time::Timestamp;
use crate::value::Value;
use meter::{Language, Meter, Metered};

pub use source::{SOURCE_BYTES_MAX, parse_expression};
pub use template::{Mode, Template};

/// What one evaluation may use up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Budget {
    /// Calls of definitions.
    pub ticks: u64,
    /// Elements that are yielded, and values that are looked at, built or copied.
    pub elements: u64,
}

impl Default for Budget {
    fn default() -> Self {
        Self { ticks: 200_000, elements: 2_000_000 }
    }
}

/// What an expression finds around it, beside its input.
#[derive(Debug, Clone)]
pub struct Environment {
    /// What `now` says.
    pub now: Timestamp,
    /// What the evaluation may use up.
    pub budget: Budget,
}

/// The variables of an evaluation.
pub trait Scope {
    /// The value of a variable, by its name without `$`. Only the variables that a filter uses are asked for.
    fn variable(&self, name: &str) -> Option<Value>;
}

/// Text that is no expression.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}{}", at.map(|at| format!(" (at byte {at} of the expression)")).unwrap_or_default())]
pub struct ExpressionError {
    /// What is wrong.
    pub reason: String,
    /// Where, in bytes from the beginning of the expression.
    pub at: Option<usize>,
}

/// An evaluation that came to no value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EvaluationError {
    /// The expression said so itself, or asked for something that the data does not have.
    #[error("the expression `{source_text}` failed: {reason}")]
    Failed {
        /// The expression.
        source_text: String,
        /// What went wrong.
        reason: String,
    },
    /// It used up its budget.
    #[error("the expression `{source_text}` uses too much: {reason}")]
    OverBudget {
        /// The expression.
        source_text: String,
        /// What it used too much of.
        reason: &'static str,
    },
    /// It gave several values where one is wanted.
    #[error(
        "the expression `{source_text}` gives more than one value: write `[ {source_text} ]` for an array of them, or `first({source_text})`"
    )]
    Several {
        /// The expression.
        source_text: String,
    },
}

/// A compiled expression.
pub struct Filter {
    source: String,
    compiled: jaq_core::Filter<Language>,
    /// The variables that it uses, in the order in which it was compiled with them.
    variables: Vec<String>,
}

impl std::fmt::Debug for Filter {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_tuple("Filter").field(&self.source).finish()
    }
}

impl Filter {
    /// Compiles an expression that may use the given variables, named without `$`.
    pub fn compile(text: &str, variables: &[&str]) -> Result<Self, ExpressionError> {
        let term = source::parse(text)?;
        let arena = Arena::default();
        let rewritten = rewrite::rewrite(text, term, variables, &arena)?;
        let names: Vec<String> = rewritten.variables.iter().map(|name| format!("${name}")).collect();
        let library::Needed { definitions: mut prelude, natives } = library::needed_for(&rewritten.calls);
        prelude.push(rewritten.into_definition());
        let refused = |what: String| ExpressionError { reason: what, at: None };
        let modules = Loader::new(prelude)
            .load(&arena, File { code: rewrite::ENTRY, path: () })
            .map_err(|_| refused("the expression cannot be read".into()))?;
        let compiled = Compiler::default()
            .with_funs(natives)
            .with_global_vars(names.iter().map(String::as_str))
            .compile(modules)
            .map_err(|errors| source::undefined(text, &errors))?;
        let variables = names.iter().map(|name| name[1..].to_string()).collect();
        Ok(Self { source: text.trim().into(), compiled, variables })
    }

    /// The variables that it uses, without `$`.
    #[must_use]
    pub fn variables_used(&self) -> &[String] {
        &self.variables
    }

    /// Evaluates it. A filter that yields nothing gives `null`.
    pub fn evaluate(
        &self,
        input: &Value,
        scope: &dyn Scope,
        environment: &Environment,
    ) -> Result<Value, EvaluationError> {
        let metered = Metered { table: &self.compiled.lut, meter: Meter::new(environment) };
        let variables = self.variables.iter().map(|name| scope.variable(name).unwrap_or_default().0);
        let context = Ctx::<Language>::new(&metered, Vars::new(variables));
        let mut outputs = self.compiled.id.run((context, input.0.clone())).map(unwrap_valr);
        let first = outputs.next();
        let second = if matches!(first, Some(Ok(_))) { outputs.next() } else { None };
        let source_text = || self.source.clone();
        // A `try` of the expression may have swallowed the error, so the meter is asked and not the outputs.
        if let Some(reason) = metered.meter.exceeded() {
            return Err(EvaluationError::OverBudget { source_text: source_text(), reason });
        }
        match (first, second) {
            (None, _) => Ok(Value::null()),
            (Some(Ok(value)), None) => Ok(Value(value)),
            (Some(Ok(_)), Some(_)) => Err(EvaluationError::Several { source_text: source_text() }),
            (Some(Err(error)), _) => {
                let reason = meter::shortened(&error.to_string());
                Err(EvaluationError::Failed { source_text: source_text(), reason })
            }
        }
    }
}
