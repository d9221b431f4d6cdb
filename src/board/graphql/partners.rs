//! Suggested partners in the API.

use async_graphql::{Context, ID, Object, SimpleObject};

use super::super::{
    partners::{MOST, suggest},
    store::partners as store,
};
use crate::{
    branch::{self, graphql::Branch},
    campaign::graphql::Aspect,
    graphql::{caller::Caller, error::ApiError},
    kernel::{
        id::{BranchId, NodeId as _},
        message::Message,
    },
    organization::{self, graphql::required},
    pairing::graphql::PairingBasis,
};

/// How many are suggested at most.
const LIMIT: i32 = 100;

/// 结对建议 · A branch that would gain from a pairing, or that would help.
#[derive(SimpleObject)]
pub struct PartnerSuggestion {
    /// 党支部 · Which one.
    branch: Branch,
    /// 结对依据 · What both have in common.
    basis: PairingBasis,
    /// 匹配度 · 0 to 1, comparable only within one answer.
    score: f64,
    /// 可帮扶方面 · Aspects that the stronger one can help the weaker one with.
    helps_with: Vec<Aspect>,
}

/// Queries on partners.
#[derive(Default)]
pub struct PartnerQuery;

#[Object]
impl PartnerQuery {
    /// 结对建议 · Branches that would gain most from a pairing with this one, best first, with the reasons; empty for callers out of its
    /// scope.
    async fn suggested_partners(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "支部 · With which one.")] branch_id: ID,
        #[graphql(desc = "前几条 · So many, at most 100.", default = 10)] first: i32,
    ) -> Result<Vec<PartnerSuggestion>, ApiError> {
        let most = usize::try_from(first)
            .ok()
            .filter(|_| first <= LIMIT)
            .ok_or_else(|| {
                ApiError::bad_request(Message::new(
                    format!("first 应在 0 到 {LIMIT} 之间，给出了 {first}"),
                    format!("first must be between 0 and {LIMIT}, {first} was given"),
                ))
            })?;
        let caller = Caller::of(ctx)?;
        let Some(id) = BranchId::from_global(&branch_id) else {
            return Ok(Vec::new());
        };
        let Some(own) = caller.load(id).await? else {
            return Ok(Vec::new());
        };
        let in_scope = caller.reaches(id, own.organization_id).await?;
        let Some(place) = own.place().filter(|_| in_scope && most > 0) else {
            return Ok(Vec::new());
        };
        let reader = caller.database.reader();
        let committees = organization::nearest_committees(reader, [place.organization]).await?;
        let is_gold = !branch::gold_among(reader, &[id]).await?.is_empty();
        let of = store::For {
            branch: id,
            domain: place.domain,
            committee: committees.get(&place.organization).copied(),
            is_gold,
        };
        let rules = caller.rules();
        let candidates = store::candidates(reader, of, rules.max_active_pairings).await?;
        if candidates.is_empty() {
            return Ok(Vec::new());
        }
        let ids = candidates.iter().map(|candidate| candidate.id);
        let scores = store::scores(reader, ids.chain([id])).await?;
        let own_scores = scores.get(&id).cloned().unwrap_or_default();
        let best = suggest(
            &own_scores,
            is_gold,
            candidates,
            &scores,
            rules.strong_aspect,
            most,
        );
        let mut branches = caller.load_many(best.iter().map(|found| found.branch)).await?;
        best.into_iter()
            .map(|found| {
                Ok(PartnerSuggestion {
                    branch: Branch::new(required(branches.remove(&found.branch))?),
                    basis: found.basis.into(),
                    score: found.gain as f64 / MOST as f64,
                    helps_with: found.helps_with.into_iter().map(Aspect::from).collect(),
                })
            })
            .collect()
    }
}
