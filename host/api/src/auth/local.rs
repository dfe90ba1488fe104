//! Who may ask without a key: a program on this computer that means to (rule 26).
//!
//! That a request comes over loopback says little: every web page that is open in a browser on this computer can send one, and so can a proxy
//! for the whole world. What tells them apart is the name that the request calls us by, what browsers say about where a request comes from,
//! and what proxies leave behind.

use axum::http::{HeaderMap, Uri, header};

use super::Peer;
use crate::code::Code;
use crate::error::ApiError;

/// What this computer is called on itself. A name that somebody else's DNS turns into our address is none of these.
const LOCAL_HOSTS: [&str; 3] = ["localhost", "127.0.0.1", "[::1]"];

/// The port that a `Host` without a port means.
const HTTP_PORT: u16 = 80;

/// Where a request came from.
#[derive(Clone, Copy)]
pub(super) struct Origin<'a> {
    pub(super) uri: &'a Uri,
    pub(super) connection: Peer<'a>,
}

/// An error where a request without a key is not let in.
pub(super) fn check(headers: &HeaderMap, origin: Origin<'_>) -> Result<(), ApiError> {
    let connection = origin.connection.filter(|connection| connection.peer.ip().to_canonical().is_loopback());
    let Some(connection) = connection else {
        return Err(key_required("requests from other computers need one"));
    };
    let host = host_of(headers, origin.uri);
    if comes_from_foreign_page(headers, host.as_deref()) {
        return Err(ApiError::new(
            Code::ForeignPage,
            "A web page from elsewhere sent this request. Pages may ask only with an API key of their own.",
        ));
    }
    if let Some(proxy) = proxy_header(headers) {
        return Err(key_required(&format!("`{proxy}` says that a proxy is in front, which may speak for anybody")));
    }
    match host.filter(|host| is_local(host, connection.local.port())) {
        Some(_) => Ok(()),
        None => Err(key_required("only requests to localhost, 127.0.0.1 or [::1], with our port, go without one")),
    }
}

fn key_required(why: &str) -> ApiError {
    let detail = format!(
        "There is no API key, and {why}. Make a key with `sandmill key create` on the server's computer and send it as \
         `Authorization: Bearer sm_..`."
    );
    ApiError::new(Code::KeyRequired, detail)
}

/// What the request calls us by. A target that names a host wins over the header (RFC 9112, section 3.2.2); two headers are none.
fn host_of(headers: &HeaderMap, uri: &Uri) -> Option<String> {
    if let Some(authority) = uri.authority() {
        return Some(authority.as_str().to_ascii_lowercase());
    }
    let mut hosts = headers.get_all(header::HOST).iter();
    match (hosts.next(), hosts.next()) {
        (Some(host), None) => host.to_str().ok().map(str::to_ascii_lowercase),
        _ => None,
    }
}

fn is_local(host: &str, port: u16) -> bool {
    LOCAL_HOSTS.iter().any(|name| match host.strip_prefix(name) {
        Some("") => port == HTTP_PORT,
        Some(rest) => rest.strip_prefix(':') == Some(port.to_string().as_str()),
        None => false,
    })
}

/// Browsers say with each request where it comes from: with `Sec-Fetch-Site`, and with `Origin` where a page could do harm.
fn comes_from_foreign_page(headers: &HeaderMap, host: Option<&str>) -> bool {
    let is_foreign_site =
        headers.get_all("sec-fetch-site").iter().any(|site| !matches!(site.as_bytes(), b"same-origin" | b"none"));
    let is_foreign_origin = headers.get_all(header::ORIGIN).iter().any(|origin| {
        let origin = origin.to_str().unwrap_or_default().to_ascii_lowercase();
        origin.strip_prefix("http://").is_none_or(|origin| Some(origin) != host)
    });
    is_foreign_site || is_foreign_origin
}

fn proxy_header(headers: &HeaderMap) -> Option<&str> {
    let is_of_proxy = |name: &&str| *name == "forwarded" || *name == "x-real-ip" || name.starts_with("x-forwarded-");
    headers.keys().map(axum::http::HeaderName::as_str).find(is_of_proxy)
}
