//! Candidates for a pairing, and how they did in their latest check.

use std::collections::HashMap;

use sea_orm::{ConnectionTrait, DbBackend, Value};

use super::tally::rows;
use crate::{
    board::partners::{Candidate, Scores},
    branch::Domain,
    campaign::Aspect,
    health_check::{ItemVerdict, Scored, aspect_score},
    kernel::id::{BranchId, OrganizationId},
    storage::{StoreError, row::Cells},
};

/// The branch that partners are looked for.
#[derive(Clone, Copy, Debug)]
pub(in crate::board) struct For {
    pub branch: BranchId,
    pub domain: Domain,
    /// The nearest above it.
    pub committee: Option<OrganizationId>,
    /// It is gold: others are looked for, else gold ones.
    pub is_gold: bool,
}

/// Active branches, temporary ones left out, of its field or below its committee, that are not its partners now; nobody where it, or
/// they, may be in no other pairing.
pub(in crate::board) async fn candidates(
    connection: &impl ConnectionTrait,
    of: For,
    max_active_pairings: u32,
) -> Result<Vec<Candidate>, StoreError> {
    let active = "pairing_member m JOIN pairing p ON p.id = m.pairing_id WHERE p.state = 'ACTIVE' AND m.left_on IS NULL";
    let sql = format!(
        "SELECT b.id, b.code, b.domain FROM branch b WHERE b.status = 'ACTIVE' AND b.form <> 'TEMPORARY' AND b.id <> $1 \
         AND (b.domain = $2 OR b.organization_id IN (SELECT descendant_id FROM organization_closure WHERE ancestor_id = $3)) \
         AND b.id {} (SELECT branch_id FROM gold_title WHERE revoked_on IS NULL) \
         AND b.id NOT IN (SELECT m.branch_id FROM {active} \
           AND p.id IN (SELECT m.pairing_id FROM pairing_member m WHERE m.branch_id = $1 AND m.left_on IS NULL)) \
         AND (SELECT count(*) FROM {active} AND m.branch_id = b.id) < $4 \
         AND (SELECT count(*) FROM {active} AND m.branch_id = $1) < $4",
        if of.is_gold { "NOT IN" } else { "IN" },
    );
    let values: [Value; 4] = [
        of.branch.0.into(),
        of.domain.as_str().into(),
        // No organization has this id.
        of.committee.map_or(0, |committee| committee.0).into(),
        i64::from(max_active_pairings).into(),
    ];
    let rows = rows(connection, sql, values).await?;
    rows.iter()
        .map(|row| {
            let mut cells = Cells::new(row);
            Ok(Candidate {
                id: cells.take()?,
                code: cells.take()?,
                same_domain: cells.named("branch.domain", Domain::parse)? == of.domain,
            })
        })
        .collect()
}

/// Scores by aspect of each branch's latest check that has come to an outcome; those without one are left out.
pub(in crate::board) async fn scores(
    connection: &impl ConnectionTrait,
    branches: impl IntoIterator<Item = BranchId>,
) -> Result<HashMap<BranchId, Scores>, StoreError> {
    let ids: Vec<String> = branches.into_iter().map(|id| id.0.to_string()).collect();
    let (given, ids) = match connection.get_database_backend() {
        DbBackend::Postgres => (
            "SELECT unnest(CAST($1 AS bigint[]))",
            format!("{{{}}}", ids.join(",")),
        ),
        _ => ("SELECT value FROM json_each($1)", format!("[{}]", ids.join(","))),
    };
    // Items of one verdict are added up: scores are sums of them.
    let sql = format!(
        "SELECT h.branch_id, i.aspect, count(i.domain), r.verdict, CAST(sum(i.weight) AS bigint), \
         CAST(coalesce(sum(r.score), 0) AS bigint) FROM health_check h JOIN campaign c ON c.id = h.campaign_id \
         JOIN check_result r ON r.health_check_id = h.id \
         JOIN check_item i ON i.template_version = c.template_version AND i.code = r.item_code \
         WHERE h.branch_id IN ({given}) AND h.outcome <> 'PENDING' AND c.year = \
           (SELECT max(later.year) FROM health_check other JOIN campaign later ON later.id = other.campaign_id \
            WHERE other.branch_id = h.branch_id AND other.outcome <> 'PENDING') \
         GROUP BY h.branch_id, i.aspect, r.verdict"
    );
    let mut items: HashMap<(BranchId, Aspect), Vec<Scored>> = HashMap::new();
    for row in rows(connection, sql, [ids.into()]).await? {
        let mut cells = Cells::new(&row);
        let key = (cells.take()?, cells.named("check_item.aspect", Aspect::parse)?);
        let tailored: i64 = cells.take()?;
        let verdict = cells.named("check_result.verdict", ItemVerdict::parse)?;
        let sum = |n: i64| i32::try_from(n).unwrap_or(i32::MAX);
        items.entry(key).or_default().push(Scored {
            weight: sum(cells.take()?),
            tailored: tailored > 0,
            mandatory: false,
            verdict,
            score: sum(cells.take()?),
        });
    }
    let mut scores: HashMap<BranchId, Scores> = HashMap::new();
    for ((branch, aspect), items) in items {
        if let Some(score) = aspect_score(items.iter().copied()) {
            scores.entry(branch).or_default().insert(aspect, score);
        }
    }
    Ok(scores)
}
