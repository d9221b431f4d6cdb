//! Raising a rectification, whoever does: a caller, a health check, the daily job.

use chrono::NaiveDate;

use super::{
    model::{RectificationOrigin, RectificationState, Severity, StepTaken, SupportMeans},
    record::Rectification,
    step::{change, snapshot},
    store,
};
use crate::{
    audit::AuditRecord,
    campaign::Aspect,
    kernel::id::{BranchId, HealthCheckId, RectificationId},
    live::change::Action,
    storage::{StoreError, write::Write},
};

/// What is to be raised; whoever calls has checked it.
#[derive(Clone, Debug)]
pub struct Raise {
    /// Whose it is. Its row is locked.
    pub branch: BranchId,
    /// The check that found it.
    pub health_check: Option<HealthCheckId>,
    /// Who found it.
    pub origin: RectificationOrigin,
    /// What it belongs to.
    pub aspect: Aspect,
    /// The item of a template it is about.
    pub item_code: Option<String>,
    /// What is wrong.
    pub title: String,
    /// 开方: what is to be done.
    pub prescription: Option<String>,
    /// 帮扶方式
    pub support: Vec<SupportMeans>,
    /// How grave it is.
    pub severity: Severity,
    /// The day by which it is to be put right.
    pub due_on: NaiveDate,
}

impl Raise {
    /// Raises it: OPEN, with its first step, told in the audit trail and in the change log.
    pub async fn raise(self, write: &mut Write<'_>) -> Result<RectificationId, StoreError> {
        let now = write.clock().business();
        let mut row = Rectification {
            id: RectificationId(0),
            branch_id: self.branch,
            health_check_id: self.health_check,
            origin: self.origin,
            aspect: self.aspect,
            item_code: self.item_code,
            title: self.title,
            prescription: self.prescription,
            support: self.support,
            severity: self.severity,
            state: RectificationState::Open,
            raised_on: write.clock().today(),
            due_on: self.due_on,
            closed_on: None,
            next_review_on: None,
            submitted_by: None,
            version: 1,
            updated_at: now,
        };
        row.id = store::insert(write, &row).await?;
        let step = StepTaken {
            rectification_id: row.id,
            state: row.state,
            at: now,
            by: write.actor().subject.clone(),
            note: None,
        };
        store::insert_step(write, &step).await?;
        write.audit(
            AuditRecord::new("raiseRectification")
                .node(row.id)
                .after(snapshot(&row, None)),
        );
        write.change(change(Action::Created, &row, row.branch_id));
        Ok(row.id)
    }
}
