//! `call`: plugins and other functions, and the protocols of the specification.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde_json::Value;

use super::metadata::Hint;
use super::protocol;
use super::task::Common;

/// Calls a plugin of the catalog, or a function of `use.functions`.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct CallFunction {
    /// A plugin as `name:version@default`, or the name of a function or of a plugin.
    #[schemars(
        extend("not" = { "enum": ["http", "openapi", "grpc", "asyncapi", "mcp", "a2a"] }),
        extend("examples" = ["greet:0.1.0@default"])
    )]
    call: String,
    /// What the plugin gets as its config, with expressions in it.
    with: Option<BTreeMap<String, Value>>,
    #[schemars(flatten)]
    common: Common,
}

/// Calls a plugin, in the explicit form.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct CallWasm {
    /// The explicit form.
    #[schemars(extend("const" = "wasm"))]
    call: String,
    /// The plugin, and what it gets.
    with: Option<WasmArguments>,
    #[schemars(flatten)]
    common: Common,
}

/// The plugin, and what it gets.
#[derive(JsonSchema)]
struct WasmArguments {
    /// The name of the plugin.
    plugin: Option<Hint<String>>,
    /// The version of the plugin; the newest without it, pinned when the document is deployed.
    version: Option<Hint<String>>,
    /// What the plugin gets as its config, with expressions in it.
    input: Option<Value>,
}

/// Sends an HTTP request.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct CallHttp {
    /// The protocol.
    #[schemars(extend("const" = "http"))]
    call: String,
    /// The request.
    with: protocol::Http,
    #[schemars(flatten)]
    common: Common,
}

/// Calls an operation that an OpenAPI document describes.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct CallOpenApi {
    /// The protocol.
    #[schemars(extend("const" = "openapi"))]
    call: String,
    /// The operation.
    with: protocol::OpenApi,
    #[schemars(flatten)]
    common: Common,
}

/// Calls a method of a gRPC service.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct CallGrpc {
    /// The protocol.
    #[schemars(extend("const" = "grpc"))]
    call: String,
    /// The method.
    with: protocol::Grpc,
    #[schemars(flatten)]
    common: Common,
}

/// Publishes a message or consumes messages, as an AsyncAPI document describes them.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct CallAsyncApi {
    /// The protocol.
    #[schemars(extend("const" = "asyncapi"))]
    call: String,
    /// The operation, and the message or the subscription.
    with: protocol::AsyncApi,
    #[schemars(flatten)]
    common: Common,
}

/// Calls a server of the Model Context Protocol.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct CallMcp {
    /// The protocol.
    #[schemars(extend("const" = "mcp"))]
    call: String,
    /// The server and the method.
    with: protocol::Mcp,
    #[schemars(flatten)]
    common: Common,
}

/// Calls an agent by the Agent2Agent protocol.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct CallA2a {
    /// The protocol.
    #[schemars(extend("const" = "a2a"))]
    call: String,
    /// The agent and the method.
    with: protocol::A2a,
    #[schemars(flatten)]
    common: Common,
}
