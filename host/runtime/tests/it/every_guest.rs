//! A behaviour of the guest that no test runs would only look like one that is tested.

use crate::kit::{Bench, component, json, options};

/// The tests of this crate, as they stand in its folder.
const TESTS: [&str; 7] = [
    include_str!("running.rs"),
    include_str!("context.rs"),
    include_str!("logging.rs"),
    include_str!("outside.rs"),
    include_str!("limits.rs"),
    include_str!("outcomes.rs"),
    include_str!("cancelling.rs"),
];

#[tokio::test]
async fn every_behaviour_of_the_guest_has_a_test() {
    let bench = Bench::new(&options());
    let description = bench.inspect(component("guests")).await.unwrap();
    let schema = json(&description.config_schema);
    let names = schema.pointer("/properties/do/enum").unwrap();
    for name in names.iter_array().unwrap() {
        let quoted = format!("\"{}\"", name.as_str().unwrap());
        assert!(TESTS.iter().any(|tests| tests.contains(&quoted)), "no test runs {quoted}");
    }
}
