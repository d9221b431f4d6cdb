//! Whom a request is answered for, and what resolvers reach through it.

use std::{collections::HashSet, hash::Hash};

use async_graphql::{Context, dataloader::Loader};
use tokio::sync::OnceCell;

use super::{
    batch::LoaderQueue,
    error::ApiError,
    loaders::{Batch, Loaders, loaders},
};
use crate::{
    auth::{Extent, Requester, Scope},
    kernel::{
        clock::Clock,
        id::{BranchId, OrganizationId},
        message::Lang,
        rules::Rules,
    },
    storage::{self, Database, StoreError, keyset::ListError},
};

/// In every request's data; get it with [`Caller::of`].
pub struct Caller {
    /// Who is asking.
    pub requester: Requester,
    /// What they may see.
    pub scope: Scope,
    /// The language of texts for them.
    pub lang: Lang,
    /// What the log and the audit trail name this request by.
    pub request_id: String,
    /// Where to read and write.
    pub database: Database,
    loaders: Loaders,
    reach: OnceCell<Reach>,
    this_year: OnceCell<i32>,
}

/// A scope resolved to ids, for checking rows that have been read already.
#[derive(Debug)]
enum Reach {
    Nothing,
    Branch(BranchId),
    Organizations(HashSet<OrganizationId>),
    Everything,
}

impl Caller {
    /// A caller whose loaders' fetches `queue` runs.
    pub fn new(
        requester: Requester,
        lang: Lang,
        request_id: String,
        database: Database,
        queue: &LoaderQueue,
    ) -> Self {
        let scope = requester.scope();
        let loaders = loaders(queue, database.clone(), requester.clone());
        Self {
            requester,
            scope,
            lang,
            request_id,
            database,
            loaders,
            reach: OnceCell::new(),
            this_year: OnceCell::new(),
        }
    }

    /// The caller of the request that a resolver runs in.
    pub fn of<'a>(ctx: &'a Context<'_>) -> Result<&'a Self, ApiError> {
        ctx.data_opt::<Self>()
            .ok_or_else(|| StoreError::Corrupt("a request without a caller".to_owned()).into())
    }

    /// The clocks.
    pub fn clock(&self) -> &Clock {
        self.database.clock()
    }

    /// The numbers of the domain's rules that the deployment set.
    pub fn rules(&self) -> &Rules {
        self.database.rules()
    }

    /// Loads one thing, together with what siblings ask for.
    pub async fn load<K>(&self, key: K) -> Result<Option<<Batch as Loader<K>>::Value>, ApiError>
    where
        K: Send + Sync + Hash + Eq + Clone + 'static,
        Batch: Loader<K, Error = ApiError>,
    {
        self.loaders.load_one(key).await
    }

    /// Loads several at once.
    pub async fn load_many<K>(
        &self,
        keys: impl IntoIterator<Item = K>,
    ) -> Result<std::collections::HashMap<K, <Batch as Loader<K>>::Value>, ApiError>
    where
        K: Send + Sync + Hash + Eq + Clone + 'static,
        Batch: Loader<K, Error = ApiError>,
    {
        self.loaders.load_many(keys).await
    }

    /// Whether a branch that has been read is in scope; its organization is the one directly above it.
    pub async fn reaches(&self, branch: BranchId, organization: OrganizationId) -> Result<bool, ApiError> {
        Ok(match self.reach().await? {
            Reach::Nothing => false,
            Reach::Branch(own) => *own == branch,
            Reach::Organizations(ids) => ids.contains(&organization),
            Reach::Everything => true,
        })
    }

    /// Whether an organization is in scope.
    pub async fn reaches_organization(&self, organization: OrganizationId) -> Result<bool, ApiError> {
        Ok(match self.reach().await? {
            Reach::Nothing | Reach::Branch(_) => false,
            Reach::Organizations(ids) => ids.contains(&organization),
            Reach::Everything => true,
        })
    }

    /// 'This year' (docs/domain.md, 1).
    pub async fn this_year(&self) -> Result<i32, ApiError> {
        let year = self.this_year.get_or_try_init(|| async {
            let year = storage::this_year(self.database.reader(), self.clock()).await?;
            Ok::<_, ApiError>(year)
        });
        Ok(*year.await?)
    }

    async fn reach(&self) -> Result<&Reach, ApiError> {
        self.reach
            .get_or_try_init(|| async {
                Ok(match self.scope.extent() {
                    // What lies up a branch's own chain only is not for its examiner.
                    Extent::Nothing | Extent::Assigned { .. } => Reach::Nothing,
                    Extent::Branch(id) => Reach::Branch(id),
                    Extent::District => Reach::Everything,
                    Extent::Subtree(_) => {
                        let ids =
                            crate::organization::organizations_in_scope(self.database.reader(), &self.scope);
                        Reach::Organizations(Box::pin(ids).await?)
                    }
                })
            })
            .await
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        if error.is_unavailable() {
            ApiError::unavailable(1).with_source(error)
        } else {
            ApiError::internal(error)
        }
    }
}

impl From<sea_orm::DbErr> for ApiError {
    fn from(error: sea_orm::DbErr) -> Self {
        StoreError::from(error).into()
    }
}

impl From<ListError> for ApiError {
    fn from(error: ListError) -> Self {
        match error {
            ListError::Page(error) => error.into(),
            ListError::Store(error) => error.into(),
        }
    }
}
