//! Workflow definitions of a tenant: `/v1/workflows`.

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use sandmill_core::definition::Verdict;
use sandmill_core::ids::TenantId;
use sandmill_engine::DeployError;
use sandmill_engine::ports::DefinitionRow;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::ListView;
use crate::auth::Caller;
use crate::code::Code;
use crate::error::{ApiError, FindingView, ProblemView, findings_of};
use crate::extract::{PathOf, QueryOf};
use crate::state::{Api, Shared, blocking};

/// A workflow definition.
#[derive(Serialize, ToSchema)]
pub(crate) struct WorkflowView {
    /// `namespace/name`.
    name: String,
    /// Its semantic version.
    version: String,
    /// The SHA-256 of its document.
    digest: String,
    /// The plugins that it was pinned to when it was deployed.
    plugins: Vec<PinView>,
    /// When it was deployed.
    created_at: String,
}

/// A plugin that a definition is pinned to.
#[derive(Serialize, ToSchema)]
pub(crate) struct PinView {
    /// Its name.
    name: String,
    /// Its version.
    version: String,
    /// The SHA-256 of its component.
    digest: String,
}

/// Which definitions.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct WorkflowQuery {
    /// Only those with that `namespace/name`.
    name: Option<String>,
}

impl From<DefinitionRow> for WorkflowView {
    fn from(row: DefinitionRow) -> Self {
        let pin = |(name, version, digest): (String, String, sandmill_core::ids::Digest)| PinView {
            name,
            version,
            digest: digest.to_string(),
        };
        Self {
            name: row.name,
            version: row.version,
            digest: row.digest.to_string(),
            plugins: row.plugins.into_iter().map(pin).collect(),
            created_at: row.created_at.to_string(),
        }
    }
}

/// The three parts of a definition's name.
type Name = (String, String, String);

/// Deploy a workflow definition.
///
/// Its name and version stand in the document. It is pinned to the versions of the plugins that it calls. The same bytes again change nothing.
/// Other bytes under the same version are refused, also after the definition was removed.
#[utoipa::path(
    put, operation_id = "deploy_workflow", path = "/v1/workflows", tag = "workflows",
    request_body(content = String, content_type = "application/yaml", description = "The document, in YAML or JSON"),
    responses(
        (status = 201, description = "It was deployed", body = WorkflowView),
        (status = 200, description = "The same bytes were there already", body = WorkflowView),
        (status = "default", description = "An error", body = ProblemView, content_type = "application/problem+json")
    )
)]
pub(crate) async fn put(State(api): State<Shared>, caller: Caller, body: Body) -> Result<Response, ApiError> {
    let document = api.receive(body, api.options.body_bytes_max).await?;
    let registered = blocking(move || Ok(api.registry.deploy(&caller.tenant, document.bytes.clone())?)).await?;
    let status = if registered.is_new { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Json(WorkflowView::from(registered.row))).into_response())
}

/// What is to be said about a document.
#[derive(Serialize, ToSchema)]
pub(crate) struct ReportView {
    /// True where the specification accepts it.
    valid: bool,
    /// True where this host can run it, with the plugins that are in the catalog.
    deployable: bool,
    /// What was found, in the order of the document.
    findings: Vec<FindingView>,
}

/// Check a workflow definition, without deploying it.
#[utoipa::path(
    post, operation_id = "validate_workflow", path = "/v1/workflows/validate", tag = "workflows",
    request_body(content = String, content_type = "application/yaml", description = "The document, in YAML or JSON"),
    responses(
        (status = 200, description = "What was found, also where that is much", body = ReportView),
        (status = "default", description = "An error", body = ProblemView, content_type = "application/problem+json")
    )
)]
pub(crate) async fn validate(
    State(api): State<Shared>,
    caller: Caller,
    body: Body,
) -> Result<Json<ReportView>, ApiError> {
    let document = api.receive(body, api.options.body_bytes_max).await?;
    let report = blocking(move || match api.registry.check(&caller.tenant, &document.bytes) {
        // A document that can be deployed may still be worth a second look, which knows nothing of what this host has.
        Ok(()) => {
            let mut report = sandmill_core::definition::validate(&document.bytes);
            report.findings.retain(|finding| finding.verdict == Verdict::Lint);
            Ok(report)
        }
        Err(DeployError::Rejected(report)) => Ok(report),
        Err(error) => Err(error.into()),
    })
    .await?;
    let (valid, deployable) = (report.is_valid(), report.is_deployable());
    Ok(Json(ReportView { valid, deployable, findings: findings_of(&report) }))
}

