//! Rows of health checks, their results, visits and examiners.

pub mod funnel;
mod list;
pub(super) mod records;
pub mod todo;
pub mod verify;
pub(super) mod write;

use std::collections::HashMap;

use entity::{campaign, check_examiner, check_result, check_visit, examiner, health_check};
use sea_orm::{
    ColumnTrait as _, ConnectionTrait, EntityTrait as _, JoinType, QueryFilter as _, QueryOrder as _,
    QuerySelect as _, QueryTrait as _, RelationTrait as _, Select,
    sea_query::{Expr, ExprTrait as _, SelectStatement},
};

pub(super) use list::{CheckFilter, check_page, count, list};

use super::{
    computed::Computed,
    model::{CheckOutcome, CheckStage, ItemVerdict, VisitKind},
    record::{CheckResult, HealthCheck, Visit},
};
use crate::{
    auth::Scope,
    campaign::{CheckItem, by_ids as campaigns_by_ids, items as items_of_templates},
    kernel::id::{BranchId, CampaignId, HealthCheckId},
    storage::{
        StoreError,
        row::{self, Cells, FromRow},
    },
};

impl FromRow for HealthCheck {
    type Entity = health_check::Entity;

    const COLUMNS: &'static [health_check::Column] = &[
        health_check::Column::Id,
        health_check::Column::CampaignId,
        health_check::Column::BranchId,
        health_check::Column::Stage,
        health_check::Column::Outcome,
        health_check::Column::RegularScore,
        health_check::Column::TailoredScore,
        health_check::Column::Evaluation,
        health_check::Column::Version,
        health_check::Column::UpdatedAt,
    ];

    fn from_row(cells: &mut Cells<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            id: cells.take()?,
            campaign_id: cells.take()?,
            branch_id: cells.take()?,
            stage: cells.named("health_check.stage", CheckStage::parse)?,
            outcome: cells.named("health_check.outcome", CheckOutcome::parse)?,
            regular_score: cells.optional()?,
            tailored_score: cells.optional()?,
            evaluation: cells.optional()?,
            version: cells.take()?,
            updated_at: cells.take()?,
        })
    }
}

impl FromRow for Visit {
    type Entity = check_visit::Entity;

    const COLUMNS: &'static [check_visit::Column] = &[
        check_visit::Column::HealthCheckId,
        check_visit::Column::Kind,
        check_visit::Column::VisitedOn,
        check_visit::Column::Summary,
        check_visit::Column::RecordedBy,
    ];

    fn from_row(cells: &mut Cells<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            health_check_id: cells.take()?,
            kind: cells.named("check_visit.kind", VisitKind::parse)?,
            visited_on: cells.take()?,
            summary: cells.take()?,
            recorded_by: cells.take()?,
        })
    }
}

/// A result as its row has it, without the item that it names.
struct ResultRow {
    check: HealthCheckId,
    item_code: String,
    self_verdict: ItemVerdict,
    verdict: ItemVerdict,
    score: Option<i32>,
    overruled: bool,
    computed: Option<Computed>,
    evidence: Vec<String>,
    note: Option<String>,
}

impl FromRow for ResultRow {
    type Entity = check_result::Entity;

    const COLUMNS: &'static [check_result::Column] = &[
        check_result::Column::HealthCheckId,
        check_result::Column::ItemCode,
        check_result::Column::SelfVerdict,
        check_result::Column::Verdict,
        check_result::Column::Score,
        check_result::Column::Overruled,
        check_result::Column::Computed,
        check_result::Column::Evidence,
        check_result::Column::Note,
    ];

    fn from_row(cells: &mut Cells<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            check: cells.take()?,
            item_code: cells.take()?,
            self_verdict: cells.named("check_result.self_verdict", ItemVerdict::parse)?,
            verdict: cells.named("check_result.verdict", ItemVerdict::parse)?,
            score: cells.optional()?,
            overruled: cells.take()?,
            computed: cells
                .optional_named("check_result.computed", |text| serde_json::from_str(text).ok())?,
            evidence: cells.named("check_result.evidence", |text| serde_json::from_str(text).ok())?,
            note: cells.optional()?,
        })
    }
}

fn column(column: health_check::Column) -> Expr {
    Expr::col((health_check::Entity, column))
}

/// Checks in scope (docs/domain.md, 9): of branches, and to an examiner those that it was assigned to.
fn visible(scope: &Scope) -> Select<health_check::Entity> {
    let (id, branch) = (
        column(health_check::Column::Id),
        column(health_check::Column::BranchId),
    );
    health_check::Entity::find().filter(scope.checks(id, branch))
}

/// The campaign of a year, as a subquery.
fn of_year(year: i32) -> SelectStatement {
    campaign::Entity::find()
        .select_only()
        .column(campaign::Column::Id)
        .filter(campaign::Column::Year.eq(year))
        .into_query()
}

/// Checks by id, those the caller may see.
pub(super) async fn by_ids(
    connection: &impl ConnectionTrait,
    scope: &Scope,
    ids: &[HealthCheckId],
) -> Result<HashMap<HealthCheckId, HealthCheck>, StoreError> {
    let selection = visible(scope).filter(row::among(connection, health_check::Column::Id, ids));
    row::by_key(connection, selection, |row: &HealthCheck| row.id).await
}

