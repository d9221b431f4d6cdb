//! How many branches have a score in which bucket: kept with totals, read for ranks.
//!
//! Transactions append what they change, so that none waits for another; a job adds the rows up. A reader sums both tables.

use std::collections::{BTreeMap, HashMap};

use entity::point_total;
use sea_orm::{
    ColumnTrait as _, ConnectionTrait, DatabaseTransaction, DbBackend, EntityTrait as _, QueryFilter as _,
    Statement, sea_query::Expr,
};
use serde_json::{Value, json};

use super::totals;
use crate::{
    branch::{Domain, Place},
    kernel::{
        id::{BranchId, PointSourceId},
        period::Period,
    },
    points::{
        COUNTS,
        score::{LEVELS, PARTICIPANTS, Tally},
    },
    storage::{
        StoreError,
        bulk::{self, Kind},
        row::Cells,
        write::Write,
    },
};

const COLUMNS: [(&str, Kind); 5] = [
    ("period", Kind::BigInt),
    ("domain", Kind::Text),
    ("level", Kind::BigInt),
    ("bucket", Kind::BigInt),
    ("branches", Kind::BigInt),
];

/// Rows that are added up in one transaction: it is short, so that nobody waits for it.
const MERGED_AT_ONCE: u64 = 20_000;

/// Appends what a transaction changes.
pub(in crate::points) async fn append(write: &Write<'_>, tally: &Tally) -> Result<(), StoreError> {
    let rows = tally
        .buckets()
        .map(|(bucket, branches)| {
            json!({
                "period": bucket.period,
                "domain": bucket.domain,
                "level": bucket.level,
                "bucket": bucket.number,
                "branches": branches,
            })
        })
        .collect();
    let insert = "INSERT INTO score_delta (period, domain, level, bucket, branches) \
                  SELECT period, domain, level, bucket, branches FROM {rows} WHERE true";
    bulk::run(write.connection(), insert, &COLUMNS, rows).await?;
    Ok(())
}

/// A branch is compared with others elsewhere, or no longer: its totals count there, and it is a participant there. The
/// caller has kept pushes out.
pub(in crate::points) async fn place(
    write: &Write<'_>,
    branch: BranchId,
    before: Option<Place>,
    after: Option<Place>,
) -> Result<(), StoreError> {
    let connection = write.connection();
    point_total::Entity::update_many()
        .col_expr(
            point_total::Column::Domain,
            Expr::value(after.map(|place| place.domain.as_str())),
        )
        .col_expr(
            point_total::Column::OrganizationId,
            Expr::value(after.map(|place| place.organization)),
        )
        .filter(point_total::Column::BranchId.eq(branch))
        .exec(connection)
        .await?;
    let mut tally = Tally::default();
    tally.placed(before, after);
    for (period, (total, _)) in totals(connection, branch).await? {
        let nothing = crate::kernel::points::Points::ZERO;
        if let Some(place) = before {
            tally.moved(period, place.domain, total, nothing);
        }
        if let Some(place) = after {
            tally.moved(period, place.domain, nothing, total);
        }
    }
    append(write, &tally).await
}

/// Counts entries of a source that were booked.
pub(in crate::points) async fn count_entries(
    write: &Write<'_>,
    source: PointSourceId,
    entries: usize,
) -> Result<(), StoreError> {
    if entries == 0 {
        return Ok(());
    }
    let insert = "INSERT INTO point_source_count (source_id, entries) VALUES ($1, $2)";
    let values = [source.0.into(), i64::try_from(entries).unwrap_or(i64::MAX).into()];
    let connection = write.connection();
    let statement = Statement::from_sql_and_values(connection.get_database_backend(), insert, values);
    connection.execute_raw(statement).await?;
    Ok(())
}

