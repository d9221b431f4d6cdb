//! Steps of rectifications.

use async_graphql::{Context, MaybeUndefined, Object, SimpleObject};

use super::{
    Rectification,
    inputs::{
        AssignRectificationInput, CloseRectificationInput, RaiseRectificationInput, RectificationStepInput,
    },
};
use crate::{
    auth::Act,
    graphql::{
        caller::Caller,
        error::ApiError,
        inputs::each_once,
        payload::{UserError, mutate},
    },
    kernel::id::{BranchId, NodeId as _, RectificationId},
    rectification::{
        RectificationHooks,
        assign::{AssignRectification, assign},
        close::{CloseRectification, close},
        raise_finding::{RaiseRectification, raise_finding},
        review::review,
        with_note::{StepWithNote, reopen, return_rectification, submit, waive},
    },
};

/// 整改操作结果 · The rectification that was written, or why nothing was.
#[derive(SimpleObject)]
pub struct RectificationPayload {
    /// 整改问题 · As it stands now.
    rectification: Option<Rectification>,
    /// 拒绝原因 · Why nothing was written; empty when something was.
    user_errors: Vec<UserError>,
}

async fn payload(
    ctx: &Context<'_>,
    (id, user_errors): (Option<RectificationId>, Vec<UserError>),
) -> Result<RectificationPayload, ApiError> {
    let rectification = match id {
        Some(id) => Rectification::load(Caller::of(ctx)?, id).await?,
        None => None,
    };
    Ok(RectificationPayload {
        rectification,
        user_errors,
    })
}

fn hooks(ctx: &Context<'_>) -> RectificationHooks {
    ctx.data_opt::<RectificationHooks>().cloned().unwrap_or_default()
}

fn with_note(ctx: &Context<'_>, input: RectificationStepInput) -> StepWithNote {
    StepWithNote {
        id: RectificationId::from_global(&input.id),
        version: input.version,
        note: input.note,
        hooks: hooks(ctx),
    }
}

fn looked_at(ctx: &Context<'_>, input: CloseRectificationInput) -> CloseRectification {
    CloseRectification {
        id: RectificationId::from_global(&input.id),
        version: input.version,
        note: input.note,
        next_review_on: input.next_review_on.map(|day| day.0),
        hooks: hooks(ctx),
    }
}

/// Mutations on rectifications.
#[derive(Default)]
pub struct RectificationMutation;

#[Object]
impl RectificationMutation {
    /// 登记问题 · Raises a finding of an inspection (平台巡查), or of the consultation (会诊) of the branch's health check: its
    /// committee, the district, or an examiner assigned to it.
    async fn raise_rectification(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "问题 · What was found.")] input: RaiseRectificationInput,
    ) -> Result<RectificationPayload, ApiError> {
        let input = RaiseRectification {
            branch: BranchId::from_global(&input.branch_id),
            origin: input.origin.into(),
            finding: input.finding.into(),
            hooks: hooks(ctx),
        };
        let written = mutate(ctx, Act::RaiseRectification, input, |w, i| {
            Box::pin(raise_finding(w, &i.grant, &i.input))
        });
        payload(ctx, written.await?).await
    }

    /// 交办整改 · OPEN → ASSIGNED, with a due day, and perhaps another prescription and support (the committee).
    async fn assign_rectification(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "交办 · What is assigned, and how.")] input: AssignRectificationInput,
    ) -> Result<RectificationPayload, ApiError> {
        let input = AssignRectification {
            id: RectificationId::from_global(&input.id),
            version: input.version,
            due_on: input.due_on.0,
            prescription: input.prescription.into(),
            support: match input.support {
                MaybeUndefined::Undefined => None,
                MaybeUndefined::Null => Some(Vec::new()),
                MaybeUndefined::Value(support) => each_once(Some(support)),
            },
            note: input.note,
            hooks: hooks(ctx),
        };
        let written = mutate(ctx, Act::AssignRectification, input, |w, i| {
            Box::pin(assign(w, &i.grant, &i.input))
        });
        payload(ctx, written.await?).await
    }

    /// 提交整改 · ASSIGNED → SUBMITTED: the branch says that it is put right.
    async fn submit_rectification(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "提交 · What was put right, and how.")] input: RectificationStepInput,
    ) -> Result<RectificationPayload, ApiError> {
        let input = with_note(ctx, input);
        let written = mutate(ctx, Act::SubmitRectification, input, |w, i| {
            Box::pin(submit(w, &i.grant, &i.input))
        });
        payload(ctx, written.await?).await
    }

    /// 销号 · SUBMITTED → CLOSED, never by who submitted it: the committee, the district, or an examiner assigned to the check.
    async fn close_rectification(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "销号 · What is closed.")] input: CloseRectificationInput,
    ) -> Result<RectificationPayload, ApiError> {
        let input = looked_at(ctx, input);
        let written = mutate(ctx, Act::CloseRectification, input, |w, i| {
            Box::pin(close(w, &i.grant, &i.input))
        });
        payload(ctx, written.await?).await
    }

    /// 定期复查 · What is CLOSED is still good; sets the next review. What is not good any more is reopened.
    async fn review_rectification(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "复查 · What was looked at again.")] input: CloseRectificationInput,
    ) -> Result<RectificationPayload, ApiError> {
        let input = looked_at(ctx, input);
        let written = mutate(ctx, Act::ReviewRectification, input, |w, i| {
            Box::pin(review(w, &i.grant, &i.input))
        });
        payload(ctx, written.await?).await
    }

    /// 退回整改 · SUBMITTED → ASSIGNED: not good enough yet.
    async fn return_rectification(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "退回 · What is returned, and why.")] input: RectificationStepInput,
    ) -> Result<RectificationPayload, ApiError> {
        let input = with_note(ctx, input);
        let written = mutate(ctx, Act::ReturnRectification, input, |w, i| {
            Box::pin(return_rectification(w, &i.grant, &i.input))
        });
        payload(ctx, written.await?).await
    }

    /// 重新打开 · CLOSED → ASSIGNED: not good any more (the committee). A due day that has passed gives way to a new one, 30 days
    /// on, unless the deployment says otherwise.
    async fn reopen_rectification(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "重新打开 · What is reopened, and why.")] input: RectificationStepInput,
    ) -> Result<RectificationPayload, ApiError> {
        let input = with_note(ctx, input);
        let written = mutate(ctx, Act::ReopenRectification, input, |w, i| {
            Box::pin(reopen(w, &i.grant, &i.input))
        });
        payload(ctx, written.await?).await
    }

    /// 免除整改 · OPEN, ASSIGNED or SUBMITTED → WAIVED (the district).
    async fn waive_rectification(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "免除 · What is waived, and why.")] input: RectificationStepInput,
    ) -> Result<RectificationPayload, ApiError> {
        let input = with_note(ctx, input);
        let written = mutate(ctx, Act::WaiveRectification, input, |w, i| {
            Box::pin(waive(w, &i.grant, &i.input))
        });
        payload(ctx, written.await?).await
    }
}
