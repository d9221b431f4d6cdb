//! Totals of branches by period, kept with the ledger.

use std::collections::BTreeMap;

use entity::point_total;
use sea_orm::{
    ColumnTrait as _, ConnectionTrait, DbBackend, EntityTrait as _, QueryFilter as _, QuerySelect as _,
    Statement,
};
use serde_json::json;

use crate::{
    kernel::{id::BranchId, period::Period, points::Points},
    storage::{
        StoreError,
        bulk::{self, Kind},
        write::Write,
    },
};

/// What is added to totals: amount and events of a branch in a period.
pub(in crate::points) type Moves = BTreeMap<(BranchId, Period), (Points, i64)>;

/// Adds to totals, in the order of branch and period.
pub(in crate::points) async fn add_totals(write: &Write<'_>, moves: &Moves) -> Result<(), StoreError> {
    let columns = [
        ("branch_id", Kind::BigInt),
        ("period", Kind::BigInt),
        ("total", Kind::BigInt),
        ("event_count", Kind::BigInt),
    ];
    let rows = moves
        .iter()
        .map(|((branch, period), (amount, events))| {
            json!({
                "branch_id": branch.0,
                "period": period.number(),
                "total": amount.hundredths(),
                "event_count": events,
            })
        })
        .collect();
    let upsert = "INSERT INTO point_total (branch_id, period, total, event_count) \
                  SELECT branch_id, period, total, event_count FROM {rows} WHERE true \
                  ON CONFLICT (branch_id, period) DO UPDATE SET total = point_total.total + excluded.total, \
                  event_count = point_total.event_count + excluded.event_count";
    bulk::run(write.connection(), upsert, &columns, rows).await?;
    Ok(())
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
        .map(|(number, total, events)| {
            let period = Period::from_number(number)
                .ok_or_else(|| StoreError::corrupt("point_total.period", &number.to_string()))?;
            Ok((period, (Points::from_hundredths(total), events)))
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
           SELECT branch_id, month / 100 * 100, sum(amount) FROM posted GROUP BY branch_id, month / 100 * 100) \
         SELECT count(*) AS differences FROM \
           (SELECT branch_id, period, total FROM sums WHERE total <> 0) s \
           FULL OUTER JOIN (SELECT branch_id, period, total FROM point_total WHERE total <> 0) t \
             ON t.branch_id = s.branch_id AND t.period = s.period \
         WHERE s.total IS NULL OR t.total IS NULL OR s.total <> t.total"
    );
    let statement = Statement::from_string(connection.get_database_backend(), sql);
    let row = connection.query_one_raw(statement).await?;
    let differences: i64 = match row {
        Some(row) => row.try_get("", "differences")?,
        None => 0,
    };
    Ok(differences.unsigned_abs())
}
