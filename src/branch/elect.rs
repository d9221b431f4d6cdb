//! `recordElection` (换届): opens a new term of office.

use chrono::NaiveDate;
use serde_json::json;

use super::{
    store,
    target::{check_current, locked},
};
use crate::{
    audit::AuditRecord,
    auth::Grant,
    kernel::{id::BranchId, text},
    live::change::{Action, Change, Topic},
    storage::write::{Failure, Refusals, Write},
};

/// How many characters a document number has at most.
pub(super) const DOCUMENT_LIMIT: usize = 100;

/// An election that was held.
#[derive(Clone, Debug)]
pub struct RecordElection {
    /// None where the caller's id names no branch.
    pub branch: Option<BranchId>,
    /// The version that was read.
    pub version: i32,
    /// The day it was held.
    pub elected_on: NaiveDate,
    /// Years of the term; the domain's when left out, never more.
    pub term_years: Option<i32>,
    /// Number of the approving document.
    pub document_number: Option<String>,
}

/// Records an election; its term is on time when it was held by the (extended) end of the one before.
pub async fn elect(
    write: &mut Write<'_>,
    grant: &Grant,
    input: &RecordElection,
) -> Result<BranchId, Failure> {
    let branch = locked(write, grant, input.branch, "branchId").await?;
    check_current(&branch, input.version, "branchId")?;
    let id = branch.id;
    let terms = store::terms(write.connection(), &[id]).await?.remove(&id);
    let previous = terms.as_ref().and_then(|terms| terms.first());

    let mut refusals = Refusals::default();
    let today = write.clock().today();
    let term = refusals.take(branch.elect(previous, input.elected_on, input.term_years, today));
    let document = refusals.take(
        input
            .document_number
            .as_deref()
            .map(|number| text::line(number, DOCUMENT_LIMIT).map_err(|e| e.refusal(&["documentNumber"])))
            .transpose(),
    );
    let (term, document) = refusals.finish_with(term.zip(document))?;

    store::insert_term(write, &term, document.as_deref()).await?;
    store::touch(write, &branch).await?;
    write.audit(
        AuditRecord::new("recordElection")
            .node(id)
            .before(json!({ "termEndsOn": branch.term_ends_on, "version": branch.version }))
            .after(json!({
                "electedOn": term.elected_on, "termEndsOn": term.ends_on, "onTime": term.on_time,
                "documentNumber": document, "version": branch.version + 1,
            })),
    );
    write.change(
        Change::new(Topic::Branch, Action::Updated, id)
            .version(branch.version + 1)
            .branches([id]),
    );
    Ok(id)
}
