//! What siblings ask of pairings, each level in one statement.

use std::{collections::HashMap, sync::Arc};

use async_graphql::dataloader::Loader;

use crate::{
    branch::{self, graphql::Branch},
    graphql::{
        error::ApiError,
        lists::ListOf,
        loaders::{Batch, Loaded, by_arguments},
    },
    kernel::{
        id::{BranchId, PairingActivityId, PairingId},
        page::{Page, PageArgs},
    },
    pairing::{model, store},
    storage::{StoreError, keyset::ListError},
};

impl Loader<PairingId> for Batch {
    type Value = Arc<model::Pairing>;
    type Error = ApiError;

    async fn load(&self, ids: &[PairingId]) -> Loaded<PairingId, Self::Value> {
        let rows = store::by_ids(self.database.reader(), &self.scope, ids).await?;
        Ok(rows.into_iter().map(|(id, row)| (id, Arc::new(row))).collect())
    }
}

impl Loader<PairingActivityId> for Batch {
    type Value = Arc<model::PairingActivity>;
    type Error = ApiError;

    async fn load(&self, ids: &[PairingActivityId]) -> Loaded<PairingActivityId, Self::Value> {
        let rows = store::activities_by_ids(self.database.reader(), &self.scope, ids).await?;
        Ok(rows.into_iter().map(|(id, row)| (id, Arc::new(row))).collect())
    }
}

/// The members of a pairing that the caller may see, with their branches: whole, or their names only.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct MembersOf {
    pub pairing: PairingId,
    pub whole: bool,
}

/// A member with its branch.
#[derive(Clone)]
pub struct MemberBranch {
    pub member: model::Member,
    pub branch: Branch,
}

impl Loader<MembersOf> for Batch {
    type Value = Arc<Vec<MemberBranch>>;
    type Error = ApiError;

    async fn load(&self, keys: &[MembersOf]) -> Loaded<MembersOf, Self::Value> {
        let mut loaded = HashMap::with_capacity(keys.len());
        let reader = self.database.reader();
        for (whole, ids) in by_arguments(keys, |key| (key.whole, key.pairing)) {
            let members = if whole {
                with_branches(store::members_with(reader, &ids).await?, |row: branch::Branch| {
                    Branch::new(row)
                })
            } else {
                with_branches(store::members_with(reader, &ids).await?, Branch::named)
            };
            let keyed = |(pairing, members)| (MembersOf { pairing, whole }, Arc::new(members));
            loaded.extend(members.into_iter().map(keyed));
        }
        Ok(loaded)
    }
}

fn with_branches<B>(
    members: HashMap<PairingId, Vec<(model::Member, B)>>,
    branch: impl Fn(B) -> Branch,
) -> HashMap<PairingId, Vec<MemberBranch>> {
    let each = |(member, row)| MemberBranch {
        member,
        branch: branch(row),
    };
    members
        .into_iter()
        .map(|(pairing, members)| (pairing, members.into_iter().map(each).collect()))
        .collect()
}

/// Whether a branch holds a gold title that has not been revoked; absent when it does not.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct StandingGold(pub BranchId);

impl Loader<StandingGold> for Batch {
    type Value = ();
    type Error = ApiError;

    async fn load(&self, keys: &[StandingGold]) -> Loaded<StandingGold, ()> {
        let ids: Vec<BranchId> = keys.iter().map(|key| key.0).collect();
        let gold = branch::gold_among(self.database.reader(), &ids).await?;
        Ok(gold.into_iter().map(|id| (StandingGold(id), ())).collect())
    }
}

/// What the members of a pairing did together.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Activities;

impl ListOf for Activities {
    type Parent = PairingId;
    type Row = model::PairingActivity;

    async fn pages(
        &self,
        batch: &Batch,
        pairings: &[PairingId],
        args: &PageArgs,
    ) -> Result<HashMap<PairingId, Page<Self::Row>>, ListError> {
        store::activities(batch.database.reader(), &batch.scope, pairings, args).await
    }

    async fn counts(
        &self,
        batch: &Batch,
        pairings: &[PairingId],
    ) -> Result<HashMap<PairingId, u64>, StoreError> {
        store::count_activities(batch.database.reader(), &batch.scope, pairings).await
    }
}

/// The branches that took part in an activity.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ActivityBranchesOf(pub PairingActivityId);

impl Loader<ActivityBranchesOf> for Batch {
    type Value = Arc<Vec<BranchId>>;
    type Error = ApiError;

    async fn load(&self, keys: &[ActivityBranchesOf]) -> Loaded<ActivityBranchesOf, Self::Value> {
        let ids: Vec<PairingActivityId> = keys.iter().map(|key| key.0).collect();
        let branches = store::activity_branches(self.database.reader(), &ids).await?;
        Ok(branches
            .into_iter()
            .map(|(id, branches)| (ActivityBranchesOf(id), Arc::new(branches)))
            .collect())
    }
}

/// The pairings of a branch that are in one of these states.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct InStates(pub Vec<model::PairingState>);

impl ListOf for InStates {
    type Parent = BranchId;
    type Row = model::Pairing;

    async fn pages(
        &self,
        batch: &Batch,
        branches: &[BranchId],
        args: &PageArgs,
    ) -> Result<HashMap<BranchId, Page<Self::Row>>, ListError> {
        store::of_branches(batch.database.reader(), &batch.scope, branches, &self.0, args).await
    }

    async fn counts(
        &self,
        batch: &Batch,
        branches: &[BranchId],
    ) -> Result<HashMap<BranchId, u64>, StoreError> {
        store::count_of_branches(batch.database.reader(), &batch.scope, branches, &self.0).await
    }
}
