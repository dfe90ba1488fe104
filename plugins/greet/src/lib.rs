//! Greets somebody: the first plugin of the guide.

use sandmill_sdk::prelude::*;

#[derive(Deserialize, JsonSchema)]
struct Config {
    name: String,
}

#[derive(Debug, PartialEq, Serialize, JsonSchema)]
struct Greeting {
    text: String,
}

/// Greets somebody by name.
#[task]
fn greet(config: Config) -> Result<Greeting, Problem> {
    Ok(Greeting { text: format!("Hello, {}!", config.name) })
}

#[cfg(test)]
mod tests {
    use sandmill_sdk::testing::Harness;

    use super::*;

    #[test]
    fn somebody_is_greeted() {
        let harness = Harness::new().config(json!({ "name": "Ada" }));
        assert_eq!(harness.run(greet), Ok(Greeting { text: "Hello, Ada!".to_owned() }));
    }

    #[test]
    fn a_config_without_a_name_is_a_problem() {
        let problem = Harness::new().run(greet).unwrap_err();
        assert_eq!((problem.status, problem.detail.as_deref()), (400, Some("config: missing field `name`")));
    }
}
