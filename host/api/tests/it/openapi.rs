//! The description and the router say the same.

use std::fmt::Write as _;

use axum::http::Method;

use crate::kit::{World, ask, get};

/// Every operation of the description: method, path, and what it is called and answers with.
fn operations(description: &serde_json::Value) -> Vec<(Method, String, String)> {
    let paths = description["paths"].as_object().unwrap();
    let operations = paths.iter().flat_map(|(path, item)| {
        item.as_object().unwrap().iter().map(move |(method, operation)| {
            let statuses: Vec<_> = operation["responses"].as_object().unwrap().keys().cloned().collect();
            (
                method.to_uppercase().parse().unwrap(),
                path.clone(),
                format!("{} {}", operation["operationId"].as_str().unwrap(), statuses.join(" ")),
            )
        })
    });
    operations.collect()
}

#[tokio::test]
async fn every_described_operation_is_routed() {
    let world = World::new();
    let description = world.send(get("/v1/openapi.json").done()).await;
    assert!(description.json["openapi"].as_str().unwrap().starts_with("3.1"), "{}", description.json["openapi"]);
    for (method, path, _) in operations(&description.json) {
        // Nothing stands under these names: a route answers with its own 404, and no route with that of the router.
        let path = path.replace(['{', '}'], "");
        let answer = world.send(ask(method.clone(), &path).done()).await;
        assert!(
            !["route-not-found", "method-not-allowed"].contains(&answer.json["code"].as_str().unwrap_or_default()),
            "{method} {path}: {}",
            answer.text
        );
    }
}

#[test]
fn every_route_is_described() {
    let description = serde_json::to_value(sandmill_api::description()).unwrap();
    let lines = operations(&description).into_iter().fold(String::new(), |mut lines, (method, path, operation)| {
        writeln!(lines, "{method} {path} = {operation}").unwrap();
        lines
    });
    insta::assert_snapshot!(lines);
    let mut names: Vec<_> = operations(&description)
        .into_iter()
        .map(|(_, _, operation)| operation.split(' ').next().unwrap().to_owned())
        .collect();
    names.sort_unstable();
    assert!(names.windows(2).all(|pair| pair[0] != pair[1]), "an operation has a name of its own: {names:?}");
    for (name, schema) in description["components"]["schemas"].as_object().unwrap() {
        let described = schema["description"].is_string() || schema["oneOf"].is_array() || name.contains('_');
        assert!(described, "{name} is not described");
    }
}
