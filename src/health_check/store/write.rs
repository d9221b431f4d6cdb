//! Writing health checks.

use chrono::NaiveDate;
use entity::{campaign, check_examiner, check_item, check_result, check_visit, examiner, health_check};
use sea_orm::{
    ActiveValue::{NotSet, Set},
    ColumnTrait as _, ConnectionTrait as _, DbBackend, EntityTrait as _, QueryFilter as _, QueryOrder as _,
    QuerySelect as _, QueryTrait as _, Statement,
    sea_query::{Expr, ExprTrait as _, OnConflict, QueryStatementBuilder as _},
};
use serde_json::json;

use crate::{
    branch::{Branch, BranchForm, BranchStatus},
    campaign::Campaign,
    health_check::{
        model::{CheckOutcome, CheckStage, ItemVerdict},
        record::{CheckResult, HealthCheck, Visit},
    },
    kernel::id::{BranchId, ExaminerId, HealthCheckId},
    storage::{
        ROW_LOCK, StoreError,
        bulk::{self, Kind},
        row,
        write::Write,
    },
};

/// The row of a step, locked until its transaction ends; whoever calls has locked the branch before it.
pub async fn lock(write: &Write<'_>, id: HealthCheckId) -> Result<Option<HealthCheck>, StoreError> {
    row::one(
        write.connection(),
        health_check::Entity::find_by_id(id).lock(ROW_LOCK),
    )
    .await
}

/// The checks of a branch that are not closed, locked, the latest campaign's first.
pub async fn lock_open_of(write: &Write<'_>, branch: BranchId) -> Result<Vec<HealthCheck>, StoreError> {
    // A subquery: a join would lock campaigns too.
    let year = campaign::Entity::find()
        .select_only()
        .column(campaign::Column::Year)
        .filter(
            Expr::col((campaign::Entity, campaign::Column::Id))
                .equals((health_check::Entity, health_check::Column::CampaignId)),
        )
        .into_query();
    let selection = health_check::Entity::find()
        .filter(health_check::Column::BranchId.eq(branch))
        .filter(health_check::Column::Stage.ne(CheckStage::Closed.as_str()))
        .order_by_desc(Expr::SubQuery(None, Box::new(year.into_sub_query_statement())))
        .lock(ROW_LOCK);
    row::all(write.connection(), selection).await
}

/// The campaigns whose window is not over on a day.
pub async fn campaigns_from(write: &Write<'_>, day: NaiveDate) -> Result<Vec<Campaign>, StoreError> {
    let selection = campaign::Entity::find()
        .filter(campaign::Column::WindowTo.gte(day))
        .order_by_asc(campaign::Column::Year);
    row::all(write.connection(), selection).await
}

/// Opens a check for every running branch but temporary ones, or for one of them; with a result for every item of the template
/// that concerns it, unanswered. Who has one keeps it. Gives those that were opened.
pub async fn open(
    write: &Write<'_>,
    campaign: &Campaign,
    only: Option<BranchId>,
) -> Result<Vec<(HealthCheckId, BranchId)>, StoreError> {
    let connection = write.connection();
    let backend = connection.get_database_backend();
    let one = |column: &str| match only {
        Some(branch) => format!(" AND {column} = {}", branch.0),
        None => String::new(),
    };
    let sql = format!(
        "INSERT INTO health_check (campaign_id, branch_id, stage, outcome, version, updated_at) \
         SELECT {}, id, '{}', '{}', 1, {} FROM branch WHERE status = '{}' AND form <> '{}'{} ORDER BY id{} \
         ON CONFLICT (campaign_id, branch_id) DO NOTHING RETURNING id, branch_id",
        campaign.id.0,
        CheckStage::NotStarted.as_str(),
        CheckOutcome::Pending.as_str(),
        match backend {
            DbBackend::Postgres => "CAST($1 AS timestamptz)",
            _ => "$1",
        },
        BranchStatus::Active.as_str(),
        BranchForm::Temporary.as_str(),
        one("id"),
        // A branch that ends meanwhile is waited for, and looked at again.
        match backend {
            DbBackend::Postgres => " FOR SHARE",
            _ => "",
        },
    );
    let now = bulk::instant(write.clock().business());
    let now = now.as_str().unwrap_or_default().to_owned();
    let rows = connection
        .query_all_raw(Statement::from_sql_and_values(backend, sql, [now.into()]))
        .await?;
    let mut opened = rows
        .iter()
        .map(|row| Ok((row.try_get_by_index(0)?, row.try_get_by_index(1)?)))
        .collect::<Result<Vec<(HealthCheckId, BranchId)>, StoreError>>()?;
    opened.sort_unstable_by_key(|(id, _)| id.0);
    if opened.is_empty() {
        return Ok(opened);
    }
    insert_results(write, campaign, only).await?;
    Ok(opened)
}

