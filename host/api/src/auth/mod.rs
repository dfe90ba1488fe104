//! The gate: who asks, for which tenant, and whether there is room (rules 26 and 27).
//!
//! Every route but the probes and the description of the API lies behind [`gate`]; what it found out is the [`Caller`] that handlers take. Each
//! key opens one tenant or, for operators, all of them. Whoever names a tenant that is not theirs is told what they are told of one that does
//! not exist.

mod key;
mod local;

use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use axum::middleware::Next;
use axum::response::Response;
use sandmill_core::ids::{Digest, TenantId};
use sandmill_engine::ports::{ExecutionKey, KeyScope};
use tokio::sync::OwnedSemaphorePermit;

pub use key::new_key;

use crate::code::Code;
use crate::connection::Connection;
use crate::error::ApiError;
use crate::state::{Api, Shared, blocking};

/// Names the tenant that an operator works for.
pub(crate) const TENANT_HEADER: &str = "sandmill-tenant";

/// The tenant that operators work for where they name none; `sandmill up` makes it.
const DEFAULT_TENANT: &str = "default";

/// Who asks.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    /// Whose things are asked for: no handler takes a tenant from anywhere else.
    pub(crate) tenant: TenantId,
    scope: KeyScope,
}

impl Caller {
    /// An execution of this caller's tenant.
    pub(crate) fn execution(&self, id: &str) -> Result<ExecutionKey, ApiError> {
        let id =
            id.parse().map_err(|_| ApiError::new(Code::ExecutionNotFound, format!("there is no execution {id}")))?;
        Ok(ExecutionKey { tenant: self.tenant.clone(), id })
    }
}

/// Lets a request through once it is known who asks, and there is room for it.
pub(crate) async fn gate(State(api): State<Shared>, mut request: Request, next: Next) -> Result<Response, ApiError> {
    let (uri, headers) = (request.uri(), request.headers());
    let scope = identify(&api, headers, local::Origin { uri, connection: request.extensions().get() })?;
    let caller = Caller { tenant: tenant_of(&api, headers, &scope).await?, scope };
    let _room = admit(&api, &caller)?;
    let tenant = caller.tenant.clone();
    request.extensions_mut().insert(caller);
    let mut response = next.run(request).await;
    response.extensions_mut().insert(tenant);
    Ok(response)
}

/// Whether there is room for one more request. What one tenant may take of it, and what it is billed for, is decided here and nowhere else.
fn admit(api: &Api, _: &Caller) -> Result<OwnedSemaphorePermit, ApiError> {
    api.requests.clone().try_acquire_owned().map_err(|_| {
        let requests_max = api.options.requests_max;
        ApiError::new(
            Code::TooManyRequests,
            format!("{requests_max} requests are being answered, which is the limit: try again a little later"),
        )
    })
}

/// The scope of the key that was given, or that of an operator for whoever sits at this computer.
fn identify(api: &Api, headers: &HeaderMap, origin: local::Origin<'_>) -> Result<KeyScope, ApiError> {
    let mut given = headers.get_all(header::AUTHORIZATION).iter();
    match (given.next(), given.next()) {
        (None, _) => local::check(headers, origin).map(|()| KeyScope::Operator),
        (Some(one), None) => scope_of(api, one.as_bytes()),
        _ => Err(ApiError::new(Code::KeyUnknown, "There are two `Authorization` headers: send one.")),
    }
}

/// The key is found by its hash, so that how long a look-up takes says nothing about the key.
fn scope_of(api: &Api, authorization: &[u8]) -> Result<KeyScope, ApiError> {
    let unknown = "The key is not one of this server, or it was revoked: send `Authorization: Bearer sm_..` with a key \
                   that `sandmill key create` made.";
    let unknown = || ApiError::new(Code::KeyUnknown, unknown);
    let text = std::str::from_utf8(authorization).ok().and_then(key::of_header).ok_or_else(unknown)?;
    Ok(api.store.key(Digest::of(text.as_bytes()))?.ok_or_else(unknown)?.scope)
}

async fn tenant_of(api: &Shared, headers: &HeaderMap, scope: &KeyScope) -> Result<TenantId, ApiError> {
    let named = headers.get(TENANT_HEADER).map(|name| String::from_utf8_lossy(name.as_bytes()).into_owned());
    match (scope, named) {
        (KeyScope::Tenant(own), None) => Ok(own.clone()),
        (KeyScope::Tenant(own), Some(name)) if own.as_str() == name => Ok(own.clone()),
        (KeyScope::Tenant(_), Some(name)) => Err(no_tenant(&name)),
        (KeyScope::Operator, None) => TenantId::new(DEFAULT_TENANT).map_err(|_| no_tenant(DEFAULT_TENANT)),
        (KeyScope::Operator, Some(name)) => existing_tenant(api, name).await,
    }
}

/// The tenant of that name, where there is one.
pub(crate) async fn existing_tenant(api: &Shared, name: String) -> Result<TenantId, ApiError> {
    let tenant = TenantId::new(&name).map_err(|_| no_tenant(&name))?;
    let api = api.clone();
    blocking(move || match api.store.tenants()?.iter().any(|row| row.id == tenant) {
        true => Ok(tenant),
        false => Err(no_tenant(&name)),
    })
    .await
}

fn no_tenant(name: &str) -> ApiError {
    ApiError::new(Code::TenantNotFound, format!("There is no tenant `{name}`."))
}

/// Handlers take it to know whose things are asked for. The gate has put it there.
impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let missing = || ApiError::host(Code::Internal, "a route that takes a caller does not lie behind the gate");
        parts.extensions.get::<Self>().cloned().ok_or_else(missing)
    }
}

/// Handlers that only operators may use take it.
pub(crate) struct Operator;

impl<S: Send + Sync> FromRequestParts<S> for Operator {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        match Caller::from_request_parts(parts, state).await?.scope {
            KeyScope::Operator => Ok(Self),
            KeyScope::Tenant(_) => {
                let detail = "This key opens one tenant; tenants, keys and metrics need the key of an operator.";
                Err(ApiError::new(Code::OperatorOnly, detail))
            }
        }
    }
}

/// The connection of a request, as the gate sees it.
type Peer<'a> = Option<&'a Connection>;