/// Adds up rows that transactions appended; whether there may be more. Nothing that anybody reads changes.
pub async fn merge_counts(transaction: &DatabaseTransaction) -> Result<bool, StoreError> {
    let backend = transaction.get_database_backend();
    if backend == DbBackend::Postgres {
        let lock = format!("SELECT pg_try_advisory_xact_lock(hashtextextended('{COUNTS}:', 0)) AS taken");
        let row = transaction
            .query_one_raw(Statement::from_string(backend, lock))
            .await?;
        if !row.is_some_and(|row| row.try_get("", "taken").unwrap_or(false)) {
            return Ok(false);
        }
    }
    merge_entry_counts(transaction).await?;
    let take = format!(
        "DELETE FROM score_delta WHERE id IN (SELECT id FROM score_delta ORDER BY id LIMIT {MERGED_AT_ONCE}) \
         RETURNING period, domain, level, bucket, branches"
    );
    let taken = transaction
        .query_all_raw(Statement::from_string(backend, take))
        .await?;
    let mut sums: BTreeMap<(i32, String, i32, i64), i64> = BTreeMap::new();
    for row in &taken {
        let mut cells = Cells::new(row);
        let key = (cells.take()?, cells.take()?, cells.take()?, cells.take()?);
        *sums.entry(key).or_default() += cells.take::<i64>()?;
    }
    let rows: Vec<Value> = sums
        .into_iter()
        .filter(|(_, branches)| *branches != 0)
        .map(|((period, domain, level, bucket), branches)| {
            json!({ "period": period, "domain": domain, "level": level, "bucket": bucket, "branches": branches })
        })
        .collect();
    let upsert = "INSERT INTO score_count (period, domain, level, bucket, branches) \
                  SELECT period, domain, level, bucket, branches FROM {rows} WHERE true \
                  ON CONFLICT (period, domain, level, bucket) \
                  DO UPDATE SET branches = score_count.branches + excluded.branches";
    bulk::run(transaction, upsert, &COLUMNS, rows.clone()).await?;
    let empty = "DELETE FROM score_count WHERE branches = 0 AND (period, domain, level, bucket) IN \
                 (SELECT period, domain, level, bucket FROM {rows})";
    bulk::run(transaction, empty, &COLUMNS, rows).await?;
    Ok(taken.len() as u64 == MERGED_AT_ONCE)
}

async fn merge_entry_counts(transaction: &DatabaseTransaction) -> Result<(), StoreError> {
    let backend = transaction.get_database_backend();
    let take = "DELETE FROM point_source_count WHERE source_id IN \
                (SELECT source_id FROM point_source_count GROUP BY source_id HAVING count(*) > 1) \
                RETURNING source_id, entries";
    let taken = transaction
        .query_all_raw(Statement::from_string(backend, take))
        .await?;
    let mut sums: BTreeMap<i64, i64> = BTreeMap::new();
    for row in &taken {
        let mut cells = Cells::new(row);
        let (source, entries): (i64, i64) = (cells.take()?, cells.take()?);
        *sums.entry(source).or_default() += entries;
    }
    let rows = sums
        .into_iter()
        .map(|(source, entries)| json!({ "source_id": source, "entries": entries }))
        .collect();
    let columns = [("source_id", Kind::BigInt), ("entries", Kind::BigInt)];
    let insert = "INSERT INTO point_source_count (source_id, entries) SELECT source_id, entries FROM {rows} WHERE true";
    bulk::run(transaction, insert, &columns, rows).await?;
    Ok(())
}

/// How many entries of each source are booked.
pub(in crate::points) async fn entry_counts(
    connection: &impl ConnectionTrait,
) -> Result<HashMap<PointSourceId, i64>, StoreError> {
    let select = "SELECT source_id, CAST(sum(entries) AS bigint) FROM point_source_count GROUP BY source_id";
    let statement = Statement::from_string(connection.get_database_backend(), select);
    let rows = connection.query_all_raw(statement).await?;
    rows.iter()
        .map(|row| {
            let mut cells = Cells::new(row);
            Ok((cells.take()?, cells.take()?))
        })
        .collect()
}

/// Among whom a branch is ranked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RankAmong {
    /// The district's branches.
    District,
    /// Those of its field.
    Domain,
    /// Those below the nearest committee above it.
    Organization,
}

