//! What ranks and leaderboards cost PostgreSQL with 100,000 branches and 2 million entries, while pushes go on.

use sea_orm::{ConnectionTrait as _, DatabaseConnection, DbBackend, Statement};
use zhibu::{
    kernel::{id::BranchId, period::Period},
    points::{Among, RankAmong, ranks_statement, scored_statement},
};

use crate::{
    Failure,
    adapter::Adapter,
    connect,
    entries::Entries,
    process::{self, Server},
};

const BRANCHES: usize = 100_000;
const ENTRIES: usize = 2_000_000;
/// Committees, of 200 branches each.
const COMMITTEES: usize = 500;
/// How often each statement is explained.
const TIMES: usize = 31;
/// Milliseconds of the database's time: **target**.
const TARGET: f64 = 3.0;

/// Fills a database, lets the service count, and asks while it pushes.
pub async fn measure(url: &str) -> Result<(), Failure> {
    let data = tempfile::tempdir()?;
    process::migrate(data.path(), Some(url))?;
    let connection = connect(url, 1).await?;
    // As the service's own connections have it.
    connection
        .execute_unprepared("SET jit = off; SET plan_cache_mode = force_generic_plan")
        .await?;
    fill(&connection).await?;
    // The service counts at its start what came in by the bulk.
    let server = Server::plain_service(data.path(), Some(url)).await?;
    let token = process::token(data.path())?;
    let service = Adapter::new(&server, &token)?;
    connection.execute_unprepared("VACUUM ANALYZE").await?;
    let codes = (1..=BRANCHES).map(|n| format!("B{n:06}")).collect();
    let mut entries = Entries::new("P", codes);

    println!(
        "database time of a statement, PostgreSQL, {BRANCHES} branches, {ENTRIES} entries (EXPLAIN ANALYZE, median and most of {TIMES}):"
    );
    for busy in [false, true] {
        println!(
            "{}",
            if busy {
                "while batches of 1,000 are pushed:"
            } else {
                "at rest:"
            }
        );
        let (stop, mut stopped) = tokio::sync::oneshot::channel::<()>();
        let pushing = async {
            let mut pushed = 0;
            while busy && stopped.try_recv().is_err() {
                service.push(entries.batches(2, 1000), 1).await?;
                pushed += 2000;
            }
            Ok::<usize, Failure>(pushed)
        };
        let asking = async {
            let result = explain_all(&connection).await;
            let _ = stop.send(());
            result
        };
        let (pushed, asked) = tokio::join!(pushing, asking);
        asked?;
        if busy {
            println!("  {} entries were pushed meanwhile", pushed?);
        }
    }
    let plan = explained(&connection, rank(RankAmong::District, 50_000)).await?.1;
    println!("the plan of a rank in the district:\n{plan}");
    let plan = explained(&connection, top(Among::default())).await?.1;
    println!("the plan of the top 100:\n{plan}");
    drop(server);
    Ok(())
}

fn year() -> Period {
    Period::of_year(2022).unwrap_or_else(|| unreachable!("a year"))
}

fn rank(among: RankAmong, branch: i64) -> Statement {
    ranks_statement(DbBackend::Postgres, &[(BranchId(branch), year())], among)
}

fn top(among: Among) -> Statement {
    scored_statement(DbBackend::Postgres, year(), among, "> 0", 100)
}

async fn explain_all(connection: &DatabaseConnection) -> Result<(), Failure> {
    let rural = Among {
        domain: Some(zhibu::branch::Domain::Rural),
        ..Among::default()
    };
    let committee = Among {
        organization: Some(zhibu::kernel::id::OrganizationId(7)),
        ..Among::default()
    };
    for (what, statement) in [
        ("rank in the district", None::<Among>),
        ("rank in the field", None),
        ("rank in the organization", None),
        ("top 100 of the district", Some(Among::default())),
        ("top 100 of a field", Some(rural)),
        ("top 100 of a committee", Some(committee)),
    ] {
        let mut times = Vec::with_capacity(TIMES);
        for n in 0..TIMES {
            let statement = match statement {
                Some(among) => top(among),
                None => {
                    let among = match what {
                        "rank in the district" => RankAmong::District,
                        "rank in the field" => RankAmong::Domain,
                        _ => RankAmong::Organization,
                    };
                    rank(among, (n * 3_001 + 17) as i64)
                }
            };
            times.push(explained(connection, statement).await?.0);
        }
        times.sort_by(f64::total_cmp);
        let at = |place: usize| times.get(place).copied().unwrap_or_default();
        let (median, most) = (at(TIMES / 2), at(TIMES - 1));
        let verdict = if median < TARGET { "within" } else { "MISSED," };
        println!("  {what:<26} {median:>7.2} ms {most:>8.2} ms  {verdict} {TARGET} ms");
    }
    Ok(())
}

