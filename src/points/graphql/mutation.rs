//! Mutations on points.

use async_graphql::{Context, Enum, ID, InputObject, Object, SimpleObject};

use super::{
    super::{
        adjust::{AdjustPoints, adjust},
        deliver::{Deliver, deliver},
        discard::{DiscardQuarantine, discard},
        entry::Delivered,
        push::Outcome,
        reconcile::{Comparison, Difference, Reconcile, Reconciled, reconcile},
        resolve::{ResolveQuarantine, resolve},
        told::told,
    },
    Activity, PointEntry, PointEntryKind, QuarantineReason, QuarantinedEntry,
};
use crate::{
    auth::Act,
    branch::{BranchHooks, graphql::Branch},
    graphql::{
        caller::Caller,
        error::{ApiError, nullable},
        payload::{UserError, mutate},
        scalars::{ChangeCursor, DateTime, Period, Points},
    },
    kernel::id::{BranchId, NodeId as _, QuarantinedEntryId},
    live,
};

/// 推送积分 · Entries of one source.
#[derive(InputObject)]
pub struct PushPointsInput {
    /// 来源代码 · Whose entries; an adapter pushes for its own source only.
    source_code: String,
    /// 条目 · At most 1,000; more go to `POST /platform/{source}/points`.
    entries: Vec<PointEntryInput>,
}

/// 积分条目 · An entry as the platform has it.
#[derive(InputObject)]
pub struct PointEntryInput {
    /// 事件编号 · The platform's name for what happened, 1 to 200 characters.
    event_id: String,
    /// 修订号 · From 1; of an event the greatest revision counts.
    #[graphql(default = 1)]
    revision: i32,
    /// 支部代码 · A code that the branch has towards this source on the day of the event.
    branch_code: String,
    /// 积分类别 · What it does; ADJUSTMENT is the district's own (adjustPoints).
    #[graphql(default_with = "PointEntryKind::Earn")]
    kind: PointEntryKind,
    /// 积分事由 · What the points were earned with.
    #[graphql(default_with = "Activity::Other")]
    activity: Activity,
    /// 积分 · How many.
    points: Points,
    /// 发生时间 · When it happened; not more than five minutes ahead.
    occurred_at: DateTime,
    /// 所指事件 · The EARN event that a REVERSAL or CORRECTION answers.
    refers_to: Option<String>,
    /// 备注 · A remark; persons' numbers in it are masked.
    note: Option<String>,
}

impl From<PointEntryInput> for Delivered {
    fn from(input: PointEntryInput) -> Self {
        Self {
            event_id: input.event_id,
            revision: input.revision,
            branch_code: input.branch_code,
            kind: input.kind.into(),
            activity: input.activity.into(),
            points: input.points.0,
            occurred_at: input.occurred_at.0,
            refers_to: input.refers_to,
            note: input.note,
        }
    }
}

/// 推送结果 · What became of an entry.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum PushStatus {
    /// 已入账
    Accepted,
    /// 重复 · The same is booked already.
    Duplicate,
    /// 待处理 · It waits in quarantine; the reason says why.
    Quarantined,
}

/// 单条结果 · What became of one entry.
#[derive(SimpleObject)]
pub struct PushOutcome {
    /// 事件编号 · Of the entry.
    event_id: String,
    /// 修订号 · Of the entry.
    revision: i32,
    /// 结果 · What became of it.
    status: PushStatus,
    /// 待处理原因 · Why it waits.
    reason: Option<QuarantineReason>,
}

/// What a push came to.
pub struct PushPointsPayload {
    outcomes: Vec<PushOutcome>,
    user_errors: Vec<UserError>,
}

impl PushPointsPayload {
    fn count(&self, status: PushStatus) -> i32 {
        let count = self.outcomes.iter().filter(|one| one.status == status).count();
        i32::try_from(count).unwrap_or(i32::MAX)
    }
}

/// 推送积分结果 · What became of the entries, or why none was taken. Answered when it is durable.
#[Object]
impl PushPointsPayload {
    /// 入账条数 · Entries that were booked.
    async fn accepted(&self) -> i32 {
        self.count(PushStatus::Accepted)
    }

    /// 重复条数 · Entries that were booked already.
    async fn duplicates(&self) -> i32 {
        self.count(PushStatus::Duplicate)
    }

    /// 待处理条数 · Entries that wait in quarantine.
    async fn quarantined(&self) -> i32 {
        self.count(PushStatus::Quarantined)
    }

    /// 逐条结果 · In the order of the entries.
    async fn outcomes(&self) -> &[PushOutcome] {
        &self.outcomes
    }

    /// 变更游标 · A place in the change log; what happens from now on comes after it. Null where nothing was taken.
    async fn cursor(&self, ctx: &Context<'_>) -> Option<Result<ChangeCursor, ApiError>> {
        nullable(async {
            if !self.user_errors.is_empty() {
                return Ok(None);
            }
            let head = live::page::head(&Caller::of(ctx)?.database).await?;
            Ok(Some(ChangeCursor(head)))
        })
        .await
    }

