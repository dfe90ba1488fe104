//! Tenants, for operators: `/v1/tenants`.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use sandmill_core::ids::TenantId;
use sandmill_engine::ports::TenantRow;
use serde::Serialize;
use utoipa::ToSchema;

use super::ListView;
use crate::auth::Operator;
use crate::error::{ApiError, ProblemView};
use crate::extract::PathOf;
use crate::state::{Shared, blocking};

/// A tenant.
#[derive(Serialize, ToSchema)]
pub(crate) struct TenantView {
    /// Its name, a DNS label.
    id: String,
    /// When it was made.
    created_at: String,
}

impl From<TenantRow> for TenantView {
    fn from(row: TenantRow) -> Self {
        Self { id: row.id.to_string(), created_at: row.created_at.to_string() }
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
    let row = TenantRow { id, created_at: api.clock.now() };
    blocking(move || {
        if api.store.create_tenant(row.clone())? {
            return Ok((StatusCode::CREATED, Json(row.into())));
        }
        let there = api.store.tenants()?.into_iter().find(|there| there.id == row.id);
        Ok((StatusCode::OK, Json(there.unwrap_or(row).into())))
    })
    .await
}