/// Ranks of branches in periods: one more than those who have more points (competition ranking, 1, 2, 2, 4). What takes no
/// part is left out.
pub(in crate::points) async fn ranks(
    connection: &impl ConnectionTrait,
    asked: &[(BranchId, Period)],
    among: RankAmong,
) -> Result<HashMap<(BranchId, Period), i64>, StoreError> {
    let statement = ranks_statement(connection.get_database_backend(), asked, among);
    let rows = connection.query_all_raw(statement).await?;
    rows.iter()
        .map(|row| {
            let mut cells = Cells::new(row);
            let branch = cells.take()?;
            let number: i64 = cells.take()?;
            let period = i32::try_from(number).ok().and_then(Period::from_number);
            let period = period.ok_or_else(|| StoreError::corrupt("period", &number.to_string()))?;
            Ok(((branch, period), cells.take()?))
        })
        .collect()
}

/// The statement that reads ranks; public so that a benchmark can have the database explain it.
pub fn ranks_statement(backend: DbBackend, asked: &[(BranchId, Period)], among: RankAmong) -> Statement {
    let sql = format!(
        "WITH asked AS ( \
           SELECT given.branch_id, given.period, b.domain, b.organization_id, coalesce(t.total, 0) AS mine \
           FROM {{rows}} CROSS JOIN branch b \
           LEFT JOIN point_total t ON t.branch_id = given.branch_id AND t.period = given.period \
           WHERE b.id = given.branch_id AND b.status = 'ACTIVE' AND b.form <> 'TEMPORARY') \
         SELECT asked.branch_id, asked.period, CAST(1 + {} AS bigint) FROM asked",
        above(among)
    );
    let columns = [("branch_id", Kind::BigInt), ("period", Kind::BigInt)];
    let rows = asked
        .iter()
        .map(|(branch, period)| json!({ "branch_id": branch.0, "period": period.number() }))
        .collect();
    bulk::statement(backend, &sql, &columns, rows)
}

/// How many have more than `asked.mine`, as an expression on a row `asked`.
fn above(among: RankAmong) -> String {
    let domain = match among {
        RankAmong::District => format!("IN ({})", every_domain()),
        RankAmong::Domain => "= asked.domain".to_owned(),
        RankAmong::Organization => return above_in_organization(),
    };
    let counted = |period: &str, level: usize, bounds: &str| {
        let sum = |table: &str| {
            format!(
                "(SELECT coalesce(sum(c.branches), 0) FROM {table} c WHERE c.period = {period} \
                 AND c.domain {domain} AND c.level = {level}{bounds})"
            )
        };
        format!("{} + {}", sum("score_count"), sum("score_delta"))
    };
    let last = LEVELS.len() - 1;
    let whole = LEVELS.iter().enumerate().map(|(level, bits)| {
        let mine = format!("(asked.mine >> {bits})");
        let bounds = match level {
            // Up to the end of the bucket of the next level.
            level if level < last => format!(" AND c.bucket > {mine} AND c.bucket <= ({mine} | 127)"),
            _ => format!(" AND c.bucket > {mine}"),
        };
        counted("asked.period", level, &bounds)
    });
    let whole: Vec<String> = whole.collect();
    let of_domain = match among {
        RankAmong::Domain => " AND p.domain = asked.domain",
        _ => "",
    };
    let finest = (1 << LEVELS.first().copied().unwrap_or_default()) - 1;
    format!(
        "(SELECT count(*) FROM point_total p WHERE p.period = asked.period AND p.total > asked.mine \
          AND p.total <= (asked.mine | {finest}) AND p.total <> 0 AND p.domain IS NOT NULL{of_domain}) + {} \
         + CASE WHEN asked.mine < 0 THEN {} - ({}) ELSE 0 END",
        whole.join(" + "),
        counted(&PARTICIPANTS.to_string(), 0, ""),
        counted("asked.period", last, ""),
    )
}

