//! Whether what is stored of scores is what the verdicts give (`zhibu verify`).

use entity::health_check;
use sea_orm::{
    ColumnTrait as _, ConnectionTrait, EntityTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _,
};

use super::results;
use crate::{
    health_check::{
        model::{CheckOutcome, CheckStage},
        record::{HealthCheck, judge, scores},
    },
    kernel::{id::HealthCheckId, rules::Rules},
    rectification,
    storage::{StoreError, row},
};

/// Checks read at a time.
const CHUNK: u64 = 500;

/// How many checks do not stand as their verdicts say: the scores of any, and the outcome of those that are judged and may still
/// change. What a closed one came to was frozen, under the numbers and with the open problems of its day.
pub async fn verify_scores(connection: &impl ConnectionTrait, rules: &Rules) -> Result<u64, StoreError> {
    let mut different = 0;
    let mut after = HealthCheckId(0);
    loop {
        let selection = health_check::Entity::find()
            .filter(health_check::Column::Id.gt(after))
            .order_by_asc(health_check::Column::Id)
            .limit(CHUNK);
        let checks: Vec<HealthCheck> = row::all(connection, selection).await?;
        let Some(last) = checks.last() else {
            return Ok(different);
        };
        after = last.id;
        let ids: Vec<_> = checks.iter().map(|check| (check.id, check.campaign_id)).collect();
        let results = results(connection, &ids).await?;
        let judged: Vec<HealthCheckId> = checks
            .iter()
            .filter(|check| check.stage.is_judged())
            .map(|check| check.id)
            .collect();
        let majors = rectification::with_open_majors(connection, &judged).await?;
        for check in &checks {
            let results = results.get(&check.id).map_or(&[][..], Vec::as_slice);
            let mut agrees = scores(results) == (check.regular_score, check.tailored_score);
            if check.stage.is_judged() {
                agrees &= check.outcome == judge(results, rules, majors.contains(&check.id));
            }
            // Judged or not is for the stage to say; a branch that ended may leave one that never was.
            agrees &= check.stage.is_judged()
                || check.stage == CheckStage::Closed
                || check.outcome == CheckOutcome::Pending;
            different += u64::from(!agrees);
        }
    }
}
