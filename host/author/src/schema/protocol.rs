//! What a `call` needs for each protocol of the specification.

mod async_api;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde_json::Value;

pub(super) use async_api::AsyncApi;

use super::data::{Endpoint, Resource};
use super::security::AuthenticationOrName;
use super::text::{Duration, Expression};

/// An HTTP request.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct Http {
    /// The method.
    #[schemars(extend("examples" = ["get", "post", "put", "patch", "delete"]))]
    method: String,
    /// Where the request is sent to.
    endpoint: Endpoint,
    /// The headers, or an expression that gives them.
    headers: Option<TextsOrExpression>,
    /// The body.
    body: Option<Value>,
    /// The parameters of the query, or an expression that gives them.
    query: Option<TextsOrExpression>,
    /// What of the answer becomes the output.
    #[schemars(extend("default" = "content"))]
    output: Option<Answer>,
    /// True where an answer that leads elsewhere is no error.
    redirect: Option<bool>,
}

#[derive(JsonSchema)]
#[schemars(untagged, inline)]
enum TextsOrExpression {
    Texts(BTreeMap<String, String>),
    Expression(Expression),
}

#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase", inline)]
enum Answer {
    /// The bytes of the body, in base64.
    Raw,
    /// The body, read by its media type.
    Content,
    /// Status, headers and body.
    Response,
}

/// An operation that an OpenAPI document describes.
#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct OpenApi {
    /// The OpenAPI document.
    document: Resource,
    /// The id of the operation.
    operation_id: String,
    /// The parameters of the operation.
    parameters: Option<BTreeMap<String, Value>>,
    /// How to be let in.
    authentication: Option<AuthenticationOrName>,
    /// What of the answer becomes the output.
    #[schemars(extend("default" = "content"))]
    output: Option<Answer>,
    /// True where an answer that leads elsewhere is no error.
    redirect: Option<bool>,
}

/// A method of a gRPC service.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct Grpc {
    /// The file that describes the service.
    proto: Resource,
    /// The service.
    service: GrpcService,
    /// The method.
    method: String,
    /// The arguments of the method.
    arguments: Option<BTreeMap<String, Value>>,
}

/// A gRPC service.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct GrpcService {
    /// The name of the service.
    name: String,
    /// The host that it runs on.
    #[schemars(regex(pattern = r"^[0-9A-Za-z]([0-9A-Za-z.-]{0,61}[0-9A-Za-z])?$"))]
    host: String,
    /// The port.
    #[schemars(range(min = 0, max = 65535))]
    port: Option<i64>,
    /// How to be let in.
    authentication: Option<AuthenticationOrName>,
}

/// A method of a server of the Model Context Protocol.
#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase")]
pub(super) struct Mcp {
    /// The version of the protocol.
    #[schemars(extend("default" = "2025-06-18"))]
    protocol_version: Option<String>,
    /// The method.
    method: McpMethod,
    /// The parameters of the method, or an expression that gives them.
    parameters: Option<Parameters>,
    /// How long the call may take.
    timeout: Option<Duration>,
    /// How the server is reached.
    transport: McpTransport,
    /// What the client says of itself.
    client: Option<McpClient>,
}

#[derive(JsonSchema)]
#[schemars(inline)]
enum McpMethod {
    #[schemars(rename = "tools/list")]
    ListTools,
    #[schemars(rename = "tools/call")]
    CallTool,
    #[schemars(rename = "prompts/list")]
    ListPrompts,
    #[schemars(rename = "prompts/get")]
    GetPrompt,
    #[schemars(rename = "resources/list")]
    ListResources,
    #[schemars(rename = "resources/read")]
    ReadResource,
    #[schemars(rename = "resources/templates/list")]
    ListResourceTemplates,
}

#[derive(JsonSchema)]
#[schemars(untagged, inline)]
enum Parameters {
    Object(BTreeMap<String, Value>),
    Expression(String),
}

/// How a server is reached: by HTTP, or as a program that is started.
#[derive(JsonSchema)]
#[schemars(extend("oneOf" = [{ "required": ["http"] }, { "required": ["stdio"] }]))]
struct McpTransport {
    /// By HTTP.
    http: Option<McpHttp>,
    /// A program that is started, by its input and output.
    stdio: Option<McpProgram>,
    /// Options of the transport.
    options: Option<BTreeMap<String, String>>,
}

/// A server that is reached by HTTP.
#[derive(JsonSchema)]
struct McpHttp {
    /// The address of the server.
    endpoint: Endpoint,
    /// Headers of each request.
    headers: Option<BTreeMap<String, String>>,
}

/// A server that is a program.
#[derive(JsonSchema)]
struct McpProgram {
    /// The program.
    command: String,
    /// Its arguments.
    arguments: Option<Vec<String>>,
    /// Its environment variables.
    environment: Option<BTreeMap<String, String>>,
}

/// What a client says of itself.
#[derive(JsonSchema)]
struct McpClient {
    /// Its name.
    name: String,
    /// Its version.
    version: String,
}

/// A method of an agent.
#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct A2a {
    /// The card that describes the agent.
    agent_card: Option<Resource>,
    /// The address of the agent.
    server: Option<Endpoint>,
    /// The method.
    method: A2aMethod,
    /// The parameters of the method, or an expression that gives them.
    parameters: Option<SomeParameters>,
}

#[derive(JsonSchema)]
#[schemars(inline)]
enum A2aMethod {
    #[schemars(rename = "message/send")]
    SendMessage,
    #[schemars(rename = "message/stream")]
    StreamMessage,
    #[schemars(rename = "tasks/get")]
    GetTask,
    #[schemars(rename = "tasks/list")]
    ListTasks,
    #[schemars(rename = "tasks/cancel")]
    CancelTask,
    #[schemars(rename = "tasks/resubscribe")]
    ResubscribeToTask,
    #[schemars(rename = "tasks/pushNotificationConfig/set")]
    SetNotification,
    #[schemars(rename = "tasks/pushNotificationConfig/get")]
    GetNotification,
    #[schemars(rename = "tasks/pushNotificationConfig/list")]
    ListNotifications,
    #[schemars(rename = "tasks/pushNotificationConfig/delete")]
    DeleteNotification,
    #[schemars(rename = "agent/getAuthenticatedExtendedCard")]
    GetExtendedCard,
}

#[derive(JsonSchema)]
#[schemars(untagged, inline)]
enum SomeParameters {
    Object(#[schemars(extend("minProperties" = 1))] BTreeMap<String, Value>),
    Expression(String),
}
