//! Brands in the API.

mod mutation;

use std::sync::Arc;

use async_graphql::{Context, Enum, ID, InputObject, Object, SimpleObject, dataloader::Loader};
pub use mutation::BrandMutation;

use super::{
    model,
    store::{self, BrandFilter as Filter},
};
use crate::{
    branch::graphql::{Branch, Domain},
    graphql::{
        caller::Caller,
        connection::{Connection, page_args},
        error::{ApiError, nullable},
        inputs::each_once,
        loaders::{Batch, Loaded},
        scalars::{Date, DateTime},
    },
    kernel::id::{BranchId, BrandId, NodeId as _, OrganizationId},
    organization::graphql::required,
};

/// 品牌状态 · Where a brand stands: DRAFT → SUBMITTED → PUBLISHED → ARCHIVED, and back from SUBMITTED to DRAFT.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
#[graphql(remote = "model::BrandState")]
pub enum BrandState {
    /// 草稿 · The branch writes it.
    Draft,
    /// 已提交 · It lies with the committee.
    Submitted,
    /// 已发布 · The branch's one brand, for everybody to see.
    Published,
    /// 已归档 · Its successor was published.
    Archived,
}

/// 品牌故事形式 · How a brand is told or lived.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
#[graphql(remote = "model::StoryForm")]
pub enum StoryForm {
    /// 朗诵
    Recitation,
    /// 快板
    ClapperTalk,
    /// 舞台剧
    StagePlay,
    /// 服务团队
    ServiceTeam,
    /// 攻关组、专班
    TaskTeam,
    /// 驿站、阵地
    Station,
    /// 典型做法
    Practice,
}

/// A brand that the caller may see.
#[derive(Clone)]
pub struct Brand {
    row: Arc<model::Brand>,
}

impl Brand {
    /// The API's form of a row.
    pub fn new(row: impl Into<Arc<model::Brand>>) -> Self {
        Self { row: row.into() }
    }

    /// Loads a brand together with what siblings ask for; None where the caller may not see it.
    pub async fn load(caller: &Caller, id: BrandId) -> Result<Option<Self>, ApiError> {
        Ok(caller.load(id).await?.map(Self::new))
    }
}

/// 支部品牌 · A branch's brand profile: one branch, one published brand (一支部一品牌).
#[Object]
impl Brand {
    /// 全局标识 · Global id.
    pub async fn id(&self) -> ID {
        self.row.id.global().into()
    }

    /// 所属党支部 · Whose brand it is.
    async fn branch(&self, ctx: &Context<'_>) -> Result<Branch, ApiError> {
        required(Branch::load(Caller::of(ctx)?, self.row.branch_id).await?)
    }

    /// 品牌名称 · Its name, such as 市政110.
    async fn name(&self) -> &str {
        &self.row.name
    }

    /// 品牌口号 · One line that goes with the name.
    async fn slogan(&self) -> Option<&str> {
        self.row.slogan.as_deref()
    }

    /// 品牌内涵 · What it is about.
    async fn description(&self) -> &str {
        &self.row.description
    }

    /// 主题 · Its themes, in the order given.
    async fn themes(&self, ctx: &Context<'_>) -> Result<Vec<String>, ApiError> {
        let themes = Caller::of(ctx)?.load(ThemesOf(self.row.id)).await?;
        Ok(themes.map(|themes| (*themes).clone()).unwrap_or_default())
    }

    /// 成效 · What came of it.
    async fn results(&self) -> Option<&str> {
        self.row.results.as_deref()
    }

    /// 品牌故事 · How it is told and lived, in the order given.
    async fn stories(&self, ctx: &Context<'_>) -> Result<Vec<BrandStory>, ApiError> {
        let stories = Caller::of(ctx)?.load(StoriesOf(self.row.id)).await?;
        Ok(stories
            .map(|stories| stories.iter().map(BrandStory::new).collect())
            .unwrap_or_default())
    }

    /// 状态 · Where it stands.
    async fn state(&self) -> BrandState {
        self.row.state.into()
    }

    /// 退回理由 · Why the committee returned it, until it is submitted again.
    async fn return_reason(&self) -> Option<&str> {
        self.row.return_reason.as_deref()
    }

    /// 发布时间 · When it was published, by the business clock.
    async fn published_at(&self) -> Option<DateTime> {
        self.row.published_at.map(DateTime)
    }

    /// 版本 · Grows with every change; an update names the version it read.
    async fn version(&self) -> i32 {
        self.row.version
    }
}

/// 品牌故事 · How a brand is told or lived: one story.
#[derive(SimpleObject)]
pub struct BrandStory {
    /// 形式 · Its form.
    form: StoryForm,
    /// 标题 · Its title.
    title: String,
    /// 简介 · What happened, in short.
    summary: Option<String>,
    /// 日期 · The day it was held.
    held_on: Option<Date>,
    /// 媒体网址 · Where it can be seen or heard; http or https.
    media_url: Option<String>,
}

impl BrandStory {
    fn new(story: &model::BrandStory) -> Self {
        Self {
            form: story.form.into(),
            title: story.title.clone(),
            summary: story.summary.clone(),
            held_on: story.held_on.map(Date),
            media_url: story.media_url.clone(),
        }
    }
}

/// What this slice adds to `Branch`: its brand.
#[derive(Clone)]
pub struct BranchBrand {
    id: BranchId,
    /// Where it was read together with the branch.
    published: Option<Option<Brand>>,
}

