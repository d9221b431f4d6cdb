//! What the board reads: a statement for each of its parts, whatever the number of branches.

use chrono::{Days, NaiveDate};
use entity::{branch, organization, organization_closure, point_total};
use sea_orm::{
    ColumnTrait as _, ConnectionTrait, EntityTrait as _, QueryFilter as _, QueryOrder as _, QueryResult,
    QuerySelect as _, Statement, Value,
    sea_query::{Expr, ExprTrait as _, Order, Query},
};

use super::{
    badge::badge,
    branches::{LAST_DAY, column, gold},
};
use crate::{
    auth::Scope,
    board::{
        badge::Badge,
        branches::Today,
        tally::{Found, GoldCounts, Lights, PairingCounts, Seen, Span, TrainingCounts},
    },
    branch::{BranchForm, BranchStatus, Domain},
    campaign::Aspect,
    gold::GoldState,
    kernel::{id::OrganizationId, period::Period, points::Points},
    organization::Organization,
    storage::{
        StoreError,
        row::{self, Cells},
    },
};

/// Organizations below the one that `$1` names, itself included.
const BELOW: &str = "(SELECT descendant_id FROM organization_closure WHERE ancestor_id = $1)";

pub(super) async fn rows(
    connection: &impl ConnectionTrait,
    sql: String,
    values: impl IntoIterator<Item = Value>,
) -> Result<Vec<QueryResult>, StoreError> {
    let statement = Statement::from_sql_and_values(connection.get_database_backend(), sql, values);
    Ok(connection.query_all_raw(statement).await?)
}

/// An organization and all below it, by code, or the district and all below it; nothing where there is none, or the caller sees
/// none.
pub(in crate::board) async fn organizations(
    connection: &impl ConnectionTrait,
    scope: &Scope,
    top: Option<OrganizationId>,
) -> Result<Vec<Organization>, StoreError> {
    let below = match top {
        Some(top) => Expr::val(top),
        None => {
            let root = Query::select()
                .column(organization::Column::Id)
                .from(organization::Entity)
                .and_where(Expr::col(organization::Column::ParentId).is_null())
                .take();
            Expr::SubQuery(None, Box::new(root.into()))
        }
    };
    let closure = organization_closure::Entity::find()
        .select_only()
        .column(organization_closure::Column::DescendantId)
        .filter(
            Expr::col((
                organization_closure::Entity,
                organization_closure::Column::AncestorId,
            ))
            .eq(below),
        );
    let selection = organization::Entity::find()
        .filter(scope.public())
        .filter(organization::Column::Id.in_subquery(sea_orm::QueryTrait::into_query(closure)))
        .order_by_asc(organization::Column::Code);
    row::all(connection, selection).await
}