    /// 拒绝原因 · Why nothing was taken; empty when the entries were.
    async fn user_errors(&self) -> &[UserError] {
        &self.user_errors
    }
}

/// 调整积分 · The district's own entry.
#[derive(InputObject)]
pub struct AdjustPointsInput {
    /// 党支部 · Whose points.
    branch_id: ID,
    /// 积分 · How many more, or fewer.
    points: Points,
    /// 计入时间 · When they count; not in the future.
    occurred_at: DateTime,
    /// 文号 · The decision it rests on, at most 200 characters.
    document_number: String,
    /// 说明 · Why, at most 10,000 characters.
    note: String,
}

/// 积分流水变更结果 · The line that was booked, or why none was.
#[derive(SimpleObject)]
pub struct PointEntryPayload {
    /// 积分流水 · The line.
    point_entry: Option<PointEntry>,
    /// 拒绝原因 · Why nothing was written; empty when something was.
    user_errors: Vec<UserError>,
}

/// 处理待处理条目 · branchId for UNKNOWN_BRANCH; the others are tried again as they are; a CONFLICTING_REPEAT can only be
/// discarded.
#[derive(InputObject)]
pub struct ResolveQuarantineInput {
    /// 待处理条目 · Which one.
    id: ID,
    /// 党支部 · Whose it is, of an unknown code.
    branch_id: Option<ID>,
    /// 记为别名 · Remember the code, so that later entries find the branch by themselves.
    #[graphql(default = true)]
    add_alias: bool,
}

/// 丢弃待处理条目 · It stays in the quarantine, whole, and is not booked.
#[derive(InputObject)]
pub struct DiscardQuarantineInput {
    /// 待处理条目 · Which one.
    id: ID,
    /// 理由 · Why.
    reason: String,
}

/// 待处理条目变更结果 · The entry that was decided about, or why nothing was.
#[derive(SimpleObject)]
pub struct QuarantinePayload {
    /// 待处理条目 · As it stands now.
    quarantined_entry: Option<QuarantinedEntry>,
    /// 拒绝原因 · Why nothing was written; empty when something was.
    user_errors: Vec<UserError>,
}

/// 对账 · What a platform says that branches have in a period.
#[derive(InputObject)]
pub struct ReconcilePointsInput {
    /// 来源代码 · Which platform says so.
    source_code: String,
    /// 年度或月份 · Of which period.
    period: Period,
    /// 平台积分 · At most 10,000 branches.
    totals: Vec<BranchTotalInput>,
}

/// 平台积分 · What a platform says of a branch.
#[derive(InputObject)]
pub struct BranchTotalInput {
    /// 支部代码 · By the platform's code.
    branch_code: String,
    /// 积分 · Its points there.
    total: Points,
}

/// A branch of which the two say different things.
pub struct ReconcileDifference {
    difference: Difference,
}

/// 差异 · A branch of which the platform and the ledger say different things.
#[Object]
impl ReconcileDifference {
    /// 支部代码 · The platform's code; the branch's own where the platform does not name it.
    async fn branch_code(&self) -> &str {
        &self.difference.branch_code
    }

    /// 党支部 · Null for a code that none has, and for callers who may not see it.
    async fn branch(&self, ctx: &Context<'_>) -> Option<Result<Branch, ApiError>> {
        nullable(async {
            match self.difference.branch {
                Some(id) => Branch::load(Caller::of(ctx)?, id).await,
                None => Ok(None),
            }
        })
        .await
    }

    /// 平台积分 · What the platform says; null where it does not name the branch.
    async fn platform_total(&self) -> Option<Points> {
        self.difference.platform.map(Into::into)
    }

    /// 本地积分 · What the source's entries come to here; null for a code that no branch has.
    async fn ledger_total(&self) -> Option<Points> {
        self.difference.ledger.map(Into::into)
    }
}

/// 对账结果 · Where the two differ, by code; or why nothing was compared.
#[derive(SimpleObject)]
pub struct ReconcilePayload {
    /// 差异 · Branches of which the two say different things.
    differences: Vec<ReconcileDifference>,
    /// 一致数 · How many branches both say the same of.
    agreed: i32,
    /// 拒绝原因 · Why nothing was compared; empty when it was.
    user_errors: Vec<UserError>,
}

/// Mutations on points.
#[derive(Default)]
pub struct PointsMutation;

