//! A real listener: connections, slow clients, and the end of the server.

use std::net::SocketAddr;
use std::time::Duration;

use sandmill_api::{ApiOptions, ConnectionOptions};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::kit::{World, put};

struct Server {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    ended: JoinHandle<std::io::Result<()>>,
}

impl Server {
    async fn over(world: &World, options: ConnectionOptions) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let shutdown = async { drop(stopped.await) };
        let ended = tokio::spawn(sandmill_api::serve(listener, world.router.clone(), options, shutdown));
        Self { address, stop, ended }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// The head of a request from this computer.
    fn head(&self, request_line: &str) -> String {
        format!("{request_line} HTTP/1.1\r\nhost: {}\r\n", self.address)
    }
}

/// What the server sends until it closes the connection.
async fn rest(stream: &mut TcpStream) -> String {
    let mut text = Vec::new();
    // A connection that is cut is closed too.
    let _ = stream.read_to_end(&mut text).await;
    String::from_utf8_lossy(&text).into_owned()
}

#[tokio::test]
async fn a_request_over_a_connection_is_answered() {
    let world = World::new();
    let server = Server::over(&world, ConnectionOptions::default()).await;
    let mut stream = server.connect().await;
    let request = format!("{}connection: close\r\n\r\n", server.head("GET /v1/plugins"));
    stream.write_all(request.as_bytes()).await.unwrap();
    let answer = rest(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("{\"items\":[]}"), "{answer}");
}

#[tokio::test]
async fn a_head_that_does_not_arrive_is_not_waited_for() {
    let world = World::new();
    let options = ConnectionOptions { header_time: Duration::from_millis(20), ..ConnectionOptions::default() };
    let server = Server::over(&world, options).await;
    for sent in [String::new(), server.head("GET /healthz"), format!("{}\r\n", server.head("GET /healthz"))] {
        let mut stream = server.connect().await;
        stream.write_all(sent.as_bytes()).await.unwrap();
        // It comes to an end by itself, after the answer where there is one.
        let answer = rest(&mut stream).await;
        assert_eq!(answer.contains("200 OK"), sent.ends_with("\r\n\r\n"), "{answer}");
    }
}

#[tokio::test]
async fn a_server_that_stops_answers_what_it_was_asked_and_takes_nothing_new() {
    let world = World::new();
    world.deploy("steps", 1).await;
    world.runner.hold(true);
    let server = Server::over(&world, ConnectionOptions::default()).await;
    let mut stream = server.connect().await;
    let head = server.head("POST /v1/workflows/test/steps/executions?wait=60s");
    stream.write_all(format!("{head}content-length: 2\r\n\r\n{{}}").as_bytes()).await.unwrap();
    world.one_is_running().await;
    server.stop.send(()).unwrap();
    while TcpStream::connect(server.address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    world.runner.hold(false);
    let answer = rest(&mut stream).await;
    assert!(answer.contains("200 OK") && answer.contains("\"completed\""), "{answer}");
    server.ended.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_request_that_does_not_end_is_cut_when_the_server_stops() {
    let world = World::new();
    world.deploy("steps", 1).await;
    world.runner.hold(true);
    let options = ConnectionOptions { drain_time: Duration::from_millis(20), ..ConnectionOptions::default() };
    let server = Server::over(&world, options).await;
    let mut stream = server.connect().await;
    let head = server.head("POST /v1/workflows/test/steps/executions?wait=60s");
    stream.write_all(format!("{head}content-length: 2\r\n\r\n{{}}").as_bytes()).await.unwrap();
    world.one_is_running().await;
    server.stop.send(()).unwrap();
    server.ended.await.unwrap().unwrap();
    assert_eq!(rest(&mut stream).await, "");
}

#[tokio::test]
async fn a_client_that_takes_nothing_is_cut() {
    let world = World::with_options(ApiOptions { bodies_bytes_max: 64 << 20, ..ApiOptions::default() });
    // Larger than what the system holds for a connection.
    let component = format!("wasm{}", " ".repeat(48 << 20));
    assert_eq!(world.send(put("/v1/plugins/large/1.0.0").body_text(&component).done()).await.status, 201);
    let options =
        ConnectionOptions { connections_max: 1, write_time: Duration::from_millis(20), ..ConnectionOptions::default() };
    let server = Server::over(&world, options).await;
    let mut idle = server.connect().await;
    let head = server.head("GET /v1/plugins/large/1.0.0/component");
    idle.write_all(format!("{head}\r\n").as_bytes()).await.unwrap();
    // There is room for the next one only once this one is gone.
    let mut next = server.connect().await;
    let request = format!("{}connection: close\r\n\r\n", server.head("GET /healthz"));
    next.write_all(request.as_bytes()).await.unwrap();
    assert!(rest(&mut next).await.contains("200 OK"));
    assert!(rest(&mut idle).await.len() < component.len());
}

#[tokio::test]
async fn streams_end_when_the_server_stops() {
    let world = World::new();
    world.deploy("steps", 1).await;
    world.runner.hold(true);
    let id = world.start("steps", "{}").await;
    let server = Server::over(&world, ConnectionOptions::default()).await;
    let mut stream = server.connect().await;
    let head = server.head(&format!("GET /v1/executions/{id}/events"));
    stream.write_all(format!("{head}\r\n").as_bytes()).await.unwrap();
    let mut seen = String::new();
    while !seen.contains("id: 0-1") {
        let mut bytes = [0; 1_024];
        let count = stream.read(&mut bytes).await.unwrap();
        seen.push_str(std::str::from_utf8(&bytes[..count]).unwrap());
    }
    server.stop.send(()).unwrap();
    server.ended.await.unwrap().unwrap();
    assert!(rest(&mut stream).await.ends_with("0\r\n\r\n"), "the stream came to its end and was not cut");
}

#[tokio::test]
async fn connections_over_the_limit_wait_until_one_ends() {
    let world = World::new();
    let options = ConnectionOptions { connections_max: 1, ..ConnectionOptions::default() };
    let server = Server::over(&world, options).await;
    let request = format!("{}connection: close\r\n\r\n", server.head("GET /healthz"));
    let first = server.connect().await;
    let mut second = server.connect().await;
    second.write_all(request.as_bytes()).await.unwrap();
    let answered = tokio::time::timeout(Duration::from_millis(20), second.read_u8()).await;
    assert!(answered.is_err(), "the one place is taken");
    drop(first);
    assert!(rest(&mut second).await.contains("200 OK"));
}

#[tokio::test]
async fn heads_that_are_far_too_large_are_refused_before_they_are_read() {
    let world = World::new();
    let server = Server::over(&world, ConnectionOptions::default()).await;
    let mut stream = server.connect().await;
    let head = format!("{}x-more: {}\r\n\r\n", server.head("GET /healthz"), "x".repeat(1024 * 1024));
    // The server may close before it was sent what it does not read.
    let _ = stream.write_all(head.as_bytes()).await;
    assert!(!rest(&mut stream).await.contains("200 OK"));
}
