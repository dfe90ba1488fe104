//! One tenant of the host, over HTTP.

use anyhow::{Context as _, Result, bail, ensure};
use eventsource_stream::Eventsource as _;
use futures::{StreamExt as _, TryStreamExt as _};
use reqwest::{Method, StatusCode};
use serde_json::Value;

use crate::events::{Event, EventStream};

/// Names the tenant that an operator acts for.
const TENANT_HEADER: &str = "sandmill-tenant";

/// A tenant: what a scenario deploys and starts is seen by it alone.
#[derive(Clone)]
pub(crate) struct Tenant {
    http: reqwest::Client,
    url: String,
    name: String,
}

impl Tenant {
    /// Makes it, and gives the way to it.
    pub(crate) async fn make(http: reqwest::Client, url: String, name: String) -> Result<Self> {
        let made = http.put(format!("{url}/v1/tenants/{name}")).send().await?;
        ensure!(made.status().is_success(), "the tenant {name} cannot be made: {}", made.text().await?);
        Ok(Self { http, url, name })
    }

    /// What it is called.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.http.request(method, format!("{}{path}", self.url)).header(TENANT_HEADER, &self.name)
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> Result<(StatusCode, Value)> {
        let response = request.send().await?;
        let (status, text) = (response.status(), response.text().await?);
        Ok((status, serde_json::from_str(&text).unwrap_or(Value::String(text))))
    }

    pub(crate) async fn put(&self, path: &str, body: impl Into<reqwest::Body>) -> Result<(StatusCode, Value)> {
        self.send(self.request(Method::PUT, path).body(body)).await
    }

    pub(crate) async fn post(&self, path: &str, body: Option<&Value>) -> Result<(StatusCode, Value)> {
        let request = self.request(Method::POST, path);
        self.send(match body {
            Some(body) => request.header("content-type", "application/json").body(body.to_string()),
            None => request,
        })
        .await
    }

    /// The text of a document, for the routes that read one.
    pub(crate) async fn post_document(&self, path: &str, document: &str) -> Result<(StatusCode, Value)> {
        self.send(self.request(Method::POST, path).body(document.to_owned())).await
    }

    /// What stands at a path.
    pub(crate) async fn get(&self, path: &str) -> Result<Value> {
        let (status, body) = self.send(self.request(Method::GET, path)).await?;
        ensure!(status.is_success(), "GET {path}: {status} {body}");
        Ok(body)
    }

    /// All items of a list with pages.
    pub(crate) async fn all(&self, path: &str) -> Result<Vec<Value>> {
        let (mut items, mut after) = (Vec::new(), String::new());
        loop {
            let page = self.get(&format!("{path}limit=200{after}")).await?;
            items.extend(page["items"].as_array().into_iter().flatten().cloned());
            match page["next"].as_str() {
                Some(next) => after = format!("&after={next}"),
                None => return Ok(items),
            }
        }
    }

    /// The lifecycle events of an execution, as they happen, up to its end.
    pub(crate) async fn events(&self, id: &str) -> Result<EventStream> {
        let response = self.request(Method::GET, &format!("/v1/executions/{id}/events")).send().await?;
        if !response.status().is_success() {
            bail!("the events of {id} cannot be read: {}", response.text().await?);
        }
        let events = response.bytes_stream().eventsource().map_err(anyhow::Error::from);
        let events = events.try_filter_map(async |sent| match sent.event.as_str() {
            "progress" => Ok(None),
            "error" => bail!("the stream of events broke off: {}", sent.data),
            _ => serde_json::from_str(&sent.data).context("an event is no JSON").map(|data| Event::read(&data)),
        });
        Ok(events.boxed())
    }
}
