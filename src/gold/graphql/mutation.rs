//! Mutations of the gold selection in the API.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};

use super::{GoldApplication, Veto, VetoKind};
use crate::{
    auth::Act,
    gold::{
        apply::{ApplyForGold, apply},
        decide::decide,
        lift_veto::{LiftVeto, lift_veto},
        recommend::recommend,
        record_veto::{RecordVeto, record_veto},
        revoke::revoke,
        step::{Decision, Opined},
        withdraw::withdraw,
    },
    graphql::{
        caller::Caller,
        error::ApiError,
        payload::{UserError, mutate},
        scalars::Date,
    },
    kernel::id::{BranchId, GoldApplicationId, NodeId as _, VetoId},
};

/// 申报金牌 · A branch's application for the title of a gold branch.
#[derive(InputObject)]
pub struct ApplyForGoldInput {
    /// 党支部 · Who applies.
    branch_id: ID,
    /// 年度 · In which year's campaign.
    year: i32,
    /// 申报材料 · What the branch says for itself, at most 4,000 characters.
    statement: String,
}

/// 办理金牌申报 · An application, the version of it that was read, and why this is done.
#[derive(InputObject)]
pub struct GoldStepInput {
    /// 申报 · Which one.
    id: ID,
    /// 所据版本 · The version that was read.
    version: i32,
    /// 意见 · Why, in words, at most 4,000 characters; kept with the step.
    opinion: String,
}

/// 推荐或审定 · An application, the version of it that was read, and whether it is for or against it.
#[derive(InputObject)]
pub struct GoldDecisionInput {
    /// 申报 · Which one.
    id: ID,
    /// 所据版本 · The version that was read.
    version: i32,
    /// 同意 · For it (true) or against it (false).
    favourable: bool,
    /// 意见 · Why, in words, at most 4,000 characters; kept with the step.
    opinion: String,
}

/// 记录一票否决 · A serious negative fact. Who and what stands in the document, never here.
#[derive(InputObject)]
pub struct RecordVetoInput {
    /// 党支部 · Whom it is about.
    branch_id: ID,
    /// 情形 · What kind of fact.
    kind: VetoKind,
    /// 发生日期 · The day of the fact; today or earlier.
    occurred_on: Date,
    /// 文号 · The number of the document, 1 to 100 characters.
    document_number: String,
}

/// 解除一票否决 · A veto, and why it is lifted.
#[derive(InputObject)]
pub struct LiftVetoInput {
    /// 否决 · Which one.
    id: ID,
    /// 理由 · Why, in words; kept in the audit trail only.
    reason: String,
}

/// 金牌申报办理结果 · The application that was written, or why nothing was.
#[derive(SimpleObject)]
pub struct GoldApplicationPayload {
    /// 金牌申报 · As it stands now.
    gold_application: Option<GoldApplication>,
    /// 拒绝原因 · Why nothing was written; empty when something was.
    user_errors: Vec<UserError>,
}

/// 一票否决办理结果 · The veto that was written, or why nothing was.
#[derive(SimpleObject)]
pub struct VetoPayload {
    /// 否决 · As it stands now.
    veto: Option<Veto>,
    /// 拒绝原因 · Why nothing was written; empty when something was.
    user_errors: Vec<UserError>,
}

impl From<GoldStepInput> for Opined {
    fn from(input: GoldStepInput) -> Self {
        Self {
            id: GoldApplicationId::from_global(&input.id),
            version: input.version,
            opinion: input.opinion,
        }
    }
}

impl From<GoldDecisionInput> for Decision {
    fn from(input: GoldDecisionInput) -> Self {
        Self {
            of: Opined {
                id: GoldApplicationId::from_global(&input.id),
                version: input.version,
                opinion: input.opinion,
            },
            favourable: input.favourable,
        }
    }
}

/// Mutations of the gold selection.
#[derive(Default)]
pub struct GoldMutation;

