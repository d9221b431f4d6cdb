//! Rows of applications for gold, their steps and the plans they are made under.

mod eligibility;
mod list;
pub mod todo;
mod veto;
pub(super) mod write;

use std::collections::{BTreeMap, HashMap};

use entity::{branch, campaign, gold_application, gold_minimum, gold_step};
use sea_orm::{
    ColumnTrait as _, ConnectionTrait, EntityTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _,
    QueryTrait as _, Select, sea_query::Expr,
};

pub(super) use eligibility::{eligibility, eligibility_of};
pub(super) use list::{GoldFilter, check_page, count, list};
pub(super) use veto::{
    VetoFilter, check_veto_page, count_vetoes, has_open, insert_veto, lock_veto, set_lifted, veto, vetoes,
    vetoes_by_ids,
};

use super::model::{Application, GoldState, StepTaken};
use crate::{
    auth::Scope,
    branch::Domain,
    campaign::GoldRules,
    kernel::{
        id::{BranchId, CampaignId, GoldApplicationId},
        period::Period,
    },
    storage::{
        StoreError,
        row::{self, Cells, FromRow},
    },
};

impl FromRow for Application {
    type Entity = gold_application::Entity;

    const COLUMNS: &'static [gold_application::Column] = &[
        gold_application::Column::Id,
        gold_application::Column::CampaignId,
        gold_application::Column::BranchId,
        gold_application::Column::State,
        gold_application::Column::BeforeVeto,
        gold_application::Column::Statement,
        gold_application::Column::Eligibility,
        gold_application::Column::AwardedOn,
        gold_application::Column::Version,
    ];

    fn from_row(cells: &mut Cells<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            id: cells.take()?,
            campaign_id: cells.take()?,
            branch_id: cells.take()?,
            state: cells.named("gold_application.state", GoldState::parse)?,
            before_veto: cells.optional_named("gold_application.before_veto", GoldState::parse)?,
            statement: cells.take()?,
            eligibility: cells.named("gold_application.eligibility", |text| {
                serde_json::from_str(text).ok()
            })?,
            awarded_on: cells.optional()?,
            version: cells.take()?,
        })
    }
}

impl FromRow for StepTaken {
    type Entity = gold_step::Entity;

    const COLUMNS: &'static [gold_step::Column] = &[
        gold_step::Column::ApplicationId,
        gold_step::Column::State,
        gold_step::Column::At,
        gold_step::Column::By,
        gold_step::Column::Opinion,
    ];

    fn from_row(cells: &mut Cells<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            application_id: cells.take()?,
            state: cells.named("gold_step.state", GoldState::parse)?,
            at: cells.take()?,
            by: cells.take()?,
            opinion: cells.optional()?,
        })
    }
}

/// A campaign as far as the gold selection looks at it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The campaign.
    pub campaign: CampaignId,
    /// Its year.
    pub year: i32,
    /// How gold branches are chosen; none where none are.
    pub rules: Option<GoldRules>,
}

impl Plan {
    /// How gold branches are chosen in a campaign that has applications.
    pub fn rules(&self) -> Result<&GoldRules, StoreError> {
        self.rules.as_ref().ok_or_else(|| {
            StoreError::Corrupt(format!(
                "applications in campaign {:?} without a plan",
                self.campaign
            ))
        })
    }
}

impl FromRow for Plan {
    type Entity = campaign::Entity;

    const COLUMNS: &'static [campaign::Column] = &[
        campaign::Column::Id,
        campaign::Column::Year,
        campaign::Column::TotalQuota,
        campaign::Column::RequireBrand,
        campaign::Column::TopPercent,
        campaign::Column::PointsPeriod,
    ];

    fn from_row(cells: &mut Cells<'_>) -> Result<Self, StoreError> {
        let (campaign, year) = (cells.take()?, cells.take()?);
        let quota: Option<i32> = cells.optional()?;
        let brand: Option<bool> = cells.optional()?;
        let percent: Option<i32> = cells.optional()?;
        let period = cells.optional_named("campaign.points_period", Period::parse)?;
        let rules = match (quota, brand, percent, period) {
            (Some(total_quota), Some(require_brand), Some(top_percent), Some(points_period)) => {
                Some(GoldRules {
                    total_quota,
                    require_brand,
                    top_percent,
                    points_period,
                })
            }
            _ => None,
        };
        Ok(Self {
            campaign,
            year,
            rules,
        })
    }
}

