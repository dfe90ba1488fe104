//! The table of errors, its pages, and the errors of the host itself.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use sandmill_api::{ApiOptions, CODES, Connection};
use sandmill_core::definition::{PluginSource, Report};
use sandmill_core::time::Millis;
use sandmill_engine::Options;
use sandmill_engine::ports::StoreError;

use crate::kit::{World, ask, get, put};

#[test]
fn every_code_has_its_page_and_every_page_of_the_api_its_code() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/errors");
    for code in CODES {
        let row = code.row();
        let page = folder.join(format!("{}.md", row.code));
        let text = fs::read_to_string(&page).unwrap_or_else(|error| panic!("{}: {error}", page.display()));
        assert!(text.starts_with(&format!("# {}\n", row.code)), "{}", page.display());
        for part in [&format!("HTTP status {}", row.status), "## Example", "## What to do", row.title] {
            assert!(text.contains(part), "{} does not say `{part}`", page.display());
        }
    }
    for entry in fs::read_dir(folder).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let text =
            fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/errors").join(&name)).unwrap();
        let is_of_api = text.contains("HTTP status ");
        let has_code = CODES.iter().any(|code| format!("{}.md", code.row().code) == name);
        assert!(!is_of_api || has_code, "docs/errors/{name} is the page of no code");
    }
}

#[tokio::test]
async fn what_is_not_there_is_said_in_the_same_form() {
    let world = World::new();
    world.send(get("/v1/nothing").done()).await.is_error(404, "route-not-found");
    world.send(get("/").done()).await.is_error(404, "route-not-found");
    world.send(put("/healthz").done()).await.is_error(405, "method-not-allowed");
    world.send(ask("PATCH".parse().unwrap(), "/v1/plugins").done()).await.is_error(405, "method-not-allowed");
    world.send(get("/v1/plugins/%ff/1.0.0").done()).await.is_error(400, "invalid-parameter");
}

#[tokio::test]
async fn a_store_that_says_no_is_told_apart() {
    let world = World::new();
    let reason = || "secret path".to_string();
    let cases = [
        (StoreError::Refused { reason: reason() }, 503, "store-refused", "60"),
        (StoreError::Failed { reason: reason() }, 503, "store-failed", "5"),
        (StoreError::Damaged { place: "row".into(), reason: reason() }, 500, "store-damaged", ""),
    ];
    for (fault, status, code, retry_after) in cases {
        world.store.fail(fault);
        for path in ["/v1/plugins", "/readyz"] {
            let answer = world.send(get(path).done()).await;
            answer.is_error(status, code);
            assert_eq!(answer.header("retry-after"), retry_after);
            assert_eq!(answer.text.contains("secret"), code == "store-refused", "{}", answer.text);
        }
        assert_eq!(world.send(get("/healthz").done()).await.status, 200, "the process is up all the same");
    }
}

#[tokio::test]
async fn a_panic_is_an_answer_and_the_next_request_is_served() {
    let world = World::new();
    let answer =
        world.send(put("/v1/plugins/work/1.0.0").body_text("wasm panic").header("x-request-id", "r-1").done()).await;
    answer.is_error(500, "internal");
    assert_eq!(answer.header("x-request-id"), "r-1");
    assert!(!answer.text.contains("test wants"), "what happened inside is for the log: {}", answer.text);
    assert_eq!(world.send(put("/v1/plugins/work/1.0.0").body_text("wasm").done()).await.status, 201);
}

#[tokio::test]
async fn a_host_that_is_about_to_stop_is_not_ready() {
    let world = World::new();
    let request = get("/readyz").done();
    request.extensions().get::<Connection>().unwrap().closing.cancel();
    world.send(request).await.is_error(503, "draining");
    world.deploy("steps", 1).await;
    world.engine.stop().await;
    world.send(get("/readyz").done()).await.is_error(503, "draining");
    let start = ask("POST".parse().unwrap(), "/v1/workflows/test/steps/executions");
    world.send(start.done()).await.is_error(503, "draining");
}

#[tokio::test]
async fn an_execution_whose_definition_does_not_compile_any_more_is_held() {
    let options = || Options { drain: Millis(0), ..Options::default() };
    let world = World::with(ApiOptions::default(), options());
    world.deploy("steps", 1).await;
    world.runner.hold(true);
    let id = world.start("steps", "{}").await;
    world.engine.stop().await;
    let compile = |_: &[u8], _: &dyn PluginSource| Err(Report::default());
    let later = World::over(world.store.clone(), Arc::new(compile), ApiOptions::default(), options());
    let resume = ask("POST".parse().unwrap(), &format!("/v1/executions/{id}/resume"));
    later.send(resume.done()).await.is_error(409, "execution-held");
}

#[tokio::test]
async fn a_request_has_an_id_that_can_stand_in_a_log() {
    let world = World::new();
    let id = async |given: &str| {
        world.send(get("/healthz").header("x-request-id", given).done()).await.header("x-request-id").to_owned()
    };
    for taken in ["a", "A-1_b.c", &"x".repeat(128)] {
        assert_eq!(id(taken).await, taken);
    }
    for refused in ["", "a b", "a\u{e4}", "a=b", &"x".repeat(129)] {
        let made = id(refused).await;
        assert!(made.len() == 32 && made != refused, "{refused}: {made}");
    }
    let answer = world.send(get("/healthz").done()).await;
    assert_eq!((answer.header("x-content-type-options"), answer.header("cache-control")), ("nosniff", "no-store"));
}