/// The workflow definitions of a tenant, by name, then by version.
#[utoipa::path(
    get, operation_id = "list_workflows", path = "/v1/workflows", tag = "workflows", params(WorkflowQuery),
    responses(
        (status = 200, description = "The definitions", body = ListView<WorkflowView>),
        (status = "default", description = "An error", body = ProblemView, content_type = "application/problem+json")
    )
)]
pub(crate) async fn list(
    State(api): State<Shared>,
    caller: Caller,
    QueryOf(query): QueryOf<WorkflowQuery>,
) -> Result<Json<ListView<WorkflowView>>, ApiError> {
    let rows = blocking(move || Ok(api.store.definitions(&caller.tenant, query.name.as_deref())?)).await?;
    Ok(Json(ListView { items: rows.into_iter().map(Into::into).collect() }))
}

/// One workflow definition.
#[utoipa::path(
    get, operation_id = "get_workflow", path = "/v1/workflows/{namespace}/{name}/{version}", tag = "workflows",
    params(("namespace" = String, Path), ("name" = String, Path), ("version" = String, Path)),
    responses(
        (status = 200, description = "The definition", body = WorkflowView),
        (status = "default", description = "An error", body = ProblemView, content_type = "application/problem+json")
    )
)]
pub(crate) async fn get(
    State(api): State<Shared>,
    caller: Caller,
    PathOf((namespace, name, version)): PathOf<Name>,
) -> Result<Json<WorkflowView>, ApiError> {
    let name = format!("{namespace}/{name}");
    let row = blocking(move || find(&api, &caller.tenant, &name, Some(&version))).await?;
    Ok(Json(row.into()))
}

/// The document of a workflow definition, byte for byte as it was deployed.
#[utoipa::path(
    get, operation_id = "get_document", path = "/v1/workflows/{namespace}/{name}/{version}/document", tag = "workflows",
    params(("namespace" = String, Path), ("name" = String, Path), ("version" = String, Path)),
    responses(
        (status = 200, description = "The document", body = String, content_type = "application/yaml"),
        (status = "default", description = "An error", body = ProblemView, content_type = "application/problem+json")
    )
)]
pub(crate) async fn document(
    State(api): State<Shared>,
    caller: Caller,
    PathOf((namespace, name, version)): PathOf<Name>,
) -> Result<Response, ApiError> {
    let name = format!("{namespace}/{name}");
    let document = blocking(move || {
        let row = find(&api, &caller.tenant, &name, Some(&version))?;
        let document = api.store.document(&caller.tenant, row.digest)?;
        document.map(|(_, bytes)| bytes).ok_or_else(|| no_workflow(&name, Some(&version)))
    });
    Ok(([(header::CONTENT_TYPE, "application/yaml")], document.await?).into_response())
}

/// Remove a workflow definition that no execution in flight runs on. Its version stays taken.
#[utoipa::path(
    delete, operation_id = "remove_workflow", path = "/v1/workflows/{namespace}/{name}/{version}", tag = "workflows",
    params(("namespace" = String, Path), ("name" = String, Path), ("version" = String, Path)),
    responses(
        (status = 204, description = "It was removed"),
        (status = "default", description = "An error", body = ProblemView, content_type = "application/problem+json")
    )
)]
pub(crate) async fn delete(
    State(api): State<Shared>,
    caller: Caller,
    PathOf((namespace, name, version)): PathOf<Name>,
) -> Result<StatusCode, ApiError> {
    let name = format!("{namespace}/{name}");
    blocking(move || match api.store.remove_definition(&caller.tenant, &name, &version)? {
        true => Ok(StatusCode::NO_CONTENT),
        false => Err(no_workflow(&name, Some(&version))),
    })
    .await
}

/// A definition by its `namespace/name`: of that version, or else the newest.
pub(super) fn find(api: &Api, tenant: &TenantId, name: &str, version: Option<&str>) -> Result<DefinitionRow, ApiError> {
    api.registry.find(tenant, name, version)?.ok_or_else(|| no_workflow(name, version))
}

fn no_workflow(name: &str, version: Option<&str>) -> ApiError {
    let version = version.map(|version| format!(":{version}")).unwrap_or_default();
    let detail = format!("There is no workflow definition {name}{version}; `GET /v1/workflows` lists them.");
    ApiError::new(Code::WorkflowNotFound, detail)
}
