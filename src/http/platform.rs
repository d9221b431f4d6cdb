//! `POST /platform/{source}/points`: entries of a source in a stream of any length, in constant memory.
//!
//! The body is NDJSON (one entry a line) or one JSON array of entries, gzip or not; an entry has the fields of
//! `PointEntryInput`. The answer is NDJSON, written while the body is still read: a line for each entry that waits in
//! quarantine (`?outcomes=all`: for every entry), and one for each chunk that is durable, with how many rows are through and
//! what became of them so far. The last line is `{"done":true,…}`; without it the caller sends again, which is free: what is
//! booked is found booked.
//!
//! A caller has a bearer token, or signs the body (Standard Webhooks); a signed body is read whole before any of it is booked.

mod answer;
mod body;
mod run;

use std::net::IpAddr;
use std::sync::Arc;

use axum::{
    Router,
    body::Body,
    extract::{Path, Query, State},
    http::{HeaderMap, Request, StatusCode, header},
    response::Response,
    routing::post,
};
use chrono::{DateTime, Utc};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use serde::Deserialize;

use self::{
    answer::Problem,
    body::Counted,
    run::{Payer, Run, Sender},
};
use super::admission::{Account, Admission, RateLimited, cost_of_bytes};
use super::client::Proxies;
use super::graphql::{request_id, text};
use crate::{
    audit::RefusedAccess,
    auth::{Act, AuthError, Authenticator, Grant, SignatureError, SignedHeaders, Webhooks},
    graphql::{
        engine::RequestId,
        error::{ApiError, ErrorCode},
    },
    kernel::message::{Lang, Message},
    points::{self, Source, deliver},
    storage::{
        Database,
        write::{Actor, Failure},
    },
    telemetry::{Observed, Transport},
};

/// Bytes of a signed body at most, also after decompression: **limit**. It is held whole until it is verified.
pub const SIGNED_BODY_LIMIT: usize = 2 * 1024 * 1024;

/// What the route works with.
pub struct Platform {
    /// Who has a token.
    pub authenticator: Arc<Authenticator>,
    /// Whose signatures are taken.
    pub webhooks: Webhooks,
    /// Where entries are booked.
    pub database: Database,
    /// Where refusals are kept.
    pub refused: RefusedAccess,
    /// What lets deliveries in.
    pub admission: Arc<Admission>,
    /// Who is believed about where a request comes from.
    pub proxies: Proxies,
}

/// What may stand in the query string.
#[derive(Deserialize)]
struct Params {
    outcomes: Option<String>,
}

/// The route.
pub fn routes(platform: Platform) -> Router {
    Router::new()
        .route("/platform/{source}/points", post(deliver_points))
        .with_state(Arc::new(platform))
}

async fn deliver_points(
    State(platform): State<Arc<Platform>>,
    Path(source): Path<String>,
    Query(params): Query<Params>,
    request: Request<Body>,
) -> Response {
    let lang = Lang::from_accept_language(text(request.headers(), header::ACCEPT_LANGUAGE).as_deref());
    let id = request_id(&request);
    let observed = request
        .extensions()
        .get::<Observed>()
        .cloned()
        .unwrap_or_default();
    let watched = observed.begin(Transport::Platform, "points stream", id.as_str());
    let (parts, body) = request.into_parts();
    let from = platform.proxies.client(&parts.headers, &parts.extensions);
    let run = match platform.admit(&source, &params, &parts.headers, from, &id).await {
        Ok(admitted) => platform.open(admitted, body, lang, watched.clone()).await,
        Err(problem) => Err(problem),
    };
    match run {
        Ok(run) => run.answer(lang).await,
        Err(problem) => {
            let told = problem.tell(lang, id.as_str());
            watched.failed_otherwise(told.code);
            told.response()
        }
    }
}

/// Who sends, and what they may.
struct Caller {
    account: Account,
    grant: Grant,
    actor: Actor,
    expires_at: Option<DateTime<Utc>>,
}

/// A delivery of which nothing is wrong so far as its head tells.
struct Admitted<'h> {
    source: Source,
    sent_by: SentBy<'h>,
    gzip: bool,
    every_outcome: bool,
    request_id: RequestId,
    from: Option<IpAddr>,
}

/// What tells who sends.
enum SentBy<'h> {
    /// A token.
    Caller(Caller),
    /// A signature of the body.
    Signature(SignedHeaders<'h>),
}

impl Platform {
    /// Before a token or a signature is looked at that may be nobody's.
    fn stranger(&self, from: Option<IpAddr>) -> Result<(), Problem> {
        self.admission.stranger(from).map_err(limited)
    }

