//! The same rows by hand: a loop of multi-row inserts that looks nothing up, judges nothing and keeps no ranks.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use sea_orm::{
    ConnectionTrait, DatabaseConnection, DbBackend, Statement, TransactionTrait as _, Value,
    prelude::DateTimeUtc,
};

use crate::{Failure, connect, entries::Entry};

/// A database that holds the demonstration, written to by hand.
pub struct ByHand {
    connection: DatabaseConnection,
    branches: Vec<(i64, String)>,
    source: i64,
}

impl ByHand {
    /// Connects as the service does: one writer on SQLite, ten connections on PostgreSQL.
    pub async fn open(url: &str) -> Result<Self, Failure> {
        let sqlite = url.starts_with("sqlite");
        let connection = connect(url, if sqlite { 1 } else { 10 }).await?;
        let backend = connection.get_database_backend();
        if sqlite {
            connection.execute_unprepared("PRAGMA synchronous = FULL").await?;
        }
        // Those that were there all the year: nobody has the others' codes before.
        let sql =
            "SELECT id, code FROM branch WHERE status = 'ACTIVE' AND founded_on < '2022-01-01' ORDER BY id";
        let rows = connection
            .query_all_raw(Statement::from_string(backend, sql))
            .await?;
        let branches = rows
            .iter()
            .map(|row| Ok((row.try_get_by_index(0)?, row.try_get_by_index(1)?)))
            .collect::<Result<_, sea_orm::DbErr>>()?;
        let sql = "SELECT id FROM point_source WHERE code = 'EJIA'";
        let source = connection
            .query_one_raw(Statement::from_string(backend, sql))
            .await?
            .ok_or("no source")?
            .try_get_by_index(0)?;
        Ok(Self {
            connection,
            branches,
            source,
        })
    }

    /// The branches' codes.
    pub fn codes(&self) -> Vec<String> {
        self.branches.iter().map(|(_, code)| code.clone()).collect()
    }

    /// Writes batches, each in a transaction of its own, so many at once; how long it took until all were durable.
    pub async fn insert(&self, batches: Vec<Vec<Entry>>, callers: usize) -> Result<Duration, Failure> {
        let batches = Arc::new(batches);
        let next = Arc::new(AtomicUsize::new(0));
        let ids: Arc<Vec<i64>> = Arc::new(self.branches.iter().map(|(id, _)| *id).collect());
        let started = Instant::now();
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..callers {
            let (batches, next, ids) = (batches.clone(), next.clone(), ids.clone());
            let (connection, source) = (self.connection.clone(), self.source);
            tasks.spawn(async move {
                while let Some(batch) = batches.get(next.fetch_add(1, Ordering::Relaxed)) {
                    insert(&connection, source, &ids, batch).await?;
                }
                Ok::<_, Failure>(())
            });
        }
        while let Some(ended) = tasks.join_next().await {
            ended??;
        }
        Ok(started.elapsed())
    }
}

/// One statement a table, however many rows.
async fn rows(
    connection: &impl ConnectionTrait,
    table: &str,
    columns: &[&str],
    rows: Vec<Vec<Value>>,
    rest: &str,
) -> Result<Vec<sea_orm::QueryResult>, Failure> {
    let mut sql = format!("INSERT INTO {table} ({}) VALUES ", columns.join(", "));
    let mut values = Vec::with_capacity(rows.len() * columns.len());
    for (n, row) in rows.into_iter().enumerate() {
        let first = values.len();
        values.extend(row);
        // A parameter with a name or a number of its own is looked up among all of them on SQLite.
        let place = |at| match connection.get_database_backend() {
            DbBackend::Sqlite => "?".to_owned(),
            _ => format!("${at}"),
        };
        let places: Vec<String> = (first + 1..=values.len()).map(place).collect();
        sql.push_str(if n > 0 { ", (" } else { "(" });
        sql.push_str(&places.join(", "));
        sql.push(')');
    }
    sql.push_str(rest);
    let statement = Statement::from_sql_and_values(connection.get_database_backend(), sql, values);
    Ok(connection.query_all_raw(statement).await?)
}

