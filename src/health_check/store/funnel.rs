//! How far the checks of a campaign have come.

use std::collections::HashMap;

use sea_orm::{ConnectionTrait, Statement, Value};

use crate::{
    auth::Scope,
    health_check::model::{CheckOutcome, CheckStage},
    kernel::id::OrganizationId,
    storage::{StoreError, row::Cells},
};

/// How many checks have come how far; those of branches that are active now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Funnel {
    /// All of them.
    pub eligible: i64,
    /// Their branches have handed in the self-check.
    pub self_checked: i64,
    /// Their consultation is concluded.
    pub consulted: i64,
    /// Something is being put right.
    pub rectifying: i64,
    /// They are closed.
    pub closed: i64,
    /// They came to PASS so far.
    pub passed: i64,
    /// They came to FAIL so far.
    pub failed: i64,
}

/// The stages that lie behind handing in, and behind the consultation.
const HANDED_IN: [CheckStage; 4] = [
    CheckStage::Consultation,
    CheckStage::Rectification,
    CheckStage::Recheck,
    CheckStage::Closed,
];

/// The funnels of these years' campaigns, below an organization or in the district; years without a check are left out. Everybody but
/// ADAPTER sees them (docs/domain.md, 9).
pub async fn funnels(
    connection: &impl ConnectionTrait,
    scope: &Scope,
    years: &[i32],
    organization: Option<OrganizationId>,
) -> Result<HashMap<i32, Funnel>, StoreError> {
    if years.is_empty() || !scope.sees_public() {
        return Ok(HashMap::new());
    }
    let mut values: Vec<Value> = years.iter().map(|year| (*year).into()).collect();
    let given: Vec<String> = (1..=values.len()).map(|n| format!("${n}")).collect();
    let below = organization.map_or_else(String::new, |top| {
        values.push(top.0.into());
        format!(
            " AND b.organization_id IN (SELECT descendant_id FROM organization_closure WHERE ancestor_id = ${})",
            values.len()
        )
    });
    let [_, consulted @ ..] = HANDED_IN;
    let stages = |stages: &[CheckStage]| how_many("h.stage", stages.iter().map(|stage| stage.as_str()));
    let outcome = |outcome: CheckOutcome| how_many("h.outcome", [outcome.as_str()]);
    let sql = format!(
        "SELECT c.year, count(*), {}, {}, {}, {}, {}, {} FROM health_check h \
         JOIN campaign c ON c.id = h.campaign_id JOIN branch b ON b.id = h.branch_id \
         WHERE b.status = 'ACTIVE' AND c.year IN ({}){below} GROUP BY c.year",
        stages(&HANDED_IN),
        stages(&consulted),
        stages(&[CheckStage::Rectification]),
        stages(&[CheckStage::Closed]),
        outcome(CheckOutcome::Pass),
        outcome(CheckOutcome::Fail),
        given.join(", "),
    );
    let statement = Statement::from_sql_and_values(connection.get_database_backend(), sql, values);
    let rows = connection.query_all_raw(statement).await?;
    rows.iter()
        .map(|row| {
            let mut cells = Cells::new(row);
            let year = cells.take()?;
            let funnel = Funnel {
                eligible: cells.take()?,
                self_checked: cells.take()?,
                consulted: cells.take()?,
                rectifying: cells.take()?,
                closed: cells.take()?,
                passed: cells.take()?,
                failed: cells.take()?,
            };
            Ok((year, funnel))
        })
        .collect()
}

/// How many rows have one of these names of ours in a column.
fn how_many(column: &str, names: impl IntoIterator<Item = &'static str>) -> String {
    let names: Vec<String> = names.into_iter().map(|name| format!("'{name}'")).collect();
    format!("count(CASE WHEN {column} IN ({}) THEN 1 END)", names.join(", "))
}
