//! The body as it comes: how much of it there is, before and after decompression.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use axum::{body::Body, http::Request};
use bytes::Bytes;
use http_body_util::BodyExt as _;

use crate::kernel::message::Message;

/// After which a body that stands still is given up.
pub(super) const IDLE: Duration = Duration::from_secs(30);
/// From here on a body's growth by decompression is looked at.
const SMALL: u64 = 1024 * 1024;
/// How many times its size a body may grow by decompression. Entries repeat their field names; gzip gives them 10 to 40.
const GROWTH: u64 = 200;

/// How many bytes have come over the wire.
#[derive(Clone, Default)]
pub(super) struct Compressed(pub Arc<AtomicU64>);

/// Counts the bytes of a body before they are decompressed.
pub(super) async fn count_compressed(mut request: Request<Body>) -> Request<Body> {
    let compressed = Compressed::default();
    request.extensions_mut().insert(compressed.clone());
    request.map(|body| {
        Body::new(body.map_frame(move |frame| {
            if let Some(data) = frame.data_ref() {
                compressed.0.fetch_add(data.len() as u64, Ordering::Relaxed);
            }
            frame
        }))
    })
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
    compressed: Arc<AtomicU64>,
    read: u64,
}

impl Pieces {
    /// `compressed`: how much of it has come over the wire.
    pub fn new(body: Body, compressed: Arc<AtomicU64>) -> Self {
        Self {
            body,
            compressed,
            read: 0,
        }
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
            let most = self.compressed.load(Ordering::Relaxed).saturating_mul(GROWTH);
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
