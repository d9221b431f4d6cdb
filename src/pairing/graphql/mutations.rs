//! Steps of pairings.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};

use super::{Pairing, PairingBasis, PairingForm};
use crate::{
    auth::Act,
    graphql::{
        caller::Caller,
        error::ApiError,
        inputs::{ReasonedInput, VersionedInput},
        payload::{UserError, mutate},
        scalars::Date,
    },
    kernel::id::{BranchId, NodeId as _, PairingId},
    pairing::{
        accept::{AcceptPairing, accept},
        activity::{RecordPairingActivity, record},
        approve::{ApprovePairing, approve},
        complete::{CompletePairing, complete},
        propose::{ProposePairing, propose},
        reject::{RejectPairing, reject},
        terminate::{TerminatePairing, terminate},
    },
};

/// 发起结对 · A pairing to propose.
#[derive(InputObject)]
pub struct ProposePairingInput {
    /// 结对形式 · 1+N or N+N.
    form: PairingForm,
    /// 结对依据 · What the members have in common.
    basis: PairingBasis,
    /// 名称 · What it is called, at most 200 characters.
    title: String,
    /// 目标 · What it is for, at most 4,000 characters.
    goal: Option<String>,
    /// 年度 · The campaign year: that of the first day, or the one before or after.
    year: i32,
    /// 牵头支部 · The leads, gold on the first day.
    lead_ids: Vec<ID>,
    /// 结对支部 · The partners; leads and partners together at most 100.
    partner_ids: Vec<ID>,
    /// 开始日期 · Its first day.
    starts_on: Date,
    /// 结束日期 · Its last day, after the first.
    ends_on: Option<Date>,
}

/// 同意结对 · Who accepts what.
#[derive(InputObject)]
pub struct AcceptPairingInput {
    /// 结对 · Which one.
    id: ID,
    /// 同意的支部 · The member branch that accepts: the caller's own.
    branch_id: ID,
}

/// 记录结对活动 · What members did together.
#[derive(InputObject)]
pub struct RecordPairingActivityInput {
    /// 结对 · Which one.
    pairing_id: ID,
    /// 活动日期 · The day it was held, while the pairing ran and not in the future.
    held_on: Date,
    /// 主题 · What it was about, at most 200 characters.
    topic: String,
    /// 成果 · What came of it, at most 4,000 characters.
    outcome: Option<String>,
    /// 参加支部 · The members that took part, the caller's own among them.
    branch_ids: Vec<ID>,
}

/// 结对操作结果 · The pairing that was written, or why nothing was.
#[derive(SimpleObject)]
pub struct PairingPayload {
    /// 结对 · As it stands now.
    pairing: Option<Pairing>,
    /// 拒绝原因 · Why nothing was written; empty when something was.
    user_errors: Vec<UserError>,
}

async fn payload(
    ctx: &Context<'_>,
    (id, user_errors): (Option<PairingId>, Vec<UserError>),
) -> Result<PairingPayload, ApiError> {
    let pairing = match id {
        Some(id) => Pairing::load(Caller::of(ctx)?, id).await?,
        None => None,
    };
    Ok(PairingPayload { pairing, user_errors })
}

fn branches(ids: &[ID]) -> Vec<Option<BranchId>> {
    ids.iter().map(|id| BranchId::from_global(id)).collect()
}

/// Mutations on pairings.
#[derive(Default)]
pub struct PairingMutation;

