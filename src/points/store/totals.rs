//! Totals of branches by period, kept with the ledger.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use entity::point_total;
use sea_orm::{
    ColumnTrait as _, ConnectionTrait, DbBackend, EntityTrait as _, QueryFilter as _, QuerySelect as _,
    Statement,
};
use serde_json::json;

use super::scores;
use crate::{
    branch,
    kernel::{id::BranchId, period::Period, points::Points},
    points::score::Tally,
    storage::{
        StoreError,
        bulk::{self, Kind},
        row::Cells,
        write::Write,
    },
};

/// What is added to totals: amount and events of a branch in a period.
pub(in crate::points) type Moves = BTreeMap<(BranchId, Period), (Points, i64)>;

/// Adds to totals, in the order of branch and period, and keeps what ranks are read from.
pub(in crate::points) async fn add_totals(write: &Write<'_>, moves: &Moves) -> Result<(), StoreError> {
    let connection = write.connection();
    let branches: BTreeSet<BranchId> = moves.keys().map(|(branch, _)| *branch).collect();
    let branches: Vec<BranchId> = branches.into_iter().collect();
    let places = branch::places(connection, &branches).await?;
    let columns = [
        ("branch_id", Kind::BigInt),
        ("period", Kind::BigInt),
        ("total", Kind::BigInt),
        ("event_count", Kind::BigInt),
        ("domain", Kind::Text),
        ("organization_id", Kind::BigInt),
    ];
    let rows = moves
        .iter()
        .map(|((branch, period), (amount, events))| {
            let place = places.get(branch);
            json!({
                "branch_id": branch.0,
                "period": period.number(),
                "total": amount.hundredths(),
                "event_count": events,
                "domain": place.map(|place| place.domain.as_str()),
                "organization_id": place.map(|place| place.organization.0),
            })
        })
        .collect();
    let names = columns.map(|(name, _)| name).join(", ");
    let upsert = format!(
        "INSERT INTO point_total ({names}) SELECT {names} FROM {{rows}} WHERE true \
         ON CONFLICT (branch_id, period) DO UPDATE SET total = point_total.total + excluded.total, \
         event_count = point_total.event_count + excluded.event_count RETURNING branch_id, period, total"
    );
    let mut tally = Tally::default();
    for row in bulk::run(connection, &upsert, &columns, rows).await? {
        let mut cells = Cells::new(&row);
        let branch = cells.take()?;
        let period = period(cells.take()?)?;
        let after = Points::from_hundredths(cells.take()?);
        let (amount, _) = moves.get(&(branch, period)).copied().unwrap_or_default();
        if let Some(place) = places.get(&branch) {
            tally.moved(period, place.domain, after - amount, after);
        }
    }
    scores::append(write, &tally).await
}

/// Adds the totals of a branch to those of another; whether there were any.
pub(in crate::points) async fn merge_totals(
    write: &Write<'_>,
    from: BranchId,
    into: BranchId,
) -> Result<bool, StoreError> {
    let connection = write.connection();
    let totals = totals(connection, from).await?;
    let moves: Moves = totals
        .into_iter()
        .map(|(period, total)| ((into, period), total))
        .collect();
    add_totals(write, &moves).await?;
    Ok(!moves.is_empty())
}

/// The period of a stored number.
fn period(number: i32) -> Result<Period, StoreError> {
    Period::from_number(number).ok_or_else(|| StoreError::corrupt("point_total.period", &number.to_string()))
}

/// Points of a branch and how many events count, by period.
pub async fn totals(
    connection: &impl ConnectionTrait,
    branch: BranchId,
) -> Result<BTreeMap<Period, (Points, i64)>, StoreError> {
    let rows: Vec<(i32, i64, i64)> = point_total::Entity::find()
        .select_only()
        .columns([
            point_total::Column::Period,
            point_total::Column::Total,
            point_total::Column::EventCount,
        ])
        .filter(point_total::Column::BranchId.eq(branch))
        .into_tuple()
        .all(connection)
        .await?;
    rows.into_iter()
        .map(|(number, total, events)| Ok((period(number)?, (Points::from_hundredths(total), events))))
        .collect()
}

/// Points of branches in periods and how many events count there; what has none is left out.
pub async fn standings(
    connection: &impl ConnectionTrait,
    asked: &[(BranchId, Period)],
) -> Result<HashMap<(BranchId, Period), (Points, i64)>, StoreError> {
    let sql = "SELECT t.branch_id, t.period, t.total, t.event_count FROM {rows} CROSS JOIN point_total t \
               WHERE t.branch_id = given.branch_id AND t.period = given.period";
    let columns = [("branch_id", Kind::BigInt), ("period", Kind::BigInt)];
    let rows = asked
        .iter()
        .map(|(branch, period)| json!({ "branch_id": branch.0, "period": period.number() }))
        .collect();
    let rows = bulk::run(connection, sql, &columns, rows).await?;
    rows.iter()
        .map(|row| {
            let mut cells = Cells::new(row);
            let key = (cells.take()?, period(cells.take()?)?);
            Ok((key, (Points::from_hundredths(cells.take()?), cells.take()?)))
        })
        .collect()
}

/// The totals that the postings of the ledger give: every branch's own, and those of all merged into it; for
/// `zhibu verify`. How many differ from those that are kept.
pub async fn verify_totals(connection: &impl ConnectionTrait) -> Result<u64, StoreError> {
    let month = match connection.get_database_backend() {
        DbBackend::Postgres => {
            "CAST(to_char(p.counted_at AT TIME ZONE 'Asia/Shanghai', 'YYYYMM') AS integer)"
        }
        _ => "CAST(strftime('%Y%m', p.counted_at, '+8 hours') AS integer)",
    };
    let sql = format!(
        "WITH RECURSIVE counts (branch_id, counts_for) AS ( \
           SELECT id, id FROM branch \
           UNION SELECT c.branch_id, b.successor_id FROM counts c JOIN branch b ON b.id = c.counts_for \
           WHERE b.successor_id IS NOT NULL), \
         posted AS (SELECT c.counts_for AS branch_id, {month} AS month, p.amount \
           FROM posting p JOIN counts c ON c.branch_id = p.branch_id), \
         sums AS (SELECT branch_id, month AS period, sum(amount) AS total FROM posted GROUP BY branch_id, month \
           UNION ALL \
           SELECT branch_id, month / 100 * 100, sum(amount) FROM posted GROUP BY branch_id, month / 100 * 100), \
         beside AS (SELECT branch_id, period, total FROM sums \
           UNION ALL SELECT branch_id, period, -total FROM point_total) \
         SELECT count(*) AS differences FROM \
           (SELECT branch_id FROM beside GROUP BY branch_id, period HAVING sum(total) <> 0) d"
    );
    let statement = Statement::from_string(connection.get_database_backend(), sql);
    let row = connection.query_one_raw(statement).await?;
    let differences: i64 = match row {
        Some(row) => row.try_get("", "differences")?,
        None => 0,
    };
    Ok(differences.unsigned_abs())
}
