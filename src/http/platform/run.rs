//! Rows in, lines out: chunk by chunk, each durable before it is told.

use std::{sync::Arc, time::Duration};

use axum::{
    body::Body,
    http::{HeaderValue, StatusCode, header},
    response::Response,
};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures_util::stream;
use tokio::sync::mpsc;

use super::{
    answer::{self, ChunkLine, Counts, DoneLine, EntryLine, NDJSON, Problem, write_line},
    body::{self, Counted, Piece, Pieces},
};
use crate::{
    auth::Grant,
    graphql::{
        RequestId,
        error::{ApiError, ErrorCode},
    },
    http::admission::{Account, Admission, Entered, cost_of_bytes},
    kernel::message::{Lang, Message},
    points::{
        self, Entry, Outcome, Unreadable, decode,
        deliver::{Deliver, ENTRIES_LIMIT, deliver},
        rows::{ROW_LIMIT, Row, Rows, RowsError},
    },
    storage::{
        Database, StoreError,
        write::{self, Actor, WriteError},
    },
    telemetry::{Observed, panics::caught},
};

/// Bytes of rows that make a chunk, however few they are.
const CHUNK_BYTES: usize = 1024 * 1024;
/// How long rows wait for more of them before they are booked.
const LINGER: Duration = Duration::from_millis(200);
/// Chunks whose lines may wait for a caller who does not read.
const UNREAD: usize = 16;

/// Who sends.
pub(super) struct Sender {
    /// The right to push for the source.
    pub grant: Grant,
    /// For the audit trail.
    pub actor: Actor,
    /// When its token ends; None of a signed body.
    pub expires_at: Option<DateTime<Utc>>,
    /// The source's code.
    pub source_code: String,
}

/// Whose use a delivery is.
pub(super) struct Payer {
    /// What its places and its cost are counted under.
    pub account: Account,
    /// It has been paid for: it was held whole before any of it was booked.
    pub has_paid: bool,
}

/// A delivery that may begin.
pub(super) struct Run {
    pub database: Database,
    pub admission: Arc<Admission>,
    pub observed: Observed,
    pub request_id: RequestId,
    pub sender: Sender,
    pub payer: Payer,
    pub body: Counted,
    pub every_outcome: bool,
    pub lang: Lang,
}

impl Run {
    /// Books the rows while the answer is written. A problem before the first chunk is an answer of its own.
    pub async fn answer(self, lang: Lang) -> Response {
        let (lines, mut written) = mpsc::channel(UNREAD);
        let mut delivery = Delivery {
            pieces: Pieces::new(self.body),
            database: self.database,
            admission: self.admission,
            observed: self.observed,
            request_id: self.request_id.clone(),
            sender: self.sender,
            payer: self.payer,
            unpaid: 0,
            every_outcome: self.every_outcome,
            lang: self.lang,
            lines,
            counts: Counts::default(),
            unread: 0,
            omitted: 0,
        };
        // Beside the answer: a caller that reads only when it has written all must not stop itself.
        tokio::spawn(async move {
            let ended = caught(delivery.run()).await;
            let ended =
                ended.unwrap_or_else(|panic| Err(Problem::internal(ApiError::internal(panic)).into()));
            delivery.end(ended).await;
        });
        let first = match written.recv().await {
            // Its end is always said to whoever hears it.
            None => {
                let problem = Problem::bad_request(body::unreadable());
                return problem.tell(lang, self.request_id.as_str()).response();
            }
            Some(Said::Problem(told)) => return told.response(),
            Some(Said::Lines(lines)) => lines,
        };
        let rest = stream::unfold(written, move |mut written| async move {
            let line = match written.recv().await? {
                Said::Lines(lines) => lines,
                Said::Problem(told) => told.line.into(),
            };
            Some((Ok::<_, std::convert::Infallible>(line), written))
        });
        let all = futures_util::StreamExt::chain(stream::iter([Ok(first)]), rest);
        let mut response = Response::new(Body::from_stream(all));
        *response.status_mut() = StatusCode::OK;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, NDJSON);
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response
    }
}

enum Said {
    Lines(Bytes),
    Problem(answer::Told),
}

/// Why a delivery ends before its body does.
enum Stop {
    Problem(Problem),
    /// Nobody reads the answer any more.
    Gone,
}