#[Object]
impl PointsMutation {
    /// 推送积分 · At most 1,000 entries of one source; each is booked, repeated, or kept in quarantine on its own (the source's
    /// adapter, the district). Answered when it is durable.
    async fn push_points(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "推送 · What is delivered.")] input: PushPointsInput,
    ) -> Result<PushPointsPayload, ApiError> {
        let entries: Vec<Delivered> = input.entries.into_iter().map(Into::into).collect();
        let keys: Vec<(String, i32)> = entries
            .iter()
            .map(|entry| (entry.event_id.clone(), entry.revision))
            .collect();
        let source_code = input.source_code.clone();
        let input = Deliver {
            source_code: input.source_code,
            entries: entries.into_iter().map(Into::into).collect(),
        };
        let (outcomes, user_errors) = mutate(ctx, Act::PushPoints, input, |w, i| {
            Box::pin(deliver(w, &i.grant, &i.input))
        })
        .await?;
        let outcomes = outcomes.unwrap_or_default();
        told(&Caller::of(ctx)?.database, &source_code, &outcomes);
        let outcomes = keys.into_iter().zip(outcomes);
        Ok(PushPointsPayload {
            outcomes: outcomes
                .map(|((event_id, revision), outcome)| {
                    let (status, reason) = match outcome {
                        Outcome::Accepted => (PushStatus::Accepted, None),
                        Outcome::Duplicate => (PushStatus::Duplicate, None),
                        Outcome::Quarantined(reason) => (PushStatus::Quarantined, Some(reason.into())),
                    };
                    PushOutcome {
                        event_id,
                        revision,
                        status,
                        reason,
                    }
                })
                .collect(),
            user_errors,
        })
    }

    /// 调整积分 · Books the district's own entry, which rests on a document (the district).
    async fn adjust_points(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "调整 · What was decided.")] input: AdjustPointsInput,
    ) -> Result<PointEntryPayload, ApiError> {
        let input = AdjustPoints {
            branch: BranchId::from_global(&input.branch_id),
            points: input.points.0,
            occurred_at: input.occurred_at.0,
            document_number: input.document_number,
            note: input.note,
        };
        let (id, user_errors) = mutate(ctx, Act::AdjustPoints, input, |w, i| {
            Box::pin(adjust(w, &i.grant, &i.input))
        })
        .await?;
        let point_entry = match id {
            Some(id) => PointEntry::load(Caller::of(ctx)?, id).await?,
            None => None,
        };
        Ok(PointEntryPayload {
            point_entry,
            user_errors,
        })
    }

    /// 处理待处理条目 · Books an entry that waits (the district).
    async fn resolve_quarantine(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "处理 · What was decided.")] input: ResolveQuarantineInput,
    ) -> Result<QuarantinePayload, ApiError> {
        let input = ResolveQuarantine {
            id: QuarantinedEntryId::from_global(&input.id),
            branch: input.branch_id.map(|id| BranchId::from_global(&id)),
            add_alias: input.add_alias,
            hooks: ctx.data_opt::<BranchHooks>().cloned().unwrap_or_default(),
        };
        let written = mutate(ctx, Act::ResolveQuarantine, input, |w, i| {
            Box::pin(resolve(w, &i.grant, &i.input))
        });
        quarantine_payload(ctx, written.await?).await
    }

    /// 丢弃待处理条目 · Decides that an entry is not to be booked (the district).
    async fn discard_quarantine(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "丢弃 · What was decided.")] input: DiscardQuarantineInput,
    ) -> Result<QuarantinePayload, ApiError> {
        let input = DiscardQuarantine {
            id: QuarantinedEntryId::from_global(&input.id),
            reason: input.reason,
        };
        let written = mutate(ctx, Act::DiscardQuarantine, input, |w, i| {
            Box::pin(discard(w, &i.grant, &i.input))
        });
        quarantine_payload(ctx, written.await?).await
    }

    /// 积分对账 · Compares a platform's totals with what its entries come to here (the source's adapter, the district).
    async fn reconcile_points(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "对账 · What the platform says.")] input: ReconcilePointsInput,
    ) -> Result<ReconcilePayload, ApiError> {
        let totals = input.totals.into_iter();
        let input = Reconcile {
            source_code: input.source_code,
            period: input.period.0,
            totals: totals.map(|one| (one.branch_code, one.total.0)).collect(),
        };
        let caller = Caller::of(ctx)?;
        let input = match caller.requester.grant(Act::ReconcilePoints) {
            Ok(grant) => Comparison::make(caller.database.reader(), &grant, input).await?,
            Err(_) => Comparison {
                asked: input,
                reconciled: None,
            },
        };
        let (reconciled, user_errors) = mutate(ctx, Act::ReconcilePoints, input, |w, i| {
            Box::pin(reconcile(w, &i.grant, &i.input))
        })
        .await?;
        let Reconciled { differences, agreed } = reconciled.unwrap_or_default();
        Ok(ReconcilePayload {
            differences: differences
                .into_iter()
                .map(|difference| ReconcileDifference { difference })
                .collect(),
            agreed: i32::try_from(agreed).unwrap_or(i32::MAX),
            user_errors,
        })
    }
}

async fn quarantine_payload(
    ctx: &Context<'_>,
    (id, user_errors): (Option<QuarantinedEntryId>, Vec<UserError>),
) -> Result<QuarantinePayload, ApiError> {
    let quarantined_entry = match id {
        Some(id) => QuarantinedEntry::load(Caller::of(ctx)?, id).await?,
        None => None,
    };
    Ok(QuarantinePayload {
        quarantined_entry,
        user_errors,
    })
}
