//! Connections: accepted up to a number, each with so long to say what it wants, until the service is to stop.

use std::{convert::Infallible, io, net::SocketAddr, sync::Arc, time::Duration};

use axum::{Router, body::Body, extract::ConnectInfo};
use http::Request;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    io::AsyncWriteExt as _,
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch},
};
use tower::ServiceExt as _;

use crate::kernel::clock::pause;

/// What who is one too many is told; it asked nothing yet, so that nothing is lost.
const BUSY: &[u8] =
    b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

/// How long it is waited after a connection could not be accepted, as there were no file descriptors left.
const AFTER_FAILURE: Duration = Duration::from_millis(200);

/// Bytes of a request's head at most; RFC 9110 asks for 8,000 octets of request line.
const HEAD_BYTES: usize = 64 * 1024;

/// What a deployment may set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServerOptions {
    /// Connections at once, sockets and streams among them.
    pub connections: usize,
    /// How long a connection may take to say what it wants; also how long one is kept of which nothing is wanted.
    pub head_timeout: Duration,
}

impl Default for ServerOptions {
    fn default() -> Self {
        Self {
            connections: 20_000,
            head_timeout: Duration::from_secs(30),
        }
    }
}

/// Answers on a listener until `shutdown` ends, then lets running requests end.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    options: ServerOptions,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let slots = Arc::new(Semaphore::new(options.connections.min(Semaphore::MAX_PERMITS)));
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(options.head_timeout)
        .max_buf_size(HEAD_BYTES);
    let (stop, stopping) = watch::channel(());
    // Nothing is sent: it ends with the last connection.
    let (open, mut closed) = mpsc::channel::<Infallible>(1);
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = &mut shutdown => break,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            // Of one that has gone already; the others are none the worse.
            Err(error) if is_of_connection(&error) => continue,
            Err(error) => {
                tracing::error!(%error, "a connection cannot be accepted");
                pause(AFTER_FAILURE).await;
                continue;
            }
        };
        match slots.clone().try_acquire_owned() {
            Ok(slot) => {
                let answered = answer(http.clone(), stream, peer, router.clone(), slot, stopping.clone());
                let open = open.clone();
                tokio::spawn(async move {
                    answered.await;
                    drop(open);
                });
            }
            Err(_) => turn_away(stream),
        }
    }
    // Nobody is to wait in the backlog for an answer that does not come.
    drop((listener, stop, open));
    let _ = closed.recv().await;
    Ok(())
}

/// Answers one request after the other until the connection ends, or the service is to stop.
async fn answer(
    http: http1::Builder,
    stream: TcpStream,
    peer: SocketAddr,
    router: Router,
    slot: OwnedSemaphorePermit,
    mut stopping: watch::Receiver<()>,
) {
    // Answers are small: waiting to fill a packet would only delay them.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "TCP_NODELAY");
    }
    let slot = Arc::new(slot);
    let service = service_fn(move |mut request: Request<Incoming>| {
        let extensions = request.extensions_mut();
        extensions.insert(ConnectInfo(peer));
        // A socket goes on when this has ended.
        extensions.insert(Slot(slot.clone()));
        let answer = router.clone().oneshot(request.map(Body::new));
        async { Ok::<_, Infallible>(answer.await.unwrap_or_else(|never| match never {})) }
    });
    let connection = http
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        // Its sender is gone.
        _ = stopping.changed() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::trace!(%error, "a connection ended early");
    }
}

/// Held by whatever a connection has become.
#[derive(Clone, Debug)]
pub struct Slot(#[expect(dead_code, reason = "it is held, not read")] Arc<OwnedSemaphorePermit>);

fn turn_away(stream: TcpStream) {
    // Into an empty buffer: it goes at once or not at all.
    tokio::spawn(async move {
        let mut stream = stream;
        let _ = stream.write_all(BUSY).await;
        let _ = stream.shutdown().await;
    });
}

fn is_of_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionRefused
    )
}
