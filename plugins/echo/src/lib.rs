//! Returns what it is given: for first steps, and for benchmarks, which call it millions of times.
//!
//! The value is never decoded: its text is found in the config and becomes the output.

use sandmill_sdk::prelude::*;
use sandmill_sdk::serde_json::value::RawValue;

/// What to return.
#[derive(Deserialize, JsonSchema)]
struct Config {
    /// The output. Without it, the output is what stands at the path `context`, or `null`.
    #[serde(default)]
    #[schemars(with = "Value")]
    value: Option<Box<RawValue>>,
    /// A path into the workflow's context, which is read once.
    context: Option<String>,
}

/// The value, as it was given.
#[derive(Serialize, JsonSchema)]
#[serde(transparent)]
struct Echo(#[schemars(with = "Value")] Option<Box<RawValue>>);

/// Returns the value of its config, or what stands at a path of the context.
#[task]
fn echo(config: Config, context: &Context) -> Result<Echo, Problem> {
    let read = config.context.map(|path| context.get(&path)).transpose()?.flatten();
    Ok(Echo(config.value.or(read)))
}

#[cfg(test)]
mod tests {
    use sandmill_sdk::testing::Harness;

    use super::*;

    #[track_caller]
    fn check(config: Value, expected: Value) {
        let harness = Harness::new().config(config).context(json!({ "name": "Ada" }));
        assert_eq!(harness.run_to_json(echo).unwrap(), expected);
    }

    #[test]
    fn the_value_comes_back() {
        check(json!({ "value": { "a": [1, 2.5, null] } }), json!({ "a": [1, 2.5, null] }));
        check(json!({ "value": "text" }), json!("text"));
        check(json!({}), Value::Null);
    }

    #[test]
    fn the_context_is_read_and_a_value_wins() {
        check(json!({ "context": "context.name" }), json!("Ada"));
        check(json!({ "context": "context.nothing" }), Value::Null);
        check(json!({ "context": "context.name", "value": 1 }), json!(1));
    }

    #[test]
    fn a_path_that_cannot_be_read_is_a_problem() {
        let problem = Harness::new().config(json!({ "context": "a..b" })).run(echo).map(|_| ()).unwrap_err();
        assert_eq!((problem.status, problem.retryable), (400, false));
    }
}
