//! Any text is an expression that is refused, or one that ends within its budget and gives the same every time.
//!
//! What stands before the first zero byte is the expression, what stands behind it is its input, as JSON.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sandmill_core::expression::{Budget, Environment, EvaluationError, Filter, Mode, Scope, Template};
use sandmill_core::time::Timestamp;
use sandmill_core::value::Value;

/// The variables that there are.
const VARIABLES: [&str; 2] = ["context", "item"];

/// Small, so that many expressions are tried in the time that one may take.
const BUDGET: Budget = Budget { ticks: 1_000, elements: 10_000 };

struct Variables(Value);

impl Scope for Variables {
    fn variable(&self, name: &str) -> Option<Value> {
        match name {
            "context" => Some(self.0.clone()),
            "item" => Some(Value::from(3_i64)),
            _ => None,
        }
    }
}

fuzz_target!(|bytes: &[u8]| {
    let (text, input) =
        bytes.iter().position(|byte| *byte == 0).map_or((bytes, &b""[..]), |end| (&bytes[..end], &bytes[end + 1..]));
    let Ok(text) = std::str::from_utf8(text) else { return };
    let input = Value::from_json(input).unwrap_or_default();
    let scope = Variables(input.clone());
    let environment = Environment { now: Timestamp(1_700_000_000_123), budget: BUDGET };
    match Filter::compile(text, &VARIABLES) {
        Ok(filter) => {
            assert!(filter.variables_used().iter().all(|name| VARIABLES.contains(&name.as_str())));
            let first = filter.evaluate(&input, &scope, &environment);
            check(&first);
            assert_eq!(shown(&first), shown(&filter.evaluate(&input, &scope, &environment)), "{text}");
        }
        Err(error) => assert!(error.at.is_none_or(|at| at <= text.len()), "{text}: {error}"),
    }
    if let Ok(template) =
        Template::compile(&Value::object([("a", Value::from(text)), ("b", input.clone())]), &VARIABLES, Mode::Strict)
    {
        check(&template.evaluate(&input, &scope, &environment));
    }
});

fn shown(result: &Result<Value, EvaluationError>) -> String {
    format!("{result:?}")
}

/// An error can be told, and a value is written as JSON that reads back to what is written the same. One name is the reader's own.
fn check(result: &Result<Value, EvaluationError>) {
    match result {
        Ok(value) => {
            let text = value.to_json();
            assert_eq!(value.json_len(), text.len());
            match Value::from_json(&text) {
                Ok(read) => assert_eq!(read.to_string(), value.to_string()),
                Err(error) => assert!(value.to_string().contains("$serde_json::private"), "{value}: {error}"),
            }
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}
