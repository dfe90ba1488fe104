//! The arguments of the protocols that the specification knows: `call` of `http`, `grpc`, `openapi`, `asyncapi`, `a2a` and `mcp`.

use super::compiler::Compiler;
use super::expressions::Sight;
use super::findings::Spot;
use super::formats::is_host;
use super::report::WRONG_VALUE;
use super::task::Task;
use super::tree::Place;
use crate::expression::parse_expression;

const ASYNC_API_PROTOCOLS: [&str; 19] = [
    "amqp",
    "amqp1",
    "anypointmq",
    "googlepubsub",
    "http",
    "ibmmq",
    "jms",
    "kafka",
    "mercure",
    "mqtt",
    "mqtt5",
    "nats",
    "pulsar",
    "redis",
    "sns",
    "solace",
    "sqs",
    "stomp",
    "ws",
];

const A2A_METHODS: [&str; 11] = [
    "message/send",
    "message/stream",
    "tasks/get",
    "tasks/list",
    "tasks/cancel",
    "tasks/resubscribe",
    "tasks/pushNotificationConfig/set",
    "tasks/pushNotificationConfig/get",
    "tasks/pushNotificationConfig/list",
    "tasks/pushNotificationConfig/delete",
    "agent/getAuthenticatedExtendedCard",
];

const MCP_METHODS: [&str; 7] = [
    "tools/list",
    "tools/call",
    "prompts/list",
    "prompts/get",
    "resources/list",
    "resources/read",
    "resources/templates/list",
];

/// How the answer of an HTTP call becomes the output.
const HTTP_OUTPUTS: [&str; 3] = ["raw", "content", "response"];