/// The active branches below an organization, by code.
pub(in crate::board) async fn branches(
    connection: &impl ConnectionTrait,
    top: OrganizationId,
    period: Period,
    today: Today,
) -> Result<Vec<Seen>, StoreError> {
    // Ranks are of the district: they are told before the others are left out.
    let of_total = |column| Expr::col((point_total::Entity, column));
    let read = [
        branch::Column::Id,
        branch::Column::Code,
        branch::Column::Name,
        branch::Column::Domain,
        branch::Column::Form,
        branch::Column::Status,
        branch::Column::OrganizationId,
        branch::Column::FoundedOn,
        branch::Column::TermEndsOn,
    ];
    let ranked = Query::select()
        .columns(read.map(|column| (branch::Entity, column)))
        .expr_as(of_total(point_total::Column::Total).if_null(0_i64), "points")
        .expr_as(
            Expr::cust(
                "CASE WHEN branch.form <> 'TEMPORARY' THEN RANK() OVER (PARTITION BY branch.form = 'TEMPORARY' \
                 ORDER BY COALESCE(point_total.total, 0) DESC) END",
            ),
            "place",
        )
        .from(branch::Entity)
        .left_join(
            point_total::Entity,
            of_total(point_total::Column::BranchId)
                .eq(column(branch::Column::Id))
                .and(of_total(point_total::Column::Period).eq(period.number())),
        )
        .and_where(column(branch::Column::Status).eq(BranchStatus::Active.as_str()))
        .take();
    let below = Query::select()
        .column(organization_closure::Column::DescendantId)
        .from(organization_closure::Entity)
        .and_where(Expr::col(organization_closure::Column::AncestorId).eq(top))
        .take();
    let query = Query::select()
        .columns(
            [
                branch::Column::Id,
                branch::Column::Name,
                branch::Column::Domain,
                branch::Column::Form,
                branch::Column::OrganizationId,
                branch::Column::FoundedOn,
                branch::Column::TermEndsOn,
            ]
            .map(|column| (branch::Entity, column)),
        )
        .expr(Expr::col((branch::Entity, "points")))
        .expr(Expr::col((branch::Entity, "place")))
        .expr(column(branch::Column::Id).in_subquery(gold()))
        .expr(badge(today))
        .from_subquery(ranked, branch::Entity)
        .and_where(column(branch::Column::OrganizationId).in_subquery(below))
        .order_by((branch::Entity, branch::Column::Code), Order::Asc)
        .take();
    row::fetch(connection, &query, |cells| {
        Ok(Seen {
            id: cells.take()?,
            name: cells.take()?,
            domain: cells.named("branch.domain", Domain::parse)?,
            form: cells.named("branch.form", BranchForm::parse)?,
            organization: cells.take()?,
            founded_on: cells.take()?,
            term_ends_on: cells.optional()?,
            points: Points::from_hundredths(cells.take()?),
            rank: cells.optional()?,
            gold: cells.take()?,
            badge: cells.named("badge", Badge::parse)?,
        })
    })
    .await
}

/// What was raised of active branches in a year, by organization and aspect.
pub(in crate::board) async fn found(
    connection: &impl ConnectionTrait,
    top: OrganizationId,
    span: Span,
    today: Today,
) -> Result<Vec<Found>, StoreError> {
    let soon = today
        .day
        .checked_add_days(Days::new(today.amber_days.into()))
        .unwrap_or(LAST_DAY);
    let count = |condition: &str| format!("count(CASE WHEN {condition} THEN 1 END)");
    let sql = format!(
        "SELECT b.organization_id, r.aspect, {}, {}, {}, {} FROM rectification r JOIN branch b ON b.id = r.branch_id \
         WHERE b.status = 'ACTIVE' AND b.organization_id IN {BELOW} AND r.raised_on BETWEEN $2 AND $3 \
         GROUP BY b.organization_id, r.aspect",
        count("r.state IN ('CLOSED', 'WAIVED')"),
        count("r.state NOT IN ('CLOSED', 'WAIVED') AND r.due_on > $5"),
        count("r.state NOT IN ('CLOSED', 'WAIVED') AND r.due_on BETWEEN $4 AND $5"),
        count("r.state NOT IN ('CLOSED', 'WAIVED') AND r.due_on < $4"),
    );
    let values = [
        top.0.into(),
        span.new_year().into(),
        span.to.into(),
        today.day.into(),
        soon.into(),
    ];
    let rows = rows(connection, sql, values).await?;
    rows.iter()
        .map(|row| {
            let mut cells = Cells::new(row);
            Ok(Found {
                organization: cells.take()?,
                aspect: cells.named("rectification.aspect", Aspect::parse)?,
                lights: Lights {
                    green: cells.take()?,
                    blue: cells.take()?,
                    amber: cells.take()?,
                    red: cells.take()?,
                },
            })
        })
        .collect()
}

/// Elections of active branches that were held on time in a span.
pub(in crate::board) async fn elected_on_time(
    connection: &impl ConnectionTrait,
    top: OrganizationId,
    span: Span,
) -> Result<i64, StoreError> {
    let sql = format!(
        "SELECT count(*) FROM branch_term t JOIN branch b ON b.id = t.branch_id WHERE b.status = 'ACTIVE' \
         AND b.organization_id IN {BELOW} AND t.on_time AND t.elected_on BETWEEN $2 AND $3"
    );
    let rows = rows(connection, sql, [top.0.into(), span.from.into(), span.to.into()]).await?;
    match rows.first() {
        Some(row) => Cells::new(row).take(),
        None => Ok(0),
    }
}

