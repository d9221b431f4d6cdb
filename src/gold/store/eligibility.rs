//! How branches stand against the criteria, read from the rows of the other slices.

use std::collections::{HashMap, HashSet};

use entity::{branch, brand, health_check, veto};
use sea_orm::{
    ColumnTrait as _, ConnectionTrait, EntityTrait as _, QueryFilter as _, QuerySelect as _, sea_query::Expr,
};

use super::{Plan, domain};
use crate::{
    auth::Scope,
    branch::{BranchForm, Domain},
    brand::BrandState,
    gold::model::{BrandStanding, CheckStanding, Eligibility, PointsStanding, places},
    kernel::id::{BranchId, CampaignId},
    points,
    storage::{StoreError, row},
};

/// How branches in scope stand against the criteria of a campaign's plan, in five statements however many they are.
/// Temporary branches are left out, and all of them where gold branches are not chosen.
pub async fn eligibility(
    connection: &impl ConnectionTrait,
    scope: &Scope,
    plan: &Plan,
    asked: &[BranchId],
) -> Result<HashMap<BranchId, Eligibility>, StoreError> {
    let Some(rules) = &plan.rules else {
        return Ok(HashMap::new());
    };
    let domains = domains(connection, scope, asked).await?;
    let branches: Vec<BranchId> = domains.keys().copied().collect();
    if branches.is_empty() {
        return Ok(HashMap::new());
    }
    let checks = checks(connection, plan.campaign, &branches).await?;
    let ranks = points::ranks_in_domain(connection, &branches, rules.points_period).await?;
    let participants = points::participants_by_domain(connection).await?;
    let branded = branded(connection, &branches).await?;
    let vetoed = vetoed(connection, &branches).await?;
    let stands = |(branch, domain): (BranchId, Domain)| {
        let of = participants.get(&domain).copied().unwrap_or_default();
        let found = Eligibility {
            year: plan.year,
            health_check: checks.get(&branch).copied().unwrap_or(CheckStanding::None),
            points: PointsStanding {
                period: rules.points_period.to_string(),
                rank: ranks.get(&branch).copied(),
                of,
                percent: rules.top_percent,
                places: places(of, rules.top_percent),
            },
            brand: BrandStanding {
                published: branded.contains(&branch),
                required: rules.require_brand,
            },
            vetoed: vetoed.contains(&branch),
        };
        (branch, found)
    };
    Ok(domains.into_iter().map(stands).collect())
}

/// The same of one branch that can be judged: in scope, and not a temporary one.
pub async fn eligibility_of(
    connection: &impl ConnectionTrait,
    scope: &Scope,
    plan: &Plan,
    branch: BranchId,
) -> Result<Eligibility, StoreError> {
    plan.rules()?;
    let mut found = eligibility(connection, scope, plan, &[branch]).await?;
    found
        .remove(&branch)
        .ok_or_else(|| StoreError::Corrupt(format!("{branch:?} applies for gold and cannot be judged")))
}

/// The domains of those in scope that are no temporary branches.
async fn domains(
    connection: &impl ConnectionTrait,
    scope: &Scope,
    branches: &[BranchId],
) -> Result<HashMap<BranchId, Domain>, StoreError> {
    let in_scope = scope.branches(
        Expr::col((branch::Entity, branch::Column::Id)),
        Expr::col((branch::Entity, branch::Column::OrganizationId)),
    );
    let rows: Vec<(BranchId, String)> = branch::Entity::find()
        .select_only()
        .column(branch::Column::Id)
        .column(branch::Column::Domain)
        .filter(row::among(connection, branch::Column::Id, branches))
        .filter(branch::Column::Form.ne(BranchForm::Temporary.as_str()))
        .filter(in_scope)
        .into_tuple()
        .all(connection)
        .await?;
    rows.into_iter()
        .map(|(branch, name)| Ok((branch, domain(&name)?)))
        .collect()
}

async fn checks(
    connection: &impl ConnectionTrait,
    campaign: CampaignId,
    branches: &[BranchId],
) -> Result<HashMap<BranchId, CheckStanding>, StoreError> {
    let rows: Vec<(BranchId, String)> = health_check::Entity::find()
        .select_only()
        .column(health_check::Column::BranchId)
        .column(health_check::Column::Outcome)
        .filter(row::among(connection, health_check::Column::BranchId, branches))
        .filter(health_check::Column::CampaignId.eq(campaign))
        .into_tuple()
        .all(connection)
        .await?;
    rows.into_iter()
        .map(|(branch, outcome)| {
            let standing = CheckStanding::of_outcome(&outcome);
            let standing = standing.ok_or_else(|| StoreError::corrupt("health_check.outcome", &outcome))?;
            Ok((branch, standing))
        })
        .collect()
}

async fn branded(
    connection: &impl ConnectionTrait,
    branches: &[BranchId],
) -> Result<HashSet<BranchId>, StoreError> {
    let ids: Vec<BranchId> = brand::Entity::find()
        .select_only()
        .column(brand::Column::BranchId)
        .filter(row::among(connection, brand::Column::BranchId, branches))
        .filter(brand::Column::State.eq(BrandState::Published.as_str()))
        .into_tuple()
        .all(connection)
        .await?;
    Ok(ids.into_iter().collect())
}

/// Those of the branches of which a veto is open.
async fn vetoed(
    connection: &impl ConnectionTrait,
    branches: &[BranchId],
) -> Result<HashSet<BranchId>, StoreError> {
    let ids: Vec<BranchId> = veto::Entity::find()
        .select_only()
        .column(veto::Column::BranchId)
        .filter(row::among(connection, veto::Column::BranchId, branches))
        .filter(veto::Column::LiftedOn.is_null())
        .into_tuple()
        .all(connection)
        .await?;
    Ok(ids.into_iter().collect())
}
