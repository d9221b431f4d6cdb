//! What the published figures are compared with.

use std::collections::{BTreeMap, HashMap};

use sea_orm::{ConnectionTrait, Value};

use super::tally::rows;
use crate::{
    auth::Scope,
    board::{figures::Counts, tally::Span},
    storage::{StoreError, row::Cells},
};

/// What the records of a span add up to; nothing for those who see no branches. Six statements.
pub(in crate::board) async fn computed(
    connection: &impl ConnectionTrait,
    scope: &Scope,
    span: Span,
) -> Result<HashMap<Counts, i64>, StoreError> {
    let mut found = HashMap::new();
    if !scope.sees_public() {
        return Ok(found);
    }
    let within = || -> [Value; 2] { [span.from.into(), span.to.into()] };
    let regular = "b.form <> 'TEMPORARY' AND b.founded_on BETWEEN $1 AND $2";
    let temporary = "b.form = 'TEMPORARY' AND b.founded_on BETWEEN $1 AND $2";
    let gold = "b.id IN (SELECT branch_id FROM gold_title WHERE revoked_on IS NULL)";
    let branches = format!(
        "SELECT count(*), count(CASE WHEN {regular} THEN 1 END), count(CASE WHEN {temporary} THEN 1 END), \
         count(CASE WHEN {gold} THEN 1 END) FROM branch b WHERE b.status = 'ACTIVE'"
    );
    let keys = [
        Counts::Branches,
        Counts::Founded,
        Counts::TemporaryFounded,
        Counts::GoldBranches,
    ];
    found.extend(
        keys.into_iter()
            .zip(numbers(connection, branches, within(), 4).await?),
    );

    let elections = "SELECT count(*) FROM branch_term t JOIN branch b ON b.id = t.branch_id WHERE b.status = 'ACTIVE' \
         AND b.domain IN ('GOVERNMENT', 'PUBLIC_INSTITUTION', 'STATE_OWNED', 'NON_PUBLIC') \
         AND t.on_time AND t.elected_on BETWEEN $1 AND $2";
    let bases = "SELECT count(*) FROM site WHERE kind = 'TRAINING_BASE' AND upgraded_on BETWEEN $1 AND $2";
    let trained = "SELECT count(DISTINCT p.participant) FROM training_participant p \
         JOIN training_record r ON r.id = p.training_record_id \
         WHERE r.audience IN ('SECRETARY', 'PARTY_WORKER') AND r.held_on BETWEEN $1 AND $2";
    let several = format!("SELECT ({elections}), ({bases}), ({trained})");
    let keys = [Counts::ElectedOnTime, Counts::TrainingBases, Counts::Trained];
    found.extend(
        keys.into_iter()
            .zip(numbers(connection, several, within(), 3).await?),
    );

    let inspected = "SELECT count(DISTINCT aspect), count(*) FROM rectification WHERE origin = 'INSPECTION' \
         AND raised_on BETWEEN $1 AND $2"
        .to_owned();
    let keys = [Counts::InspectionAspects, Counts::InspectionFindings];
    let year = [span.new_year().into(), span.to.into()];
    found.extend(
        keys.into_iter()
            .zip(numbers(connection, inspected, year, 2).await?),
    );

    head_counts(connection, span, &mut found).await?;
    template(connection, span, &mut found).await?;
    Ok(found)
}

/// The numbers of the only row that a statement gives.
async fn numbers(
    connection: &impl ConnectionTrait,
    sql: String,
    values: impl IntoIterator<Item = Value>,
    how_many: usize,
) -> Result<Vec<i64>, StoreError> {
    let rows = rows(connection, sql, values).await?;
    let Some(row) = rows.first() else {
        return Ok(vec![0; how_many]);
    };
    let mut cells = Cells::new(row);
    (0..how_many).map(|_| cells.take()).collect()
}

/// The latest count of each organization and kind at the end of the span.
async fn head_counts(
    connection: &impl ConnectionTrait,
    span: Span,
    found: &mut HashMap<Counts, i64>,
) -> Result<(), StoreError> {
    let sql =
        "SELECT h.kind, CAST(sum(h.count) AS bigint) FROM headcount h WHERE h.as_of <= $1 AND NOT EXISTS \
         (SELECT 1 FROM headcount n WHERE n.organization_id = h.organization_id AND n.kind = h.kind \
          AND n.as_of <= $1 AND n.as_of > h.as_of) GROUP BY h.kind"
            .to_owned();
    for row in rows(connection, sql, [span.to.into()]).await? {
        let mut cells = Cells::new(&row);
        let kind: String = cells.take()?;
        let key = match kind.as_str() {
            "TWO_COMMITTEES" => Counts::TwoCommittees,
            "RISING_STAR" => Counts::RisingStars,
            "RURAL_WORKER" => Counts::RuralWorkers,
            "NON_PUBLIC_INSTRUCTOR" => Counts::NonPublicInstructors,
            "ASSIGNED_OFFICIAL" => Counts::AssignedOfficials,
            "VOLUNTEER" => Counts::Volunteers,
            _ => continue,
        };
        found.insert(key, cells.take()?);
    }
    Ok(())
}

/// What the template of the year's campaign is made of.
async fn template(
    connection: &impl ConnectionTrait,
    span: Span,
    found: &mut HashMap<Counts, i64>,
) -> Result<(), StoreError> {
    let sql = "SELECT i.domain, count(DISTINCT i.aspect), count(*) FROM check_item i \
         JOIN campaign c ON c.template_version = i.template_version WHERE c.year = $1 GROUP BY i.domain"
        .to_owned();
    let mut tailored: BTreeMap<String, i64> = BTreeMap::new();
    for row in rows(connection, sql, [span.year.into()]).await? {
        let mut cells = Cells::new(&row);
        let domain: Option<String> = cells.optional()?;
        let (aspects, items) = (cells.take()?, cells.take()?);
        match domain {
            Some(domain) => {
                tailored.insert(domain, items);
            }
            None => {
                found.insert(Counts::CheckAspects, aspects);
                found.insert(Counts::CheckItems, items);
            }
        }
    }
    // Each field has as many: publishing a template checks it.
    found.insert(
        Counts::TailoredItems,
        tailored.into_values().min().unwrap_or_default(),
    );
    Ok(())
}
