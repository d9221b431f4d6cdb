//! Connections: accepted up to a number, each with so long to say what it wants, until the service is to stop.

mod linger;
mod places;
mod unread;

use std::{convert::Infallible, io, net::SocketAddr, sync::Arc, time::Duration};

use axum::{Router, extract::ConnectInfo};
use http::Request;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    io::AsyncWriteExt as _,
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch},
};
use tokio_io_timeout::TimeoutStream;
use tower::ServiceExt as _;

use self::{
    linger::{Linger, Patience},
    places::{Full, Place, Places},
    unread::Unread,
};
use super::client::Proxies;
use crate::kernel::clock::pause;

/// What who is one too many is told; it asked nothing yet, so that nothing is lost.
const BUSY: &[u8] =
    b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

/// What who has too many is told (RFC 6585, section 4).
const TOO_MANY: &[u8] =
    b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

/// How long it is waited after a connection could not be accepted, as there were no file descriptors left.
const AFTER_FAILURE: Duration = Duration::from_millis(200);

/// Bytes of a request's head at most; RFC 9110 asks for 8,000 octets of request line.
const HEAD_BYTES: usize = 64 * 1024;

/// Connections that are told at once that there is no room for them; others are closed without a word.
const TURNED_AWAY: usize = 256;

/// How much is read of what comes after an answer.
const LINGERS: Patience = Patience {
    longest: Duration::from_secs(30),
    silence: Duration::from_secs(5),
    most: 8 * 1024 * 1024,
};

/// And after who is one too many is told so: it has no place.
const TURNED_AWAY_LINGERS: Patience = Patience {
    longest: Duration::from_secs(1),
    silence: Duration::from_secs(1),
    most: 64 * 1024,
};

/// What a deployment may set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerOptions {
    /// Connections at once, sockets and streams among them.
    pub connections: usize,
    /// Connections from one address at once.
    pub connections_per_address: usize,
    /// Proxies of ours: their connections are counted together only, and their word is taken for where a request comes from.
    pub proxies: Proxies,
    /// How long a connection may take to say what it wants; also how long one is kept of which nothing is wanted.
    pub head_timeout: Duration,
    /// How long a peer may take nothing of what is written to it, or not say that it has it: one that is gone without a word is
    /// given up then.
    pub write_timeout: Duration,
}

impl Default for ServerOptions {
    fn default() -> Self {
        Self {
            connections: 20_000,
            connections_per_address: 2_000,
            proxies: Proxies::default(),
            head_timeout: Duration::from_secs(30),
            write_timeout: Duration::from_secs(30),
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
    let places = Places::new(
        options.connections,
        options.connections_per_address,
        options.proxies,
    );
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(options.head_timeout)
        .max_buf_size(HEAD_BYTES);
    let turned_away = Arc::new(Semaphore::new(TURNED_AWAY));
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
        let busy = match places.take(peer.ip()) {
            Ok(place) => {
                set_options(&stream, options.write_timeout);
                let slot = Slot(Arc::new(place));
                let unread = Unread::default();
                let held = (slot.clone(), open.clone());
                let stream = Linger::new(stream, held, unread.clone(), LINGERS, stopping.clone());
                let mut stream = TimeoutStream::new(stream);
                stream.set_write_timeout(Some(options.write_timeout));
                let connection = Connection {
                    peer,
                    slot,
                    unread,
                    router: router.clone(),
                };
                tokio::spawn(connection.answer(http.clone(), stream, stopping.clone()));
                continue;
            }
            Err(Full::Service) => BUSY,
            Err(Full::Address) => TOO_MANY,
        };
        if let Ok(room) = turned_away.clone().try_acquire_owned() {
            turn_away(stream, busy, room, stopping.clone());
        }
    }
    // Nobody is to wait in the backlog for an answer that does not come.
    drop((listener, stop, open));
    let _ = closed.recv().await;
    Ok(())
}

/// Until it is closed it holds its place, and the end of the service.
type Stream = TimeoutStream<Linger<(Slot, mpsc::Sender<Infallible>)>>;

/// What answers to a connection.
struct Connection {
    peer: SocketAddr,
    slot: Slot,
    unread: Unread,
    router: Router,
}

impl Connection {
    /// Answers one request after the other until the connection ends, or the service is to stop.
    async fn answer(self, http: http1::Builder, stream: Stream, mut stopping: watch::Receiver<()>) {
        let Self {
            peer,
            slot,
            unread,
            router,
        } = self;
        let of_connection = unread.clone();
        let service = service_fn(move |mut request: Request<Incoming>| {
            let extensions = request.extensions_mut();
            extensions.insert(ConnectInfo(peer));
            // A socket goes on when this has ended.
            extensions.insert(slot.clone());
            let (router, unread) = (router.clone(), unread.clone());
            async move {
                let respond = async |request| {
                    let answer = router.oneshot(request).await;
                    answer.unwrap_or_else(|never| match never {})
                };
                Ok::<_, Infallible>(unread::answer(request, &unread, respond).await)
            }
        });
        let connection = http
            .serve_connection(TokioIo::new(Box::pin(stream)), service)
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
            // What was no HTTP has been told so, and the rest of it may be on its way.
            if error.is_parse() {
                of_connection.set(true);
            }
            tracing::trace!(%error, "a connection ended early");
        }
    }
}