/// The names of all fields, as a list of constants.
fn every_domain() -> String {
    let names = Domain::ALL.iter().map(|domain| format!("'{}'", domain.as_str()));
    names.collect::<Vec<_>>().join(", ")
}

/// Below one committee there are few enough to be counted one by one: what is below it comes first, and rows of each
/// organization are read from an index.
fn above_in_organization() -> String {
    let below = "organization_closure d CROSS JOIN";
    let is_below = "d.ancestor_id = (SELECT c.ancestor_id FROM organization_closure c \
                    JOIN organization o ON o.id = c.ancestor_id \
                    WHERE c.descendant_id = asked.organization_id AND o.kind = 'COMMITTEE')";
    let scored = format!(
        "FROM {below} point_total p WHERE {is_below} AND p.organization_id = d.descendant_id \
         AND p.period = asked.period AND p.total <> 0"
    );
    format!(
        "(SELECT count(*) {scored} AND p.total > asked.mine) \
         + CASE WHEN asked.mine < 0 THEN \
             (SELECT count(*) FROM {below} branch b WHERE {is_below} AND b.organization_id = d.descendant_id \
               AND b.status = 'ACTIVE' AND b.form <> 'TEMPORARY') - (SELECT count(*) {scored}) \
           ELSE 0 END"
    )
}

/// How many branches take part, in a field or in all.
pub(in crate::points) async fn participants(
    connection: &impl ConnectionTrait,
    domain: Option<Domain>,
) -> Result<i64, StoreError> {
    let of = match domain {
        Some(domain) => format!("'{}'", domain.as_str()),
        None => every_domain(),
    };
    let sum = |table: &str| {
        format!(
            "(SELECT coalesce(sum(branches), 0) FROM {table} WHERE period = {PARTICIPANTS} AND domain IN ({of}))"
        )
    };
    let sql = format!(
        "SELECT CAST({} + {} AS bigint)",
        sum("score_count"),
        sum("score_delta")
    );
    let statement = Statement::from_string(connection.get_database_backend(), sql);
    match connection.query_one_raw(statement).await? {
        Some(row) => Cells::new(&row).take(),
        None => Ok(0),
    }
}

/// How many branches take part in each field.
pub async fn participants_by_domain(
    connection: &impl ConnectionTrait,
) -> Result<HashMap<Domain, i64>, StoreError> {
    let sql = format!(
        "SELECT domain, CAST(sum(branches) AS bigint) FROM \
         (SELECT domain, branches FROM score_count WHERE period = {PARTICIPANTS} UNION ALL \
          SELECT domain, branches FROM score_delta WHERE period = {PARTICIPANTS}) AS k GROUP BY domain"
    );
    let statement = Statement::from_string(connection.get_database_backend(), sql);
    let rows = connection.query_all_raw(statement).await?;
    rows.iter()
        .map(|row| {
            let mut cells = Cells::new(row);
            Ok((cells.named("score_count.domain", Domain::parse)?, cells.take()?))
        })
        .collect()
}

/// Ranks of branches in their fields, by points of a period. What takes no part is left out.
pub async fn ranks_in_domain(
    connection: &impl ConnectionTrait,
    branches: &[BranchId],
    period: Period,
) -> Result<HashMap<BranchId, i64>, StoreError> {
    if branches.is_empty() {
        return Ok(HashMap::new());
    }
    let asked: Vec<(BranchId, Period)> = branches.iter().map(|branch| (*branch, period)).collect();
    let ranks = ranks(connection, &asked, RankAmong::Domain).await?;
    Ok(ranks
        .into_iter()
        .map(|((branch, _), rank)| (branch, rank))
        .collect())
}

