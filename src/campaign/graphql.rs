//! Campaigns in the API.

mod mutation;

use std::sync::Arc;

use async_graphql::{Context, Enum, ID, MergedObject, Object, SimpleObject, dataloader::Loader};

use super::{checklist, model, store};
use crate::{
    branch::graphql::Domain,
    graphql::{
        caller::Caller,
        error::{ApiError, nullable},
        loaders::{Batch, Loaded},
        scalars::{Date, Period},
    },
    health_check::graphql::funnel::CampaignFunnel,
    kernel::{
        id::{CampaignId, NodeId as _},
        message::Lang,
    },
};

pub use mutation::CampaignMutation;

/// 体检方面 · Aspects of a health check: six of the regular items, and the tailored items of a domain.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
#[graphql(remote = "model::Aspect")]
pub enum Aspect {
    /// 组织建设
    Organization,
    /// 教育管理
    Education,
    /// 议事决策
    DecisionMaking,
    /// 组织生活
    OrganizationalLife,
    /// 作用发挥
    Role,
    /// 基础保障
    Support,
    /// 个性体检
    Tailored,
}

/// 核验方式 · How an item is judged.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
#[graphql(remote = "model::Verification")]
pub enum Verification {
    /// 由记录计算
    Computed,
    /// 佐证材料
    Evidence,
    /// 自主申报
    SelfDeclared,
}

/// 语言 · In which language a name is given.
#[derive(Enum, Clone, Copy, Debug, Default, PartialEq, Eq)]
#[graphql(remote = "Lang")]
pub enum Language {
    /// 中文
    #[default]
    Zh,
    /// 英文
    En,
}

/// 年度活动 · The campaign of a year: one theme a year (一年一主题). 2020: 金牌引领·百支齐行.
#[derive(MergedObject, Clone)]
pub struct Campaign(CampaignFields, CampaignFunnel);

impl Campaign {
    /// The API's form of a row.
    pub fn new(row: impl Into<Arc<model::Campaign>>) -> Self {
        let row = row.into();
        let funnel = CampaignFunnel::new(row.year);
        Self(CampaignFields { row }, funnel)
    }

    /// Loads a campaign; None for those who see none.
    pub async fn load(caller: &Caller, id: CampaignId) -> Result<Option<Self>, ApiError> {
        if !caller.scope.sees_public() {
            return Ok(None);
        }
        Ok(caller.load(id).await?.map(Self::new))
    }

    /// For the `Node` interface.
    pub async fn id(&self, _: &Context<'_>) -> async_graphql::Result<ID> {
        Ok(self.0.row.id.global().into())
    }
}

/// The fields that campaigns have by themselves; other slices add theirs beside them.
#[derive(Clone)]
pub struct CampaignFields {
    row: Arc<model::Campaign>,
}

#[Object]
impl CampaignFields {
    /// 全局标识 · Global id.
    async fn id(&self) -> ID {
        self.row.id.global().into()
    }

    /// 年度 · Its year, of which there is one.
    async fn year(&self) -> i32 {
        self.row.year
    }

    /// 主题 · Its theme.
    async fn theme(&self) -> &str {
        &self.row.theme
    }

    /// 体检清单 · The template that its health checks follow.
    async fn template(&self) -> CheckTemplate {
        CheckTemplate {
            version: self.row.template_version,
        }
    }

    /// 起始日 · The first day of its window.
    async fn window_from(&self) -> Date {
        Date(self.row.window_from)
    }

    /// 截止日 · The last day of its window.
    async fn window_to(&self) -> Date {
        Date(self.row.window_to)
    }

    /// 金牌评选方案 · How gold branches are chosen; null where none are.
    async fn gold_plan(&self, ctx: &Context<'_>) -> Option<Result<GoldPlan, ApiError>> {
        nullable(async {
            let Some(rules) = &self.row.gold else {
                return Ok(None);
            };
            let minimums = Caller::of(ctx)?.load(MinimumsOf(self.row.id)).await?;
            let minimums = minimums.iter().flat_map(|minimums| minimums.iter());
            Ok(Some(GoldPlan {
                total_quota: rules.total_quota,
                domain_minimums: minimums
                    .map(|(domain, count)| DomainCount {
                        domain: (*domain).into(),
                        count: *count,
                    })
                    .collect(),
                require_brand: rules.require_brand,
                top_percent: rules.top_percent,
                points_period: Period(rules.points_period),
            }))
        })
        .await
    }
}

/// 金牌评选方案 · 总量统筹、领域覆盖、类型兼顾、突出特色: how gold branches are chosen.
#[derive(SimpleObject)]
pub struct GoldPlan {
    /// 总名额 · How many in all.
    total_quota: i32,
    /// 各领域最低名额 · How many of a domain at least; the last places are kept for domains that are still under it.
    domain_minimums: Vec<DomainCount>,
    /// 须有品牌 · Whether a published brand is one of the criteria.
    require_brand: bool,
    /// 积分靠前比例 · 积分靠前: the best so many percent of a domain by points of `pointsPeriod`.
    top_percent: i32,
    /// 积分周期 · By points of this period.
    points_period: Period,
}

/// 领域名额 · How many of a domain.
#[derive(SimpleObject)]
pub struct DomainCount {
    /// 领域 · The domain.
    domain: Domain,
    /// 数量 · How many.
    count: i32,
}