async fn insert(
    connection: &DatabaseConnection,
    source: i64,
    ids: &[i64],
    batch: &[Entry],
) -> Result<(), Failure> {
    let transaction = connection.begin().await?;
    let now: DateTimeUtc = "2022-12-31T04:00:00Z".parse()?;
    let branch = |entry: &Entry| ids.get(entry.branch).copied().unwrap_or_default();
    let at = |entry: &Entry| entry.occurred_at().parse::<DateTimeUtc>().unwrap_or(now);
    let none = || Value::from(None::<String>);

    let events = batch.iter().map(|entry| {
        vec![
            source.into(),
            entry.event_id.clone().into(),
            "EARN".into(),
            1.into(),
            branch(entry).into(),
            entry.points.into(),
            at(entry).into(),
        ]
    });
    let columns = [
        "source_id",
        "event_id",
        "kind",
        "revision",
        "branch_id",
        "points",
        "occurred_at",
    ];
    rows(&transaction, "point_event", &columns, events.collect(), "").await?;

    let entries = batch.iter().map(|entry| {
        vec![
            source.into(),
            entry.event_id.clone().into(),
            1.into(),
            "EARN".into(),
            branch(entry).into(),
            entry.code.clone().into(),
            "THEME_DAY".into(),
            entry.points.into(),
            at(entry).into(),
            now.into(),
            none(),
            none(),
            "a digest of forty-three characters, as ours".into(),
        ]
    });
    let columns = [
        "source_id",
        "event_id",
        "revision",
        "kind",
        "branch_id",
        "branch_code",
        "activity",
        "points",
        "occurred_at",
        "received_at",
        "refers_to",
        "note",
        "content",
    ];
    let returned = rows(
        &transaction,
        "point_entry",
        &columns,
        entries.collect(),
        " RETURNING id, event_id",
    )
    .await?;
    let mut keys: HashMap<String, i64> = HashMap::with_capacity(batch.len());
    for row in &returned {
        keys.insert(row.try_get_by_index(1)?, row.try_get_by_index(0)?);
    }

    let postings = batch.iter().map(|entry| {
        vec![
            keys.get(&entry.event_id).copied().unwrap_or_default().into(),
            branch(entry).into(),
            at(entry).into(),
            entry.points.into(),
        ]
    });
    let columns = ["entry_id", "branch_id", "counted_at", "amount"];
    rows(&transaction, "posting", &columns, postings.collect(), "").await?;

    let mut sums: BTreeMap<(i64, i32), (i64, i64)> = BTreeMap::new();
    for entry in batch {
        for period in [202_200, 202_200 + entry.month.cast_signed()] {
            let sum = sums.entry((branch(entry), period)).or_default();
            *sum = (sum.0 + entry.points, sum.1 + 1);
        }
    }
    let totals = sums
        .iter()
        .map(|((branch, period), (total, events))| {
            vec![
                (*branch).into(),
                (*period).into(),
                (*total).into(),
                (*events).into(),
            ]
        })
        .collect();
    rows(
        &transaction,
        "point_total",
        &["branch_id", "period", "total", "event_count"],
        totals,
        " ON CONFLICT (branch_id, period) DO UPDATE SET total = point_total.total + excluded.total, \
         event_count = point_total.event_count + excluded.event_count",
    )
    .await?;

    let moved: BTreeSet<i64> = sums.keys().map(|(branch, _)| *branch).collect();
    let changes = moved.into_iter().map(|branch| {
        vec![
            1_i64.into(),
            now.into(),
            "POINTS".into(),
            "UPDATED".into(),
            "Branch".into(),
            branch.into(),
            format!(",{branch},").into(),
            ",1,2,".into(),
            match connection.get_database_backend() {
                DbBackend::Sqlite => 1.into(),
                _ => true.into(),
            },
        ]
    });
    let columns = [
        "incarnation",
        "at",
        "topic",
        "action",
        "node_type",
        "node_id",
        "branch_ids",
        "organization_ids",
        "public",
    ];
    rows(&transaction, "change_log", &columns, changes.collect(), "").await?;
    let audit = vec![now.into(), "by hand".into(), "pushPoints".into(), "1".into()];
    rows(
        &transaction,
        "audit_entry",
        &["at", "subject", "action", "request_id"],
        vec![audit],
        "",
    )
    .await?;
    transaction.commit().await?;
    Ok(())
}