/// How far applications of a year's campaign ever came; those of branches that have ended too.
pub(in crate::board) async fn gold_counts(
    connection: &impl ConnectionTrait,
    top: OrganizationId,
    year: i32,
) -> Result<GoldCounts, StoreError> {
    let sql = format!(
        "SELECT CAST(c.total_quota AS bigint), s.state, count(DISTINCT s.application_id) FROM campaign c LEFT JOIN \
         (SELECT a.campaign_id, s.application_id, s.state FROM gold_application a \
          JOIN gold_step s ON s.application_id = a.id JOIN branch b ON b.id = a.branch_id \
          WHERE b.organization_id IN {BELOW}) s ON s.campaign_id = c.id \
         WHERE c.year = $2 GROUP BY c.total_quota, s.state"
    );
    let mut counts = GoldCounts::default();
    for row in rows(connection, sql, [top.0.into(), year.into()]).await? {
        let mut cells = Cells::new(&row);
        counts.quota = cells.optional()?.unwrap_or_default();
        let state = cells.optional_named("gold_step.state", GoldState::parse)?;
        let applications = cells.take()?;
        match state {
            Some(GoldState::Applied) => counts.applied = applications,
            Some(GoldState::Recommended) => counts.recommended = applications,
            Some(GoldState::Awarded) => counts.awarded = applications,
            Some(GoldState::Vetoed) => counts.vetoed = applications,
            _ => {}
        }
    }
    Ok(counts)
}

/// Pairings of a year with a member below the organization that has not left.
pub(in crate::board) async fn pairing_counts(
    connection: &impl ConnectionTrait,
    top: OrganizationId,
    year: i32,
) -> Result<PairingCounts, StoreError> {
    let sql = format!(
        "SELECT count(DISTINCT CASE WHEN p.form = 'ONE_TO_MANY' THEN p.id END), \
         count(DISTINCT CASE WHEN p.form = 'MANY_TO_MANY' THEN p.id END), \
         count(DISTINCT CASE WHEN b.status = 'ACTIVE' THEN b.id END) \
         FROM pairing p JOIN pairing_member m ON m.pairing_id = p.id JOIN branch b ON b.id = m.branch_id \
         WHERE p.year = $2 AND p.state IN ('ACTIVE', 'COMPLETED') AND m.left_on IS NULL \
         AND b.organization_id IN {BELOW}"
    );
    let rows = rows(connection, sql, [top.0.into(), year.into()]).await?;
    let Some(row) = rows.first() else {
        return Ok(PairingCounts::default());
    };
    let mut cells = Cells::new(row);
    Ok(PairingCounts {
        one_to_many: cells.take()?,
        many_to_many: cells.take()?,
        branches: cells.take()?,
    })
}

/// Training of secretaries and Party workers in a span, of organizers below the organization.
pub(in crate::board) async fn training_counts(
    connection: &impl ConnectionTrait,
    top: OrganizationId,
    from: NaiveDate,
    to: NaiveDate,
) -> Result<TrainingCounts, StoreError> {
    let held = format!(
        "r.audience IN ('SECRETARY', 'PARTY_WORKER') AND r.held_on BETWEEN $2 AND $3 AND r.organizer_id IN {BELOW}"
    );
    let sql = format!(
        "SELECT count(*), CAST(coalesce(sum(r.attendee_count), 0) AS bigint), \
         CAST(coalesce(sum(CAST(r.attendee_count AS bigint) * r.quarter_hours), 0) AS bigint), \
         (SELECT count(DISTINCT p.participant) FROM training_participant p \
          JOIN training_record r ON r.id = p.training_record_id WHERE {held}) \
         FROM training_record r WHERE {held}"
    );
    let rows = rows(connection, sql, [top.0.into(), from.into(), to.into()]).await?;
    let Some(row) = rows.first() else {
        return Ok(TrainingCounts::default());
    };
    let mut cells = Cells::new(row);
    Ok(TrainingCounts {
        sessions: cells.take()?,
        attendances: cells.take()?,
        quarter_hours: cells.take()?,
        participants: cells.take()?,
    })
}
