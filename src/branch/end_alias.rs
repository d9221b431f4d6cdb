//! `endBranchAlias`: a code stops naming a branch. What was booked under it stays where it is.

use chrono::NaiveDate;
use serde_json::json;

use super::{
    store,
    target::{check_current, locked},
};
use crate::{
    audit::AuditRecord,
    auth::Grant,
    kernel::{id::BranchId, message::Message, refusal::Refusal, text},
    live::change::{Action, Change, Topic},
    storage::write::{Failure, Refusals, Write},
};

/// An alias that is to end.
#[derive(Clone, Debug)]
pub struct EndBranchAlias {
    /// None where the caller's id names no branch.
    pub branch: Option<BranchId>,
    /// The branch's version that was read.
    pub version: i32,
    /// The alias.
    pub code: String,
    /// The source it is for; None for everybody's.
    pub source_code: Option<String>,
    /// Its last day.
    pub until: NaiveDate,
}

/// Ends an alias, of several under one code the latest.
pub async fn end_alias(
    write: &mut Write<'_>,
    grant: &Grant,
    input: &EndBranchAlias,
) -> Result<BranchId, Failure> {
    let branch = locked(write, grant, input.branch, "branchId").await?;
    check_current(&branch, input.version, "branchId")?;

    let mut refusals = Refusals::default();
    let code = refusals.take(text::code(&input.code).map_err(|e| e.refusal(&["code"])));
    let source = refusals.take(
        input
            .source_code
            .as_deref()
            .map(|source| text::code(source).map_err(|e| e.refusal(&["sourceCode"])))
            .transpose(),
    );
    let (code, source) = refusals.finish_with(code.zip(source))?;
    let before = store::latest_alias(write, branch.id, &code, source.as_deref())
        .await?
        .ok_or_else(|| Refusal::not_found(&["code"], Message::new("该别名", "alias of the branch")))?;
    let after = before.end(input.until).map_err(Refusal::from)?;

    store::end_alias(write, &after).await?;
    store::touch(write, &branch).await?;
    let told = |until: Option<NaiveDate>, version: i32| json!({ "code": code, "sourceCode": source, "until": until, "version": version });
    write.audit(
        AuditRecord::new("endBranchAlias")
            .node(branch.id)
            .before(told(before.until, branch.version))
            .after(told(after.until, branch.version + 1)),
    );
    write.change(
        Change::new(Topic::Branch, Action::Updated, branch.id)
            .version(branch.version + 1)
            .branches([branch.id]),
    );
    Ok(branch.id)
}
