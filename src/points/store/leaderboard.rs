//! The branches with the most points.

use sea_orm::{ConnectionTrait, DbBackend, Statement, Value};

use crate::{
    branch::Domain,
    kernel::{
        id::{BranchId, OrganizationId},
        period::Period,
        points::Points,
    },
    storage::{StoreError, row::Cells},
};

/// Whose branches are compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Among {
    /// Those below this organization; the district's where none is named.
    pub organization: Option<OrganizationId>,
    /// Those of this field.
    pub domain: Option<Domain>,
}

/// A branch with its points, in the order of the list.
pub(in crate::points) type Listed = (BranchId, Points);

/// The branches with the most points in a period, at most `limit`, those with as many by key. Read in three stretches, each
/// from an index: those above zero, those who have none, those below.
pub(in crate::points) async fn leaderboard(
    connection: &impl ConnectionTrait,
    period: Period,
    among: Among,
    limit: u64,
) -> Result<Vec<Listed>, StoreError> {
    let mut listed = scored(connection, period, among, "> 0", limit).await?;
    if (listed.len() as u64) < limit {
        let rest = limit - listed.len() as u64;
        listed.extend(without(connection, period, among, rest).await?);
    }
    if (listed.len() as u64) < limit {
        let rest = limit - listed.len() as u64;
        listed.extend(scored(connection, period, among, "< 0", rest).await?);
    }
    Ok(listed)
}

/// How many take part below an organization.
pub(in crate::points) async fn participants_below(
    connection: &impl ConnectionTrait,
    organization: OrganizationId,
    domain: Option<Domain>,
) -> Result<i64, StoreError> {
    let mut query = Query::default();
    let below = query.below(organization);
    let of_domain = query.of_domain("b.domain", domain);
    let sql = format!(
        "SELECT count(*) FROM branch b WHERE b.organization_id IN {below} AND b.status = 'ACTIVE' \
         AND b.form <> 'TEMPORARY'{of_domain}"
    );
    match connection
        .query_one_raw(query.statement(connection.get_database_backend(), sql))
        .await?
    {
        Some(row) => Cells::new(&row).take(),
        None => Ok(0),
    }
}

async fn scored(
    connection: &impl ConnectionTrait,
    period: Period,
    among: Among,
    sign: &str,
    limit: u64,
) -> Result<Vec<Listed>, StoreError> {
    let statement = scored_statement(connection.get_database_backend(), period, among, sign, limit);
    listed(connection, statement).await
}

/// The statement that reads a list's stretch of totals of a sign, `> 0` or `< 0`; public so that a benchmark can have the
/// database explain it.
pub fn scored_statement(
    backend: DbBackend,
    period: Period,
    among: Among,
    sign: &str,
    limit: u64,
) -> Statement {
    let mut query = Query::default();
    let number = query.bind(period.number().into());
    let below = match among.organization {
        Some(organization) => format!(" AND t.organization_id IN {}", query.below(organization)),
        None => String::new(),
    };
    let of_domain = query.of_domain("t.domain", among.domain);
    let sql = format!(
        "SELECT t.branch_id, t.total FROM point_total t WHERE t.period = {number} AND t.domain IS NOT NULL \
         AND t.organization_id IS NOT NULL AND t.total {sign}{below}{of_domain} \
         ORDER BY t.total DESC, t.branch_id LIMIT {limit}"
    );
    query.statement(backend, sql)
}

async fn without(
    connection: &impl ConnectionTrait,
    period: Period,
    among: Among,
    limit: u64,
) -> Result<Vec<Listed>, StoreError> {
    let mut query = Query::default();
    let number = query.bind(period.number().into());
    let below = match among.organization {
        Some(organization) => format!(" AND b.organization_id IN {}", query.below(organization)),
        None => String::new(),
    };
    let of_domain = query.of_domain("b.domain", among.domain);
    let sql = format!(
        "SELECT b.id, CAST(0 AS bigint) FROM branch b WHERE b.status = 'ACTIVE' AND b.form <> 'TEMPORARY'{below}{of_domain} \
         AND NOT EXISTS (SELECT 1 FROM point_total t WHERE t.branch_id = b.id AND t.period = {number} AND t.total <> 0) \
         ORDER BY b.id LIMIT {limit}"
    );
    let statement = query.statement(connection.get_database_backend(), sql);
    listed(connection, statement).await
}

/// A statement's parameters, in their order.
#[derive(Default)]
struct Query {
    values: Vec<Value>,
}

impl Query {
    fn bind(&mut self, value: Value) -> String {
        self.values.push(value);
        format!("${}", self.values.len())
    }

    fn below(&mut self, organization: OrganizationId) -> String {
        let top = self.bind(organization.0.into());
        format!("(SELECT descendant_id FROM organization_closure WHERE ancestor_id = {top})")
    }

    fn of_domain(&mut self, column: &str, domain: Option<Domain>) -> String {
        match domain {
            Some(domain) => format!(" AND {column} = {}", self.bind(domain.as_str().into())),
            None => String::new(),
        }
    }

    fn statement(self, backend: DbBackend, sql: String) -> Statement {
        Statement::from_sql_and_values(backend, sql, self.values)
    }
}

async fn listed(connection: &impl ConnectionTrait, statement: Statement) -> Result<Vec<Listed>, StoreError> {
    let rows = connection.query_all_raw(statement).await?;
    rows.iter()
        .map(|row| {
            let mut cells = Cells::new(row);
            Ok((cells.take()?, Points::from_hundredths(cells.take()?)))
        })
        .collect()
}
