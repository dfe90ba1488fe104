//! Every limit of the API, in one place.
//!
//! Owns the numbers and why they are what they are. Who reads them from a file or a flag is the command line's business.

use std::time::Duration;

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

/// What the API bounds. [`ApiOptions::default`] holds what the documentation says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiOptions {
    /// Bytes of a request's body, but for components: the size of the largest input and document.
    pub body_bytes_max: usize,
    /// Bytes of a component: the largest runtimes of today (a JavaScript engine, Python) have 12 to 18 MiB.
    pub component_bytes_max: usize,
    /// Bytes of all bodies that are held at the same time, so that many large ones cannot take the memory of the host.
    pub bodies_bytes_max: usize,
    /// Header lines of a request.
    pub headers_max: usize,
    /// Bytes of the request line and all headers.
    pub header_bytes_max: usize,
    /// How long a request may take, beside the wait that it asks for. Streams are not bound by it.
    pub request_time: Duration,
    /// Requests that are answered at the same time.
    pub requests_max: usize,
    /// Streams that are open at the same time.
    pub streams_max: usize,
    /// The longest wait for the end of an execution that a start may ask for.
    pub wait_max: Duration,
    /// Items on a page where a request does not say.
    pub page_items: usize,
    /// Items on a page at most.
    pub page_items_max: usize,
    /// How often a stream says that it is still there, which keeps proxies from closing it.
    pub keep_alive: Duration,
    /// What a connection may do.
    pub connections: ConnectionOptions,
}

/// What the server bounds before there is a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectionOptions {
    /// Connections that are open at the same time; more wait to be accepted.
    pub connections_max: usize,
    /// How long the head of a request may take to arrive, and how long a connection may be idle.
    pub header_time: Duration,
    /// How long a client may take to accept bytes of an answer before it is cut.
    pub write_time: Duration,
    /// How long requests in flight may take to end once the server stops.
    pub drain_time: Duration,
}

impl Default for ApiOptions {
    fn default() -> Self {
        Self {
            body_bytes_max: 10 * MIB,
            component_bytes_max: 64 * MIB,
            bodies_bytes_max: 256 * MIB,
            headers_max: 64,
            header_bytes_max: 32 * KIB,
            request_time: Duration::from_secs(60),
            requests_max: 1_024,
            streams_max: 1_024,
            wait_max: Duration::from_secs(60),
            page_items: 50,
            page_items_max: 500,
            keep_alive: Duration::from_secs(15),
            connections: ConnectionOptions::default(),
        }
    }
}

impl Default for ConnectionOptions {
    fn default() -> Self {
        Self {
            connections_max: 4_096,
            header_time: Duration::from_secs(30),
            write_time: Duration::from_secs(30),
            drain_time: Duration::from_secs(30),
        }
    }
}