impl From<Problem> for Stop {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

struct Delivery {
    pieces: Pieces,
    database: Database,
    admission: Arc<Admission>,
    observed: Observed,
    request_id: RequestId,
    sender: Sender,
    payer: Payer,
    /// Bytes that were read and not paid for yet.
    unpaid: usize,
    every_outcome: bool,
    lang: Lang,
    lines: mpsc::Sender<Said>,
    counts: Counts,
    /// Chunks whose line has not been said.
    unread: usize,
    omitted: u64,
}

impl Delivery {
    async fn run(&mut self) -> Result<(), Stop> {
        let mut rows = Rows::default();
        let mut chunk = Chunk::default();
        // That it was asked for: a body may be empty.
        self.pay().await?;
        loop {
            let piece = match self.next(chunk.entries.is_empty()).await? {
                Some(piece) => piece,
                // What is there is booked while more may come.
                None => {
                    self.book(&mut chunk).await?;
                    continue;
                }
            };
            if let Piece::Data(data) = &piece {
                self.unpaid = self.unpaid.saturating_add(data.len());
            }
            let mut ready: Vec<Row> = Vec::new();
            let fed = match &piece {
                Piece::Data(data) => rows.feed(data, |row| ready.push(row)),
                Piece::End => rows.end(|row| ready.push(row)),
                Piece::Broken | Piece::Bomb => Ok(()),
            };
            for row in ready {
                chunk.add(&row);
                if chunk.is_full() {
                    self.book(&mut chunk).await?;
                }
            }
            // What makes no rows is read, too.
            if self.unpaid >= CHUNK_BYTES {
                self.pay().await?;
            }
            let ended = match (fed, piece) {
                (Err(error), _) => Some(Err(rows_problem(error))),
                (Ok(()), Piece::Data(_)) => None,
                (Ok(()), Piece::End) => Some(Ok(())),
                (Ok(()), Piece::Broken) => Some(Err(Problem::bad_request(body::unreadable()))),
                (Ok(()), Piece::Bomb) => Some(Err(Problem::of(
                    StatusCode::PAYLOAD_TOO_LARGE,
                    ApiError::bad_request(Message::new(
                        "解压后的请求体远大于其压缩大小，不予接受",
                        "The body grows too much when it is decompressed",
                    )),
                ))),
            };
            if let Some(ended) = ended {
                // What came whole before it went wrong is booked.
                self.book(&mut chunk).await?;
                return ended.map_err(Stop::from);
            }
        }
    }

    /// The next piece of the body; None where rows have waited long enough for more.
    async fn next(&mut self, patient: bool) -> Result<Option<Piece>, Stop> {
        let longest = if patient { body::IDLE } else { LINGER };
        tokio::select! {
            piece = tokio::time::timeout(longest, self.pieces.next()) => match piece {
                Ok(piece) => Ok(Some(piece)),
                Err(_) if patient => Err(Problem::of(
                    StatusCode::REQUEST_TIMEOUT,
                    ApiError::new(ErrorCode::Timeout, body::too_slow()),
                )
                .into()),
                Err(_) => Ok(None),
            },
            () = self.lines.closed() => Err(Stop::Gone),
        }
    }

    /// Books a chunk, durably, and tells of it.
    async fn book(&mut self, chunk: &mut Chunk) -> Result<(), Stop> {
        if chunk.entries.is_empty() {
            return Ok(());
        }
        // With no place in hand: who cannot pay waits for itself only.
        self.pay().await?;
        let entered = self.turn().await?;
        let now = self.database.clock().machine();
        if self.sender.expires_at.is_some_and(|at| at <= now) {
            return Err(Problem::unauthenticated(Message::new(
                "令牌已过期，请用新令牌重发其余条目",
                "The token has expired; send the rest with a new one",
            ))
            .into());
        }
        let chunk = std::mem::take(chunk);
        let first = self.counts.through + 1;
        let told = chunk.told();
        let input = (
            self.sender.grant,
            Deliver {
                source_code: self.sender.source_code.clone(),
                entries: chunk.entries,
            },
        );
        let written = self
            .database
            .write(self.sender.actor.clone(), None, input, |write, (grant, input)| {
                Box::pin(deliver(write, grant, input))
            })
            .await;
        // Not held while its reader is waited for.
        drop(entered);
        let outcomes = match written {
            Ok(written) => match written.outcome {
                write::Outcome::Done(outcomes) => outcomes,
                write::Outcome::Refused(refusals) => {
                    return Err(Problem::from(write::Failure::Refused(refusals)).into());
                }
            },
            Err(WriteError::Store(error)) => return Err(Problem::from(error).into()),
            Err(WriteError::Forbidden) => return Err(Problem::from(write::Failure::Forbidden).into()),
            Err(WriteError::InFlight | WriteError::OtherBody) => {
                return Err(
                    Problem::from(StoreError::Corrupt("a key where none was given".to_owned())).into(),
                );
            }
        };
        points::told(&self.database, &self.sender.source_code, &outcomes);
        let mut lines = Vec::new();
        let mut entries = 0;
        for ((row, told), outcome) in (first..).zip(&told).zip(outcomes) {
            self.counts.add(outcome);
            if self.every_outcome || matches!(outcome, Outcome::Quarantined(_)) {
                write_line(&mut lines, &told.line(row, outcome));
                entries += 1;
            }
        }
        self.say(lines, entries).await
    }

    /// Pays for what was read, as soon as that can be paid.
    async fn pay(&mut self) -> Result<(), Stop> {
        let bytes = std::mem::take(&mut self.unpaid);
        if self.payer.has_paid {
            return Ok(());
        }
        let paid = self
            .admission
            .charge_in_time(&self.payer.account, cost_of_bytes(bytes));
        tokio::select! {
            biased;
            () = paid => Ok(()),
            () = self.lines.closed() => Err(Stop::Gone),
        }
    }

