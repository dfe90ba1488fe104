//! Every limit, at the limit and one over it.

use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use futures::stream;
use sandmill_api::ApiOptions;

use crate::kit::{World, get, post, put};

fn chunks(sizes: &[usize]) -> Body {
    let chunks: Vec<_> = sizes.iter().map(|size| Ok::<_, std::io::Error>(Bytes::from(vec![b' '; *size]))).collect();
    Body::from_stream(stream::iter(chunks))
}

#[tokio::test]
async fn a_body_is_bounded_whether_or_not_it_says_its_length() {
    let world =
        World::with_options(ApiOptions { body_bytes_max: 100, component_bytes_max: 200, ..ApiOptions::default() });
    let keys = async |body: Body| world.send(post("/v1/keys").body(body).done()).await;
    let label = |bytes: usize| format!(r#"{{"label":"{}"}}"#, "x".repeat(bytes - 12));
    assert_eq!(keys(Body::from(label(100))).await.status, 201);
    keys(Body::from(label(101))).await.is_error(413, "body-too-large");
    keys(chunks(&[50, 50])).await.is_error(400, "invalid-json");
    keys(chunks(&[50, 51])).await.is_error(413, "body-too-large");
    let plugin = async |bytes: usize| {
        world.send(put("/v1/plugins/work/1.0.0").body_text(&format!("wasm{}", " ".repeat(bytes - 4))).done()).await
    };
    plugin(201).await.is_error(413, "body-too-large");
    assert_eq!(plugin(200).await.status, 201);
}

#[tokio::test]
async fn all_bodies_together_are_bounded() {
    let world = World::with_options(ApiOptions { bodies_bytes_max: 100, ..ApiOptions::default() });
    let keys = async |body: Body| world.send(post("/v1/keys").body(body).done()).await;
    keys(chunks(&[50, 50])).await.is_error(400, "invalid-json");
    keys(chunks(&[50, 51])).await.is_error(429, "too-many-requests");
    keys(chunks(&[100])).await.is_error(400, "invalid-json");
}

#[tokio::test]
async fn a_body_that_does_not_arrive_in_time_or_at_all_is_an_error() {
    let world = World::with_options(ApiOptions { request_time: Duration::from_millis(5), ..ApiOptions::default() });
    let never = Body::from_stream(stream::pending::<Result<Bytes, std::io::Error>>());
    let answer = world.send(post("/v1/keys").body(never).done()).await;
    answer.is_error(408, "request-timeout");
    assert_eq!(answer.header("connection"), "close");
    let broken = Body::from_stream(stream::iter([Err::<Bytes, _>(std::io::Error::other("gone"))]));
    world.send(post("/v1/keys").body(broken).done()).await.is_error(400, "body-unreadable");
}

#[tokio::test]
async fn a_request_has_a_time_beside_its_wait() {
    let time = Duration::from_millis(5);
    let world = World::with_options(ApiOptions { request_time: time, wait_max: time, ..ApiOptions::default() });
    let endless = put("/v1/plugins/work/1.0.0").body_text("wasm for ever");
    world.send(endless.done()).await.is_error(408, "request-timeout");
}

#[tokio::test]
async fn headers_are_bounded_in_number_and_size() {
    let options = ApiOptions { headers_max: 10, header_bytes_max: 1_000, ..ApiOptions::default() };
    let world = World::with_options(options);
    // One header is `host`.
    let lines = async |count: usize| {
        let request = (1..count).fold(get("/healthz"), |request, _| request.more("x-more", "1"));
        world.send(request.done()).await
    };
    assert_eq!(lines(10).await.status, 200);
    lines(11).await.is_error(431, "headers-too-large");
    let used = "/healthz".len() + "host127.0.0.1:7878".len() + 4 + "x-more".len() + 4;
    let bytes =
        async |bytes: usize| world.send(get("/healthz").header("x-more", &"x".repeat(bytes - used)).done()).await;
    assert_eq!(bytes(1_000).await.status, 200);
    bytes(1_001).await.is_error(431, "headers-too-large");
}

#[tokio::test]
async fn requests_at_the_same_time_are_bounded_and_probes_are_not() {
    let world = World::with_options(ApiOptions { requests_max: 0, ..ApiOptions::default() });
    let refused = world.send(get("/v1/plugins").done()).await;
    refused.is_error(429, "too-many-requests");
    assert_eq!(refused.header("retry-after"), "1");
    assert_eq!(world.send(get("/healthz").done()).await.status, 200);
    let world = World::with_options(ApiOptions { requests_max: 1, ..ApiOptions::default() });
    for _ in 0..3 {
        assert_eq!(world.send(get("/v1/plugins").done()).await.status, 200, "the room is given back");
    }
}
