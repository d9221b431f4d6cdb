//! Steps of health checks.

use async_graphql::{Context, Object, SimpleObject};

use super::{
    HealthCheck,
    inputs::{AnswerCheckItemsInput, AssignExaminersInput, ConcludeConsultationInput, RecordVisitInput},
};
use crate::{
    auth::Act,
    graphql::{
        caller::Caller,
        error::ApiError,
        inputs::VersionedInput,
        payload::{UserError, mutate},
    },
    health_check::{
        answer::{AnswerCheckItems, answer},
        assign::{AssignExaminers, assign},
        close::close,
        conclude::{ConcludeConsultation, conclude},
        submit::{CheckAtVersion, submit},
        visit::{RecordVisit, record_visit},
    },
    kernel::id::{BranchId, HealthCheckId, NodeId as _},
};

/// 体检操作结果 · The health check that was written, or why nothing was.
#[derive(SimpleObject)]
pub struct HealthCheckPayload {
    /// 红色体检 · As it stands now.
    health_check: Option<HealthCheck>,
    /// 拒绝原因 · Why nothing was written; empty when something was.
    user_errors: Vec<UserError>,
}

async fn payload(
    ctx: &Context<'_>,
    (id, user_errors): (Option<HealthCheckId>, Vec<UserError>),
) -> Result<HealthCheckPayload, ApiError> {
    let health_check = match id {
        Some(id) => HealthCheck::load(Caller::of(ctx)?, id).await?,
        None => None,
    };
    Ok(HealthCheckPayload {
        health_check,
        user_errors,
    })
}

fn at_version(input: &VersionedInput) -> CheckAtVersion {
    CheckAtVersion {
        id: HealthCheckId::from_global(&input.id),
        version: input.version,
    }
}

/// The branch that an examiner's token says is its own.
fn own(ctx: &Context<'_>) -> Result<Option<BranchId>, ApiError> {
    Ok(Caller::of(ctx)?.requester.branch())
}

/// Mutations on health checks.
#[derive(Default)]
pub struct HealthCheckMutation;

#[Object]
impl HealthCheckMutation {
    /// 体检作答 · The branch answers items of its self-check (自检), any number at a time; computed items are not answered. In the
    /// recheck (复查) an examiner turns verdicts to MET whose problem is closed.
    async fn answer_check_items(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "作答 · Which items, and what is said of them.")] input: AnswerCheckItemsInput,
    ) -> Result<HealthCheckPayload, ApiError> {
        let input = AnswerCheckItems {
            id: HealthCheckId::from_global(&input.health_check_id),
            version: input.version,
            answers: input.answers.into_iter().map(Into::into).collect(),
            own: own(ctx)?,
        };
        let written = mutate(ctx, Act::AnswerCheckItems, input, |w, i| {
            Box::pin(answer(w, &i.grant, &i.input))
        });
        payload(ctx, written.await?).await
    }

    /// 提交自检 · SELF_CHECK → CONSULTATION, when everything that is asked of the branch is answered; computed items are computed. What is
    /// not met becomes a rectification.
    async fn submit_self_check(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "体检 · Which one.")] input: VersionedInput,
    ) -> Result<HealthCheckPayload, ApiError> {
        let written = mutate(ctx, Act::SubmitSelfCheck, at_version(&input), |w, i| {
            Box::pin(submit(w, &i.grant, &i.input))
        });
        payload(ctx, written.await?).await
    }

    /// 指派体检队员 · Who examines the branch, in the place of those before.
    async fn assign_examiners(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "指派 · Who examines what.")] input: AssignExaminersInput,
    ) -> Result<HealthCheckPayload, ApiError> {
        let input = AssignExaminers {
            id: HealthCheckId::from_global(&input.health_check_id),
            version: input.version,
            subjects: input.subjects,
        };
        let written = mutate(ctx, Act::AssignExaminers, input, |w, i| {
            Box::pin(assign(w, &i.grant, &i.input))
        });
        payload(ctx, written.await?).await
    }

    /// 走访记录 · One of the four visits of a consultation (四个一); another one of its kind takes its place. Never by an examiner of the
    /// branch itself.
    async fn record_visit(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "走访 · What was done, and seen.")] input: RecordVisitInput,
    ) -> Result<HealthCheckPayload, ApiError> {
        let input = RecordVisit {
            id: HealthCheckId::from_global(&input.health_check_id),
            kind: input.kind.into(),
            visited_on: input.visited_on.0,
            summary: input.summary,
            own: own(ctx)?,
        };
        let written = mutate(ctx, Act::RecordVisit, input, |w, i| {
            Box::pin(record_visit(w, &i.grant, &i.input))
        });
        payload(ctx, written.await?).await
    }

    /// 会诊结论 · The examiners' verdicts, evaluation and prescriptions; needs all of 四个一. CONSULTATION → RECTIFICATION, or RECHECK when
    /// nothing is to be put right. Never by an examiner of the branch itself.
    async fn conclude_consultation(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "会诊 · What was found.")] input: ConcludeConsultationInput,
    ) -> Result<HealthCheckPayload, ApiError> {
        let input = ConcludeConsultation {
            id: HealthCheckId::from_global(&input.health_check_id),
            version: input.version,
            verdicts: input.verdicts.into_iter().map(Into::into).collect(),
            evaluation: input.evaluation,
            findings: input.findings.into_iter().map(Into::into).collect(),
            own: own(ctx)?,
        };
        let written = mutate(ctx, Act::ConcludeConsultation, input, |w, i| {
            Box::pin(conclude(w, &i.grant, &i.input))
        });
        payload(ctx, written.await?).await
    }

    /// 体检闭环 · RECHECK → CLOSED: its outcome is frozen (the committee).
    async fn close_health_check(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "体检 · Which one.")] input: VersionedInput,
    ) -> Result<HealthCheckPayload, ApiError> {
        let written = mutate(ctx, Act::CloseHealthCheck, at_version(&input), |w, i| {
            Box::pin(close(w, &i.grant, &i.input))
        });
        payload(ctx, written.await?).await
    }
}
