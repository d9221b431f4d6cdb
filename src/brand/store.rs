//! Rows of brands, their themes and stories.

use std::collections::HashMap;

use entity::{branch, brand, brand_story, brand_theme, gold_title};
use sea_orm::{
    ColumnTrait as _, Condition, ConnectionTrait, EntityTrait as _, QueryFilter as _, QueryOrder as _,
    QuerySelect as _, QueryTrait as _, Select,
    sea_query::{Expr, ExprTrait as _, LikeExpr},
};
use serde_json::json;

use super::model::{Brand, BrandState, BrandStory, StoryForm};
use crate::{
    auth::{Scope, subtree},
    branch::{BranchStatus, Domain},
    kernel::{
        id::{BranchId, BrandId, OrganizationId},
        page::{Page, PageArgs, PageError},
        text,
    },
    storage::{
        StoreError,
        keyset::{self, KeyColumn, KeyKind, Keyset, ListError},
        row::{self, Cells, FromRow},
    },
};

pub(super) mod write;

impl FromRow for Brand {
    type Entity = brand::Entity;

    const COLUMNS: &'static [brand::Column] = &[
        brand::Column::Id,
        brand::Column::BranchId,
        brand::Column::State,
        brand::Column::Name,
        brand::Column::Slogan,
        brand::Column::Description,
        brand::Column::Results,
        brand::Column::ReturnReason,
        brand::Column::PublishedAt,
        brand::Column::Version,
    ];

    fn from_row(cells: &mut Cells<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            id: cells.take()?,
            branch_id: cells.take()?,
            state: cells.named("brand.state", BrandState::parse)?,
            name: cells.take()?,
            slogan: cells.optional()?,
            description: cells.take()?,
            results: cells.optional()?,
            return_reason: cells.optional()?,
            published_at: cells.optional()?,
            version: cells.take()?,
        })
    }
}

/// What a brand is found by: its name, the initials of its name's pinyin, its slogan, its description.
pub fn search_text(name: &str, slogan: Option<&str>, description: &str) -> String {
    let mut found_by = text::search_text(name, "");
    for part in [slogan.unwrap_or_default(), description] {
        // A line each, so that no search term spans two of them.
        found_by.push('\n');
        found_by.push_str(&text::search_term(part));
    }
    found_by
}

/// Published brands for everybody signed in, the others for those in scope of the branch (docs/domain.md, 9).
fn visible(scope: &Scope) -> Select<brand::Entity> {
    let published = scope
        .public()
        .add(brand::Column::State.eq(BrandState::Published.as_str()));
    brand::Entity::find().filter(
        Condition::any()
            .add(published)
            .add(scope.branch_ids(Expr::col((brand::Entity, brand::Column::BranchId)))),
    )
}

/// Brands by id.
pub async fn by_ids(
    connection: &impl ConnectionTrait,
    scope: &Scope,
    ids: &[BrandId],
) -> Result<HashMap<BrandId, Brand>, StoreError> {
    let selection = visible(scope).filter(row::among(connection, brand::Column::Id, ids));
    row::by_key(connection, selection, |row: &Brand| row.id).await
}

/// The published brand of each branch that has one.
pub async fn published_of(
    connection: &impl ConnectionTrait,
    scope: &Scope,
    branches: &[BranchId],
) -> Result<HashMap<BranchId, Brand>, StoreError> {
    let selection = visible(scope)
        .filter(brand::Column::State.eq(BrandState::Published.as_str()))
        .filter(row::among(connection, brand::Column::BranchId, branches));
    row::by_key(connection, selection, |row: &Brand| row.branch_id).await
}

/// Submitted brands of running branches in scope, the one that has waited longest first: what a committee has to
/// publish or return.
pub async fn submitted_in_scope(
    connection: &impl ConnectionTrait,
    scope: &Scope,
    limit: u64,
) -> Result<Vec<Brand>, StoreError> {
    let running = branch::Entity::find()
        .select_only()
        .column(branch::Column::Id)
        .filter(branch::Column::Status.eq(BranchStatus::Active.as_str()));
    let selection = brand::Entity::find()
        .filter(brand::Column::State.eq(BrandState::Submitted.as_str()))
        .filter(scope.branch_ids(Expr::col((brand::Entity, brand::Column::BranchId))))
        .filter(brand::Column::BranchId.in_subquery(running.into_query()))
        .order_by_asc(brand::Column::UpdatedAt)
        .order_by_asc(brand::Column::Id)
        .limit(limit);
    row::all(connection, selection).await
}

/// What a list of brands is narrowed by.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct BrandFilter {
    /// Of this branch.
    pub branch: Option<BranchId>,
    /// Of branches below this organization, as the tree stands now.
    pub organization: Option<OrganizationId>,
    /// Of branches of these fields.
    pub domains: Option<Vec<Domain>>,
    /// With this theme.
    pub theme: Option<String>,
    /// In these states; PUBLISHED when left out.
    pub states: Option<Vec<BrandState>>,
    /// Of branches that are gold, or that are not.
    pub gold: Option<bool>,
    /// Part of name, slogan or description, or initials of the name's pinyin.
    pub search: Option<String>,
}

