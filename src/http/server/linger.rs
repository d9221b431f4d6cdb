//! Closing a connection so that what was answered last arrives.
//!
//! A socket that is closed while there is something unread in it resets its connection, and a reset takes from the peer what it
//! has not read yet: a refusal over a body of which nothing was read would be lost to whoever still sends it. So what comes is
//! read for a while and thrown away, once nothing more is written (RFC 9112, section 9.6).

use std::{
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf},
    net::TcpStream,
    runtime::Handle,
    sync::watch,
};

use super::unread::Unread;
use crate::kernel::clock::pause;

/// How long there is still read once the service is to stop.
const LAST: Duration = Duration::from_secs(2);

/// How much is read of what nobody wants.
#[derive(Clone, Copy)]
pub(super) struct Patience {
    /// How long the peer may take to send all that it will.
    pub(super) longest: Duration,
    /// How long nothing may come of it.
    pub(super) silence: Duration,
    /// Bytes.
    pub(super) most: u64,
}

/// A connection that lingers when it is dropped, where there may be something unread, and holds `H` until it is closed.
pub(super) struct Linger<H: Send + Unpin + 'static> {
    /// None once it is dropped.
    inner: Option<(TcpStream, H)>,
    /// The peer has said that it sends no more.
    is_read: bool,
    unread: Unread,
    patience: Patience,
    /// Its sender goes when the service is to stop.
    stopping: watch::Receiver<()>,
}

impl<H: Send + Unpin + 'static> Linger<H> {
    pub(super) fn new(
        stream: TcpStream,
        held: H,
        unread: Unread,
        patience: Patience,
        stopping: watch::Receiver<()>,
    ) -> Self {
        Self {
            inner: Some((stream, held)),
            is_read: false,
            unread,
            patience,
            stopping,
        }
    }

    fn stream(self: Pin<&mut Self>) -> io::Result<Pin<&mut TcpStream>> {
        match &mut self.get_mut().inner {
            Some((stream, _)) => Ok(Pin::new(stream)),
            None => Err(io::ErrorKind::NotConnected.into()),
        }
    }
}

impl<H: Send + Unpin + 'static> Drop for Linger<H> {
    fn drop(&mut self) {
        // Without a runtime there is nobody to read.
        if let Some((stream, held)) = self.inner.take()
            && !self.is_read
            && self.unread.get()
            && let Ok(runtime) = Handle::try_current()
        {
            let (patience, mut stopping) = (self.patience, self.stopping.clone());
            runtime.spawn(async move {
                let stopped = async {
                    let _ = stopping.changed().await;
                    pause(LAST).await;
                };
                tokio::select! {
                    () = read(stream, patience) => {}
                    () = stopped => {}
                }
                drop(held);
            });
        }
    }
}

/// Ends when the peer has ended, or has had long enough.
async fn read(mut stream: TcpStream, patience: Patience) {
    let read = async {
        // Whoever is gone is not waited for.
        stream.shutdown().await.ok()?;
        let mut left = patience.most;
        let mut thrown_away = [0; 8192];
        while let Ok(Ok(read @ 1..)) =
            tokio::time::timeout(patience.silence, stream.read(&mut thrown_away)).await
        {
            left = left.checked_sub(read as u64)?;
        }
        Some(())
    };
    let _ = tokio::time::timeout(patience.longest, read).await;
}

impl<H: Send + Unpin + 'static> AsyncRead for Linger<H> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let (before, room) = (into.filled().len(), into.remaining());
        let read = self.as_mut().stream()?.poll_read(cx, into);
        let has_ended = match &read {
            Poll::Ready(Ok(())) => room > 0 && into.filled().len() == before,
            Poll::Ready(Err(_)) => true,
            Poll::Pending => false,
        };
        self.is_read |= has_ended;
        read
    }
}

impl<H: Send + Unpin + 'static> AsyncWrite for Linger<H> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.stream()?.poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.stream()?.poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream()?.poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream()?.poll_shutdown(cx)
    }
}
