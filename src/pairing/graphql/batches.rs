//! What siblings ask of pairings, each level in one statement.

use std::{collections::HashMap, sync::Arc};

use async_graphql::dataloader::Loader;

use crate::{
    branch::{self, graphql::Branch},
    graphql::{
        error::ApiError,
        loaders::{Batch, Loaded, by_arguments},
    },
    kernel::{
        id::{BranchId, PairingActivityId, PairingId},
        page::{Page, PageArgs},
    },
    pairing::{model, store},
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
    type Value = model::PairingActivity;
    type Error = ApiError;

    async fn load(&self, ids: &[PairingActivityId]) -> Loaded<PairingActivityId, Self::Value> {
        Ok(store::activities_by_ids(self.database.reader(), &self.scope, ids).await?)
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

/// The same page of the activities of several pairings.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct ActivitiesOf {
    pub pairing: PairingId,
    pub args: PageArgs,
}

impl Loader<ActivitiesOf> for Batch {
    type Value = Arc<Page<model::PairingActivity>>;
    type Error = ApiError;

    async fn load(&self, keys: &[ActivitiesOf]) -> Loaded<ActivitiesOf, Self::Value> {
        let mut loaded = HashMap::with_capacity(keys.len());
        for (args, pairings) in by_arguments(keys, |key| (key.args.clone(), key.pairing)) {
            let pages = store::activities(self.database.reader(), &self.scope, &pairings, &args).await?;
            loaded.extend(pages.into_iter().map(|(pairing, page)| {
                let args = args.clone();
                (ActivitiesOf { pairing, args }, Arc::new(page))
            }));
        }
        Ok(loaded)
    }
}

/// How many activities a pairing has.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ActivityCountOf(pub PairingId);

impl Loader<ActivityCountOf> for Batch {
    type Value = u64;
    type Error = ApiError;

    async fn load(&self, keys: &[ActivityCountOf]) -> Loaded<ActivityCountOf, u64> {
        let ids: Vec<PairingId> = keys.iter().map(|key| key.0).collect();
        let counts = store::count_activities(self.database.reader(), &self.scope, &ids).await?;
        Ok(counts
            .into_iter()
            .map(|(id, n)| (ActivityCountOf(id), n))
            .collect())
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

/// The same page of the pairings of several branches.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct PairingsOf {
    pub branch: BranchId,
    pub states: Vec<model::PairingState>,
    pub args: PageArgs,
}

impl Loader<PairingsOf> for Batch {
    type Value = Arc<Page<Arc<model::Pairing>>>;
    type Error = ApiError;

    async fn load(&self, keys: &[PairingsOf]) -> Loaded<PairingsOf, Self::Value> {
        let mut loaded = HashMap::with_capacity(keys.len());
        let groups = by_arguments(keys, |key| ((key.states.clone(), key.args.clone()), key.branch));
        for ((states, args), branches) in groups {
            let reader = self.database.reader();
            let pages = store::of_branches(reader, &self.scope, &branches, &states, &args).await?;
            loaded.extend(pages.into_iter().map(|(branch, page)| {
                let (states, args) = (states.clone(), args.clone());
                (PairingsOf { branch, states, args }, Arc::new(page.map(Arc::new)))
            }));
        }
        Ok(loaded)
    }
}

/// How many pairings a branch has.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct PairingCountOf {
    pub branch: BranchId,
    pub states: Vec<model::PairingState>,
}

impl Loader<PairingCountOf> for Batch {
    type Value = u64;
    type Error = ApiError;

    async fn load(&self, keys: &[PairingCountOf]) -> Loaded<PairingCountOf, u64> {
        let mut loaded = HashMap::with_capacity(keys.len());
        for (states, branches) in by_arguments(keys, |key| (key.states.clone(), key.branch)) {
            let counts =
                store::count_of_branches(self.database.reader(), &self.scope, &branches, &states).await?;
            loaded.extend(counts.into_iter().map(|(branch, n)| {
                let states = states.clone();
                (PairingCountOf { branch, states }, n)
            }));
        }
        Ok(loaded)
    }
}
