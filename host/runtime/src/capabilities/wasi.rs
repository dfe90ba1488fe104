//! WASI 0.2 with nothing in it: clocks and random numbers, no files, no environment, no network. What a guest prints becomes lines of its log.
//!
//! Most calls never touch it, so its context is made when the first import of it is called.

use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use parking_lot::Mutex;
use sandmill_engine::ports::LogLevel;
use tokio::io::AsyncWrite;
use wasmtime::component::{Linker, ResourceTable};
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamError, StreamResult};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

use super::log::MESSAGE_BYTES_MAX;
use super::{Call, Capabilities};
use crate::live::Live;
use crate::outcome::Stop;

/// Random bytes that one call gives at most: they are made in the host's memory.
const RANDOM_BYTES_MAX: u64 = 1 << 20;

/// Bytes that a guest may write at a time.
const PERMIT_BYTES: usize = 64 << 10;

/// What belongs to one call.
#[derive(Default)]
pub(super) struct Wasi(Option<Box<Made>>);

struct Made {
    context: WasiCtx,
    table: ResourceTable,
    streams: [Printed; 2],
}

pub(super) fn link(linker: &mut Linker<Call>) -> wasmtime::Result<()> {
    wasmtime_wasi::p2::add_to_linker_async(linker)
}

impl Wasi {
    /// Lines that were never ended become lines.
    pub(super) fn finish(&self) -> Result<(), Stop> {
        let streams = self.0.iter().flat_map(|made| &made.streams);
        streams.map(Printed::finish).fold(Ok(()), Result::and)
    }
}

impl WasiView for Call {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        // Every function of WASI begins here, and none of them can be refused here.
        self.note();
        let (capabilities, live) = (&self.capabilities, &self.live);
        let made = self.wasi.0.get_or_insert_with(|| Box::new(Made::new(capabilities, live)));
        WasiCtxView { ctx: &mut made.context, table: &mut made.table }
    }
}

impl Made {
    fn new(capabilities: &Arc<Capabilities>, live: &Arc<Live>) -> Self {
        let stream = |level| Printed {
            capabilities: Arc::clone(capabilities),
            live: Arc::clone(live),
            level,
            unfinished: Arc::default(),
        };
        let streams = [stream(LogLevel::Info), stream(LogLevel::Warn)];
        let [stdout, stderr] = streams.clone();
        let context = WasiCtx::builder()
            .stdout(stdout)
            .stderr(stderr)
            .allow_tcp(false)
            .allow_udp(false)
            .allow_ip_name_lookup(false)
            .max_random_size(RANDOM_BYTES_MAX)
            .build();
        Self { context, table: ResourceTable::new(), streams }
    }
}

/// What a guest prints to one of its outputs. All of its handles write to the same line.
#[derive(Clone)]
struct Printed {
    capabilities: Arc<Capabilities>,
    live: Arc<Live>,
    level: LogLevel,
    unfinished: Arc<Mutex<Vec<u8>>>,
}

impl Printed {
    fn print(&self, mut bytes: &[u8]) -> Result<(), Stop> {
        let mut unfinished = self.unfinished.lock();
        while !bytes.is_empty() {
            // A line that is too long for one message becomes several.
            let room = MESSAGE_BYTES_MAX - unfinished.len();
            let piece = bytes.get(..room).unwrap_or(bytes);
            let end = piece.iter().position(|byte| *byte == b'\n');
            let (text, rest) = match end {
                Some(end) => (&bytes[..end], &bytes[end + 1..]),
                None => bytes.split_at(piece.len()),
            };
            unfinished.extend_from_slice(text);
            bytes = rest;
            if end.is_some() || unfinished.len() == MESSAGE_BYTES_MAX {
                self.write_line(mem::take(&mut unfinished))?;
            }
        }
        Ok(())
    }

    fn finish(&self) -> Result<(), Stop> {
        let line = mem::take(&mut *self.unfinished.lock());
        if line.is_empty() { Ok(()) } else { self.write_line(line) }
    }

    /// What is no text is shown as well as can be: a guest must not fail on what it prints.
    fn write_line(&self, line: Vec<u8>) -> Result<(), Stop> {
        let message =
            String::from_utf8(line).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned());
        self.capabilities.log.write(&self.live, self.level, message, Vec::new())
    }
}

#[wasmtime_wasi::async_trait]
impl Pollable for Printed {
    async fn ready(&mut self) {}
}

impl OutputStream for Printed {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.print(&bytes).map_err(|stop| StreamError::Trap(wasmtime::Error::new(stop)))
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(PERMIT_BYTES)
    }
}

impl IsTerminal for Printed {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for Printed {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(self.clone())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

/// Part of the trait for the next WASI, which this host does not link.
impl AsyncWrite for Printed {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<std::io::Result<usize>> {
        Poll::Ready(self.print(bytes).map(|()| bytes.len()).map_err(std::io::Error::other))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