impl<'t> Compiler<'t, '_> {
    pub(super) fn protocol(&mut self, task: Task<'t, '_>, name: &str) {
        let what = format!("`call: {name}`");
        let Some(with) = self.required(task.place, &what, "with") else { return };
        let what = format!("`with` of {what}");
        match name {
            "http" => self.http(with, &what, task),
            "grpc" => self.grpc(with, &what, task),
            "openapi" => self.open_api(with, &what, task),
            "asyncapi" => self.async_api(with, &what, task),
            "a2a" => self.a2a(with, &what, task),
            _ => self.mcp(with, &what, task),
        }
        // Whatever stands there, its expressions must compile. Those of a subscription see variables of their own.
        for member in with.children().filter(|member| member.name() != Some("subscription")) {
            self.template(member, task.sight());
        }
    }

    fn http(&mut self, with: Place<'t>, what: &str, task: Task<'t, '_>) {
        let known = ["method", "endpoint", "headers", "body", "query", "output", "redirect"];
        if !self.closed(with, what, &known) {
            return;
        }
        if let Some(method) = self.required(with, what, "method") {
            self.text(method, "`method`");
        }
        if let Some(endpoint) = self.required(with, what, "endpoint") {
            self.endpoint(endpoint, task.sight());
        }
        for name in ["headers", "query"] {
            if let Some(member) = with.get(name) {
                self.texts_or_expression(member, &format!("`{name}`"));
            }
        }
        self.answer(with);
    }

    fn answer(&mut self, with: Place<'t>) {
        if let Some(output) = with.get("output") {
            self.word(output, "`output`", &HTTP_OUTPUTS);
        }
        self.boolean_of(with, "redirect");
    }

    fn grpc(&mut self, with: Place<'t>, what: &str, task: Task<'t, '_>) {
        if !self.closed(with, what, &["proto", "service", "method", "arguments"]) {
            return;
        }
        if let Some(proto) = self.required(with, what, "proto") {
            self.resource(proto, task.sight());
        }
        if let Some(method) = self.required(with, what, "method") {
            self.text(method, "`method`");
        }
        self.object_of(with, "arguments");
        let Some(service) = self.required(with, what, "service") else { return };
        if !self.closed(service, "`service`", &["name", "host", "port", "authentication"]) {
            return;
        }
        for name in ["name", "host"] {
            if let Some(member) = self.required(service, "`service`", name) {
                self.text(member, &format!("`{name}`"));
            }
        }
        let host = service.get("host").filter(|host| host.text().is_some_and(|text| !is_host(&text)));
        if let Some(host) = host {
            let message = format!("`host` must be the name of a host, and is {}", host.value());
            self.wrong_value(host, message, "write for example localhost, and the port under `port`");
        }
        let port = service.get("port").and_then(|port| Some((port, self.integer(port, "`port`")?)));
        if let Some((place, port)) = port.filter(|(_, port)| !(0..=65_535).contains(port)) {
            self.refuse(Spot::Value(place), WRONG_VALUE, format!("`port` must be from 0 to 65535, and is {port}"));
        }
        if let Some(authentication) = service.get("authentication") {
            self.authentication_or_reference(authentication);
        }
    }

    fn open_api(&mut self, with: Place<'t>, what: &str, task: Task<'t, '_>) {
        let known = ["document", "operationId", "parameters", "authentication", "output", "redirect"];
        if !self.closed(with, what, &known) {
            return;
        }
        if let Some(document) = self.required(with, what, "document") {
            self.resource(document, task.sight());
        }
        if let Some(operation) = self.required(with, what, "operationId") {
            self.text(operation, "`operationId`");
        }
        self.object_of(with, "parameters");
        if let Some(authentication) = with.get("authentication") {
            self.authentication_or_reference(authentication);
        }
        self.answer(with);
    }

    fn async_api(&mut self, with: Place<'t>, what: &str, task: Task<'t, '_>) {
        let known =
            ["document", "channel", "operation", "server", "protocol", "message", "subscription", "authentication"];
        if !self.closed(with, what, &known) {
            return;
        }
        if let Some(document) = self.required(with, what, "document") {
            self.resource(document, task.sight());
        }
        self.one_of(with, what, &["operation", "channel"]);
        self.texts(with, &["channel", "operation"]);
        if let Some(server) =
            with.get("server").filter(|server| self.closed(*server, "`server`", &["name", "variables"]))
        {
            self.required(server, "`server`", "name");
            self.texts(server, &["name"]);
            self.object_of(server, "variables");
        }
        if let Some(protocol) = with.get("protocol") {
            self.word(protocol, "`protocol`", &ASYNC_API_PROTOCOLS);
        }
        if let Some(authentication) = with.get("authentication") {
            self.authentication_or_reference(authentication);
        }
        match self.one_of(with, what, &["message", "subscription"]) {
            Some(("message", message)) if self.closed(message, "`message`", &["payload", "headers"]) => {
                self.object_of(message, "payload");
                self.object_of(message, "headers");
            }
            Some(("subscription", subscription)) => self.subscription(subscription, task),
            _ => {}
        }
    }

    fn subscription(&mut self, place: Place<'t>, task: Task<'t, '_>) {
        if !self.closed(place, "`subscription`", &["filter", "consume", "foreach"]) {
            return;
        }
        if let Some(filter) = place.get("filter") {
            self.marked_expression(filter, "`filter`", task);
        }
        if let Some(consume) = self.required(place, "`subscription`", "consume")
            && self.closed(consume, "`consume`", &["for", "amount", "while", "until"])
        {
            self.span_of(consume, "for", task.sight());
            match self.one_of(consume, "`consume`", &["amount", "while", "until"]) {
                Some(("amount", amount)) => drop(self.integer(amount, "`amount`")),
                Some((name, condition)) => self.marked_expression(condition, &format!("`{name}`"), task),
                None => {}
            }
        }
        if let Some(iterator) = place.get("foreach") {
            self.iterator(iterator, task);
        }
    }

    /// An expression where the specification wants its marks: `${` and `}`.
    fn marked_expression(&mut self, place: Place<'t>, what: &str, task: Task<'t, '_>) {
        if let Some(text) = place.text().filter(|text| parse_expression(text).is_none()) {
            let message = format!("{what} must be an expression in `${{ }}`");
            self.wrong_value(place, message, &format!("write '${{ {text} }}'"));
        } else {
            self.expression(place, what, task.sight());
        }
    }

    fn a2a(&mut self, with: Place<'t>, what: &str, task: Task<'t, '_>) {
        if !self.closed(with, what, &["agentCard", "server", "method", "parameters"]) {
            return;
        }
        if let Some(method) = self.required(with, what, "method") {
            self.word(method, "`method`", &A2A_METHODS);
        }
        if let Some(card) = with.get("agentCard") {
            self.resource(card, task.sight());
        }
        if let Some(server) = with.get("server") {
            self.endpoint(server, task.sight());
        }
        self.parameters(with);
        if let Some(parameters) =
            with.get("parameters").filter(|place| place.is_object() && place.children().len() == 0)
        {
            self.wrong_value(
                parameters,
                "`parameters` has no parameter".into(),
                "write one, or leave `parameters` out",
            );
        }
    }

    fn parameters(&mut self, with: Place<'t>) {
        if let Some(parameters) = with.get("parameters").filter(|place| place.text().is_none()) {
            self.is_object(parameters, "`parameters`");
        }
    }

    fn mcp(&mut self, with: Place<'t>, what: &str, task: Task<'t, '_>) {
        let known = ["protocolVersion", "method", "parameters", "timeout", "transport", "client"];
        if !self.open(with, what, &known) {
            return;
        }
        if let Some(method) = self.required(with, what, "method") {
            self.word(method, "`method`", &MCP_METHODS);
        }
        self.texts(with, &["protocolVersion"]);
        self.parameters(with);
        self.span_of(with, "timeout", task.sight());
        if let Some(client) = with.get("client").filter(|client| self.is_object(*client, "`client`")) {
            for name in ["name", "version"] {
                self.required(client, "`client`", name);
            }
            self.texts(client, &["name", "version"]);
        }
        let Some(transport) = self.required(with, what, "transport") else { return };
        if !self.open(transport, "`transport`", &["http", "stdio", "options"]) {
            return;
        }
        if let Some(options) = transport.get("options") {
            self.texts_in(options, "`options`");
        }
        match self.one_of(transport, "`transport`", &["http", "stdio"]) {
            Some(("http", http)) if self.is_object(http, "`http`") => {
                if let Some(endpoint) = self.required(http, "`http`", "endpoint") {
                    self.endpoint(endpoint, task.sight());
                }
                if let Some(headers) = http.get("headers") {
                    self.texts_in(headers, "`headers`");
                }
            }
            Some(("stdio", stdio)) if self.is_object(stdio, "`stdio`") => {
                self.required(stdio, "`stdio`", "command");
                self.texts(stdio, &["command"]);
                self.texts_of(stdio, "arguments");
                if let Some(environment) = stdio.get("environment") {
                    self.texts_in(environment, "`environment`");
                }
            }
            _ => {}
        }
    }

    /// An address: a URI, an expression, or an object with one and an authentication.
    pub(super) fn endpoint(&mut self, place: Place<'t>, sight: Sight<'_>) {
        if place.text().is_some() {
            self.uri(place, "an endpoint");
            self.template(place, sight);
        } else if self.closed(place, "an endpoint", &["uri", "authentication"]) {
            if let Some(uri) = self.required(place, "an endpoint", "uri") {
                self.uri(uri, "`uri`");
                self.template(uri, sight);
            }
            if let Some(authentication) = place.get("authentication") {
                self.authentication_or_reference(authentication);
            }
        }
    }

    /// Something that lies elsewhere.
    pub(super) fn resource(&mut self, place: Place<'t>, sight: Sight<'_>) {
        if !self.closed(place, "a resource", &["name", "endpoint"]) {
            return;
        }
        self.texts(place, &["name"]);
        if let Some(endpoint) = self.required(place, "a resource", "endpoint") {
            self.endpoint(endpoint, sight);
        }
    }

    fn texts_or_expression(&mut self, place: Place<'t>, what: &str) {
        if place.text().as_deref().and_then(parse_expression).is_none() {
            self.texts_in(place, what);
        }
    }

    /// An object whose members are texts.
    pub(super) fn texts_in(&mut self, place: Place<'t>, what: &str) {
        if self.is_object(place, what) {
            for member in place.children() {
                self.text(member, &format!("a member of {what}"));
            }
        }
    }
}