/// Buckets as totals and branches give them: rows (period, domain, level, bucket, branches).
fn expected() -> String {
    let mut parts: Vec<String> = LEVELS
        .iter()
        .enumerate()
        .map(|(level, bits)| {
            format!(
                "SELECT period, domain, {level} AS level, total >> {bits} AS bucket, count(*) AS branches \
                 FROM point_total WHERE domain IS NOT NULL AND total <> 0 GROUP BY 1, 2, 4"
            )
        })
        .collect();
    parts.push(format!(
        "SELECT {PARTICIPANTS} AS period, domain, 0 AS level, 0 AS bucket, count(*) AS branches FROM branch \
         WHERE status = 'ACTIVE' AND form <> 'TEMPORARY' GROUP BY 2"
    ));
    parts.join(" UNION ALL ")
}

/// Where each total is ranked, as its branch stands.
const PLACED: &str = "SELECT t.branch_id, t.period, b.domain, b.organization_id FROM point_total t \
                      LEFT JOIN branch b ON b.id = t.branch_id AND b.status = 'ACTIVE' AND b.form <> 'TEMPORARY'";

/// Makes everything that ranks are read from anew, from totals and branches. The caller has kept pushes out.
pub(in crate::points) async fn recount(write: &Write<'_>) -> Result<(), StoreError> {
    let connection = write.connection();
    let backend = connection.get_database_backend();
    for sql in [
        format!(
            "UPDATE point_total SET domain = p.domain, organization_id = p.organization_id FROM ({PLACED}) AS p \
             WHERE p.branch_id = point_total.branch_id AND p.period = point_total.period \
             AND (p.domain IS DISTINCT FROM point_total.domain \
               OR p.organization_id IS DISTINCT FROM point_total.organization_id)"
        ),
        "DELETE FROM score_delta".to_owned(),
        "DELETE FROM score_count".to_owned(),
        format!(
            "INSERT INTO score_count (period, domain, level, bucket, branches) \
             SELECT period, domain, level, bucket, branches FROM ({}) AS e",
            expected()
        ),
        "DELETE FROM point_source_count".to_owned(),
        "INSERT INTO point_source_count (source_id, entries) \
         SELECT source_id, count(*) FROM point_entry GROUP BY source_id"
            .to_owned(),
    ] {
        connection
            .execute_raw(Statement::from_string(backend, sql))
            .await?;
    }
    Ok(())
}

/// How much of what ranks are read from differs from totals and branches; for `zhibu verify`.
pub async fn verify_scores(connection: &impl ConnectionTrait) -> Result<u64, StoreError> {
    let backend = connection.get_database_backend();
    let kept = "SELECT period, domain, level, bucket, sum(branches) AS branches FROM \
                (SELECT period, domain, level, bucket, branches FROM score_count UNION ALL \
                 SELECT period, domain, level, bucket, branches FROM score_delta) AS k \
                GROUP BY period, domain, level, bucket HAVING sum(branches) <> 0";
    let differences = [
        format!(
            "SELECT count(*) FROM ({kept}) AS k FULL OUTER JOIN ({}) AS e ON e.period = k.period \
             AND e.domain = k.domain AND e.level = k.level AND e.bucket = k.bucket \
             WHERE k.branches IS NULL OR e.branches IS NULL OR k.branches <> e.branches",
            expected()
        ),
        format!(
            "SELECT count(*) FROM point_total t JOIN ({PLACED}) AS p ON p.branch_id = t.branch_id \
             AND p.period = t.period WHERE t.domain IS DISTINCT FROM p.domain \
             OR t.organization_id IS DISTINCT FROM p.organization_id"
        ),
        "SELECT count(*) FROM (SELECT source_id, sum(entries) AS entries FROM point_source_count GROUP BY source_id) AS k \
         FULL OUTER JOIN (SELECT source_id, count(*) AS entries FROM point_entry GROUP BY source_id) AS e \
         ON e.source_id = k.source_id WHERE coalesce(k.entries, 0) <> coalesce(e.entries, 0)"
            .to_owned(),
    ];
    let mut sum = 0;
    for sql in differences {
        let row = connection
            .query_one_raw(Statement::from_string(backend, sql))
            .await?;
        if let Some(row) = row {
            sum += Cells::new(&row).take::<i64>()?.unsigned_abs();
        }
    }
    Ok(sum)
}
