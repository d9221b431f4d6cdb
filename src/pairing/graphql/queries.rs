//! Lists of pairings.

use async_graphql::{Context, ID, InputObject, Object};

use super::{Pairing, PairingBasis, PairingForm, PairingState, states_or_public};
use crate::{
    graphql::{
        caller::Caller,
        connection::{Connection, page_args},
        error::ApiError,
        inputs::each_once,
    },
    kernel::id::{BranchId, NodeId as _, OrganizationId},
    pairing::store,
};

/// 结对筛选 · What a list of pairings is narrowed by.
#[derive(InputObject, Default)]
pub struct PairingFilter {
    /// 成员支部 · With this branch among the members.
    branch_id: Option<ID>,
    /// 组织 · With a member in this organization's subtree.
    organization_id: Option<ID>,
    /// 结对形式 · Of these forms.
    forms: Option<Vec<PairingForm>>,
    /// 结对依据 · On these bases.
    bases: Option<Vec<PairingBasis>>,
    /// 状态 · In these states; ACTIVE and COMPLETED when left out.
    states: Option<Vec<PairingState>>,
    /// 年度 · Of this campaign year.
    year: Option<i32>,
}

impl PairingFilter {
    /// None where an id names nothing, so that nothing can be found.
    fn checked(self) -> Option<store::PairingFilter> {
        Some(store::PairingFilter {
            branch: known(self.branch_id, BranchId::from_global)?,
            organization: known(self.organization_id, OrganizationId::from_global)?,
            forms: each_once(self.forms),
            bases: each_once(self.bases),
            states: states_or_public(self.states),
            year: self.year,
        })
    }
}

/// None where an id was given that names nothing.
fn known<T>(id: Option<ID>, decode: impl Fn(&str) -> Option<T>) -> Option<Option<T>> {
    match id {
        Some(id) => decode(&id).map(Some),
        None => Some(None),
    }
}

/// Queries on pairings.
#[derive(Default)]
pub struct PairingQuery;

#[Object]
impl PairingQuery {
    /// 结对列表 · Pairings, latest first. ACTIVE and COMPLETED ones are public; the others are seen in scope of a member.
    async fn pairings(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "筛选 · Which ones.")] filter: Option<PairingFilter>,
        #[graphql(desc = "前几条 · The first so many, at most 200.")] first: Option<i32>,
        #[graphql(desc = "此游标之后 · After this cursor.")] after: Option<String>,
        #[graphql(desc = "后几条 · The last so many, at most 200.")] last: Option<i32>,
        #[graphql(desc = "此游标之前 · Before this cursor.")] before: Option<String>,
    ) -> Result<Connection<Pairing>, ApiError> {
        let caller = Caller::of(ctx)?;
        let args = page_args(first, after, last, before);
        store::check_page(&args)?;
        let Some(filter) = filter.unwrap_or_default().checked() else {
            return Ok(Connection::empty());
        };
        let page = store::list(caller.database.reader(), &caller.scope, &filter, &args).await?;
        Ok(Connection::new(
            page.map(Pairing::new),
            Box::new(move |ctx| {
                let filter = filter.clone();
                Box::pin(async move {
                    let caller = Caller::of(ctx)?;
                    Ok(store::count(caller.database.reader(), &caller.scope, &filter).await?)
                })
            }),
        ))
    }
}