    /// Checks everything that can be checked without the body.
    async fn admit<'h>(
        &self,
        source_code: &str,
        params: &Params,
        headers: &'h HeaderMap,
        from: Option<IpAddr>,
        request_id: &RequestId,
    ) -> Result<Admitted<'h>, Problem> {
        let every_outcome = match params.outcomes.as_deref() {
            None => false,
            Some("all") => true,
            Some(_) => {
                return Err(Problem::bad_request(Message::new(
                    "outcomes 只能是 all",
                    "outcomes can be all, and nothing else",
                )));
            }
        };
        check_content_type(headers)?;
        let gzip = is_gzip(headers)?;
        let authorization = headers.get(header::AUTHORIZATION);
        let (source, sent_by) = match (SignedHeaders::of(headers), authorization) {
            (Some(signed), None) => {
                self.stranger(from)?;
                let source = points::source_of_code(self.database.reader(), source_code).await?;
                let now = self.database.clock().machine();
                let source = source
                    .ok_or(SignatureError::NoSecrets)
                    .map_err(|error| not_taken(error, request_id))?;
                self.webhooks
                    .check_head(&source.code, signed, now)
                    .map_err(|error| not_taken(error, request_id))?;
                (source, SentBy::Signature(signed))
            }
            // What is not visible ASCII is a token, but nobody's.
            (_, authorization) => {
                let authorization = authorization.map(|value| value.to_str().unwrap_or_default());
                if !self.authenticator.is_known(authorization) {
                    self.stranger(from)?;
                }
                let caller = self.caller_of_token(authorization, request_id.as_str()).await?;
                let source = points::source_of_code(self.database.reader(), source_code).await?;
                let id = source.as_ref().map(|source| source.id);
                if caller.grant.require_source(id).is_err() {
                    return Err(self.forbidden(caller.actor));
                }
                let source = source.ok_or_else(|| {
                    Problem::not_found(Message::new("没有该积分来源", "There is no such point source"))
                })?;
                (source, SentBy::Caller(caller))
            }
        };
        deliver::check_source(&source).map_err(Problem::refused)?;
        Ok(Admitted {
            source,
            sent_by,
            gzip,
            every_outcome,
            request_id: request_id.clone(),
            from,
        })
    }

    /// A run over the body; a signed one is read whole before any of it is booked.
    async fn open(
        &self,
        admitted: Admitted<'_>,
        body: Body,
        lang: Lang,
        observed: Observed,
    ) -> Result<Run, Problem> {
        let counted = Counted::new(body, admitted.gzip);
        let (caller, body, has_paid) = match admitted.sent_by {
            SentBy::Caller(caller) => (caller, counted, false),
            SentBy::Signature(signed) => {
                let account = Account::at(admitted.from);
                let held = self.admission.hold(&account, SIGNED_BODY_LIMIT);
                let _held = held.map_err(|error| Problem::of(StatusCode::SERVICE_UNAVAILABLE, error))?;
                let body = whole(counted.body).await?;
                let paid = self.admission.charge(&account, cost_of_bytes(body.len()));
                paid.map_err(limited)?;
                let source = (admitted.source.code.as_str(), admitted.source.id);
                let (now, id) = (self.database.clock().machine(), &admitted.request_id);
                let verified = self.webhooks.verify(source, signed, &body, now, id.as_str());
                let verified = verified.map_err(|error| not_taken(error, id))?;
                let caller = Caller {
                    account: Account::Subject(verified.actor.subject.as_str().into()),
                    grant: verified.grant,
                    actor: verified.actor,
                    expires_at: None,
                };
                (caller, Counted::new(Body::from(body), false), true)
            }
        };
        Ok(Run {
            database: self.database.clone(),
            admission: self.admission.clone(),
            observed,
            request_id: admitted.request_id,
            sender: Sender {
                grant: caller.grant,
                actor: caller.actor,
                expires_at: caller.expires_at,
                source_code: admitted.source.code,
            },
            payer: Payer {
                account: caller.account,
                has_paid,
            },
            body,
            every_outcome: admitted.every_outcome,
            lang,
        })
    }

    async fn caller_of_token(
        &self,
        authorization: Option<&str>,
        request_id: &str,
    ) -> Result<Caller, Problem> {
        let requester = match self.authenticator.authenticate(authorization).await {
            Ok(requester) => requester,
            Err(error @ (AuthError::Missing | AuthError::Token(_))) => {
                return Err(Problem::of(StatusCode::UNAUTHORIZED, ApiError::from(error)));
            }
            Err(error @ AuthError::Keys(_)) => {
                return Err(Problem::of(
                    StatusCode::SERVICE_UNAVAILABLE,
                    ApiError::from(error),
                ));
            }
            Err(AuthError::Store(error)) => return Err(error.into()),
        };
        let actor = requester.actor(request_id);
        match requester.grant(Act::PushPoints) {
            Ok(grant) => Ok(Caller {
                account: Account::Subject(requester.shared_subject()),
                grant,
                actor,
                expires_at: requester.expires_at(),
            }),
            Err(_) if requester.is_anonymous() => Err(Problem::of(
                StatusCode::UNAUTHORIZED,
                ApiError::from(AuthError::Missing),
            )),
            Err(_) => Err(self.forbidden(actor)),
        }
    }

    /// 403, kept in the audit trail (docs/domain.md, 8).
    fn forbidden(&self, actor: Actor) -> Problem {
        let now = self.database.clock().machine();
        self.refused.note(actor, "platform.points", now);
        Problem::of(StatusCode::FORBIDDEN, ApiError::forbidden())
    }
}

