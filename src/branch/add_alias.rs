//! `addBranchAlias`: another code by which a branch is known, to everybody or to one point source.

use chrono::NaiveDate;
use serde_json::json;

use super::{
    hooks::{BranchCoded, BranchHooks},
    model::{Alias, BranchError},
    store,
    target::locked,
};
use crate::{
    audit::AuditRecord,
    auth::Grant,
    kernel::{id::BranchId, refusal::Refusal, text},
    live::change::{Action, Change, Topic},
    storage::write::{Failure, Refusals, Write},
};

/// An alias that is to be.
#[derive(Clone, Debug)]
pub struct AddBranchAlias {
    /// None where the caller's id names no branch.
    pub branch: Option<BranchId>,
    /// The code as it was given.
    pub code: String,
    /// The source that knows the branch by it; None for everybody.
    pub source_code: Option<String>,
    /// The first day it is valid.
    pub since: NaiveDate,
    /// The last day it is valid.
    pub until: Option<NaiveDate>,
    /// What is to run in the same transaction.
    pub hooks: BranchHooks,
}

/// Adds an alias, where no branch holds the code at that time.
pub async fn add_alias(
    write: &mut Write<'_>,
    grant: &Grant,
    input: &AddBranchAlias,
) -> Result<BranchId, Failure> {
    let branch = locked(write, grant, input.branch, "branchId").await?;
    branch.check_active("branchId").map_err(Refusal::from)?;

    let mut refusals = Refusals::default();
    let code = refusals.take(text::code(&input.code).map_err(|e| e.refusal(&["code"])));
    let source_code = refusals.take(
        input
            .source_code
            .as_deref()
            .map(|source| text::code(source).map_err(|e| e.refusal(&["sourceCode"])))
            .transpose(),
    );
    let alias = Alias {
        branch_id: branch.id,
        code: code.unwrap_or_default(),
        source_code: source_code.flatten(),
        since: input.since,
        until: input.until,
    };
    refusals.take(alias.check_days());
    refusals.finish()?;

    // Two calls at once would both find the code free.
    write.lock("branch_code", &alias.code).await?;
    if store::holder(write, &alias.code, &alias.holding())
        .await?
        .is_some()
    {
        return Err(Refusal::from(BranchError::CodeTaken(alias.code)).into());
    }
    store::add_alias(write, &alias).await?;
    store::touch(write, &branch).await?;
    let coded = BranchCoded {
        branch: branch.id,
        code: alias.code.clone(),
        source_code: alias.source_code.clone(),
    };
    input.hooks.coded(write, &coded).await?;
    write.audit(AuditRecord::new("addBranchAlias").node(branch.id).after(json!({
        "code": alias.code, "sourceCode": alias.source_code, "since": alias.since, "until": alias.until,
        "version": branch.version + 1,
    })));
    write.change(
        Change::new(Topic::Branch, Action::Updated, branch.id)
            .version(branch.version + 1)
            .branches([branch.id]),
    );
    Ok(branch.id)
}
