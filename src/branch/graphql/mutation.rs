//! What is written of branches.

use async_graphql::{Context, ID, InputObject, MaybeUndefined, Object, SimpleObject};

use super::{
    super::{
        add_alias::{AddBranchAlias, add_alias},
        create::{CreateBranch, create},
        dissolve::{DissolveBranch, dissolve},
        elect::{RecordElection, elect},
        end_alias::{EndBranchAlias, end_alias},
        extend::{ExtendTerm, extend},
        hooks::BranchHooks,
        merge::{MergeBranch, merge},
        update::{UpdateBranch, update},
    },
    Branch, BranchForm, Domain,
};
use crate::{
    auth::Act,
    graphql::{
        caller::Caller,
        error::ApiError,
        payload::{UserError, mutate},
        scalars::Date,
    },
    kernel::id::{BranchId, NodeId as _, OrganizationId},
};

/// 新建支部 · A new branch.
#[derive(InputObject)]
pub struct CreateBranchInput {
    /// 支部代码 · Its code; no other branch holds it at one time, as its own or as an alias.
    code: String,
    /// 名称 · Its name, at most 200 characters.
    name: String,
    /// 领域 · Its field.
    domain: Domain,
    /// 组建形式 · How it is set up.
    #[graphql(default_with = "BranchForm::Single")]
    form: BranchForm,
    /// 隶属组织 · The committee or general branch directly above.
    organization_id: ID,
    /// 成立日期 · The day it was founded; today or earlier.
    founded_on: Date,
    /// 党员人数 · Full members; a SINGLE branch needs at least 3.
    member_count: i32,
    /// 办公电话 · Office line; no mobile number.
    contact_phone: Option<String>,
    /// 首次选举日期 · The day of its first election; not for a TEMPORARY branch.
    elected_on: Option<Date>,
}

/// 修改支部 · What changes of a branch; what is left out stays. A branch officer gives memberCount and contactPhone only.
#[derive(InputObject)]
pub struct UpdateBranchInput {
    /// 支部 · Which one.
    id: ID,
    /// 所据版本 · The version that was read.
    version: i32,
    /// 新名称 · Its new name.
    name: Option<String>,
    /// 新领域 · Its new field.
    domain: Option<Domain>,
    /// 新的隶属组织 · The committee or general branch it moves to.
    organization_id: Option<ID>,
    /// 党员人数 · Full members.
    member_count: Option<i32>,
    /// 办公电话 · Office line; null takes it out.
    contact_phone: MaybeUndefined<String>,
    /// 调整生效日期 · Of a move: today or earlier; today when left out.
    effective_on: Option<Date>,
}

/// 换届 · An election that was held.
#[derive(InputObject)]
pub struct RecordElectionInput {
    /// 支部 · Which one.
    branch_id: ID,
    /// 所据版本 · The version of the branch that was read.
    version: i32,
    /// 换届日期 · The day it was held; after the election before, today or earlier.
    elected_on: Date,
    /// 任期年数 · Years of the term; the domain's when left out, never more.
    term_years: Option<i32>,
    /// 批复文号 · Number of the approving document.
    document_number: Option<String>,
}

/// 延期换届 · An approved extension of the current term.
#[derive(InputObject)]
pub struct ExtendTermInput {
    /// 支部 · Which one.
    branch_id: ID,
    /// 所据版本 · The version of the branch that was read.
    version: i32,
    /// 延期至 · The term's new last day; at most one year beyond the regular one.
    extended_to: Date,
    /// 批复文号 · Number of the approving document.
    document_number: String,
}

/// 合并支部 · A branch that goes on in another.
#[derive(InputObject)]
pub struct MergeBranchInput {
    /// 被合并支部 · The branch that ends.
    id: ID,
    /// 所据版本 · Its version that was read.
    version: i32,
    /// 并入支部 · Its successor, which answers for its code from then on.
    into_branch_id: ID,
    /// 生效日期 · The day it takes effect: today or earlier.
    effective_on: Date,
    /// 事由 · Why.
    reason: String,
}

