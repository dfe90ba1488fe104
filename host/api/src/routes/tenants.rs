//! Tenants, for operators: `/v1/tenants`.

use axum::Json;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use sandmill_core::definition::AttemptPolicy;
use sandmill_core::ids::TenantId;
use sandmill_core::time::Millis;
use sandmill_engine::ports::{TaskDefaults, TenantRow};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::ListView;
use crate::auth::Operator;
use crate::code::Code;
use crate::error::{ApiError, ProblemView};
use crate::extract::{PathOf, json_members};
use crate::state::{Shared, blocking};

/// A tenant.
#[derive(Serialize, ToSchema)]
pub(crate) struct TenantView {
    /// Its name, a DNS label.
    id: String,
    /// When it was made.
    created_at: String,
    /// What holds for the tasks of its workflows where these do not say otherwise.
    defaults: DefaultsView,
}

/// What holds for the tasks of a tenant where its workflows do not say otherwise.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DefaultsView {
    /// The timeout of a task that works outside, in milliseconds; `null` for that of the host.
    #[schema(minimum = 1)]
    timeout_ms: Option<u64>,
    /// How often a task is attempted whose problem may pass; `null` for what the host says.
    retry: Option<RetryView>,
}

/// How often a task is attempted whose problem may pass.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RetryView {
    /// Attempts in all, the first one included.
    #[schema(minimum = 1)]
    attempts: u32,
    /// The wait before the second attempt, in milliseconds.
    delay_ms: u64,
    /// What the wait is multiplied with after each attempt.
    #[schema(minimum = 1)]
    factor: u32,
    /// The longest wait, in milliseconds.
    max_delay_ms: u64,
}

impl From<TaskDefaults> for DefaultsView {
    fn from(defaults: TaskDefaults) -> Self {
        let retry = defaults.retry.map(|retry| RetryView {
            attempts: retry.attempts_max,
            delay_ms: retry.delay_ms.0,
            factor: retry.factor,
            max_delay_ms: retry.delay_max_ms.0,
        });
        Self { timeout_ms: defaults.timeout.map(|timeout| timeout.0), retry }
    }
}

impl DefaultsView {
    fn defaults(&self) -> Result<TaskDefaults, ApiError> {
        let refused = |what: &str| ApiError::parameter(format!("{what} must be 1 or more."));
        if self.timeout_ms == Some(0) {
            return Err(refused("timeout_ms"));
        }
        if self.retry.as_ref().is_some_and(|retry| retry.attempts == 0 || retry.factor == 0) {
            return Err(refused("attempts and factor of retry"));
        }
        let retry = self.retry.as_ref().map(|retry| AttemptPolicy {
            attempts_max: retry.attempts,
            delay_ms: Millis(retry.delay_ms),
            factor: retry.factor,
            delay_max_ms: Millis(retry.max_delay_ms),
        });
        Ok(TaskDefaults { timeout: self.timeout_ms.map(Millis), retry })
    }
}

impl From<TenantRow> for TenantView {
    fn from(row: TenantRow) -> Self {
        Self { id: row.id.to_string(), created_at: row.created_at.to_string(), defaults: row.defaults.into() }
    }
}

/// All tenants, by name.
#[utoipa::path(
    get, operation_id = "list_tenants", path = "/v1/tenants", tag = "operators",
    responses(
        (status = 200, description = "The tenants", body = ListView<TenantView>),
        (status = "default", description = "An error", body = ProblemView, content_type = "application/problem+json")
    )
)]
pub(crate) async fn list(State(api): State<Shared>, _: Operator) -> Result<Json<ListView<TenantView>>, ApiError> {
    let rows = blocking(move || Ok(api.store.tenants()?)).await?;
    Ok(Json(ListView { items: rows.into_iter().map(Into::into).collect() }))
}

/// Make a tenant, where there is none of that name.
#[utoipa::path(
    put, operation_id = "make_tenant", path = "/v1/tenants/{tenant}", tag = "operators",
    params(("tenant" = String, Path, description = "A DNS label")),
    responses(
        (status = 201, description = "It was made", body = TenantView),
        (status = 200, description = "It was there already", body = TenantView),
        (status = "default", description = "An error", body = ProblemView, content_type = "application/problem+json")
    )
)]
pub(crate) async fn put(
    State(api): State<Shared>,
    _: Operator,
    PathOf(tenant): PathOf<String>,
) -> Result<(StatusCode, Json<TenantView>), ApiError> {
    let id = TenantId::new(&tenant).map_err(|error| ApiError::parameter(error.to_string()))?;
    let row = TenantRow { id, created_at: api.clock.now(), defaults: TaskDefaults::default() };
    blocking(move || {
        if api.store.create_tenant(row.clone())? {
            return Ok((StatusCode::CREATED, Json(row.into())));
        }
        let there = api.store.tenants()?.into_iter().find(|there| there.id == row.id);
        Ok((StatusCode::OK, Json(there.unwrap_or(row).into())))
    })
    .await
}

/// Set what holds for the tasks of a tenant's workflows where these do not say otherwise. Executions that run already are not changed.
#[utoipa::path(
    put, operation_id = "set_tenant_defaults", path = "/v1/tenants/{tenant}/defaults", tag = "operators",
    params(("tenant" = String, Path, description = "A DNS label")),
    request_body(content = DefaultsView, content_type = "application/json"),
    responses(
        (status = 200, description = "They hold from now on", body = TenantView),
        (status = "default", description = "An error", body = ProblemView, content_type = "application/problem+json")
    )
)]
pub(crate) async fn set_defaults(
    State(api): State<Shared>,
    _: Operator,
    PathOf(tenant): PathOf<String>,
    request: Request,
) -> Result<Json<TenantView>, ApiError> {
    let id = TenantId::new(&tenant).map_err(|error| ApiError::parameter(error.to_string()))?;
    let body = api.receive(request.into_body(), api.options.body_bytes_max).await?;
    let defaults = json_members::<DefaultsView>(&body.bytes)?.defaults()?;
    blocking(move || {
        let missing = || ApiError::new(Code::TenantNotFound, format!("There is no tenant {id}."));
        if !api.store.set_defaults(&id, defaults)? {
            return Err(missing());
        }
        Ok(Json(api.store.tenant(&id)?.ok_or_else(missing)?.into()))
    })
    .await
}
