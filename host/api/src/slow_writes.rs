//! A connection that is cut when the other end takes nothing for too long.
//!
//! A client that opens a stream and reads none of it holds a connection, a buffer and a task: this bounds for how long.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

/// Passes everything on, and fails once a write waits for too long.
pub(crate) struct SlowWrites<Inner> {
    inner: Inner,
    write_time: Duration,
    /// Runs while a write waits.
    timer: Pin<Box<Sleep>>,
    is_waiting: bool,
}

impl<Inner> SlowWrites<Inner> {
    pub(crate) fn new(inner: Inner, write_time: Duration) -> Self {
        Self { inner, write_time, timer: Box::pin(tokio::time::sleep(write_time)), is_waiting: false }
    }

    /// What became of a write: ready, or pending for not too long.
    fn bounded<T>(&mut self, context: &mut Context<'_>, write: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if write.is_ready() {
            self.is_waiting = false;
            return write;
        }
        if !self.is_waiting {
            self.is_waiting = true;
            self.timer.as_mut().reset(Instant::now() + self.write_time);
        }
        ready!(self.timer.as_mut().poll(context));
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the client takes no bytes")))
    }
}

impl<Inner: AsyncRead + Unpin> AsyncRead for SlowWrites<Inner> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(context, buffer)
    }
}

impl<Inner: AsyncWrite + Unpin> AsyncWrite for SlowWrites<Inner> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let write = Pin::new(&mut self.inner).poll_write(context, bytes);
        self.bounded(context, write)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let write = Pin::new(&mut self.inner).poll_write_vectored(context, bytes);
        self.bounded(context, write)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flush = Pin::new(&mut self.inner).poll_flush(context);
        self.bounded(context, flush)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    #[tokio::test]
    async fn a_write_that_somebody_takes_goes_through() {
        let (mut reader, writer) = tokio::io::duplex(4);
        let mut writer = SlowWrites::new(writer, Duration::from_secs(3_600));
        let read = async {
            let mut taken = [0; 8];
            reader.read_exact(&mut taken).await.unwrap();
            taken
        };
        let (written, taken) = tokio::join!(writer.write_all(b"12345678"), read);
        written.unwrap();
        assert_eq!(&taken, b"12345678");
    }

    #[tokio::test]
    async fn a_write_that_nobody_takes_fails() {
        let (_reader, writer) = tokio::io::duplex(4);
        let mut writer = SlowWrites::new(writer, Duration::from_millis(5));
        writer.write_all(b"1234").await.unwrap();
        let cut = writer.write_all(b"5").await.unwrap_err();
        assert_eq!(cut.kind(), io::ErrorKind::TimedOut);
    }
}
