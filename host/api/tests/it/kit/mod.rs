//! A world to ask, and requests to ask it with.

mod fakes;
mod store;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, Response, StatusCode};
use sandmill_api::{ApiOptions, Connection};
use sandmill_core::definition::compile;
use sandmill_core::ids::TenantId;
use sandmill_core::time::Timestamp;
use sandmill_engine::ports::*;
use sandmill_engine::{Compile, Engine, Live, Options, Registry, Workers};
use serde_json::Value;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

pub(crate) use fakes::FakeRunner;
use fakes::{FakeClock, FakeComponents};
use store::SharedFaultyStore;

/// The port that requests of these tests seem to come in on.
pub(crate) const PORT: u16 = 7878;

/// An API over an engine.
pub(crate) struct World {
    pub(crate) router: Router,
    pub(crate) engine: Arc<Engine>,
    pub(crate) runner: Arc<FakeRunner>,
    pub(crate) store: SharedFaultyStore,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(ApiOptions::default(), Options::default())
    }

    pub(crate) fn with_options(options: ApiOptions) -> Self {
        Self::with(options, Options::default())
    }

    pub(crate) fn with(options: ApiOptions, engine: Options) -> Self {
        Self::over(Arc::default(), Arc::new(compile), options, engine)
    }

    /// A world over what another one left behind.
    pub(crate) fn over(store: SharedFaultyStore, compile: Arc<Compile>, options: ApiOptions, engine: Options) -> Self {
        let (runner, clock) = (Arc::<FakeRunner>::default(), Arc::new(FakeClock::default()));
        let shared: SharedStore = store.clone();
        let clock: Arc<dyn Clock> = clock;
        let registry =
            Arc::new(Registry::with_compiler(shared.clone(), Arc::new(FakeComponents), clock.clone(), compile));
        let parts = sandmill_engine::Parts {
            store: shared.clone(),
            definitions: registry.clone(),
            workers: Workers::here(runner.clone()),
            live: Live::start(shared.clone()).unwrap(),
            clock: clock.clone(),
            on_store_failure: Arc::new(|_| {}),
        };
        let engine = Arc::new(Engine::launch(parts, Options { shards: 1, slots: 64, ..engine }).unwrap());
        shared
            .create_tenant(TenantRow {
                id: TenantId::new("default").unwrap(),
                created_at: Timestamp(0),
                defaults: TaskDefaults::default(),
            })
            .unwrap();
        let metrics = Arc::new(|| "sandmill_up 1\n".to_string());
        let parts = sandmill_api::Parts { engine: engine.clone(), registry, store: shared, clock, metrics, options };
        Self { router: sandmill_api::router(parts), engine, runner, store }
    }

    /// A key that opens that tenant, which is made where it is not there.
    pub(crate) fn key_of(&self, tenant: &str) -> String {
        let id = TenantId::new(tenant).unwrap();
        self.store
            .create_tenant(TenantRow { id: id.clone(), created_at: Timestamp(0), defaults: TaskDefaults::default() })
            .unwrap();
        self.key(KeyScope::Tenant(id))
    }

    pub(crate) fn key(&self, scope: KeyScope) -> String {
        let (row, key) = sandmill_api::new_key("test", scope, Timestamp(0)).unwrap();
        self.store.put_key(row).unwrap();
        key
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        Answer::of(self.router.clone().oneshot(request).await.unwrap()).await
    }

    /// The answer to a request, whose body is still to come.
    pub(crate) async fn open(&self, ask: Ask) -> Response<Body> {
        self.router.clone().oneshot(ask.done()).await.unwrap()
    }

    /// Registers the plugin `work:1.0.0` and deploys a workflow of so many calls of it.
    pub(crate) async fn deploy(&self, name: &str, steps: usize) {
        let plugin = put("/v1/plugins/work/1.0.0").body_text("wasm");
        assert!(self.send(plugin.done()).await.status.is_success());
        self.deploy_more(name, steps).await;
    }

    /// The same where the plugin is there already.
    pub(crate) async fn deploy_more(&self, name: &str, steps: usize) {
        let workflow = put("/v1/workflows").body_text(&document(name, "1.0.0", steps));
        let answer = self.send(workflow.done()).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text);
    }

    /// Starts an execution of a workflow that was deployed, and gives its id.
    pub(crate) async fn start(&self, name: &str, input: &str) -> String {
        let answer = self.send(post(&format!("/v1/workflows/test/{name}/executions")).body_text(input).done()).await;
        assert_eq!(answer.status, StatusCode::ACCEPTED, "{}", answer.text);
        answer.json["id"].as_str().unwrap().to_owned()
    }

    /// Waits until there is an execution that has begun.
    pub(crate) async fn one_is_running(&self) {
        while self.send(get("/v1/executions?status=running").done()).await.json["items"][0].is_null() {
            tokio::task::yield_now().await;
        }
    }

    /// Waits for the end of an execution, and gives it.
    pub(crate) async fn ended(&self, id: &str) -> Answer {
        loop {
            let answer = self.send(get(&format!("/v1/executions/{id}")).done()).await;
            if answer.json["ended_at"].is_string() {
                return answer;
            }
            tokio::task::yield_now().await;
        }
    }
}

