//! Writing brands, their themes and stories.

use chrono::{DateTime, Utc};
use entity::{brand, brand_story, brand_theme};
use sea_orm::{
    ActiveValue::{NotSet, Set},
    ColumnTrait as _, EntityTrait as _, QueryFilter as _, QuerySelect as _,
    sea_query::Expr,
};

use super::{
    super::model::{Brand, BrandContent, BrandState},
    search_text, stories, themes,
};
use crate::{
    kernel::id::{BranchId, BrandId},
    storage::{ROW_LOCK, StoreError, row, write::Write},
};

/// The row of a mutation, locked until its transaction ends; whoever calls has locked the branch before it.
pub async fn lock(write: &Write<'_>, id: BrandId) -> Result<Option<Brand>, StoreError> {
    let selection = brand::Entity::find_by_id(id).lock(ROW_LOCK);
    row::one(write.connection(), selection).await
}

/// A brand's whole content, for the audit trail and for a draft made from it.
pub async fn content(write: &Write<'_>, brand: &Brand) -> Result<BrandContent, StoreError> {
    let connection = write.connection();
    let themes = themes(connection, &[brand.id]).await?.remove(&brand.id);
    let stories = stories(connection, &[brand.id]).await?.remove(&brand.id);
    Ok(BrandContent {
        name: brand.name.clone(),
        slogan: brand.slogan.clone(),
        description: brand.description.clone(),
        themes: themes.unwrap_or_default(),
        results: brand.results.clone(),
        stories: stories.unwrap_or_default(),
    })
}

/// A new draft.
pub async fn insert(
    write: &Write<'_>,
    branch: BranchId,
    content: &BrandContent,
) -> Result<BrandId, StoreError> {
    let row = brand::ActiveModel {
        id: NotSet,
        branch_id: Set(branch),
        name: Set(content.name.clone()),
        search_text: Set(search_text(
            &content.name,
            content.slogan.as_deref(),
            &content.description,
        )),
        slogan: Set(content.slogan.clone()),
        description: Set(content.description.clone()),
        results: Set(content.results.clone()),
        state: Set(BrandState::Draft.as_str().to_owned()),
        return_reason: Set(None),
        published_at: Set(None),
        version: Set(1),
        updated_at: Set(write.clock().business()),
    };
    let id = brand::Entity::insert(row)
        .exec(write.connection())
        .await?
        .last_insert_id;
    insert_parts(write, id, content).await?;
    Ok(id)
}

/// Writes a draft's content in its place.
pub async fn update_content(
    write: &Write<'_>,
    id: BrandId,
    content: &BrandContent,
    version: i32,
) -> Result<(), StoreError> {
    let found_by = search_text(&content.name, content.slogan.as_deref(), &content.description);
    brand::Entity::update_many()
        .col_expr(brand::Column::Name, Expr::value(content.name.clone()))
        .col_expr(brand::Column::SearchText, Expr::value(found_by))
        .col_expr(brand::Column::Slogan, Expr::value(content.slogan.clone()))
        .col_expr(
            brand::Column::Description,
            Expr::value(content.description.clone()),
        )
        .col_expr(brand::Column::Results, Expr::value(content.results.clone()))
        .col_expr(brand::Column::Version, Expr::value(version))
        .col_expr(brand::Column::UpdatedAt, Expr::value(write.clock().business()))
        .filter(brand::Column::Id.eq(id))
        .exec(write.connection())
        .await?;
    brand_theme::Entity::delete_many()
        .filter(brand_theme::Column::BrandId.eq(id))
        .exec(write.connection())
        .await?;
    brand_story::Entity::delete_many()
        .filter(brand_story::Column::BrandId.eq(id))
        .exec(write.connection())
        .await?;
    insert_parts(write, id, content).await
}

async fn insert_parts(write: &Write<'_>, id: BrandId, content: &BrandContent) -> Result<(), StoreError> {
    let themes = (0..)
        .zip(&content.themes)
        .map(|(position, theme)| brand_theme::ActiveModel {
            brand_id: Set(id),
            position: Set(position),
            theme: Set(theme.clone()),
        });
    if !content.themes.is_empty() {
        brand_theme::Entity::insert_many(themes)
            .exec_without_returning(write.connection())
            .await?;
    }
    let stories = (0..)
        .zip(&content.stories)
        .map(|(position, story)| brand_story::ActiveModel {
            brand_id: Set(id),
            position: Set(position),
            form: Set(story.form.as_str().to_owned()),
            title: Set(story.title.clone()),
            summary: Set(story.summary.clone()),
            held_on: Set(story.held_on),
            media_url: Set(story.media_url.clone()),
        });
    if !content.stories.is_empty() {
        brand_story::Entity::insert_many(stories)
            .exec_without_returning(write.connection())
            .await?;
    }
    Ok(())
}

/// Where a brand stands after a step.
pub struct Standing<'a> {
    /// Its state.
    pub state: BrandState,
    /// Why it was returned, if it was.
    pub return_reason: Option<&'a str>,
    /// When it was published, if ever.
    pub published_at: Option<DateTime<Utc>>,
    /// The version that the step makes.
    pub version: i32,
}

/// Writes where a brand stands.
pub async fn set_standing(write: &Write<'_>, id: BrandId, standing: Standing<'_>) -> Result<(), StoreError> {
    brand::Entity::update_many()
        .col_expr(brand::Column::State, Expr::value(standing.state.as_str()))
        .col_expr(
            brand::Column::ReturnReason,
            Expr::value(standing.return_reason.map(str::to_owned)),
        )
        .col_expr(brand::Column::PublishedAt, Expr::value(standing.published_at))
        .col_expr(brand::Column::Version, Expr::value(standing.version))
        .col_expr(brand::Column::UpdatedAt, Expr::value(write.clock().business()))
        .filter(brand::Column::Id.eq(id))
        .exec(write.connection())
        .await?;
    Ok(())
}