impl BranchBrand {
    /// The part of a branch.
    pub fn new(id: BranchId, published: Option<Option<Brand>>) -> Self {
        Self { id, published }
    }
}

#[Object]
impl BranchBrand {
    /// 支部品牌 · The current, published brand (一支部一品牌); null where none is published.
    async fn brand(&self, ctx: &Context<'_>) -> Option<Result<Brand, ApiError>> {
        nullable(async {
            match &self.published {
                Some(published) => Ok(published.clone()),
                None => Ok(Caller::of(ctx)?.load(PublishedOf(self.id)).await?.map(Brand::new)),
            }
        })
        .await
    }
}

/// 品牌筛选 · What a list of brands is narrowed by.
#[derive(InputObject, Default)]
pub struct BrandFilter {
    /// 党支部 · Of this branch.
    branch_id: Option<ID>,
    /// 组织 · Of branches below this organization, at any depth.
    organization_id: Option<ID>,
    /// 领域 · Of branches of these fields.
    domains: Option<Vec<Domain>>,
    /// 主题 · With this theme.
    theme: Option<String>,
    /// 状态 · In these states, as far as the caller may see them; PUBLISHED when left out.
    states: Option<Vec<BrandState>>,
    /// 金牌支部 · Of branches that are gold (true) or that are not (false).
    gold: Option<bool>,
    /// 搜索 · Part of name, slogan or description, or pinyin initials of the name.
    search: Option<String>,
}

impl BrandFilter {
    /// None where an id names nothing, so that nothing fits.
    fn resolve(self) -> Option<Filter> {
        let branch = match self.branch_id {
            Some(id) => Some(BranchId::from_global(&id)?),
            None => None,
        };
        let organization = match self.organization_id {
            Some(id) => Some(OrganizationId::from_global(&id)?),
            None => None,
        };
        Some(Filter {
            branch,
            organization,
            domains: each_once(self.domains),
            theme: self.theme,
            states: each_once(self.states),
            gold: self.gold,
            search: self.search,
        })
    }
}

/// Queries on brands.
#[derive(Default)]
pub struct BrandQuery;

#[Object]
impl BrandQuery {
    /// 品牌列表 · Brands, the newest first; those not published only in scope.
    async fn brands(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "筛选 · Which ones.")] filter: Option<BrandFilter>,
        #[graphql(desc = "前几条 · The first so many, at most 200.")] first: Option<i32>,
        #[graphql(desc = "此游标之后 · After this cursor.")] after: Option<String>,
        #[graphql(desc = "后几条 · The last so many, at most 200.")] last: Option<i32>,
        #[graphql(desc = "此游标之前 · Before this cursor.")] before: Option<String>,
    ) -> Result<Connection<Brand>, ApiError> {
        let caller = Caller::of(ctx)?;
        let args = page_args(first, after, last, before);
        store::check_page(&args)?;
        let Some(filter) = filter.unwrap_or_default().resolve() else {
            return Ok(Connection::empty());
        };
        let page = store::list(caller.database.reader(), &caller.scope, &filter, &args).await?;
        Ok(Connection::new(
            page.map(Brand::new),
            Box::new(move |ctx| {
                let filter = filter.clone();
                Box::pin(async move {
                    let caller = Caller::of(ctx)?;
                    Ok(store::count(caller.database.reader(), &caller.scope, &filter).await?)
                })
            }),
        ))
    }
}

impl Loader<BrandId> for Batch {
    type Value = Arc<model::Brand>;
    type Error = ApiError;

    async fn load(&self, ids: &[BrandId]) -> Loaded<BrandId, Self::Value> {
        let rows = store::by_ids(self.database.reader(), &self.scope, ids).await?;
        Ok(rows.into_iter().map(|(id, row)| (id, Arc::new(row))).collect())
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct PublishedOf(BranchId);

impl Loader<PublishedOf> for Batch {
    type Value = Arc<model::Brand>;
    type Error = ApiError;

    async fn load(&self, keys: &[PublishedOf]) -> Loaded<PublishedOf, Self::Value> {
        let branches: Vec<BranchId> = keys.iter().map(|key| key.0).collect();
        let rows = store::published_of(self.database.reader(), &self.scope, &branches).await?;
        Ok(rows
            .into_iter()
            .map(|(branch, row)| (PublishedOf(branch), Arc::new(row)))
            .collect())
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct ThemesOf(BrandId);

impl Loader<ThemesOf> for Batch {
    type Value = Arc<Vec<String>>;
    type Error = ApiError;

    async fn load(&self, keys: &[ThemesOf]) -> Loaded<ThemesOf, Self::Value> {
        let brands: Vec<BrandId> = keys.iter().map(|key| key.0).collect();
        let themes = store::themes(self.database.reader(), &brands).await?;
        Ok(themes
            .into_iter()
            .map(|(brand, themes)| (ThemesOf(brand), Arc::new(themes)))
            .collect())
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct StoriesOf(BrandId);

impl Loader<StoriesOf> for Batch {
    type Value = Arc<Vec<model::BrandStory>>;
    type Error = ApiError;

    async fn load(&self, keys: &[StoriesOf]) -> Loaded<StoriesOf, Self::Value> {
        let brands: Vec<BrandId> = keys.iter().map(|key| key.0).collect();
        let stories = store::stories(self.database.reader(), &brands).await?;
        Ok(stories
            .into_iter()
            .map(|(brand, stories)| (StoriesOf(brand), Arc::new(stories)))
            .collect())
    }
}