/// A result for every item of the template that concerns a branch and that its check, which has not been handed in, has none of.
async fn insert_results(
    write: &Write<'_>,
    campaign: &Campaign,
    only: Option<BranchId>,
) -> Result<(), StoreError> {
    let connection = write.connection();
    let only = match only {
        Some(branch) => format!(" AND health_check.branch_id = {}", branch.0),
        None => String::new(),
    };
    let unanswered = ItemVerdict::Unanswered.as_str();
    let sql = format!(
        "INSERT INTO check_result (health_check_id, position, item_code, self_verdict, verdict, overruled, evidence) \
         SELECT health_check.id, check_item.position, check_item.code, '{unanswered}', '{unanswered}', FALSE, '[]' \
         FROM health_check JOIN branch ON branch.id = health_check.branch_id \
         JOIN check_item ON check_item.template_version = {} \
         AND (check_item.domain IS NULL OR check_item.domain = branch.domain) \
         WHERE health_check.campaign_id = {} AND health_check.stage IN ('{}', '{}'){only} \
         ON CONFLICT (health_check_id, item_code) DO NOTHING",
        campaign.template_version,
        campaign.id.0,
        CheckStage::NotStarted.as_str(),
        CheckStage::SelfCheck.as_str(),
    );
    let backend = connection.get_database_backend();
    connection
        .execute_raw(Statement::from_string(backend, sql))
        .await?;
    Ok(())
}

/// The items of a branch's domain in the place of those of the one it had, in a check that has not been handed in.
pub async fn retailor(
    write: &Write<'_>,
    check: HealthCheckId,
    campaign: &Campaign,
    branch: &Branch,
) -> Result<(), StoreError> {
    let of_others = check_item::Entity::find()
        .select_only()
        .column(check_item::Column::Code)
        .filter(check_item::Column::TemplateVersion.eq(campaign.template_version))
        .filter(check_item::Column::Domain.ne(branch.domain.as_str()));
    check_result::Entity::delete_many()
        .filter(check_result::Column::HealthCheckId.eq(check))
        .filter(check_result::Column::ItemCode.in_subquery(of_others.into_query()))
        .exec(write.connection())
        .await?;
    insert_results(write, campaign, Some(branch.id)).await
}

/// Writes a check as it stands after a step.
pub async fn save(write: &Write<'_>, row: &HealthCheck) -> Result<(), StoreError> {
    let changed = health_check::ActiveModel {
        id: NotSet,
        campaign_id: NotSet,
        branch_id: NotSet,
        stage: Set(row.stage.as_str().to_owned()),
        outcome: Set(row.outcome.as_str().to_owned()),
        regular_score: Set(row.regular_score),
        tailored_score: Set(row.tailored_score),
        evaluation: Set(row.evaluation.clone()),
        version: Set(row.version),
        updated_at: Set(row.updated_at),
    };
    health_check::Entity::update_many()
        .set(changed)
        .filter(health_check::Column::Id.eq(row.id))
        .exec(write.connection())
        .await?;
    Ok(())
}

const RESULT: [(&str, Kind); 9] = [
    ("health_check_id", Kind::BigInt),
    ("item_code", Kind::Text),
    ("self_verdict", Kind::Text),
    ("verdict", Kind::Text),
    ("score", Kind::BigInt),
    ("overruled", Kind::BigInt),
    ("computed", Kind::Text),
    ("evidence", Kind::Text),
    ("note", Kind::Text),
];

