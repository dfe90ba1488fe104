//! A TCP proxy that stands in the way: it delays, stalls, cuts in the middle, refuses, leads elsewhere, and counts.
//!
//! Runs on a thread of its own, so that a test that blocks does not stop it. Knows of what it carries only where a request of Redis ends.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, sleep_until};

/// Which way bytes go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// From the client to the server.
    Up,
    /// From the server to the client.
    Down,
}

/// What the proxy is told, and what it counts.
struct Shared {
    upstream: std::sync::Mutex<SocketAddr>,
    delay_micros: AtomicU64,
    refuses: AtomicBool,
    /// For the next connection: after how many bytes, in which direction, it is cut.
    cut_after: std::sync::Mutex<Option<(Direction, u64)>>,
    /// Up and down: after how many bytes of all connections the one that carries them is cut.
    cut_at: [std::sync::Mutex<Option<u64>>; 2],
    /// Counts the cuts.
    cuts: watch::Sender<u64>,
    /// Counts the half closes, up and down.
    half_closes: [watch::Sender<u64>; 2],
    /// Up and down.
    stalls: [watch::Sender<bool>; 2],
    /// What a client sends before nothing goes through any more in a direction.
    stall_at: std::sync::Mutex<Option<(Direction, Vec<u8>)>>,
    bytes: [AtomicU64; 2],
    requests: AtomicU64,
    connections: AtomicU64,
    refusals: AtomicU64,
}

