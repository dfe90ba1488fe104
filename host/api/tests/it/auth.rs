//! Who is let in, and as whom.

use axum::http::Method;
use sandmill_engine::ports::KeyScope;

use crate::kit::{Ask, PORT, World, ask, get, put};

/// Asks for something that lies behind the gate.
fn plugins() -> Ask {
    get("/v1/plugins")
}

#[track_caller]
fn check(answer: &crate::kit::Answer, expected: Result<(), (u16, &str)>) {
    match expected {
        Ok(()) => assert_eq!(answer.status, 200, "{}", answer.text),
        Err((status, code)) => answer.is_error(status, code),
    }
}

#[tokio::test]
async fn a_program_on_this_computer_needs_no_key() {
    let world = World::new();
    for host in ["127.0.0.1", "localhost", "LOCALHOST", "[::1]"] {
        check(&world.send(plugins().header("host", &format!("{host}:{PORT}")).done()).await, Ok(()));
    }
    check(&world.send(plugins().from([127, 8, 8, 8]).done()).await, Ok(()));
}

#[tokio::test]
async fn whoever_may_be_somebody_else_needs_a_key() {
    let world = World::new();
    let needs_key = Err((401, "key-required"));
    check(&world.send(plugins().from([192, 168, 1, 2]).done()).await, needs_key);
    for host in ["evil.example", "127.0.0.1", "127.0.0.1:1", "localhost.evil.example:7878", "127.0.0.1:78780", ""] {
        check(&world.send(plugins().header("host", host).done()).await, needs_key);
    }
    check(&world.send(plugins().without("host").done()).await, needs_key);
    check(&world.send(plugins().more("host", "127.0.0.1:7878").done()).await, needs_key);
    for header in ["forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip"] {
        check(&world.send(plugins().header(header, "127.0.0.1").done()).await, needs_key);
    }
    let mut without_connection = plugins().done();
    without_connection.extensions_mut().clear();
    let answer = world.send(without_connection).await;
    check(&answer, needs_key);
    assert!(answer.header("www-authenticate").starts_with("Bearer"));
    assert!(answer.json["detail"].as_str().unwrap().contains("sandmill key create"), "it says what to do");
}

#[tokio::test]
async fn a_target_that_names_a_host_counts_more_than_the_header() {
    let world = World::new();
    let foreign = ask(Method::GET, "http://evil.example/v1/plugins");
    check(&world.send(foreign.done()).await, Err((401, "key-required")));
    let local = ask(Method::GET, "http://127.0.0.1:7878/v1/plugins").header("host", "evil.example");
    check(&world.send(local.done()).await, Ok(()));
}

#[tokio::test]
async fn a_foreign_web_page_is_refused() {
    let world = World::new();
    let foreign = Err((403, "foreign-page"));
    let origins =
        ["http://evil.example", "https://127.0.0.1:7878", "http://127.0.0.1:3000", "http://localhost:7878", "null", ""];
    for origin in origins {
        check(&world.send(plugins().header("origin", origin).done()).await, foreign);
    }
    for site in ["cross-site", "same-site", "", "something-new"] {
        check(&world.send(plugins().header("sec-fetch-site", site).done()).await, foreign);
    }
    let form = ask(Method::POST, "/v1/keys").header("origin", "http://evil.example").body_text(r#"{"label":"x"}"#);
    check(&world.send(form.done()).await, foreign);
    let own = plugins().header("origin", "http://127.0.0.1:7878").header("sec-fetch-site", "same-origin");
    check(&world.send(own.done()).await, Ok(()));
    check(&world.send(plugins().header("sec-fetch-site", "none").done()).await, Ok(()));
}

#[tokio::test]
async fn a_key_opens_from_everywhere_and_a_wrong_one_from_nowhere() {
    let world = World::new();
    let key = world.key(KeyScope::Operator);
    let from_far = || plugins().from([192, 168, 1, 2]).header("host", "sandmill.example").header("forwarded", "for=x");
    check(&world.send(from_far().key(&key).done()).await, Ok(()));
    let unknown = Err((401, "key-unknown"));
    let other_secret = format!("{}{}", &key[..key.len() - 1], if key.ends_with('0') { '1' } else { '0' });
    for wrong in [&other_secret, "", "sm_", &key[1..], &format!("{key}0")] {
        check(&world.send(from_far().key(wrong).done()).await, unknown);
        check(&world.send(plugins().key(wrong).done()).await, unknown);
    }
    check(&world.send(plugins().header("authorization", &format!("Basic {key}")).done()).await, unknown);
    let twice = plugins().key(&key).more("authorization", &format!("Bearer {key}"));
    check(&world.send(twice.done()).await, unknown);
}

#[tokio::test]
async fn a_tenant_sees_what_is_its_own_and_nothing_tells_it_of_another() {
    let world = World::new();
    let (one, other) = (world.key_of("one"), world.key_of("other"));
    let added = world.send(put("/v1/plugins/work/1.0.0").key(&one).body_text("wasm of one").done()).await;
    assert_eq!(added.status, 201, "{}", added.text);
    let path = "/v1/plugins/work/1.0.0";
    check(&world.send(get(path).key(&one).done()).await, Ok(()));
    check(&world.send(get(path).key(&other).done()).await, Err((404, "plugin-not-found")));
    check(&world.send(get(path).done()).await, Err((404, "plugin-not-found")));
    // A tenant that exists and one that does not look the same to another one.
    let named = |tenant| get(path).key(&other).header("sandmill-tenant", tenant);
    let (existing, missing) = (world.send(named("one").done()).await, world.send(named("none").done()).await);
    check(&existing, Err((404, "tenant-not-found")));
    assert_eq!(existing.text.replace("`one`", "`none`"), missing.text);
    check(&world.send(get(path).key(&one).header("sandmill-tenant", "one").done()).await, Ok(()));
}

#[tokio::test]
async fn an_operator_names_a_tenant_and_is_told_when_there_is_none() {
    let world = World::new();
    let one = world.key_of("one");
    world.send(put("/v1/plugins/work/1.0.0").key(&one).body_text("wasm").done()).await;
    let named = |tenant| get("/v1/plugins/work/1.0.0").header("sandmill-tenant", tenant);
    check(&world.send(named("one").done()).await, Ok(()));
    for tenant in ["none", "One", "", "a/b"] {
        check(&world.send(named(tenant).done()).await, Err((404, "tenant-not-found")));
    }
}

#[tokio::test]
async fn a_tenants_key_opens_nothing_of_operators() {
    let world = World::new();
    let key = world.key_of("one");
    let requests = [
        get("/v1/tenants"),
        put("/v1/tenants/new"),
        get("/v1/keys"),
        ask(Method::POST, "/v1/keys").body_text(r#"{"label":"x"}"#),
        ask(Method::DELETE, "/v1/keys/x"),
        get("/metrics"),
    ];
    for request in requests {
        check(&world.send(request.key(&key).done()).await, Err((403, "operator-only")));
    }
}

#[tokio::test]
async fn probes_and_the_description_are_open() {
    let world = World::new();
    for path in ["/healthz", "/readyz", "/v1/openapi.json"] {
        check(&world.send(get(path).from([192, 168, 1, 2]).done()).await, Ok(()));
    }
    check(&world.send(get("/metrics").from([192, 168, 1, 2]).done()).await, Err((401, "key-required")));
    assert_eq!(world.send(get("/metrics").done()).await.text, "sandmill_up 1\n");
}
