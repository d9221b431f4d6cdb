//! Mutations on brands in the API.

use async_graphql::{Context, ID, InputObject, MaybeUndefined, Object, SimpleObject};

use super::{
    super::{
        content::{GivenContent, GivenStory},
        publish::{PublishBrand, publish},
        return_brand::{ReturnBrand, return_brand},
        save::{SaveBrand, save},
        submit::{SubmitBrand, submit},
    },
    Brand, StoryForm,
};
use crate::{
    auth::Act,
    graphql::{
        caller::Caller,
        error::ApiError,
        inputs::{ReasonedInput, VersionedInput},
        payload::{UserError, mutate},
        scalars::Date,
    },
    kernel::id::{BranchId, BrandId, NodeId as _},
};

/// 保存品牌 · What a branch writes about its brand. Without `id` a new draft; a draft is edited in its place; saving a
/// published or archived brand makes a new draft. `slogan` and `results` stay as they are where they are left out;
/// everything else is written as given.
#[derive(InputObject)]
pub struct SaveBrandInput {
    /// 品牌 · The brand that was read; left out for a new one.
    id: Option<ID>,
    /// 所据版本 · The version that was read; goes with `id`.
    version: Option<i32>,
    /// 党支部 · Whose brand it is.
    branch_id: ID,
    /// 品牌名称 · Its name, at most 200 characters.
    name: String,
    /// 品牌口号 · One line of at most 200 characters; null clears it.
    slogan: MaybeUndefined<String>,
    /// 品牌内涵 · What it is about, at most 4,000 characters.
    description: String,
    /// 主题 · At most 20; one named twice counts once.
    #[graphql(default)]
    themes: Vec<String>,
    /// 成效 · What came of it, at most 4,000 characters; null clears it.
    results: MaybeUndefined<String>,
    /// 品牌故事 · At most 50.
    #[graphql(default)]
    stories: Vec<BrandStoryInput>,
}

/// 品牌故事 · One story of a brand.
#[derive(InputObject)]
pub struct BrandStoryInput {
    /// 形式 · Its form.
    form: StoryForm,
    /// 标题 · Its title, at most 200 characters.
    title: String,
    /// 简介 · What happened, at most 4,000 characters.
    summary: Option<String>,
    /// 日期 · The day it was held; not in the future.
    held_on: Option<Date>,
    /// 媒体网址 · An http or https address of at most 2,048 characters.
    media_url: Option<String>,
}

/// 品牌变更结果 · The brand that was written, or why nothing was.
#[derive(SimpleObject)]
pub struct BrandPayload {
    /// 支部品牌 · As it stands now.
    brand: Option<Brand>,
    /// 拒绝原因 · Why nothing was written; empty when something was.
    user_errors: Vec<UserError>,
}

/// Mutations on brands.
#[derive(Default)]
pub struct BrandMutation;

#[Object]
impl BrandMutation {
    /// 保存品牌 · Keeps a draft of a branch's brand (the branch itself).
    async fn save_brand(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "品牌内容 · What it says.")] input: SaveBrandInput,
    ) -> Result<BrandPayload, ApiError> {
        let input = SaveBrand {
            id: input.id.map(|id| BrandId::from_global(&id)),
            version: input.version,
            branch: BranchId::from_global(&input.branch_id),
            content: GivenContent {
                name: input.name,
                slogan: input.slogan.into(),
                description: input.description,
                themes: input.themes,
                results: input.results.into(),
                stories: input.stories.into_iter().map(given_story).collect(),
            },
        };
        let written = mutate(ctx, Act::SaveBrand, input, |w, i| {
            Box::pin(save(w, &i.grant, &i.input))
        });
        brand_payload(ctx, written.await?).await
    }

    /// 提交品牌 · Hands a draft to the committee (the branch itself).
    async fn submit_brand(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "品牌及版本 · Which draft.")] input: VersionedInput,
    ) -> Result<BrandPayload, ApiError> {
        let input = SubmitBrand {
            id: BrandId::from_global(&input.id),
            version: input.version,
        };
        let written = mutate(ctx, Act::SubmitBrand, input, |w, i| {
            Box::pin(submit(w, &i.grant, &i.input))
        });
        brand_payload(ctx, written.await?).await
    }

    /// 发布品牌 · Publishes a submitted brand and archives the branch's earlier one (its committee).
    async fn publish_brand(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "品牌及版本 · Which brand.")] input: VersionedInput,
    ) -> Result<BrandPayload, ApiError> {
        let input = PublishBrand {
            id: BrandId::from_global(&input.id),
            version: input.version,
        };
        let written = mutate(ctx, Act::PublishBrand, input, |w, i| {
            Box::pin(publish(w, &i.grant, &i.input))
        });
        brand_payload(ctx, written.await?).await
    }

    /// 退回品牌 · Gives a submitted brand back to its branch, with the reason (its committee).
    async fn return_brand(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "品牌、版本及理由 · Which brand, and why.")] input: ReasonedInput,
    ) -> Result<BrandPayload, ApiError> {
        let input = ReturnBrand {
            id: BrandId::from_global(&input.id),
            version: input.version,
            reason: input.reason,
        };
        let written = mutate(ctx, Act::ReturnBrand, input, |w, i| {
            Box::pin(return_brand(w, &i.grant, &i.input))
        });
        brand_payload(ctx, written.await?).await
    }
}

fn given_story(story: BrandStoryInput) -> GivenStory {
    GivenStory {
        form: story.form.into(),
        title: story.title,
        summary: story.summary,
        held_on: story.held_on.map(|day| day.0),
        media_url: story.media_url,
    }
}

async fn brand_payload(
    ctx: &Context<'_>,
    (id, user_errors): (Option<BrandId>, Vec<UserError>),
) -> Result<BrandPayload, ApiError> {
    let brand = match id {
        Some(id) => Brand::load(Caller::of(ctx)?, id).await?,
        None => None,
    };
    Ok(BrandPayload { brand, user_errors })
}