/// The check of each branch, in a year's campaign or in the latest that it takes part in; those the caller may see.
pub(super) async fn of_branches(
    connection: &impl ConnectionTrait,
    scope: &Scope,
    branches: &[BranchId],
    year: Option<i32>,
) -> Result<HashMap<BranchId, HealthCheck>, StoreError> {
    let mut selection =
        visible(scope).filter(row::among(connection, health_check::Column::BranchId, branches));
    if let Some(year) = year {
        selection = selection.filter(column(health_check::Column::CampaignId).in_subquery(of_year(year)));
    }
    // A branch has a check a year: the last one read is the latest.
    let years = health_check::Entity::belongs_to(campaign::Entity)
        .from(health_check::Column::CampaignId)
        .to(campaign::Column::Id)
        .into();
    let selection = selection
        .join(JoinType::InnerJoin, years)
        .order_by_asc(Expr::col((campaign::Entity, campaign::Column::Year)));
    row::by_key(connection, selection, |row: &HealthCheck| row.branch_id).await
}

/// The results of checks that the caller has been shown, in the order of the template.
pub(super) async fn results(
    connection: &impl ConnectionTrait,
    checks: &[(HealthCheckId, CampaignId)],
) -> Result<HashMap<HealthCheckId, Vec<CheckResult>>, StoreError> {
    let campaigns: Vec<CampaignId> = checks.iter().map(|(_, campaign)| *campaign).collect();
    let campaigns = campaigns_by_ids(connection, &campaigns).await?;
    let mut versions: Vec<i32> = campaigns.values().map(|row| row.template_version).collect();
    versions.sort_unstable();
    versions.dedup();
    let templates = items_of_templates(connection, &versions).await?;
    let templates: HashMap<i32, HashMap<&str, &CheckItem>> = templates
        .iter()
        .map(|(version, items)| {
            let items = items.iter().map(|item| (item.code.as_str(), item));
            (*version, items.collect())
        })
        .collect();
    let of_check: HashMap<HealthCheckId, CampaignId> = checks.iter().copied().collect();
    let ids: Vec<HealthCheckId> = of_check.keys().copied().collect();
    let selection = check_result::Entity::find()
        .filter(row::among(connection, check_result::Column::HealthCheckId, &ids))
        .order_by_asc(check_result::Column::HealthCheckId)
        .order_by_asc(check_result::Column::Position);
    let mut results: HashMap<HealthCheckId, Vec<CheckResult>> = HashMap::new();
    for row in row::all::<ResultRow>(connection, selection).await? {
        let item = of_check
            .get(&row.check)
            .and_then(|campaign| campaigns.get(campaign))
            .and_then(|campaign| templates.get(&campaign.template_version))
            .and_then(|items| items.get(row.item_code.as_str()))
            .ok_or_else(|| StoreError::corrupt("check_result.item_code", &row.item_code))?;
        results.entry(row.check).or_default().push(CheckResult {
            item: (*item).clone(),
            self_verdict: row.self_verdict,
            verdict: row.verdict,
            score: row.score,
            overruled: row.overruled,
            computed: row.computed,
            evidence: row.evidence,
            note: row.note,
        });
    }
    Ok(results)
}

/// The visits of checks that the caller has been shown.
pub(super) async fn visits(
    connection: &impl ConnectionTrait,
    checks: &[HealthCheckId],
) -> Result<HashMap<HealthCheckId, Vec<Visit>>, StoreError> {
    let selection = check_visit::Entity::find()
        .filter(row::among(connection, check_visit::Column::HealthCheckId, checks))
        .order_by_asc(check_visit::Column::VisitedOn)
        .order_by_asc(check_visit::Column::Kind);
    let mut visits: HashMap<HealthCheckId, Vec<Visit>> = HashMap::new();
    for visit in row::all::<Visit>(connection, selection).await? {
        visits.entry(visit.health_check_id).or_default().push(visit);
    }
    Ok(visits)
}

/// The examiners of checks that the caller has been shown, by their subjects.
pub(super) async fn examiners(
    connection: &impl ConnectionTrait,
    checks: &[HealthCheckId],
) -> Result<HashMap<HealthCheckId, Vec<String>>, StoreError> {
    let rows: Vec<(HealthCheckId, String)> = check_examiner::Entity::find()
        .select_only()
        .column(check_examiner::Column::HealthCheckId)
        .column(examiner::Column::Subject)
        .join(JoinType::InnerJoin, check_examiner::Relation::Examiner.def())
        .filter(row::among(
            connection,
            check_examiner::Column::HealthCheckId,
            checks,
        ))
        .order_by_asc(examiner::Column::Subject)
        .into_tuple()
        .all(connection)
        .await?;
    let mut examiners: HashMap<HealthCheckId, Vec<String>> = HashMap::new();
    for (check, subject) in rows {
        examiners.entry(check).or_default().push(subject);
    }
    Ok(examiners)
}