/// A version of the template.
pub struct CheckTemplate {
    version: i32,
}

/// 体检清单 · A version of the template, never changed: 45 regular items over six aspects whose weights are 100 together, and five
/// tailored ones for each domain, of four points each.
#[Object]
impl CheckTemplate {
    /// 版本 · Its version.
    async fn version(&self) -> i32 {
        self.version
    }

    /// 体检项目 · Its items in their order: all of them, or the regular ones and those of a domain.
    async fn items(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "领域 · Those that concern a branch of this domain.")] domain: Option<Domain>,
    ) -> Result<Vec<CheckItem>, ApiError> {
        let items = Caller::of(ctx)?.load(ItemsOf(self.version)).await?;
        let domain = domain.map(model_domain);
        let items = items.iter().flat_map(|items| items.iter());
        Ok(items
            .filter(|item| domain.is_none() || item.domain.is_none() || item.domain == domain)
            .cloned()
            .map(CheckItem::new)
            .collect())
    }
}

fn model_domain(domain: Domain) -> crate::branch::Domain {
    domain.into()
}

/// An item of a template.
#[derive(Clone)]
pub struct CheckItem {
    row: checklist::CheckItem,
}

impl CheckItem {
    /// The API's form of an item.
    pub fn new(row: checklist::CheckItem) -> Self {
        Self { row }
    }
}

/// 体检项目 · An item of a template.
#[Object]
impl CheckItem {
    /// 编号 · Its code, such as R-ORG-01.
    async fn code(&self) -> &str {
        &self.row.code
    }

    /// 方面 · What it belongs to.
    async fn aspect(&self) -> Aspect {
        self.row.aspect.into()
    }

    /// 领域 · The domain of a tailored item; null for regular ones.
    async fn domain(&self) -> Option<Domain> {
        self.row.domain.map(Domain::from)
    }

    /// 名称 · What it asks, in a language.
    async fn name(&self, #[graphql(desc = "语言 · In which language.", default)] lang: Language) -> &str {
        match lang {
            Language::Zh => &self.row.name_zh,
            Language::En => &self.row.name_en,
        }
    }

    /// 核验方式 · How it is judged.
    async fn verification(&self) -> Verification {
        self.row.verification.into()
    }

    /// 权重 · Of regular items the share of 100; of tailored ones the most that they score.
    async fn weight(&self) -> i32 {
        self.row.weight
    }

    /// 关键项 · Whether a check does not pass while it is not met.
    async fn mandatory(&self) -> bool {
        self.row.mandatory
    }
}

/// Queries on campaigns.
#[derive(Default)]
pub struct CampaignQuery;

#[Object]
impl CampaignQuery {
    /// 某年度的活动 · The campaign of a year; null where there is none.
    async fn campaign(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "年度 · Which year.")] year: i32,
    ) -> Option<Result<Campaign, ApiError>> {
        nullable(async {
            let caller = Caller::of(ctx)?;
            if !caller.scope.sees_public() {
                return Ok(None);
            }
            let row = store::by_year(caller.database.reader(), year).await?;
            Ok(row.map(Campaign::new))
        })
        .await
    }

    /// 历年活动 · Every campaign, the latest year first.
    async fn campaigns(&self, ctx: &Context<'_>) -> Result<Vec<Campaign>, ApiError> {
        let caller = Caller::of(ctx)?;
        if !caller.scope.sees_public() {
            return Ok(Vec::new());
        }
        let rows = store::all(caller.database.reader()).await?;
        Ok(rows.into_iter().map(Campaign::new).collect())
    }
}

impl Loader<CampaignId> for Batch {
    type Value = Arc<model::Campaign>;
    type Error = ApiError;

    async fn load(&self, ids: &[CampaignId]) -> Loaded<CampaignId, Self::Value> {
        let rows = store::by_ids(self.database.reader(), ids).await?;
        Ok(rows.into_iter().map(|(id, row)| (id, Arc::new(row))).collect())
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct MinimumsOf(CampaignId);

impl Loader<MinimumsOf> for Batch {
    type Value = Arc<Vec<(crate::branch::Domain, i32)>>;
    type Error = ApiError;

    async fn load(&self, keys: &[MinimumsOf]) -> Loaded<MinimumsOf, Self::Value> {
        let ids: Vec<CampaignId> = keys.iter().map(|key| key.0).collect();
        let rows = store::minimums(self.database.reader(), &ids).await?;
        Ok(rows
            .into_iter()
            .map(|(id, minimums)| (MinimumsOf(id), Arc::new(minimums)))
            .collect())
    }
}

/// The items of a version of the template.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ItemsOf(pub i32);

impl Loader<ItemsOf> for Batch {
    type Value = Arc<Vec<checklist::CheckItem>>;
    type Error = ApiError;

    async fn load(&self, keys: &[ItemsOf]) -> Loaded<ItemsOf, Self::Value> {
        let versions: Vec<i32> = keys.iter().map(|key| key.0).collect();
        let items = store::items(self.database.reader(), &versions).await?;
        Ok(items
            .into_iter()
            .map(|(version, items)| (ItemsOf(version), Arc::new(items)))
            .collect())
    }
}