/// Writes results of a check, in one statement.
pub async fn save_results(
    write: &Write<'_>,
    check: HealthCheckId,
    results: &[&CheckResult],
) -> Result<(), StoreError> {
    let rows = results.iter().map(|result| {
        let computed = result.computed.as_ref().map(serde_json::to_string).transpose();
        Ok(json!({
            "health_check_id": check,
            "item_code": result.item.code,
            "self_verdict": result.self_verdict.as_str(),
            "verdict": result.verdict.as_str(),
            "score": result.score,
            "overruled": i64::from(result.overruled),
            "computed": computed.map_err(|_| StoreError::corrupt("check_result.computed", &result.item.code))?,
            "evidence": json!(result.evidence).to_string(),
            "note": result.note,
        }))
    });
    let rows = rows.collect::<Result<Vec<_>, StoreError>>()?;
    let update = "UPDATE check_result SET self_verdict = given.self_verdict, verdict = given.verdict, \
                  score = given.score, overruled = (given.overruled <> 0), computed = given.computed, \
                  evidence = given.evidence, note = given.note FROM {rows} \
                  WHERE check_result.health_check_id = given.health_check_id \
                  AND check_result.item_code = given.item_code";
    bulk::run(write.connection(), update, &RESULT, rows).await?;
    Ok(())
}

/// Records a visit, in the place of an earlier one of its kind.
pub async fn save_visit(write: &Write<'_>, visit: &Visit) -> Result<(), StoreError> {
    let row = check_visit::ActiveModel {
        health_check_id: Set(visit.health_check_id),
        kind: Set(visit.kind.as_str().to_owned()),
        visited_on: Set(visit.visited_on),
        summary: Set(visit.summary.clone()),
        recorded_by: Set(visit.recorded_by.clone()),
    };
    let again = OnConflict::columns([check_visit::Column::HealthCheckId, check_visit::Column::Kind])
        .update_columns([
            check_visit::Column::VisitedOn,
            check_visit::Column::Summary,
            check_visit::Column::RecordedBy,
        ])
        .to_owned();
    check_visit::Entity::insert(row)
        .on_conflict(again)
        .exec_without_returning(write.connection())
        .await?;
    Ok(())
}

/// The examiners of a check from now on; gives those that were before.
pub async fn assign(
    write: &Write<'_>,
    check: HealthCheckId,
    subjects: &[String],
) -> Result<Vec<ExaminerId>, StoreError> {
    let connection = write.connection();
    let before: Vec<ExaminerId> = check_examiner::Entity::find()
        .select_only()
        .column(check_examiner::Column::ExaminerId)
        .filter(check_examiner::Column::HealthCheckId.eq(check))
        .into_tuple()
        .all(connection)
        .await?;
    check_examiner::Entity::delete_many()
        .filter(check_examiner::Column::HealthCheckId.eq(check))
        .exec(connection)
        .await?;
    if subjects.is_empty() {
        return Ok(before);
    }
    // In one order, whoever else writes them.
    let mut sorted = subjects.to_vec();
    sorted.sort_unstable();
    let known = sorted.iter().map(|subject| examiner::ActiveModel {
        id: NotSet,
        subject: Set(subject.clone()),
    });
    examiner::Entity::insert_many(known)
        .on_conflict(
            OnConflict::column(examiner::Column::Subject)
                .do_nothing()
                .to_owned(),
        )
        .exec_without_returning(connection)
        .await?;
    let ids: Vec<ExaminerId> = examiner::Entity::find()
        .select_only()
        .column(examiner::Column::Id)
        .filter(examiner::Column::Subject.is_in(subjects.iter().cloned()))
        .into_tuple()
        .all(connection)
        .await?;
    let rows = ids.into_iter().map(|id| check_examiner::ActiveModel {
        health_check_id: Set(check),
        examiner_id: Set(id),
    });
    check_examiner::Entity::insert_many(rows)
        .exec_without_returning(connection)
        .await?;
    Ok(before)
}