/// Execution time in milliseconds, and the plan.
async fn explained(connection: &DatabaseConnection, statement: Statement) -> Result<(f64, String), Failure> {
    let sql = format!("EXPLAIN (ANALYZE, BUFFERS, SUMMARY) {}", statement.sql);
    let values = statement.values.map(|values| values.0).unwrap_or_default();
    let rows = connection
        .query_all_raw(Statement::from_sql_and_values(DbBackend::Postgres, sql, values))
        .await?;
    let lines = rows
        .iter()
        .map(|row| row.try_get_by_index::<String>(0))
        .collect::<Result<Vec<_>, _>>()?;
    let time = lines.iter().find_map(|line| {
        let rest = line.trim().strip_prefix("Execution Time: ")?;
        rest.strip_suffix(" ms")?.parse().ok()
    });
    Ok((time.ok_or("no execution time")?, lines.join("\n")))
}

/// Branches, and entries of which each has its own score: two in three points are whole, months are spread.
async fn fill(connection: &DatabaseConnection) -> Result<(), Failure> {
    let domains = "(ARRAY['RURAL','COMMUNITY','GOVERNMENT','PUBLIC_INSTITUTION','STATE_OWNED','NON_PUBLIC','SOCIAL_ORG'])";
    for sql in [
        "INSERT INTO organization (id, code, name, kind, parent_id, version, updated_at) \
         VALUES (1, 'D', '区委（演示）', 'DISTRICT', NULL, 1, now())"
            .to_owned(),
        format!(
            "INSERT INTO organization (id, code, name, kind, parent_id, version, updated_at) \
             SELECT n + 1, 'C' || n, '党工委' || n, 'COMMITTEE', 1, 1, now() FROM generate_series(1, {COMMITTEES}) n"
        ),
        "INSERT INTO organization_closure (ancestor_id, descendant_id, depth) \
         SELECT id, id, 0 FROM organization UNION ALL SELECT 1, id, 1 FROM organization WHERE id > 1"
            .to_owned(),
        format!(
            "INSERT INTO branch (id, code, name, search_text, domain, form, status, organization_id, founded_on, \
             member_count, version, updated_at) SELECT n, 'B' || lpad(n::text, 6, '0'), '支部' || n, '支部' || n, \
             {domains}[1 + n % 7], 'SINGLE', 'ACTIVE', 2 + n % {COMMITTEES}, DATE '2019-01-01', 10, 1, now() \
             FROM generate_series(1, {BRANCHES}) n"
        ),
        "INSERT INTO point_source (id, code, name) VALUES (1000, 'EJIA', '党建e家（演示）')".to_owned(),
        format!(
            "CREATE UNLOGGED TABLE made AS SELECT n, 1 + (n::bigint * 7919) % {BRANCHES} AS branch_id, \
             (CASE WHEN n % 3 = 0 THEN 25 + n % 475 ELSE 100 * (1 + n % 9) END * (1 + (n * 31) % 7))::bigint AS points, \
             TIMESTAMPTZ '2022-01-01 04:00:00Z' + (n % 365) * INTERVAL '1 day' AS at \
             FROM generate_series(1, {ENTRIES}) n"
        ),
        "INSERT INTO point_event (source_id, event_id, kind, revision, branch_id, points, occurred_at) \
         SELECT 1000, 'F-' || n, 'EARN', 1, branch_id, points, at FROM made"
            .to_owned(),
        "INSERT INTO point_entry (source_id, event_id, revision, kind, branch_id, branch_code, activity, points, \
         occurred_at, received_at, content) SELECT 1000, 'F-' || n, 1, 'EARN', branch_id, 'B', 'THEME_DAY', points, at, \
         at, 'F-' || n FROM made"
            .to_owned(),
        "INSERT INTO posting (entry_id, branch_id, counted_at, amount) \
         SELECT id, branch_id, occurred_at, points FROM point_entry"
            .to_owned(),
        "INSERT INTO point_total (branch_id, period, total, event_count, domain, organization_id) \
         SELECT m.branch_id, m.period, m.total, m.events, b.domain, b.organization_id FROM \
           (SELECT branch_id, 202200 AS period, sum(points) AS total, count(*) AS events FROM made GROUP BY branch_id \
            UNION ALL SELECT branch_id, 202200 + extract(month FROM at AT TIME ZONE 'Asia/Shanghai')::int, sum(points), \
            count(*) FROM made GROUP BY 1, 2) m JOIN branch b ON b.id = m.branch_id"
            .to_owned(),
        "DROP TABLE made".to_owned(),
        "SELECT setval(pg_get_serial_sequence('organization', 'id'), 10000)".to_owned(),
        "SELECT setval(pg_get_serial_sequence('branch', 'id'), 1000000)".to_owned(),
        "SELECT setval(pg_get_serial_sequence('point_source', 'id'), 10000)".to_owned(),
        "DELETE FROM setting WHERE name = 'scores_counted'".to_owned(),
        "VACUUM ANALYZE".to_owned(),
    ] {
        connection.execute_unprepared(&sql).await?;
    }
    Ok(())
}