/// A proxy before a server. Ends when it is dropped.
pub struct Proxy {
    shared: Arc<Shared>,
    port: u16,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Proxy {
    /// Starts a proxy before a port of the loopback interface.
    #[must_use]
    pub fn start(upstream_port: u16) -> Self {
        let shared = Arc::new(Shared {
            upstream: std::sync::Mutex::new(address(upstream_port)),
            delay_micros: AtomicU64::new(0),
            refuses: AtomicBool::new(false),
            cut_after: std::sync::Mutex::new(None),
            cut_at: Default::default(),
            cuts: watch::channel(0).0,
            half_closes: [watch::channel(0).0, watch::channel(0).0],
            stalls: [watch::channel(false).0, watch::channel(false).0],
            stall_at: std::sync::Mutex::new(None),
            bytes: [AtomicU64::new(0), AtomicU64::new(0)],
            requests: AtomicU64::new(0),
            connections: AtomicU64::new(0),
            refusals: AtomicU64::new(0),
        });
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        listener.set_nonblocking(true).unwrap();
        let port = listener.local_addr().unwrap().port();
        let (stop, stopped) = oneshot::channel();
        let of_thread = Arc::clone(&shared);
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                tokio::select! {
                    () = accept(TcpListener::from_std(listener).unwrap(), of_thread) => {}
                    _ = stopped => {}
                }
            });
        });
        Self { shared, port, stop: Some(stop), thread: Some(thread) }
    }

    /// Its port on the loopback interface.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Where clients of Redis find it.
    #[must_use]
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Holds every byte back for so long, in each direction. What follows on its heels waits no longer for that.
    pub fn delay(&self, delay: Duration) {
        self.shared.delay_micros.store(delay.as_micros().try_into().unwrap(), SeqCst);
    }

    /// Ends all connections.
    pub fn cut(&self) {
        self.shared.cuts.send_modify(|cuts| *cuts += 1);
    }

    /// Ends the next connection after so many bytes in a direction, wherever that is in a message.
    pub fn cut_after_bytes(&self, direction: Direction, bytes: u64) {
        *self.shared.cut_after.lock().unwrap() = Some((direction, bytes));
    }

    /// Ends the connection that carries the last of so many bytes from now on, of all connections, wherever that is in a message.
    pub fn cut_at_byte(&self, direction: Direction, bytes: u64) {
        *self.shared.cut_at[direction as usize].lock().unwrap() = Some(bytes);
    }

    /// True while a cut that was asked for has not come.
    #[must_use]
    pub fn is_to_cut(&self) -> bool {
        self.shared.cut_at.iter().any(|cut_at| cut_at.lock().unwrap().is_some())
    }

    /// Leads new connections to another port of the loopback interface, and ends those to the old one.
    pub fn lead_to(&self, upstream_port: u16) {
        *self.shared.upstream.lock().unwrap() = address(upstream_port);
        self.cut();
    }

    /// Ends all connections in one direction; the other stays open.
    pub fn half_close(&self, direction: Direction) {
        self.shared.half_closes[direction as usize].send_modify(|closes| *closes += 1);
    }

    /// Ends each new connection at once, or no longer.
    pub fn refuse(&self, refuses: bool) {
        self.shared.refuses.store(refuses, SeqCst);
    }

    /// Lets nothing through while connections stay, or lets everything through that waited.
    pub fn stall(&self, stalls: bool) {
        for of_direction in &self.shared.stalls {
            of_direction.send_replace(stalls);
        }
    }

    /// Once a client sends something with these bytes, nothing goes through any more in a direction: up, so that the server never gets it; down, so
    /// that the client never gets an answer.
    pub fn stall_at(&self, direction: Direction, bytes: &[u8]) {
        *self.shared.stall_at.lock().unwrap() = Some((direction, bytes.into()));
    }

    /// True where nothing goes through in one direction at least.
    #[must_use]
    pub fn is_stalled(&self) -> bool {
        self.shared.stalls.iter().any(|stalls| *stalls.borrow())
    }

    /// Bytes that clients sent.
    #[must_use]
    pub fn bytes_up(&self) -> u64 {
        self.shared.bytes[Direction::Up as usize].load(SeqCst)
    }

    /// Bytes that clients got.
    #[must_use]
    pub fn bytes_down(&self) -> u64 {
        self.shared.bytes[Direction::Down as usize].load(SeqCst)
    }

    /// Requests of Redis that clients sent.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.shared.requests.load(SeqCst)
    }

    /// Connections that were let through.
    #[must_use]
    pub fn connections(&self) -> u64 {
        self.shared.connections.load(SeqCst)
    }

    /// Connections that were refused.
    #[must_use]
    pub fn refusals(&self) -> u64 {
        self.shared.refusals.load(SeqCst)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn address(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}

impl Shared {
    /// How many of the bytes that came may go on, and whether the connection is to be cut after them.
    fn spend(&self, direction: Direction, count: usize) -> (usize, bool) {
        let mut cut_at = self.cut_at[direction as usize].lock().unwrap();
        let Some(left) = *cut_at else { return (count, false) };
        let allowed = count.min(usize::try_from(left).unwrap_or(usize::MAX));
        *cut_at = Some(left - allowed as u64).filter(|left| *left > 0);
        (allowed, cut_at.is_none())
    }

    /// Looks for what is to be stalled at.
    fn look_at(&self, sent: &[u8]) {
        let mut stall_at = self.stall_at.lock().unwrap();
        if let Some((direction, bytes)) = &*stall_at
            && sent.windows(bytes.len()).any(|window| window == bytes)
        {
            self.stalls[*direction as usize].send_replace(true);
            *stall_at = None;
        }
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    loop {
        let Ok((client, _)) = listener.accept().await else { continue };
        if shared.refuses.load(SeqCst) {
            shared.refusals.fetch_add(1, SeqCst);
            continue;
        }
        tokio::spawn(connection(client, Arc::clone(&shared)));
    }
}

async fn connection(client: TcpStream, shared: Arc<Shared>) {
    let mut cuts = shared.cuts.subscribe();
    let upstream = *shared.upstream.lock().unwrap();
    let Ok(server) = TcpStream::connect(upstream).await else { return };
    if client.set_nodelay(true).is_err() || server.set_nodelay(true).is_err() {
        return;
    }
    shared.connections.fetch_add(1, SeqCst);
    let cut_after = shared.cut_after.lock().unwrap().take();
    let budget = |of| cut_after.filter(|(direction, _)| *direction == of).map(|(_, bytes)| bytes);
    let ((from_client, to_client), (from_server, to_server)) = (client.into_split(), server.into_split());
    let up = pump((from_client, to_server), Direction::Up, budget(Direction::Up), &shared);
    let down = pump((from_server, to_client), Direction::Down, budget(Direction::Down), &shared);
    // A direction that ends by itself leaves the other alone; one that ran out of its bytes ends both.
    tokio::select! {
        _ = cuts.changed() => {}
        _ = async { tokio::try_join!(up, down) } => {}
    }
}

/// The connection has to be cut.
struct Cut;

/// Carries bytes in one direction until their end.
async fn pump(
    (mut from, to): (OwnedReadHalf, OwnedWriteHalf),
    direction: Direction,
    mut budget: Option<u64>,
    shared: &Shared,
) -> Result<(), Cut> {
    let (sender, receiver) = mpsc::unbounded_channel();
    let mut half_closes = shared.half_closes[direction as usize].subscribe();
    let read = async {
        let mut requests = Requests::default();
        let mut buffer = vec![0; 64 * 1024];
        loop {
            let count = tokio::select! {
                _ = half_closes.changed() => 0,
                count = from.read(&mut buffer) => count.unwrap_or(0),
            };
            let allowed = budget.map_or(count, |left| count.min(usize::try_from(left).unwrap_or(usize::MAX)));
            let (allowed, is_cut) = shared.spend(direction, allowed);
            let chunk = buffer[..allowed].to_vec();
            shared.bytes[direction as usize].fetch_add(allowed as u64, SeqCst);
            if direction == Direction::Up {
                shared.requests.fetch_add(requests.ends_in(&chunk), SeqCst);
                shared.look_at(&chunk);
            }
            budget = budget.map(|left| left - allowed as u64);
            let is_last = count == 0 || budget == Some(0) || is_cut;
            if !chunk.is_empty() {
                let _ = sender.send((Instant::now(), chunk));
            }
            if is_last {
                drop(sender);
                return budget == Some(0) || is_cut;
            }
        }
    };
    let (is_cut, ()) = tokio::join!(read, write(to, receiver, (shared, direction)));
    if is_cut { Err(Cut) } else { Ok(()) }
}

/// Hands on what was read, as late as it is told, and then the end.
async fn write(
    mut to: OwnedWriteHalf,
    mut chunks: mpsc::UnboundedReceiver<(Instant, Vec<u8>)>,
    (shared, direction): (&Shared, Direction),
) {
    let mut stalls = shared.stalls[direction as usize].subscribe();
    while let Some((read_at, chunk)) = chunks.recv().await {
        sleep_until(read_at + Duration::from_micros(shared.delay_micros.load(SeqCst))).await;
        if stalls.wait_for(|stalls| !stalls).await.is_err() || to.write_all(&chunk).await.is_err() {
            return;
        }
    }
    let _ = to.shutdown().await;
}

/// Counts where requests of Redis end: arrays of strings, each with its length before it.
#[derive(Default)]
struct Requests {
    line: Vec<u8>,
    strings_left: u64,
    bytes_left: u64,
}

impl Requests {
    fn ends_in(&mut self, bytes: &[u8]) -> u64 {
        bytes.iter().filter(|byte| self.ends_with(**byte)).count() as u64
    }

    fn ends_with(&mut self, byte: u8) -> bool {
        if self.bytes_left > 0 {
            self.bytes_left -= 1;
            return self.bytes_left == 0 && self.string_ends();
        }
        self.line.push(byte);
        if byte != b'\n' {
            return false;
        }
        let line = std::mem::take(&mut self.line);
        let number = std::str::from_utf8(&line[1..]).ok().and_then(|text| text.trim_end().parse().ok()).unwrap_or(0);
        match line[0] {
            b'*' => self.strings_left = number,
            b'$' => self.bytes_left = number + 2,
            _ => {}
        }
        false
    }

    const fn string_ends(&mut self) -> bool {
        self.strings_left = self.strings_left.saturating_sub(1);
        self.strings_left == 0
    }
}
