//! API keys, for operators: `/v1/keys`. A key is shown once, when it is made; what is stored is its hash.

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::StatusCode;
use sandmill_engine::ports::{KeyRow, KeyScope};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::ListView;
use crate::auth::{Operator, existing_tenant, new_key};
use crate::code::Code;
use crate::error::{ApiError, ProblemView};
use crate::extract::{PathOf, json_members};
use crate::state::{Shared, blocking};

/// Characters of a label: a line of a table.
const LABEL_LENGTH_MAX: usize = 200;

/// What a key is for.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewKey {
    /// For people: 1 to 200 characters.
    label: String,
    /// The tenant that it opens; an operator's key where none is named.
    tenant: Option<String>,
}

/// An API key, without the key.
#[derive(Serialize, ToSchema)]
pub(crate) struct KeyView {
    /// What it is called by, for instance to revoke it.
    id: String,
    /// What it is for.
    label: String,
    /// `operator` or `tenant`.
    scope: &'static str,
    /// The tenant that it opens.
    tenant: Option<String>,
    /// When it was made.
    created_at: String,
}

/// An API key, with the key.
#[derive(Serialize, ToSchema)]
pub(crate) struct MadeKeyView {
    /// The key. It is shown this once.
    key: String,
    #[serde(flatten)]
    about: KeyView,
}

impl From<KeyRow> for KeyView {
    fn from(row: KeyRow) -> Self {
        let (scope, tenant) = match row.scope {
            KeyScope::Operator => ("operator", None),
            KeyScope::Tenant(tenant) => ("tenant", Some(tenant.to_string())),
        };
        Self { id: row.id, label: row.label, scope, tenant, created_at: row.created_at.to_string() }
    }
}

/// All keys, by id.
#[utoipa::path(
    get, operation_id = "list_keys", path = "/v1/keys", tag = "operators",
    responses(
        (status = 200, description = "The keys", body = ListView<KeyView>),
        (status = "default", description = "An error", body = ProblemView, content_type = "application/problem+json")
    )
)]
pub(crate) async fn list(State(api): State<Shared>, _: Operator) -> Result<Json<ListView<KeyView>>, ApiError> {
    let rows = blocking(move || Ok(api.store.keys()?)).await?;
    Ok(Json(ListView { items: rows.into_iter().map(Into::into).collect() }))
}

/// Make a key. The answer is the only place where it is shown.
#[utoipa::path(
    post, operation_id = "make_key", path = "/v1/keys", tag = "operators", request_body = NewKey,
    responses(
        (status = 201, description = "It was made", body = MadeKeyView),
        (status = "default", description = "An error", body = ProblemView, content_type = "application/problem+json")
    )
)]
pub(crate) async fn create(
    State(api): State<Shared>,
    _: Operator,
    body: Body,
) -> Result<(StatusCode, Json<MadeKeyView>), ApiError> {
    let body = api.receive(body, api.options.body_bytes_max).await?;
    let NewKey { label, tenant } = json_members(&body.bytes)?;
    check_label(&label)?;
    let scope = match tenant {
        Some(tenant) => KeyScope::Tenant(existing_tenant(&api, tenant).await?),
        None => KeyScope::Operator,
    };
    let (row, key) = new_key(&label, scope, api.clock.now())
        .map_err(|error| ApiError::host(Code::Internal, format!("the system has no random bytes: {error}")))?;
    let about = row.clone().into();
    blocking(move || Ok(api.store.put_key(row)?)).await?;
    Ok((StatusCode::CREATED, Json(MadeKeyView { key, about })))
}

fn check_label(label: &str) -> Result<(), ApiError> {
    let length = label.chars().count();
    if (1..=LABEL_LENGTH_MAX).contains(&length) && !label.chars().any(char::is_control) {
        return Ok(());
    }
    let detail = format!("A label has 1 to {LABEL_LENGTH_MAX} characters, all of which can be printed.");
    Err(ApiError::parameter(detail))
}

/// Revoke a key: the next request with it is refused.
#[utoipa::path(
    delete, operation_id = "revoke_key", path = "/v1/keys/{id}", tag = "operators", params(("id" = String, Path)),
    responses(
        (status = 204, description = "It was revoked"),
        (status = "default", description = "An error", body = ProblemView, content_type = "application/problem+json")
    )
)]
pub(crate) async fn delete(
    State(api): State<Shared>,
    _: Operator,
    PathOf(id): PathOf<String>,
) -> Result<StatusCode, ApiError> {
    blocking(move || match api.store.remove_key(&id)? {
        true => Ok(StatusCode::NO_CONTENT),
        false => Err(ApiError::new(Code::KeyNotFound, format!("There is no key {id}; `GET /v1/keys` lists them."))),
    })
    .await
}