/// The campaign of a year.
pub(super) async fn plan_of_year(
    connection: &impl ConnectionTrait,
    year: i32,
) -> Result<Option<Plan>, StoreError> {
    row::one(
        connection,
        campaign::Entity::find().filter(campaign::Column::Year.eq(year)),
    )
    .await
}

/// Campaigns by id.
pub(super) async fn plans(
    connection: &impl ConnectionTrait,
    ids: &[CampaignId],
) -> Result<HashMap<CampaignId, Plan>, StoreError> {
    let selection = campaign::Entity::find().filter(row::among(connection, campaign::Column::Id, ids));
    row::by_key(connection, selection, |plan: &Plan| plan.campaign).await
}

/// How many gold branches each domain is to have at least.
pub(super) async fn minimums(
    connection: &impl ConnectionTrait,
    campaign: CampaignId,
) -> Result<BTreeMap<Domain, i64>, StoreError> {
    let rows = gold_minimum::Entity::find()
        .filter(gold_minimum::Column::CampaignId.eq(campaign))
        .all(connection)
        .await?;
    rows.into_iter()
        .map(|row| Ok((domain(&row.domain)?, row.count.into())))
        .collect()
}

fn domain(name: &str) -> Result<Domain, StoreError> {
    Domain::parse(name).ok_or_else(|| StoreError::corrupt("domain", name))
}

/// How many branches of each domain have been awarded in a campaign and not lost it again.
pub(super) async fn awarded(
    connection: &impl ConnectionTrait,
    campaign: CampaignId,
) -> Result<BTreeMap<Domain, i64>, StoreError> {
    let query = branch::Entity::find()
        .select_only()
        .column(branch::Column::Domain)
        .column_as(branch::Column::Id.count(), "n")
        .filter(
            branch::Column::Id.in_subquery(
                gold_application::Entity::find()
                    .select_only()
                    .column(gold_application::Column::BranchId)
                    .filter(gold_application::Column::CampaignId.eq(campaign))
                    .filter(gold_application::Column::State.eq(GoldState::Awarded.as_str()))
                    .into_query(),
            ),
        )
        .group_by(branch::Column::Domain);
    let rows: Vec<(String, i64)> = query.into_tuple().all(connection).await?;
    rows.into_iter()
        .map(|(name, count)| Ok((domain(&name)?, count)))
        .collect()
}

/// The column that says whose an application is.
fn applicant() -> Expr {
    Expr::col((gold_application::Entity, gold_application::Column::BranchId))
}

/// Applications are for those in scope of the branch (docs/domain.md, 9).
fn visible(scope: &Scope) -> Select<gold_application::Entity> {
    gold_application::Entity::find().filter(scope.branch_ids(applicant()))
}

/// Campaigns of a year, as a subquery.
fn of_year(year: i32) -> Select<campaign::Entity> {
    campaign::Entity::find()
        .select_only()
        .column(campaign::Column::Id)
        .filter(campaign::Column::Year.eq(year))
}

/// Applications by id.
pub(super) async fn by_ids(
    connection: &impl ConnectionTrait,
    scope: &Scope,
    ids: &[GoldApplicationId],
) -> Result<HashMap<GoldApplicationId, Application>, StoreError> {
    let selection = visible(scope).filter(row::among(connection, gold_application::Column::Id, ids));
    row::by_key(connection, selection, |row: &Application| row.id).await
}

/// The application of each branch in a year's campaign.
pub(super) async fn of_branches(
    connection: &impl ConnectionTrait,
    scope: &Scope,
    branches: &[BranchId],
    year: i32,
) -> Result<HashMap<BranchId, Application>, StoreError> {
    let selection = visible(scope)
        .filter(row::among(
            connection,
            gold_application::Column::BranchId,
            branches,
        ))
        .filter(gold_application::Column::CampaignId.in_subquery(of_year(year).into_query()));
    row::by_key(connection, selection, |row: &Application| row.branch_id).await
}

/// The steps of applications that the caller has been shown, in their order.
pub(super) async fn steps(
    connection: &impl ConnectionTrait,
    ids: &[GoldApplicationId],
) -> Result<HashMap<GoldApplicationId, Vec<StepTaken>>, StoreError> {
    let selection = gold_step::Entity::find()
        .filter(row::among(connection, gold_step::Column::ApplicationId, ids))
        .order_by_asc(gold_step::Column::ApplicationId)
        .order_by_asc(gold_step::Column::Id);
    let mut steps: HashMap<GoldApplicationId, Vec<StepTaken>> = HashMap::new();
    for step in row::all::<StepTaken>(connection, selection).await? {
        steps.entry(step.application_id).or_default().push(step);
    }
    Ok(steps)
}
