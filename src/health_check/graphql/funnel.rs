//! How far a campaign's checks have come, in the API.

use async_graphql::{Context, ID, Object, SimpleObject, dataloader::Loader};

use crate::{
    graphql::{
        caller::Caller,
        error::ApiError,
        loaders::{Batch, Loaded, by_arguments},
    },
    health_check::store::funnel as store,
    kernel::{
        id::{NodeId as _, OrganizationId},
        message::Message,
    },
    organization::graphql::Organization,
};

/// 体检进度 · How many of a campaign's health checks have come how far; those of branches that are ACTIVE.
#[derive(SimpleObject, Clone, Copy, Debug, Default)]
pub struct HealthFunnel {
    /// 应检支部数 · All of them.
    eligible: i32,
    /// 已自检 · Their branches have handed in the self-check.
    self_checked: i32,
    /// 已会诊 · Their consultation is concluded.
    consulted: i32,
    /// 整改中 · Something is being put right.
    rectifying: i32,
    /// 已闭环 · They are closed.
    closed: i32,
    /// 通过 · They came to PASS so far.
    passed: i32,
    /// 未通过 · They came to FAIL so far.
    failed: i32,
}

impl From<store::Funnel> for HealthFunnel {
    fn from(funnel: store::Funnel) -> Self {
        let count = |n: i64| i32::try_from(n).unwrap_or(i32::MAX);
        Self {
            eligible: count(funnel.eligible),
            self_checked: count(funnel.self_checked),
            consulted: count(funnel.consulted),
            rectifying: count(funnel.rectifying),
            closed: count(funnel.closed),
            passed: count(funnel.passed),
            failed: count(funnel.failed),
        }
    }
}

/// What this slice adds to a campaign.
#[derive(Clone)]
pub struct CampaignFunnel {
    year: i32,
}

impl CampaignFunnel {
    /// The part of the campaign of a year.
    pub fn new(year: i32) -> Self {
        Self { year }
    }
}

#[Object]
impl CampaignFunnel {
    /// 体检进度 · How far its health checks have come. NOT_FOUND where there is no such organization.
    async fn funnel(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "组织 · Of branches below this organization; of all when left out.")]
        organization_id: Option<ID>,
    ) -> Result<HealthFunnel, ApiError> {
        let caller = Caller::of(ctx)?;
        let organization = match organization_id {
            None => None,
            Some(id) => {
                let unknown = || ApiError::not_found(Message::new("组织", "organization"));
                let id = OrganizationId::from_global(&id).ok_or_else(unknown)?;
                // Whoever may see none is told the same.
                Organization::load(caller, id).await?.ok_or_else(unknown)?;
                Some(id)
            }
        };
        let key = FunnelOf {
            year: self.year,
            organization,
        };
        Ok(caller.load(key).await?.unwrap_or_default())
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct FunnelOf {
    year: i32,
    organization: Option<OrganizationId>,
}

impl Loader<FunnelOf> for Batch {
    type Value = HealthFunnel;
    type Error = ApiError;

    async fn load(&self, keys: &[FunnelOf]) -> Loaded<FunnelOf, HealthFunnel> {
        let mut loaded = std::collections::HashMap::with_capacity(keys.len());
        for (organization, years) in by_arguments(keys, |key| (key.organization, key.year)) {
            let reader = self.database.reader();
            let funnels = store::funnels(reader, &self.scope, &years, organization).await?;
            let keyed =
                |(year, funnel): (i32, store::Funnel)| (FunnelOf { year, organization }, funnel.into());
            loaded.extend(funnels.into_iter().map(keyed));
        }
        Ok(loaded)
    }
}
