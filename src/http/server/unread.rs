//! Bodies that were answered before they were read.
//!
//! What is refused by its head is not read; yet the next request of a connection begins where its body ends. A small one is read and
//! thrown away before the answer is given, and the connection goes on; after any other the connection is closed, and the answer
//! says so (RFC 9112, section 9.6).

use std::{
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use axum::{body::Body, response::Response};
use bytes::Bytes;
use http::{HeaderValue, Request, StatusCode, header};
use http_body_util::BodyExt as _;
use hyper::body::{Body as _, Frame, Incoming, SizeHint};

/// Bytes of a body that is thrown away so that its connection may go on.
const SMALL: u64 = 64 * 1024;

/// How long such a body may take to come.
const PATIENCE: Duration = Duration::from_secs(1);

/// Whether something that nobody will read may still come over a connection.
#[derive(Clone, Default)]
pub(super) struct Unread(Arc<AtomicBool>);

impl Unread {
    /// From the beginning.
    pub(super) fn at_once() -> Self {
        Self(Arc::new(AtomicBool::new(true)))
    }

    pub(super) fn get(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    pub(super) fn set(&self, unread: bool) {
        self.0.store(unread, Ordering::Relaxed);
    }
}

/// Answers a request, and sees to what was not read of its body.
pub(super) async fn answer<F: Future<Output = Response>>(
    request: Request<Incoming>,
    unread: &Unread,
    respond: impl FnOnce(Request<Body>) -> F,
) -> Response {
    // What came before it has been read.
    unread.set(false);
    if request.body().is_end_stream() {
        let response = respond(request.map(|_| Body::empty())).await;
        // Whoever reads it from now on may stop in the middle of a message.
        unread.set(response.status() == StatusCode::SWITCHING_PROTOCOLS);
        return response;
    }
    let is_small = request.body().size_hint().upper().is_some_and(|bytes| bytes <= SMALL)
        // Asked to wait with its body, its sender is not asked for it now.
        && !request.headers().contains_key(header::EXPECT);
    let left = Arc::new(Mutex::new(None));
    let request = request.map(|incoming| {
        Body::new(Watched {
            incoming: Some(incoming),
            left: left.clone(),
            unread: unread.clone(),
        })
    });
    let mut response = respond(request).await;
    let rest = left.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some(rest) = rest {
        let is_read = is_small && throw_away(rest).await;
        unread.set(!is_read);
        if !is_read {
            let close = HeaderValue::from_static("close");
            response.headers_mut().insert(header::CONNECTION, close);
        }
    }
    response
}

/// Whether all of it came.
async fn throw_away(mut body: Incoming) -> bool {
    let read = async {
        while let Some(frame) = body.frame().await {
            if frame.is_err() {
                return false;
            }
        }
        true
    };
    tokio::time::timeout(PATIENCE, read).await.unwrap_or(false)
}

/// A body that is kept when it is dropped before its end. One that is dropped after the answer has begun, as that of a stream of
/// points may be, only leaves word.
struct Watched {
    /// None at its end.
    incoming: Option<Incoming>,
    left: Arc<Mutex<Option<Incoming>>>,
    unread: Unread,
}

impl hyper::body::Body for Watched {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let Some(incoming) = &mut self.incoming else {
            return Poll::Ready(None);
        };
        let polled = Pin::new(incoming).poll_frame(cx);
        match &polled {
            Poll::Ready(None) => self.incoming = None,
            // Nobody reads on where it makes no sense any more; its sender may go on.
            Poll::Ready(Some(Err(_))) => {
                self.incoming = None;
                self.unread.set(true);
            }
            _ => {}
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.as_ref().is_none_or(Incoming::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        match &self.incoming {
            Some(incoming) => incoming.size_hint(),
            None => SizeHint::with_exact(0),
        }
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        if let Some(incoming) = self.incoming.take().filter(|incoming| !incoming.is_end_stream()) {
            self.unread.set(true);
            *self.left.lock().unwrap_or_else(PoisonError::into_inner) = Some(incoming);
        }
    }
}