#[Object]
impl GoldMutation {
    /// 自主申报 · Applies for gold, once a campaign, if every criterion is met (the branch itself).
    async fn apply_for_gold(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "申报内容 · Who applies, in which year.")] input: ApplyForGoldInput,
    ) -> Result<GoldApplicationPayload, ApiError> {
        let input = ApplyForGold {
            branch: BranchId::from_global(&input.branch_id),
            year: input.year,
            statement: input.statement,
        };
        let written = mutate(ctx, Act::ApplyForGold, input, |w, i| {
            Box::pin(apply(w, &i.grant, &i.input))
        });
        application_payload(ctx, written.await?).await
    }

    /// 撤回申报 · Takes an application back that is APPLIED or RECOMMENDED (the branch itself).
    async fn withdraw_gold(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "申报及版本 · Which application.")] input: GoldStepInput,
    ) -> Result<GoldApplicationPayload, ApiError> {
        let written = mutate(ctx, Act::WithdrawGold, Opined::from(input), |w, i| {
            Box::pin(withdraw(w, &i.grant, &i.input))
        });
        application_payload(ctx, written.await?).await
    }

    /// 把关推荐 · Recommends an application, or does not (its committee, and not who applied).
    async fn recommend_gold(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "申报及意见 · Which application, for or against it.")] input: GoldDecisionInput,
    ) -> Result<GoldApplicationPayload, ApiError> {
        let written = mutate(ctx, Act::RecommendGold, Decision::from(input), |w, i| {
            Box::pin(recommend(w, &i.grant, &i.input))
        });
        application_payload(ctx, written.await?).await
    }

    /// 研究审定 · Awards the title within the quota, or declines (the district, and not who applied or recommended).
    async fn decide_gold(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "申报及意见 · Which application, for or against it.")] input: GoldDecisionInput,
    ) -> Result<GoldApplicationPayload, ApiError> {
        let written = mutate(ctx, Act::DecideGold, Decision::from(input), |w, i| {
            Box::pin(decide(w, &i.grant, &i.input))
        });
        application_payload(ctx, written.await?).await
    }

    /// 撤销称号 · Takes an awarded title away, today (the district).
    async fn revoke_gold(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "申报及版本 · Which application.")] input: GoldStepInput,
    ) -> Result<GoldApplicationPayload, ApiError> {
        let written = mutate(ctx, Act::RevokeGold, Opined::from(input), |w, i| {
            Box::pin(revoke(w, &i.grant, &i.input))
        });
        application_payload(ctx, written.await?).await
    }

    /// 一票否决 · Records a veto; what the branch has APPLIED or RECOMMENDED is VETOED with it (the district).
    async fn record_veto(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "否决内容 · Whom it is about.")] input: RecordVetoInput,
    ) -> Result<VetoPayload, ApiError> {
        let input = RecordVeto {
            branch: BranchId::from_global(&input.branch_id),
            kind: input.kind.into(),
            occurred_on: input.occurred_on.0,
            document_number: input.document_number,
        };
        let written = mutate(ctx, Act::RecordVeto, input, |w, i| {
            Box::pin(record_veto(w, &i.grant, &i.input))
        });
        veto_payload(ctx, written.await?).await
    }

    /// 解除否决 · Lifts a veto today; with the last open one applications return to the state they had (the district).
    async fn lift_veto(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "否决及理由 · Which veto, and why.")] input: LiftVetoInput,
    ) -> Result<VetoPayload, ApiError> {
        let input = LiftVeto {
            id: VetoId::from_global(&input.id),
            reason: input.reason,
        };
        let written = mutate(ctx, Act::LiftVeto, input, |w, i| {
            Box::pin(lift_veto(w, &i.grant, &i.input))
        });
        veto_payload(ctx, written.await?).await
    }
}

async fn application_payload(
    ctx: &Context<'_>,
    (id, user_errors): (Option<GoldApplicationId>, Vec<UserError>),
) -> Result<GoldApplicationPayload, ApiError> {
    let gold_application = match id {
        Some(id) => GoldApplication::load(Caller::of(ctx)?, id).await?,
        None => None,
    };
    Ok(GoldApplicationPayload {
        gold_application,
        user_errors,
    })
}

async fn veto_payload(
    ctx: &Context<'_>,
    (id, user_errors): (Option<VetoId>, Vec<UserError>),
) -> Result<VetoPayload, ApiError> {
    let veto = match id {
        Some(id) => Veto::load(Caller::of(ctx)?, id).await?,
        None => None,
    };
    Ok(VetoPayload { veto, user_errors })
}
