//! The body as it comes: unpacked where it is packed, and how much of it there is before and after.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use async_compression::tokio::bufread::GzipDecoder;
use axum::body::Body;
use bytes::Bytes;
use futures_util::TryStreamExt;
use http_body_util::BodyExt as _;
use tokio_util::io::{ReaderStream, StreamReader};

use crate::kernel::message::Message;

/// After which a body that stands still is given up.
pub(super) const IDLE: Duration = Duration::from_secs(30);
/// From here on a body's growth by decompression is looked at.
const SMALL: u64 = 1024 * 1024;
/// How many times its size a body may grow by decompression. Entries repeat their field names; gzip gives them 10 to 40.
const GROWTH: u64 = 200;

/// Bytes that are unpacked at a time.
const UNPACKED: usize = 64 * 1024;

/// A body, and how many bytes of it have come over the wire.
pub(super) struct Counted {
    /// What it says, unpacked.
    pub body: Body,
    /// How much of it has come, packed or not.
    pub wire: Arc<AtomicU64>,
}

impl Counted {
    /// Counts a body's bytes, and unpacks it where it is gzip: all its members (RFC 1952, section 2.2), for a file may be several
    /// that were put together.
    pub fn new(body: Body, gzip: bool) -> Self {
        let wire = Arc::new(AtomicU64::new(0));
        let count = wire.clone();
        let body = Body::new(body.map_frame(move |frame| {
            if let Some(data) = frame.data_ref() {
                count.fetch_add(data.len() as u64, Ordering::Relaxed);
            }
            frame
        }));
        if !gzip {
            return Self { body, wire };
        }
        let pieces = TryStreamExt::map_err(body.into_data_stream(), std::io::Error::other);
        let packed = StreamReader::new(pieces);
        let mut unpacked = GzipDecoder::new(packed);
        unpacked.multiple_members(true);
        let body = Body::from_stream(ReaderStream::with_capacity(unpacked, UNPACKED));
        Self { body, wire }
    }
}

/// What comes next of a body.
pub(super) enum Piece {
    /// Some of it.
    Data(Bytes),
    /// It has ended.
    End,
    /// It broke off, or is no gzip.
    Broken,
    /// It blows up.
    Bomb,
}

/// A body that is read piece by piece.
pub(super) struct Pieces {
    body: Body,
    wire: Arc<AtomicU64>,
    read: u64,
}

impl Pieces {
    /// The pieces of a body.
    pub fn new(counted: Counted) -> Self {
        Self {
            body: counted.body,
            wire: counted.wire,
            read: 0,
        }
    }

    /// Reads no more of it.
    pub fn close(&mut self) {
        self.body = Body::empty();
    }

    /// The next piece. May be dropped while it waits, and asked again.
    pub async fn next(&mut self) -> Piece {
        loop {
            let frame = match self.body.frame().await {
                None => return Piece::End,
                Some(Err(error)) => {
                    tracing::debug!(%error, "a body broke off");
                    return Piece::Broken;
                }
                Some(Ok(frame)) => frame,
            };
            let Ok(data) = frame.into_data() else { continue };
            self.read += data.len() as u64;
            let most = self.wire.load(Ordering::Relaxed).saturating_mul(GROWTH);
            if self.read > most.max(SMALL) {
                return Piece::Bomb;
            }
            return Piece::Data(data);
        }
    }
}

pub(super) fn unreadable() -> Message {
    Message::new("请求体无法读取", "The body cannot be read")
}

pub(super) fn too_slow() -> Message {
    Message::new("请求体传输超时", "The body took too long to come")
}
