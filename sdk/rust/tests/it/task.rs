//! A function under the attribute: what reaches it, and what its answer becomes.

use sandmill_sdk::config;
use sandmill_sdk::prelude::*;
use sandmill_sdk::testing::Harness;

/// What to divide.
#[derive(Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case")]
enum Config {
    Whole { dividend: i64, divisor: i64 },
    Text { dividend: String, divisor: String },
}

#[derive(Debug, PartialEq, Serialize, JsonSchema)]
struct Quotient {
    quotient: i64,
}

/// Divides one number
/// by another.
///
/// It is here for its errors.
#[sandmill::task]
fn divide(config: Config) -> Result<Quotient, Problem> {
    let (dividend, divisor) = match config {
        Config::Whole { dividend, divisor } => (dividend, divisor),
        Config::Text { dividend, divisor } => (dividend.parse()?, divisor.parse()?),
    };
    let by_zero = || Problem::new(422, "Division by zero").kind("https://example.com/division").retryable();
    Ok(Quotient { quotient: dividend.checked_div(divisor).ok_or_else(by_zero)? })
}

fn run(config: Value) -> Result<Quotient, Problem> {
    Harness::new().config(config).run(divide)
}

#[test]
fn a_config_comes_in_and_an_output_goes_out() {
    let config = json!({ "kind": "text", "dividend": "7", "divisor": "2" });
    assert_eq!(run(config.clone()), Ok(Quotient { quotient: 3 }));
    assert_eq!(Harness::new().config(config).run_to_json(divide), Ok(json!({ "quotient": 3 })));
}

#[test]
fn a_problem_goes_out_as_it_is() {
    let problem = run(json!({ "kind": "text", "dividend": "7", "divisor": "0" })).unwrap_err();
    let expected = Problem::new(422, "Division by zero").kind("https://example.com/division").retryable();
    assert_eq!(problem, expected);
}

#[test]
fn a_standard_error_becomes_a_problem() {
    let problem = run(json!({ "kind": "text", "dividend": "seven", "divisor": "2" })).unwrap_err();
    assert_eq!((problem.status, problem.detail.as_deref()), (500, Some("invalid digit found in string")));
}

#[test]
fn a_config_that_does_not_decode_is_a_problem() {
    let problem = run(json!({ "kind": "half" })).unwrap_err();
    assert_eq!((problem.status, problem.retryable), (400, false));
    assert_eq!(problem.kind, "https://sandmill.dev/problems/config-invalid");
    let detail = problem.detail.unwrap();
    assert!(detail.contains("unknown variant `half`, expected `whole` or `text`"), "{detail}");
}

#[test]
fn a_config_that_is_not_there_is_a_problem_of_its_own() {
    #[track_caller]
    fn check(error: config::Error, status: u16, retryable: bool) {
        let problem = Harness::new().config_error(error).run(divide).unwrap_err();
        assert_eq!((problem.status, problem.retryable), (status, retryable));
        assert!(problem.detail.is_some_and(|detail| !detail.is_empty()));
    }
    check(config::Error::NotFound, 404, false);
    check(config::Error::Denied, 403, false);
    check(config::Error::Expired, 410, false);
    check(config::Error::TooLarge, 413, false);
    check(config::Error::Unavailable, 503, true);
}

#[test]
fn an_output_without_a_form_in_json_is_a_problem() {
    fn lists_as_keys(_config: Value) -> Result<std::collections::BTreeMap<String, Unwritable>, Problem> {
        Ok([("a".to_owned(), Unwritable)].into())
    }
    #[derive(Debug, JsonSchema)]
    struct Unwritable;
    impl Serialize for Unwritable {
        fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            Err(serde::ser::Error::custom("cannot be written"))
        }
    }
    let problem = Harness::new().run(lists_as_keys).unwrap_err();
    assert_eq!((problem.status, problem.detail.as_deref()), (500, Some("cannot be written")));
}

#[test]
fn the_schemas_are_those_of_the_types() {
    let schemas = Harness::new().schemas(divide);
    assert_eq!(schemas.config["$schema"], "https://json-schema.org/draft/2020-12/schema");
    assert_eq!(schemas.config["description"], "What to divide.");
    assert_eq!(schemas.output["properties"]["quotient"]["type"], "integer");
}