/// Held by whatever a connection has become.
#[derive(Clone)]
pub struct Slot(#[expect(dead_code, reason = "it is held, not read")] Arc<Place>);

fn set_options(stream: &TcpStream, write_timeout: Duration) {
    // Answers are small: waiting to fill a packet would only delay them.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "TCP_NODELAY");
    }
    // What is written to a peer that has vanished is taken by the kernel, which would send it again for a quarter of an hour
    // (RFC 5482).
    #[cfg(target_os = "linux")]
    if let Err(error) = socket2::SockRef::from(stream).set_tcp_user_timeout(Some(write_timeout)) {
        tracing::debug!(%error, "TCP_USER_TIMEOUT");
    }
    #[cfg(not(target_os = "linux"))]
    let _ = write_timeout;
}

fn turn_away(
    stream: TcpStream,
    answer: &'static [u8],
    room: OwnedSemaphorePermit,
    stopping: watch::Receiver<()>,
) {
    let unread = Unread::at_once();
    let mut stream = Linger::new(stream, room, unread, TURNED_AWAY_LINGERS, stopping);
    // Into an empty buffer: it goes at once or not at all.
    tokio::spawn(async move {
        let _ = stream.write_all(answer).await;
    });
}

fn is_of_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionRefused
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;
    use bytes::Bytes;
    use futures_util::stream::{self, StreamExt as _};
    use tokio::{io::AsyncReadExt as _, net::TcpSocket, sync::oneshot};

    /// A server whose answer has no end, a reader of it, and what ends when nothing of the answer is held any more: until it is
    /// asked to stop, the router itself holds it.
    struct Endless {
        reader: TcpStream,
        stop: oneshot::Sender<()>,
        ended: mpsc::Receiver<Infallible>,
        served: tokio::task::JoinHandle<io::Result<()>>,
    }

    impl Endless {
        /// So many bytes every so often.
        async fn new(bytes: &'static [u8], every: Duration, write_timeout: Duration) -> Self {
            let (held, ended) = mpsc::channel::<Infallible>(1);
            let answer = move || {
                let held = held.clone();
                async move {
                    let pieces = stream::repeat(Bytes::from_static(bytes)).then(move |bytes| {
                        let _ = &held;
                        async move {
                            pause(every).await;
                            Ok::<_, Infallible>(bytes)
                        }
                    });
                    Body::from_stream(pieces)
                }
            };
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap();
            let options = ServerOptions {
                write_timeout,
                ..ServerOptions::default()
            };
            let (stop, stopped) = oneshot::channel::<()>();
            let router = Router::new().route("/", axum::routing::get(answer));
            let served = tokio::spawn(serve(listener, router, options, async { drop(stopped.await) }));
            let socket = TcpSocket::new_v4().unwrap();
            socket.set_recv_buffer_size(4096).unwrap();
            let mut reader = socket.connect(address).await.unwrap();
            reader
                .write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
                .await
                .unwrap();
            Self {
                reader,
                stop,
                ended,
                served,
            }
        }

        async fn assert_given_up(mut self) {
            drop(self.stop);
            assert!(self.ended.recv().await.is_none());
            self.served.await.unwrap().unwrap();
            drop(self.reader);
        }
    }

    /// An answer without an end is given up once its reader has taken nothing of it for long enough.
    #[tokio::test]
    async fn who_takes_nothing_of_an_answer_assert_given_up() {
        let endless = Endless::new(&[b'x'; 4096], Duration::ZERO, Duration::from_millis(50));
        endless.await.assert_given_up().await;
    }

    /// One that has vanished says nothing; what is written to it is so little that the kernel takes it all for a long time.
    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn a_reader_that_has_vanished_assert_given_up() {
        let mut endless = Endless::new(b"x", Duration::from_millis(20), Duration::from_millis(200)).await;
        let mut head = [0; 15];
        endless.reader.read_exact(&mut head).await.unwrap();
        assert_eq!(&head, b"HTTP/1.1 200 OK");
        // BPF_RET with 0: from now on whatever comes for this socket is thrown away before it is seen.
        let nothing = socket2::SockFilter::new(0x06, 0, 0, 0);
        socket2::SockRef::from(&endless.reader)
            .attach_filter(&[nothing])
            .unwrap();
        endless.assert_given_up().await;
    }

    /// Whoever still sends a body that nobody reads gets its answer.
    #[tokio::test]
    async fn a_refusal_arrives_though_the_body_was_not_read() {
        const BODY: usize = 6 * 1024 * 1024;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let refuse = async || (http::StatusCode::UNAUTHORIZED, "who are you?");
        let router = Router::new().route("/", axum::routing::post(refuse));
        let options = ServerOptions::default();
        let served = tokio::spawn(serve(listener, router, options, async { drop(stopped.await) }));
        let mut sender = TcpStream::connect(address).await.unwrap();
        let head = format!("POST / HTTP/1.1\r\nhost: x\r\ncontent-length: {BODY}\r\n\r\n");
        sender.write_all(head.as_bytes()).await.unwrap();
        // Reads nothing before it has sent everything, as simple clients do.
        sender.write_all(&vec![b'x'; BODY]).await.unwrap();
        let mut told = String::new();
        sender.read_to_string(&mut told).await.unwrap();
        assert!(told.starts_with("HTTP/1.1 401 "), "{told}");
        assert!(
            told.to_ascii_lowercase().contains("connection: close\r\n"),
            "{told}"
        );
        assert!(told.ends_with("who are you?"), "{told}");
        // A small one leaves the connection as it was, also where it comes late.
        let mut sender = TcpStream::connect(address).await.unwrap();
        for _ in 0..2 {
            sender
                .write_all(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 8\r\n\r\n")
                .await
                .unwrap();
            tokio::task::yield_now().await;
            sender.write_all(b"who, me?").await.unwrap();
            let mut told = Vec::new();
            while !told.ends_with(b"who are you?") {
                assert_ne!(sender.read_buf(&mut told).await.unwrap(), 0, "it goes on");
            }
        }
        // What is no HTTP is told so, too.
        let mut sender = TcpStream::connect(address).await.unwrap();
        let long = format!("GET /{} HTTP/1.1\r\n", "x".repeat(BODY));
        sender.write_all(long.as_bytes()).await.unwrap();
        let mut told = String::new();
        sender.read_to_string(&mut told).await.unwrap();
        assert!(told.starts_with("HTTP/1.1 4"), "{told}");
        // Stopping waits for who still sends.
        let mut sender = TcpStream::connect(address).await.unwrap();
        sender.write_all(head.as_bytes()).await.unwrap();
        let mut first = [0; 12];
        sender.read_exact(&mut first).await.unwrap();
        drop(stop);
        sender.write_all(&vec![b'x'; BODY]).await.unwrap();
        let mut told = String::new();
        sender.read_to_string(&mut told).await.unwrap();
        assert!(told.ends_with("who are you?"), "{told}");
        drop(sender);
        served.await.unwrap().unwrap();
    }
}
