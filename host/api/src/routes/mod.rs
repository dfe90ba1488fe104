//! Every route, one file for each resource, and the description that is generated from them.
#![expect(unused_qualifications, reason = "the code that `utoipa::path` writes qualifies what is in scope already")]

mod plugins;
mod workflows;

mod again;
mod control;
mod executions;
mod start;
mod tasks;

mod cloud_events;
mod events;
mod logs;
mod streams;

mod keys;
mod tenants;

mod health;

pub(crate) use health::METRICS_TYPE;

use std::sync::Arc;

use axum::Router;
use axum::http::{Method, Uri};
use axum::middleware::{from_fn, from_fn_with_state};
use bytes::Bytes;
use serde::Serialize;
use utoipa::OpenApi as _;
use utoipa::openapi::OpenApi;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::gate;
use crate::code::Code;
use crate::error::ApiError;
use crate::observe::observe;
use crate::protect::protect;
use crate::state::{Api, Parts, Shared};

/// What the description says before its routes.
#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Sandmill",
        description = "Durable workflows whose every step is a sandboxed WebAssembly component.\n\n\
            Every error is a problem document (RFC 9457) with a stable `code`. The tenant comes from the API key; an operator \
            names one with the header `Sandmill-Tenant`.",
        license(name = "Apache-2.0", identifier = "Apache-2.0")
    ),
    tags(
        (name = "plugins", description = "Components in a tenant's catalog. A version never changes its bytes."),
        (name = "workflows", description = "Workflow definitions. A version never changes its bytes."),
        (name = "executions", description = "Runs of a workflow definition."),
        (name = "operators", description = "Tenants and API keys."),
        (name = "host", description = "How the host is.")
    ),
    security(("key" = []))
)]
struct Description;

/// A list without pages.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct ListView<T> {
    /// All there is.
    items: Vec<T>,
}

/// One page of a list.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct PageView<T> {
    /// What is on it. A page may have few items, or none, and still not be the last.
    items: Vec<T>,
    /// What to ask for the next page with, as `after`; `null` on the last one.
    next: Option<String>,
}

/// The whole API over its parts.
pub fn router(parts: Parts) -> Router {
    let (behind_gate, open, description) = split();
    let text = serde_json::to_vec(&description).expect("a description is made of text");
    let api: Shared = Arc::new(Api::new(parts, Bytes::from(text)));
    let behind_gate = behind_gate.route_layer(from_fn_with_state(Arc::clone(&api), gate));
    behind_gate
        .merge(open)
        .fallback(no_such_route)
        .method_not_allowed_fallback(no_such_method)
        .layer(from_fn_with_state(Arc::clone(&api), protect))
        .layer(from_fn(observe))
        .with_state(api)
}

/// The OpenAPI description of every route.
#[must_use]
pub fn description() -> OpenApi {
    split().2
}

/// The routes that need to know who asks, the others, and the description of both.
fn split() -> (Router<Shared>, Router<Shared>, OpenApi) {
    let (behind_gate, mut description) = OpenApiRouter::with_openapi(Description::openapi())
        .routes(routes!(plugins::list))
        .routes(routes!(plugins::put, plugins::get, plugins::delete))
        .routes(routes!(plugins::component))
        .routes(routes!(workflows::put, workflows::list))
        .routes(routes!(workflows::validate))
        .routes(routes!(workflows::get, workflows::delete))
        .routes(routes!(workflows::document))
        .routes(routes!(start::start))
        .routes(routes!(again::start_at))
        .routes(routes!(again::rerun))
        .routes(routes!(executions::list))
        .routes(routes!(executions::get))
        .routes(routes!(tasks::tasks))
        .routes(routes!(events::events))
        .routes(routes!(logs::logs))
        .routes(routes!(control::cancel))
        .routes(routes!(control::suspend))
        .routes(routes!(control::resume))
        .routes(routes!(tenants::list))
        .routes(routes!(tenants::put))
        .routes(routes!(tenants::set_defaults))
        .routes(routes!(keys::list, keys::create))
        .routes(routes!(keys::delete))
        .routes(routes!(health::metrics))
        .split_for_parts();
    let (open, rest) = OpenApiRouter::new()
        .routes(routes!(health::healthz))
        .routes(routes!(health::readyz))
        .routes(routes!(health::openapi))
        .split_for_parts();
    description.merge(rest);
    let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("sm_<id>_<secret>").build();
    let components = description.components.get_or_insert_default();
    components.add_security_scheme("key", SecurityScheme::Http(bearer));
    (behind_gate, open, description)
}

async fn no_such_route(uri: Uri) -> ApiError {
    ApiError::new(Code::RouteNotFound, format!("There is no {}; `/v1/openapi.json` lists every route.", uri.path()))
}

async fn no_such_method(method: Method, uri: Uri) -> ApiError {
    ApiError::new(
        Code::MethodNotAllowed,
        format!("{} does not take {method}; `/v1/openapi.json` says what it takes.", uri.path()),
    )
}