fn limited(limited: RateLimited) -> Problem {
    Problem::of(StatusCode::TOO_MANY_REQUESTS, limited.error)
}

/// 401; which fault it was is for the log.
fn not_taken(error: SignatureError, request_id: &RequestId) -> Problem {
    tracing::info!(request_id = request_id.as_str(), code = "UNAUTHENTICATED", cause = %error, "a signature was not taken");
    Problem::unauthenticated(Message::new("签名无效", "The signature is not taken"))
}

impl<'h> SignedHeaders<'h> {
    /// None of a request that is not signed.
    fn of(headers: &'h HeaderMap) -> Option<Self> {
        let value = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        headers.get("webhook-signature")?;
        Some(Self {
            id: value("webhook-id").unwrap_or_default(),
            timestamp: value("webhook-timestamp").unwrap_or_default(),
            signature: value("webhook-signature").unwrap_or_default(),
        })
    }
}

/// NDJSON has no registered type; these are what clients send.
fn check_content_type(headers: &HeaderMap) -> Result<(), Problem> {
    let given = text(headers, header::CONTENT_TYPE).unwrap_or_default();
    let media = given
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    let taken = [
        "application/x-ndjson",
        "application/ndjson",
        "application/jsonl",
        "application/json",
    ];
    if taken.contains(&media.as_str()) {
        return Ok(());
    }
    Err(Problem::of(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        ApiError::bad_request(Message::new(
            "请求体应为 application/x-ndjson 或 application/json",
            "The body must be application/x-ndjson or application/json",
        )),
    ))
}

/// Whether a body is packed. Names of codings have no case, and `x-gzip` is `gzip` (RFC 9110, section 8.4.1).
fn is_gzip(headers: &HeaderMap) -> Result<bool, Problem> {
    let coding = text(headers, header::CONTENT_ENCODING).unwrap_or_default();
    match coding.trim().to_ascii_lowercase().as_str() {
        "" | "identity" => Ok(false),
        "gzip" | "x-gzip" => Ok(true),
        _ => Err(Problem::of(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            ApiError::bad_request(Message::new(
                "请求体只能不压缩或用 gzip 压缩",
                "The body may be packed with gzip, or not at all",
            )),
        )),
    }
}

/// A body that is held whole.
async fn whole(body: Body) -> Result<bytes::Bytes, Problem> {
    let read = tokio::time::timeout(body::IDLE, Limited::new(body, SIGNED_BODY_LIMIT).collect()).await;
    match read {
        Ok(Ok(read)) => Ok(read.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => {
            let limit = SIGNED_BODY_LIMIT / 1024 / 1024;
            Err(Problem::of(
                StatusCode::PAYLOAD_TOO_LARGE,
                ApiError::bad_request(Message::new(
                    format!("签名的请求体最多 {limit} MiB；更多请用令牌推送"),
                    format!("A signed body has at most {limit} MiB; more is pushed with a token"),
                ))
                .with_limit("signed_body_bytes", SIGNED_BODY_LIMIT as u64, None),
            ))
        }
        Ok(Err(_)) => Err(Problem::bad_request(body::unreadable())),
        Err(_) => Err(Problem::of(
            StatusCode::REQUEST_TIMEOUT,
            ApiError::new(ErrorCode::Timeout, body::too_slow()),
        )),
    }
}

impl From<Failure> for Problem {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Forbidden => Problem::of(StatusCode::FORBIDDEN, ApiError::forbidden()),
            Failure::Refused(refusals) => match refusals.into_iter().next() {
                Some(refusal) => Problem::refused(refusal),
                None => Problem::bad_request(body::unreadable()),
            },
            Failure::Store(error) => error.into(),
        }
    }
}
