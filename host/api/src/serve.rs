//! The server: connections, from their first byte to their last.
//!
//! Owns what a connection may cost before there is a request and after there is an answer, and how the server comes to an end: it accepts
//! nothing more, streams end, requests in flight are answered. Knows nothing of what is asked.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tower::Service as _;

use crate::connection::Connection;
use crate::options::ConnectionOptions;
use crate::slow_writes::SlowWrites;

/// Bytes of the head of a request that are read at all. The router's own limits are lower and answer with a problem document.
const HEAD_BYTES_MAX: usize = 128 * 1024;

/// Header lines that are read at all.
const HEADERS_MAX: usize = 256;

/// How long to wait when the system has no more connections to give.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves until `shutdown` is done; then accepts nothing more, ends the streams, and returns once the requests in flight are answered or
/// [`ConnectionOptions::drain_time`] is over.
pub async fn serve<F>(listener: TcpListener, router: Router, options: ConnectionOptions, shutdown: F) -> io::Result<()>
where
    F: Future<Output = ()> + Send,
{
    let server = Server {
        router,
        room: Arc::new(Semaphore::new(options.connections_max.min(Semaphore::MAX_PERMITS))),
        options,
        closing: CancellationToken::new(),
        graceful: GracefulShutdown::new(),
    };
    let mut connections = JoinSet::new();
    tokio::select! {
        ended = server.accept_all(&listener, &mut connections) => ended?,
        () = shutdown => {}
    }
    drop(listener);
    server.closing.cancel();
    let drain_time = server.options.drain_time;
    if tokio::time::timeout(drain_time, server.graceful.shutdown()).await.is_err() {
        tracing::warn!(?drain_time, "requests in flight did not end in time and are cut");
    }
    connections.shutdown().await;
    Ok(())
}

struct Server {
    router: Router,
    options: ConnectionOptions,
    room: Arc<Semaphore>,
    closing: CancellationToken,
    graceful: GracefulShutdown,
}

impl Server {
    /// Takes connections for ever. Fails only when the listener is no longer one.
    async fn accept_all(&self, listener: &TcpListener, connections: &mut JoinSet<()>) -> io::Result<()> {
        let local = listener.local_addr()?;
        loop {
            let Ok(room) = self.room.clone().acquire_owned().await else { return Ok(()) };
            match listener.accept().await {
                Ok((stream, peer)) => {
                    let connection = Connection { peer, local, closing: self.closing.clone() };
                    connections.spawn(self.connection(stream, connection, room));
                }
                // The connection went away before it was taken.
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
                Err(error) => {
                    tracing::warn!(%error, "a connection cannot be accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
            while connections.try_join_next().is_some() {}
        }
    }

    /// One connection, to its end.
    fn connection(
        &self,
        stream: TcpStream,
        connection: Connection,
        room: OwnedSemaphorePermit,
    ) -> impl Future<Output = ()> + Send + use<> {
        let (router, options, watcher) = (self.router.clone(), self.options.clone(), self.graceful.watcher());
        async move {
            let _room = room;
            // Answers are written whole: waiting for more to send only delays them. Without it they arrive all the same.
            let _ = stream.set_nodelay(true);
            answer_all(stream, (router, connection), options, watcher).await;
        }
    }
}

async fn answer_all(
    stream: TcpStream,
    (router, connection): (Router, Connection),
    options: ConnectionOptions,
    watcher: Watcher,
) {
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(connection.clone());
        router.clone().call(request)
    });
    let io = TokioIo::new(SlowWrites::new(stream, options.write_time));
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(options.header_time)
        .max_headers(HEADERS_MAX)
        .max_buf_size(HEAD_BYTES_MAX)
        .serve_connection(io, service);
    if let Err(error) = watcher.watch(served).await {
        tracing::debug!(%error, "a connection ended in an error");
    }
}
