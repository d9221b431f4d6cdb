//! Mutations on campaigns in the API.

use async_graphql::{Context, InputObject, Object, SimpleObject};

use super::{
    super::{
        hooks::CampaignHooks,
        open::{OpenCampaign, open},
        plan::{GivenPlan, UpdateGoldPlan, update},
    },
    Campaign,
};
use crate::{
    auth::Act,
    branch::graphql::Domain,
    graphql::{
        caller::Caller,
        error::ApiError,
        payload::{UserError, mutate},
        scalars::{Date, Period},
    },
    kernel::id::CampaignId,
};

/// 开启年度活动 · The campaign of a year: one theme a year (一年一主题).
#[derive(InputObject)]
pub struct OpenCampaignInput {
    /// 年度 · Its year, of which there is one.
    year: i32,
    /// 主题 · Its theme, at most 200 characters.
    theme: String,
    /// 体检清单版本 · The template that its checks follow; the latest published when left out.
    template_version: Option<i32>,
    /// 起始日 · The first day of its window, in the year.
    window_from: Date,
    /// 截止日 · The last day of its window, in the year.
    window_to: Date,
    /// 金牌评选方案 · How gold branches are chosen; none are where it is left out.
    gold: Option<GoldPlanInput>,
}

/// 调整评选方案 · Another plan for a year.
#[derive(InputObject)]
pub struct UpdateGoldPlanInput {
    /// 年度 · Of which year's campaign.
    year: i32,
    /// 金牌评选方案 · The plan, whole.
    gold: GoldPlanInput,
}

/// 金牌评选方案 · How many gold branches are chosen, of which domains, and by which criteria (总量统筹、领域覆盖).
#[derive(InputObject)]
pub struct GoldPlanInput {
    /// 总名额 · How many in all.
    total_quota: i32,
    /// 各领域最低名额 · How many of a domain at least; each domain once, together at most the quota.
    #[graphql(default)]
    domain_minimums: Vec<DomainCountInput>,
    /// 须有品牌 · Whether a published brand is one of the criteria.
    #[graphql(default = true)]
    require_brand: bool,
    /// 积分靠前比例 · The best so many percent of a domain by points.
    #[graphql(default = 30)]
    top_percent: i32,
    /// 积分周期 · By points of this period; of the year when left out.
    points_period: Option<Period>,
}

/// 领域名额 · How many of a domain.
#[derive(InputObject)]
pub struct DomainCountInput {
    /// 领域 · The domain.
    domain: Domain,
    /// 数量 · How many.
    count: i32,
}

/// 年度活动变更结果 · The campaign that was written, or why nothing was.
#[derive(SimpleObject)]
pub struct CampaignPayload {
    /// 年度活动 · As it stands now.
    campaign: Option<Campaign>,
    /// 拒绝原因 · Why nothing was written; empty when something was.
    user_errors: Vec<UserError>,
}

/// Mutations on campaigns.
#[derive(Default)]
pub struct CampaignMutation;

#[Object]
impl CampaignMutation {
    /// 开启年度活动 · Opens the campaign of a year, and a health check for every branch that takes part (the district).
    async fn open_campaign(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "年度活动 · What is opened.")] input: OpenCampaignInput,
    ) -> Result<CampaignPayload, ApiError> {
        let input = OpenCampaign {
            year: input.year,
            theme: input.theme,
            template_version: input.template_version,
            window_from: input.window_from.0,
            window_to: input.window_to.0,
            gold: input.gold.map(given),
            hooks: ctx.data_opt::<CampaignHooks>().cloned().unwrap_or_default(),
        };
        let written = mutate(ctx, Act::OpenCampaign, input, |w, i| Box::pin(open(w, &i.input)));
        payload(ctx, written.await?).await
    }

    /// 调整评选方案 · Writes the plan of a year's campaign; refused once there is an application (the district).
    async fn update_gold_plan(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "年度及方案 · The plan of which year.")] input: UpdateGoldPlanInput,
    ) -> Result<CampaignPayload, ApiError> {
        let input = UpdateGoldPlan {
            year: input.year,
            gold: given(input.gold),
        };
        let written = mutate(ctx, Act::UpdateGoldPlan, input, |w, i| {
            Box::pin(update(w, &i.input))
        });
        payload(ctx, written.await?).await
    }
}

fn given(input: GoldPlanInput) -> GivenPlan {
    GivenPlan {
        total_quota: input.total_quota,
        domain_minimums: input
            .domain_minimums
            .into_iter()
            .map(|minimum| (minimum.domain.into(), minimum.count))
            .collect(),
        require_brand: input.require_brand,
        top_percent: input.top_percent,
        points_period: input.points_period.map(|period| period.0),
    }
}

async fn payload(
    ctx: &Context<'_>,
    (id, user_errors): (Option<CampaignId>, Vec<UserError>),
) -> Result<CampaignPayload, ApiError> {
    let campaign = match id {
        Some(id) => Campaign::load(Caller::of(ctx)?, id).await?,
        None => None,
    };
    Ok(CampaignPayload {
        campaign,
        user_errors,
    })
}
