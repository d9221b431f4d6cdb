//! How a mutation answers: what was written, or `userErrors`; never both.

use std::sync::Arc;

use async_graphql::{Context, Enum, SimpleObject};
use serde::{Serialize, de::DeserializeOwned};

use super::{
    caller::Caller,
    error::{ApiError, ErrorCode},
    idempotency::{Idempotency, Replay},
};
use crate::{
    audit::RefusedAccess,
    auth::{Act, Grant},
    kernel::{
        message::{Lang, Message},
        refusal::{Refusal, RefusalCode},
    },
    storage::write::{IdempotencyKey, Outcome, UseCase, WriteError},
};

/// 拒绝原因 · One reason why a mutation wrote nothing.
#[derive(SimpleObject, Clone, Debug)]
pub struct UserError {
    /// 类别 · What kind of reason.
    code: UserErrorCode,
    /// 说明 · The rule in words, in the caller's language (Accept-Language: zh, en).
    message: String,
    /// 位置 · Path into `input`.
    path: Vec<String>,
}

/// 拒绝类别 · Kinds of reasons why a mutation wrote nothing.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
#[graphql(remote = "RefusalCode")]
pub enum UserErrorCode {
    /// 输入有误 · A value that cannot be taken as it is.
    InvalidInput,
    /// 不存在 · Nothing of that kind, or nothing the caller may see.
    NotFound,
    /// 已存在 · Another thing holds the code or place already.
    AlreadyExists,
    /// 版本冲突 · Somebody wrote a later version.
    VersionConflict,
    /// 状态不允许 · The state it is in allows no such step.
    InvalidTransition,
    /// 违反规则 · A rule of the domain forbids it; the message says which.
    RuleViolation,
    /// 名额已满 · A quota is used up.
    QuotaExceeded,
    /// 一票否决 · A veto stands.
    VetoOpen,
}

impl UserError {
    fn new(refusal: Refusal, lang: Lang) -> Self {
        Self {
            code: refusal.code.into(),
            message: refusal.message.text(lang).to_owned(),
            path: refusal.path,
        }
    }
}

/// What a use case runs on: the caller's right and the input.
pub struct Granted<I> {
    /// Over what the caller may do it.
    pub grant: Grant,
    /// What is asked for.
    pub input: I,
}

/// Runs the one use case of a mutation field: checks the right, writes, and gives what was written or the reasons
/// why nothing was.
pub async fn mutate<I, T>(
    ctx: &Context<'_>,
    act: Act,
    input: I,
    case: UseCase<Granted<I>, T>,
) -> Result<(Option<T>, Vec<UserError>), ApiError>
where
    I: Send + Sync + 'static,
    T: Serialize + DeserializeOwned + Send + Sync + 'static,
{
    let caller = Caller::of(ctx)?;
    let Ok(grant) = caller.requester.grant(act) else {
        return Err(forbidden(ctx, caller));
    };
    let idempotency = ctx.data_opt::<Arc<Idempotency>>();
    let key = idempotency.map(|i| IdempotencyKey {
        caller: caller.requester.subject().to_owned(),
        key: i.key().to_owned(),
        body_hash: i.body_hash().to_vec(),
    });
    let actor = caller.requester.actor(&caller.request_id);
    let written = caller
        .database
        .write(actor, key, Granted { grant, input }, case)
        .await;
    let report = |replay| {
        if let Some(idempotency) = idempotency {
            idempotency.report(replay);
        }
    };
    match written {
        Ok(written) => {
            if written.replayed {
                report(Replay::Replayed);
            }
            Ok(match written.outcome {
                Outcome::Done(value) => (Some(value), Vec::new()),
                Outcome::Refused(refusals) => (
                    None,
                    refusals
                        .into_iter()
                        .map(|r| UserError::new(r, caller.lang))
                        .collect(),
                ),
            })
        }
        Err(WriteError::Forbidden) => Err(forbidden(ctx, caller)),
        Err(WriteError::InFlight) => {
            report(Replay::InFlight);
            Err(ApiError::new(
                ErrorCode::IdempotencyConflict,
                Message::new(
                    "使用该幂等键的请求仍在处理中，请稍后重试",
                    "A request with this idempotency key is still running; try again later",
                ),
            ))
        }
        Err(WriteError::OtherBody) => {
            report(Replay::OtherBody);
            Err(ApiError::new(
                ErrorCode::IdempotencyConflict,
                Message::new(
                    "该幂等键已用于另一请求，请更换",
                    "This idempotency key was used with another request; take a new one",
                ),
            ))
        }
        Err(WriteError::Store(error)) => Err(error.into()),
    }
}

/// FORBIDDEN, kept in the audit trail (one row a minute for a caller and field, docs/domain.md, 8); of a request without a token
/// the log knows and the trail does not.
fn forbidden(ctx: &Context<'_>, caller: &Caller) -> ApiError {
    if caller.requester.is_anonymous() {
        tracing::info!(
            request_id = caller.request_id,
            field = ctx.field().name(),
            "refused to a caller without a token"
        );
    } else if let Some(refused) = ctx.data_opt::<RefusedAccess>() {
        let actor = caller.requester.actor(&caller.request_id);
        refused.note(actor, ctx.field().name(), caller.clock().machine());
    }
    ApiError::forbidden()
}