    /// A place among those that are booked for, when it is its turn.
    async fn turn(&mut self) -> Result<Option<Entered>, Stop> {
        tokio::select! {
            biased;
            entered = self.admission.enter_in_turn(&self.payer.account) => Ok(entered),
            () = self.lines.closed() => Err(Stop::Gone),
        }
    }

    /// Says the lines of a chunk. A caller who asked for every outcome reads while it writes, and is waited for; of any other the
    /// entries' lines are left out rather than waited for: it may be one that reads when it has written all.
    async fn say(&mut self, mut lines: Vec<u8>, entries: u64) -> Result<(), Stop> {
        if !self.every_outcome && self.lines.capacity() <= 1 {
            self.unread += 1;
            self.omitted += entries;
            return Ok(());
        }
        write_line(&mut lines, &self.chunk_line());
        self.unread = 0;
        let said = self.lines.send(Said::Lines(lines.into())).await;
        said.map_err(|_| Stop::Gone)
    }

    fn chunk_line(&self) -> ChunkLine {
        ChunkLine {
            counts: self.counts,
            omitted: self.omitted,
        }
    }

    /// Tells what watches it what came of it.
    fn counted(&self) {
        for (key, count) in [
            ("zhibu.points.accepted", self.counts.accepted),
            ("zhibu.points.duplicate", self.counts.duplicates),
            ("zhibu.points.quarantined", self.counts.quarantined),
        ] {
            self.observed.tell(key, count.cast_signed());
        }
        self.observed.end(None);
    }

    /// Says how it ended.
    async fn end(mut self, ended: Result<(), Stop>) {
        // Before anything is said: whoever hands the answer on has to see whether all was read.
        self.pieces.close();
        let problem = match ended {
            Err(Stop::Problem(problem)) => Some(problem.tell(self.lang, self.request_id.as_str())),
            Ok(()) => None,
            // Nobody hears it.
            Err(Stop::Gone) => return self.counted(),
        };
        if let Some(told) = &problem {
            self.observed.failed_otherwise(told.code);
        }
        self.counted();
        let mut lines = Vec::new();
        if self.unread > 0 && problem.is_some() {
            write_line(&mut lines, &self.chunk_line());
            self.unread = 0;
        }
        let said = match problem {
            // Nothing has been said: it is an answer of its own.
            Some(problem) if self.counts.through == 0 => Said::Problem(problem),
            Some(problem) => {
                lines.extend_from_slice(problem.line.as_bytes());
                Said::Lines(lines.into())
            }
            None => {
                let done = DoneLine {
                    done: true,
                    chunk: self.chunk_line(),
                };
                write_line(&mut lines, &done);
                Said::Lines(lines.into())
            }
        };
        let _ = self.lines.send(said).await;
    }
}

/// Rows that are booked together.
#[derive(Default)]
struct Chunk {
    entries: Vec<Entry>,
    bytes: usize,
}

impl Chunk {
    fn add(&mut self, row: &Row) {
        self.bytes += row.bytes.len();
        self.entries.push(match row.is_whole {
            true => decode(&row.bytes),
            false => {
                let detail = format!("more than {} KiB; kept up to there", ROW_LIMIT / 1024);
                let begins = String::from_utf8_lossy(&row.bytes);
                Entry::Unreadable(Unreadable::new(&begins, detail))
            }
        });
    }

    fn is_full(&self) -> bool {
        self.entries.len() >= ENTRIES_LIMIT || self.bytes >= CHUNK_BYTES
    }

    /// What is told of each entry.
    fn told(&self) -> Vec<Told> {
        let entries = self.entries.iter();
        entries
            .map(|entry| match entry {
                Entry::Delivered(entry) => Told::Key(entry.event_id.clone(), entry.revision),
                Entry::Unreadable(row) => Told::Unreadable(row.detail.clone()),
            })
            .collect()
    }
}

/// What is told of an entry besides what became of it.
enum Told {
    Key(String, i32),
    Unreadable(String),
}

impl Told {
    fn line(&self, row: u64, outcome: Outcome) -> EntryLine<'_> {
        let (status, reason) = match outcome {
            Outcome::Accepted => ("ACCEPTED", None),
            Outcome::Duplicate => ("DUPLICATE", None),
            Outcome::Quarantined(reason) => ("QUARANTINED", Some(reason.as_str())),
        };
        let (event_id, revision, detail) = match self {
            Told::Key(event_id, revision) => (Some(event_id.as_str()), Some(*revision), None),
            Told::Unreadable(detail) => (None, None, Some(detail.as_str())),
        };
        EntryLine {
            row,
            event_id,
            revision,
            status,
            reason,
            detail,
        }
    }
}

fn rows_problem(error: RowsError) -> Problem {
    Problem::bad_request(match error {
        RowsError::BehindArray => Message::new("JSON 数组之后还有内容", "Something follows the JSON array"),
        RowsError::NotClosed => Message::new("JSON 数组没有结束", "The JSON array does not end"),
    })
}
