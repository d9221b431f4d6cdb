//! What can be written of organizations.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};

use super::{Headcount, HeadcountKind, Organization, OrganizationKind};
use crate::{
    auth::Act,
    graphql::{
        caller::Caller,
        error::ApiError,
        payload::{UserError, mutate},
        scalars::Date,
    },
    kernel::id::{NodeId as _, OrganizationId},
    organization::{
        create::{CreateOrganization, create},
        headcount::{ReportHeadcount, report},
        update::{UpdateOrganization, update},
    },
};

/// 新建组织 · A new organization. The root (DISTRICT) has no parent and is made by `zhibu init` or the first call.
#[derive(InputObject)]
pub struct CreateOrganizationInput {
    /// 组织代码 · Its code, unique in the service.
    code: String,
    /// 名称 · Its name, at most 200 characters.
    name: String,
    /// 类别 · Its kind.
    kind: OrganizationKind,
    /// 上级组织 · The organization directly above.
    parent_id: Option<ID>,
}

/// 修改组织 · What changes of an organization; what is left out stays.
#[derive(InputObject)]
pub struct UpdateOrganizationInput {
    /// 组织 · Which one.
    id: ID,
    /// 所据版本 · The version that was read.
    version: i32,
    /// 新名称 · Its new name.
    name: Option<String>,
    /// 新的上级组织 · Where it moves to.
    parent_id: Option<ID>,
    /// 调整生效日期 · Of a move: today or earlier; today when left out.
    effective_on: Option<Date>,
}

/// 填报人数 · A count for a day; one reported again for the same day takes the earlier one's place.
#[derive(InputObject)]
pub struct ReportHeadcountInput {
    /// 填报组织 · Which organization reports.
    organization_id: ID,
    /// 人数类别 · What is counted.
    kind: HeadcountKind,
    /// 人数 · How many.
    count: i32,
    /// 统计日期 · The day it was counted for.
    as_of: Date,
}

/// 组织变更结果 · The organization that was written, or why nothing was.
#[derive(SimpleObject)]
pub struct OrganizationPayload {
    /// 组织 · As it stands now.
    organization: Option<Organization>,
    /// 拒绝原因 · Why nothing was written; empty when something was.
    user_errors: Vec<UserError>,
}

/// 人数填报结果 · The count that was written, or why nothing was.
#[derive(SimpleObject)]
pub struct HeadcountPayload {
    /// 人数统计 · As it stands now.
    headcount: Option<Headcount>,
    /// 拒绝原因 · Why nothing was written; empty when something was.
    user_errors: Vec<UserError>,
}

/// Mutations on organizations.
#[derive(Default)]
pub struct OrganizationMutation;

#[Object]
impl OrganizationMutation {
    /// 新建组织 · Makes an organization (district administrators).
    async fn create_organization(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "新组织 · What is to be made.")] input: CreateOrganizationInput,
    ) -> Result<OrganizationPayload, ApiError> {
        let input = CreateOrganization {
            code: input.code,
            name: input.name,
            kind: input.kind.into(),
            parent: input.parent_id.map(|id| OrganizationId::from_global(&id)),
        };
        let written = mutate(ctx, Act::CreateOrganization, input, |w, i| {
            Box::pin(create(w, &i.grant, &i.input))
        });
        organization_payload(ctx, written.await?).await
    }

    /// 修改组织 · Renames or moves an organization (district administrators).
    async fn update_organization(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "改动 · What changes.")] input: UpdateOrganizationInput,
    ) -> Result<OrganizationPayload, ApiError> {
        let input = UpdateOrganization {
            id: OrganizationId::from_global(&input.id),
            version: input.version,
            name: input.name,
            parent: input.parent_id.map(|id| OrganizationId::from_global(&id)),
            effective_on: input.effective_on.map(|day| day.0),
        };
        let written = mutate(ctx, Act::UpdateOrganization, input, |w, i| {
            Box::pin(update(w, &i.grant, &i.input))
        });
        organization_payload(ctx, written.await?).await
    }

    /// 填报人数 · Aggregate headcounts (志愿者, 包保干部, 两委, 党务新星 and so on), never names.
    async fn report_headcount(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "人数 · What is reported.")] input: ReportHeadcountInput,
    ) -> Result<HeadcountPayload, ApiError> {
        let input = ReportHeadcount {
            organization: OrganizationId::from_global(&input.organization_id),
            kind: input.kind.into(),
            count: input.count,
            as_of: input.as_of.0,
        };
        let (id, user_errors) = mutate(ctx, Act::ReportHeadcount, input, |w, i| {
            Box::pin(report(w, &i.grant, &i.input))
        })
        .await?;
        let headcount = match id {
            Some(id) => Headcount::load(Caller::of(ctx)?, id).await?,
            None => None,
        };
        Ok(HeadcountPayload {
            headcount,
            user_errors,
        })
    }
}

async fn organization_payload(
    ctx: &Context<'_>,
    (id, user_errors): (Option<OrganizationId>, Vec<UserError>),
) -> Result<OrganizationPayload, ApiError> {
    let organization = match id {
        Some(id) => Organization::load(Caller::of(ctx)?, id).await?,
        None => None,
    };
    Ok(OrganizationPayload {
        organization,
        user_errors,
    })
}