/// A document of so many calls of `work:1.0.0`, each of which gives its input back.
pub(crate) fn document(name: &str, version: &str, steps: usize) -> String {
    let step = |step: usize| {
        format!(
            r#"{{"step{step}":{{"call":"work:1.0.0@default","with":{{"input":"${{ . }}"}},"output":{{"as":"${{ .input }}"}}}}}}"#
        )
    };
    let steps: Vec<String> = (0..steps).map(step).collect();
    format!(
        r#"{{"document":{{"dsl":"1.0.3","namespace":"test","name":"{name}","version":"{version}"}},"do":[{}]}}"#,
        steps.join(",")
    )
}

/// An answer, read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
    /// `null` where the body is no JSON.
    pub(crate) json: Value,
}

impl Answer {
    async fn of(response: Response<Body>) -> Self {
        let (parts, body) = response.into_parts();
        let bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        Self {
            status: parts.status,
            headers: parts.headers,
            json: serde_json::from_str(&text).unwrap_or_default(),
            text,
        }
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// Checks that it is that error, in the form that every error has.
    #[track_caller]
    pub(crate) fn is_error(&self, status: u16, code: &str) {
        assert_eq!((self.status.as_u16(), &self.json["code"]), (status, &Value::from(code)), "{}", self.text);
        assert_eq!(self.header("content-type"), "application/problem+json");
        assert_eq!(self.json["type"], format!("https://sandmill.dev/errors/{code}"));
        assert_eq!(self.json["status"], status);
        assert!(self.json["title"].is_string() && self.json["detail"].is_string(), "{}", self.text);
    }
}

/// A request that comes from this computer, as `curl` sends it.
pub(crate) struct Ask(pub(crate) Request<Body>);

pub(crate) fn ask(method: Method, path: &str) -> Ask {
    let builder = Request::builder().method(method).uri(path).header("host", format!("127.0.0.1:{PORT}"));
    Ask(builder.body(Body::empty()).unwrap()).from([127, 0, 0, 1])
}

pub(crate) fn get(path: &str) -> Ask {
    ask(Method::GET, path)
}

pub(crate) fn put(path: &str) -> Ask {
    ask(Method::PUT, path)
}

pub(crate) fn post(path: &str) -> Ask {
    ask(Method::POST, path)
}

pub(crate) fn delete(path: &str) -> Ask {
    ask(Method::DELETE, path)
}

impl Ask {
    /// From another address.
    pub(crate) fn from(mut self, address: [u8; 4]) -> Self {
        let peer = SocketAddr::from((address, 50_000));
        let local = SocketAddr::from((Ipv4Addr::LOCALHOST, PORT));
        self.0.extensions_mut().insert(Connection { peer, local, closing: CancellationToken::new() });
        self
    }

    /// With a header instead of the one of that name.
    pub(crate) fn header(mut self, name: &'static str, value: &str) -> Self {
        self.0.headers_mut().insert(name, value.parse().unwrap());
        self
    }

    /// With one more header of that name.
    pub(crate) fn more(mut self, name: &'static str, value: &str) -> Self {
        self.0.headers_mut().append(name, value.parse().unwrap());
        self
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.0.headers_mut().remove(name);
        self
    }

    pub(crate) fn key(self, key: &str) -> Self {
        self.header("authorization", &format!("Bearer {key}"))
    }

    pub(crate) fn body(mut self, body: Body) -> Self {
        *self.0.body_mut() = body;
        self
    }

    pub(crate) fn body_text(self, body: &str) -> Self {
        self.body(Body::from(body.to_owned()))
    }

    /// What tells the request that the server stops.
    pub(crate) fn closing(&self) -> CancellationToken {
        self.0.extensions().get::<Connection>().unwrap().closing.clone()
    }

    pub(crate) fn done(self) -> Request<Body> {
        self.0
    }
}
