//! Plugins of a tenant: `/v1/plugins`.

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use sandmill_core::value::Value;
use sandmill_engine::ports::PluginRow;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::ListView;
use crate::auth::Caller;
use crate::code::Code;
use crate::error::{ApiError, ProblemView};
use crate::extract::{PathOf, QueryOf};
use crate::state::{Shared, blocking};

/// A plugin.
#[derive(Serialize, ToSchema)]
pub(crate) struct PluginView {
    /// Its name, a DNS label.
    name: String,
    /// Its semantic version.
    version: String,
    /// The SHA-256 of its component.
    digest: String,
    /// What it says it does.
    summary: String,
    /// The size of its component.
    bytes: u64,
    /// When it was added.
    created_at: String,
    /// The JSON Schema of its config.
    #[schema(value_type = serde_json::Value)]
    config_schema: Value,
    /// The JSON Schema of its output.
    #[schema(value_type = serde_json::Value)]
    output_schema: Value,
}

/// Which plugins.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct PluginQuery {
    /// Only those of that name.
    name: Option<String>,
}

impl From<PluginRow> for PluginView {
    fn from(row: PluginRow) -> Self {
        // The registry took only what is JSON.
        let schema = |text: &str| Value::from_json(text.as_bytes()).unwrap_or_default();
        Self {
            config_schema: schema(&row.config_schema),
            output_schema: schema(&row.output_schema),
            name: row.name,
            version: row.version,
            digest: row.digest.to_string(),
            summary: row.summary,
            bytes: row.bytes,
            created_at: row.created_at.to_string(),
        }
    }
}

/// Add a plugin.
///
/// The same bytes again change nothing. Other bytes under the same version are refused, also after the plugin was removed.
#[utoipa::path(
    put, operation_id = "add_plugin", path = "/v1/plugins/{name}/{version}", tag = "plugins",
    params(("name" = String, Path, description = "A DNS label"), ("version" = String, Path, description = "A semantic version")),
    request_body(content = Vec<u8>, content_type = "application/wasm", description = "The component"),
    responses(
        (status = 201, description = "It was added", body = PluginView),
        (status = 200, description = "The same bytes were there already", body = PluginView),
        (status = "default", description = "An error", body = ProblemView, content_type = "application/problem+json")
    )
)]
pub(crate) async fn put(
    State(api): State<Shared>,
    caller: Caller,
    PathOf((name, version)): PathOf<(String, String)>,
    body: Body,
) -> Result<Response, ApiError> {
    let component = api.receive(body, api.options.component_bytes_max).await?;
    let registered = api.registry.register(&caller.tenant, &name, &version, component.bytes.clone()).await?;
    let status = if registered.is_new { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Json(PluginView::from(registered.row))).into_response())
}

/// The plugins of a tenant, by name, then by version.
#[utoipa::path(
    get, operation_id = "list_plugins", path = "/v1/plugins", tag = "plugins", params(PluginQuery),
    responses(
        (status = 200, description = "The plugins", body = ListView<PluginView>),
        (status = "default", description = "An error", body = ProblemView, content_type = "application/problem+json")
    )
)]
pub(crate) async fn list(
    State(api): State<Shared>,
    caller: Caller,
    QueryOf(query): QueryOf<PluginQuery>,
) -> Result<Json<ListView<PluginView>>, ApiError> {
    let rows = blocking(move || Ok(api.store.plugins(&caller.tenant, query.name.as_deref())?)).await?;
    Ok(Json(ListView { items: rows.into_iter().map(Into::into).collect() }))
}

/// One plugin.
#[utoipa::path(
    get, operation_id = "get_plugin", path = "/v1/plugins/{name}/{version}", tag = "plugins",
    params(("name" = String, Path), ("version" = String, Path)),
    responses(
        (status = 200, description = "The plugin", body = PluginView),
        (status = "default", description = "An error", body = ProblemView, content_type = "application/problem+json")
    )
)]
pub(crate) async fn get(
    State(api): State<Shared>,
    caller: Caller,
    PathOf(plugin): PathOf<(String, String)>,
) -> Result<Json<PluginView>, ApiError> {
    Ok(Json(find(api, caller, plugin).await?.into()))
}

/// The component of a plugin.
#[utoipa::path(
    get, operation_id = "get_component", path = "/v1/plugins/{name}/{version}/component", tag = "plugins",
    params(("name" = String, Path), ("version" = String, Path)),
    responses(
        (status = 200, description = "Its bytes", body = Vec<u8>, content_type = "application/wasm"),
        (status = "default", description = "An error", body = ProblemView, content_type = "application/problem+json")
    )
)]
pub(crate) async fn component(
    State(api): State<Shared>,
    caller: Caller,
    PathOf(plugin): PathOf<(String, String)>,
) -> Result<Response, ApiError> {
    let missing = no_plugin(&plugin.0, &plugin.1);
    let digest = find(api.clone(), caller.clone(), plugin).await?.digest;
    let component = blocking(move || Ok(api.store.component(&caller.tenant, digest)?)).await?.ok_or(missing)?;
    Ok(([(header::CONTENT_TYPE, "application/wasm")], component).into_response())
}

/// Remove a plugin that no workflow definition is pinned to. Its version stays taken.
#[utoipa::path(
    delete, operation_id = "remove_plugin", path = "/v1/plugins/{name}/{version}", tag = "plugins",
    params(("name" = String, Path), ("version" = String, Path)),
    responses(
        (status = 204, description = "It was removed"),
        (status = "default", description = "An error", body = ProblemView, content_type = "application/problem+json")
    )
)]
pub(crate) async fn delete(
    State(api): State<Shared>,
    caller: Caller,
    PathOf((name, version)): PathOf<(String, String)>,
) -> Result<StatusCode, ApiError> {
    blocking(move || match api.store.remove_plugin(&caller.tenant, &name, &version)? {
        true => Ok(StatusCode::NO_CONTENT),
        false => Err(no_plugin(&name, &version)),
    })
    .await
}

async fn find(api: Shared, caller: Caller, (name, version): (String, String)) -> Result<PluginRow, ApiError> {
    blocking(move || {
        let rows = api.store.plugins(&caller.tenant, Some(&name))?;
        rows.into_iter().find(|row| row.version == version).ok_or_else(|| no_plugin(&name, &version))
    })
    .await
}

fn no_plugin(name: &str, version: &str) -> ApiError {
    ApiError::new(Code::PluginNotFound, format!("There is no plugin {name}:{version}; `GET /v1/plugins` lists them."))
}
