//! `extendTerm` (延期): the current term goes on, approved, for at most one year.

use chrono::NaiveDate;
use serde_json::json;

use super::{
    elect::DOCUMENT_LIMIT,
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

/// An approved extension.
#[derive(Clone, Debug)]
pub struct ExtendTerm {
    /// None where the caller's id names no branch.
    pub branch: Option<BranchId>,
    /// The version that was read.
    pub version: i32,
    /// The term's new last day.
    pub extended_to: NaiveDate,
    /// Number of the approving document.
    pub document_number: String,
}

/// Extends the current term.
pub async fn extend(write: &mut Write<'_>, grant: &Grant, input: &ExtendTerm) -> Result<BranchId, Failure> {
    let branch = locked(write, grant, input.branch, "branchId").await?;
    check_current(&branch, input.version, "branchId")?;
    let id = branch.id;
    let terms = store::terms(write.connection(), &[id]).await?.remove(&id);
    let current = terms.as_ref().and_then(|terms| terms.first());

    let mut refusals = Refusals::default();
    let term = refusals.take(branch.extend(current, input.extended_to));
    let document = refusals
        .take(text::line(&input.document_number, DOCUMENT_LIMIT).map_err(|e| e.refusal(&["documentNumber"])));
    let (term, document) = refusals.finish_with(term.zip(document))?;

    store::extend_term(write, &term, &document).await?;
    store::touch(write, &branch).await?;
    write.audit(
        AuditRecord::new("extendTerm")
            .node(id)
            .before(json!({ "termEndsOn": branch.term_ends_on, "version": branch.version }))
            .after(json!({
                "electedOn": term.elected_on, "termEndsOn": term.end(), "documentNumber": document,
                "version": branch.version + 1,
            })),
    );
    write.change(
        Change::new(Topic::Branch, Action::Updated, id)
            .version(branch.version + 1)
            .branches([id]),
    );
    Ok(id)
}