fn filtered(scope: &Scope, filter: &BrandFilter) -> Select<brand::Entity> {
    let states = filter.states.as_deref().unwrap_or(&[BrandState::Published]);
    let mut select =
        visible(scope).filter(brand::Column::State.is_in(states.iter().map(|state| state.as_str())));
    if let Some(branch) = filter.branch {
        select = select.filter(brand::Column::BranchId.eq(branch));
    }
    if filter.organization.is_some() || filter.domains.is_some() {
        let mut branches = branch::Entity::find().select_only().column(branch::Column::Id);
        if let Some(top) = filter.organization {
            branches = branches.filter(branch::Column::OrganizationId.in_subquery(subtree(top)));
        }
        if let Some(domains) = &filter.domains {
            branches = branches.filter(branch::Column::Domain.is_in(domains.iter().map(|d| d.as_str())));
        }
        select = select.filter(brand::Column::BranchId.in_subquery(branches.into_query()));
    }
    if filter.theme.as_ref().is_some_and(|theme| theme.contains('\0')) {
        // No theme holds it, and PostgreSQL does not take it.
        select = select.filter(Expr::cust("1 = 0"));
    } else if let Some(theme) = &filter.theme {
        let with_theme = brand_theme::Entity::find()
            .select_only()
            .column(brand_theme::Column::BrandId)
            .filter(brand_theme::Column::Theme.eq(text::fold(theme)));
        select = select.filter(brand::Column::Id.in_subquery(with_theme.into_query()));
    }
    if let Some(gold) = filter.gold {
        let titled = gold_title::Entity::find()
            .select_only()
            .column(gold_title::Column::BranchId)
            .filter(gold_title::Column::RevokedOn.is_null())
            .into_query();
        select = select.filter(if gold {
            brand::Column::BranchId.in_subquery(titled)
        } else {
            brand::Column::BranchId.not_in_subquery(titled)
        });
    }
    if let Some(typed) = &filter.search {
        select = match text::search_pattern(typed) {
            None => select.filter(Expr::cust("1 = 0")),
            Some(pattern) => {
                let pattern = LikeExpr::new(pattern).escape('\\');
                select.filter(Expr::col((brand::Entity, brand::Column::SearchText)).like(pattern))
            }
        };
    }
    select
}

/// The newest first.
fn newest_first() -> Keyset {
    Keyset::new(
        "brand.newest",
        [KeyColumn::desc(
            Expr::col((brand::Entity, brand::Column::Id)),
            KeyKind::Int,
        )],
    )
}

/// Checks page arguments of brands before anything is read.
pub(super) fn check_page(args: &PageArgs) -> Result<(), PageError> {
    newest_first().check(args).map(drop)
}

/// A page of brands, the newest first.
pub(super) async fn list(
    connection: &impl ConnectionTrait,
    scope: &Scope,
    filter: &BrandFilter,
    args: &PageArgs,
) -> Result<Page<Brand>, ListError> {
    let order = newest_first();
    let request = order.check(args)?;
    let page = order
        .page(connection, filtered(scope, filter), &request, |row: &Brand| {
            vec![json!(row.id)]
        })
        .await?;
    Ok(page)
}

/// How many there are.
pub(super) async fn count(
    connection: &impl ConnectionTrait,
    scope: &Scope,
    filter: &BrandFilter,
) -> Result<u64, StoreError> {
    keyset::count(connection, filtered(scope, filter)).await
}

/// Themes of brands that the caller has been shown, in order.
pub(super) async fn themes(
    connection: &impl ConnectionTrait,
    brands: &[BrandId],
) -> Result<HashMap<BrandId, Vec<String>>, StoreError> {
    let rows = brand_theme::Entity::find()
        .filter(row::among(connection, brand_theme::Column::BrandId, brands))
        .order_by_asc(brand_theme::Column::BrandId)
        .order_by_asc(brand_theme::Column::Position)
        .all(connection)
        .await?;
    let mut themes: HashMap<BrandId, Vec<String>> = HashMap::new();
    for row in rows {
        themes.entry(row.brand_id).or_default().push(row.theme);
    }
    Ok(themes)
}

/// Stories of brands that the caller has been shown, in order.
pub(super) async fn stories(
    connection: &impl ConnectionTrait,
    brands: &[BrandId],
) -> Result<HashMap<BrandId, Vec<BrandStory>>, StoreError> {
    let rows = brand_story::Entity::find()
        .filter(row::among(connection, brand_story::Column::BrandId, brands))
        .order_by_asc(brand_story::Column::BrandId)
        .order_by_asc(brand_story::Column::Position)
        .all(connection)
        .await?;
    let mut stories: HashMap<BrandId, Vec<BrandStory>> = HashMap::new();
    for row in rows {
        stories.entry(row.brand_id).or_default().push(BrandStory {
            form: StoryForm::parse(&row.form)
                .ok_or_else(|| StoreError::corrupt("brand_story.form", &row.form))?,
            title: row.title,
            summary: row.summary,
            held_on: row.held_on,
            media_url: row.media_url,
        });
    }
    Ok(stories)
}