/// 撤销支部 · A branch that ends without a successor.
#[derive(InputObject)]
pub struct DissolveBranchInput {
    /// 支部 · Which one.
    id: ID,
    /// 所据版本 · The version that was read.
    version: i32,
    /// 生效日期 · The day it takes effect: today or earlier.
    effective_on: Date,
    /// 事由 · Why.
    reason: String,
}

/// 新增别名 · Another code of a branch.
#[derive(InputObject)]
pub struct AddBranchAliasInput {
    /// 支部 · Which one.
    branch_id: ID,
    /// 代码 · The code; no branch holds it at that time.
    code: String,
    /// 来源代码 · The point source that knows the branch by it; everybody when left out.
    source_code: Option<String>,
    /// 启用日期 · The first day it is valid.
    since: Date,
    /// 截止日期 · The last day it is valid.
    until: Option<Date>,
}

/// 停用别名 · The last day of an alias.
#[derive(InputObject)]
pub struct EndBranchAliasInput {
    /// 支部 · Which one.
    branch_id: ID,
    /// 所据版本 · The version of the branch that was read.
    version: i32,
    /// 代码 · The alias.
    code: String,
    /// 来源代码 · The point source it is for; everybody's when left out.
    source_code: Option<String>,
    /// 截止日期 · Its last day.
    until: Date,
}

/// 支部变更结果 · The branch that was written, or why nothing was.
#[derive(SimpleObject)]
pub struct BranchPayload {
    /// 支部 · As it stands now.
    branch: Option<Branch>,
    /// 拒绝原因 · Why nothing was written; empty when something was.
    user_errors: Vec<UserError>,
}

/// Mutations on branches.
#[derive(Default)]
pub struct BranchMutation;