#[Object]
impl PairingMutation {
    /// 发起结对 · Proposes a pairing: a branch one that it is in (and accepts thereby), a committee one of branches that are
    /// all its own, the district any. A member is in at most 3 active pairings, unless the deployment says otherwise.
    async fn propose_pairing(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "结对 · What is proposed.")] input: ProposePairingInput,
    ) -> Result<PairingPayload, ApiError> {
        let input = ProposePairing {
            form: input.form.into(),
            basis: input.basis.into(),
            title: input.title,
            goal: input.goal,
            year: input.year,
            leads: branches(&input.lead_ids),
            partners: branches(&input.partner_ids),
            starts_on: input.starts_on.0,
            ends_on: input.ends_on.map(|day| day.0),
        };
        let written = mutate(ctx, Act::ProposePairing, input, |w, i| {
            Box::pin(propose(w, &i.grant, &i.input))
        });
        payload(ctx, written.await?).await
    }

    /// 同意结对 · By a member branch; the pairing becomes ACTIVE when every member has accepted and the committee (or the
    /// district, across committees) has approved.
    async fn accept_pairing(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "同意 · Who accepts what.")] input: AcceptPairingInput,
    ) -> Result<PairingPayload, ApiError> {
        let input = AcceptPairing {
            id: PairingId::from_global(&input.id),
            branch: BranchId::from_global(&input.branch_id),
        };
        let written = mutate(ctx, Act::AcceptPairing, input, |w, i| {
            Box::pin(accept(w, &i.grant, &i.input))
        });
        payload(ctx, written.await?).await
    }

    /// 批准结对 · By the committee of all members, or by the district where they span committees. An approval given before
    /// everybody has accepted is kept.
    async fn approve_pairing(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "批准 · What is approved.")] input: VersionedInput,
    ) -> Result<PairingPayload, ApiError> {
        let input = ApprovePairing {
            id: PairingId::from_global(&input.id),
            version: input.version,
        };
        let written = mutate(ctx, Act::ApprovePairing, input, |w, i| {
            Box::pin(approve(w, &i.grant, &i.input))
        });
        payload(ctx, written.await?).await
    }

    /// 驳回结对 · Rejects a proposal: a member branch, or who would approve it.
    async fn reject_pairing(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "驳回 · What is rejected, and why.")] input: ReasonedInput,
    ) -> Result<PairingPayload, ApiError> {
        let input = RejectPairing {
            id: PairingId::from_global(&input.id),
            version: input.version,
            reason: input.reason,
        };
        let written = mutate(ctx, Act::RejectPairing, input, |w, i| {
            Box::pin(reject(w, &i.grant, &i.input))
        });
        payload(ctx, written.await?).await
    }

    /// 记录结对活动 · Records what members of an active pairing did together: by a member branch that took part.
    async fn record_pairing_activity(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "活动 · What was done together.")] input: RecordPairingActivityInput,
    ) -> Result<PairingPayload, ApiError> {
        let input = RecordPairingActivity {
            pairing: PairingId::from_global(&input.pairing_id),
            held_on: input.held_on.0,
            topic: input.topic,
            outcome: input.outcome,
            branches: branches(&input.branch_ids),
        };
        let written = mutate(ctx, Act::RecordPairingActivity, input, |w, i| {
            Box::pin(record(w, &i.grant, &i.input))
        });
        payload(ctx, written.await?).await
    }

    /// 完成结对 · Completes an active pairing: the committee of all members, or the district.
    async fn complete_pairing(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "完成 · What is completed.")] input: VersionedInput,
    ) -> Result<PairingPayload, ApiError> {
        let input = CompletePairing {
            id: PairingId::from_global(&input.id),
            version: input.version,
        };
        let written = mutate(ctx, Act::CompletePairing, input, |w, i| {
            Box::pin(complete(w, &i.grant, &i.input))
        });
        payload(ctx, written.await?).await
    }

    /// 终止结对 · Ends an active pairing before its aim is reached: the committee of all members, or the district.
    async fn terminate_pairing(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "终止 · What is terminated, and why.")] input: ReasonedInput,
    ) -> Result<PairingPayload, ApiError> {
        let input = TerminatePairing {
            id: PairingId::from_global(&input.id),
            version: input.version,
            reason: input.reason,
        };
        let written = mutate(ctx, Act::TerminatePairing, input, |w, i| {
            Box::pin(terminate(w, &i.grant, &i.input))
        });
        payload(ctx, written.await?).await
    }
}