#[Object]
impl BranchMutation {
    /// 新建支部 · Founds a branch (committees in their subtree, the district).
    async fn create_branch(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "新支部 · What is to be founded.")] input: CreateBranchInput,
    ) -> Result<BranchPayload, ApiError> {
        let input = CreateBranch {
            code: input.code,
            name: input.name,
            domain: input.domain.into(),
            form: input.form.into(),
            organization: OrganizationId::from_global(&input.organization_id),
            founded_on: input.founded_on.0,
            member_count: input.member_count,
            contact_phone: input.contact_phone,
            elected_on: input.elected_on.map(|day| day.0),
            hooks: hooks(ctx),
        };
        let written = mutate(ctx, Act::CreateBranch, input, |w, i| {
            Box::pin(create(w, &i.grant, &i.input))
        });
        payload(ctx, written.await?).await
    }

    /// 修改支部 · Changes or moves a branch (committees, the district; a branch its member count and office line).
    async fn update_branch(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "改动 · What changes.")] input: UpdateBranchInput,
    ) -> Result<BranchPayload, ApiError> {
        let input = UpdateBranch {
            id: BranchId::from_global(&input.id),
            version: input.version,
            name: input.name,
            domain: input.domain.map(Into::into),
            organization: input.organization_id.map(|id| OrganizationId::from_global(&id)),
            member_count: input.member_count,
            contact_phone: match input.contact_phone {
                MaybeUndefined::Undefined => None,
                MaybeUndefined::Null => Some(None),
                MaybeUndefined::Value(line) => Some(Some(line)),
            },
            effective_on: input.effective_on.map(|day| day.0),
            hooks: hooks(ctx),
        };
        let written = mutate(ctx, Act::UpdateBranch, input, |w, i| {
            Box::pin(update(w, &i.grant, &i.input))
        });
        payload(ctx, written.await?).await
    }

    /// 换届 · Records an election, which opens a term (committees, the district).
    async fn record_election(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "换届 · What was held.")] input: RecordElectionInput,
    ) -> Result<BranchPayload, ApiError> {
        let input = RecordElection {
            branch: BranchId::from_global(&input.branch_id),
            version: input.version,
            elected_on: input.elected_on.0,
            term_years: input.term_years,
            document_number: input.document_number,
        };
        let written = mutate(ctx, Act::RecordElection, input, |w, i| {
            Box::pin(elect(w, &i.grant, &i.input))
        });
        payload(ctx, written.await?).await
    }

    /// 延期 · Extends the current term by at most one year, approved (committees, the district).
    async fn extend_term(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "延期 · What was approved.")] input: ExtendTermInput,
    ) -> Result<BranchPayload, ApiError> {
        let input = ExtendTerm {
            branch: BranchId::from_global(&input.branch_id),
            version: input.version,
            extended_to: input.extended_to.0,
            document_number: input.document_number,
        };
        let written = mutate(ctx, Act::ExtendTerm, input, |w, i| {
            Box::pin(extend(w, &i.grant, &i.input))
        });
        payload(ctx, written.await?).await
    }

    /// 合并支部 · Merges a branch into another (the district); the payload carries the merged one, with its successor.
    async fn merge_branch(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "合并 · What was decided.")] input: MergeBranchInput,
    ) -> Result<BranchPayload, ApiError> {
        let input = MergeBranch {
            id: BranchId::from_global(&input.id),
            version: input.version,
            into: BranchId::from_global(&input.into_branch_id),
            effective_on: input.effective_on.0,
            reason: input.reason,
            hooks: hooks(ctx),
        };
        let written = mutate(ctx, Act::MergeBranch, input, |w, i| {
            Box::pin(merge(w, &i.grant, &i.input))
        });
        payload(ctx, written.await?).await
    }

    /// 撤销支部 · Dissolves a branch (the district).
    async fn dissolve_branch(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "撤销 · What was decided.")] input: DissolveBranchInput,
    ) -> Result<BranchPayload, ApiError> {
        let input = DissolveBranch {
            id: BranchId::from_global(&input.id),
            version: input.version,
            effective_on: input.effective_on.0,
            reason: input.reason,
            hooks: hooks(ctx),
        };
        let written = mutate(ctx, Act::DissolveBranch, input, |w, i| {
            Box::pin(dissolve(w, &i.grant, &i.input))
        });
        payload(ctx, written.await?).await
    }

    /// 新增别名 · Adds a code by which a branch is known (committees, the district).
    async fn add_branch_alias(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "别名 · What is to be added.")] input: AddBranchAliasInput,
    ) -> Result<BranchPayload, ApiError> {
        let input = AddBranchAlias {
            branch: BranchId::from_global(&input.branch_id),
            code: input.code,
            source_code: input.source_code,
            since: input.since.0,
            until: input.until.map(|day| day.0),
            hooks: hooks(ctx),
        };
        let written = mutate(ctx, Act::AddBranchAlias, input, |w, i| {
            Box::pin(add_alias(w, &i.grant, &i.input))
        });
        payload(ctx, written.await?).await
    }

    /// 停用别名 · Ends an alias; what was booked under it stays (committees, the district).
    async fn end_branch_alias(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "别名 · What is to end.")] input: EndBranchAliasInput,
    ) -> Result<BranchPayload, ApiError> {
        let input = EndBranchAlias {
            branch: BranchId::from_global(&input.branch_id),
            version: input.version,
            code: input.code,
            source_code: input.source_code,
            until: input.until.0,
        };
        let written = mutate(ctx, Act::EndBranchAlias, input, |w, i| {
            Box::pin(end_alias(w, &i.grant, &i.input))
        });
        payload(ctx, written.await?).await
    }
}

/// What slices above want done with what happens to a branch.
fn hooks(ctx: &Context<'_>) -> BranchHooks {
    ctx.data_opt::<BranchHooks>().cloned().unwrap_or_default()
}

async fn payload(
    ctx: &Context<'_>,
    (id, user_errors): (Option<BranchId>, Vec<UserError>),
) -> Result<BranchPayload, ApiError> {
    let branch = match id {
        Some(id) => Branch::load(Caller::of(ctx)?, id).await?,
        None => None,
    };
    Ok(BranchPayload { branch, user_errors })
}
