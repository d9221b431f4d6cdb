//! What a caller may see and reach, as values that only `auth` can make.

use entity::{branch, check_examiner, health_check, organization_closure};
use sea_orm::{
    ColumnTrait as _, ConnectionTrait, EntityTrait as _, QueryFilter as _, QuerySelect as _, QueryTrait as _,
    sea_query::{Condition, Expr, ExprTrait as _, SelectStatement},
};

use crate::{
    kernel::id::{BranchId, ExaminerId, HealthCheckId, OrganizationId, PointSourceId},
    storage::{StoreError, write::Failure},
};

/// How far a scope or a grant reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Extent {
    /// No branch and no organization.
    Nothing,
    /// One branch.
    Branch(BranchId),
    /// An organization and all below it, as the tree stands now.
    Subtree(OrganizationId),
    /// The branches whose health checks an examiner was assigned to, but for its own.
    Assigned {
        /// The examiner.
        examiner: ExaminerId,
        /// Its own branch, as its token says.
        own: Option<BranchId>,
    },
    /// Everything.
    District,
}

impl Extent {
    /// A condition on rows that belong to a branch: its id, and the organization directly above it.
    fn branches(self, branch_id: Expr, organization_id: Expr) -> Condition {
        match self {
            Extent::Nothing => nothing(),
            Extent::Branch(id) => Condition::all().add(branch_id.eq(id)),
            Extent::Subtree(id) => Condition::all().add(organization_id.in_subquery(subtree(id))),
            Extent::Assigned { examiner, own } => assigned_branches(branch_id, examiner, own),
            Extent::District => Condition::all(),
        }
    }

    async fn reaches_organization(
        self,
        connection: &impl ConnectionTrait,
        organization: OrganizationId,
    ) -> Result<bool, StoreError> {
        match self {
            Extent::Nothing | Extent::Branch(_) | Extent::Assigned { .. } => Ok(false),
            Extent::District => Ok(true),
            Extent::Subtree(top) => Ok(organization_closure::Entity::find_by_id((top, organization))
                .one(connection)
                .await?
                .is_some()),
        }
    }

    async fn reaches_branch(
        self,
        connection: &impl ConnectionTrait,
        branch: BranchId,
    ) -> Result<bool, StoreError> {
        match self {
            Extent::Nothing => Ok(false),
            Extent::Branch(own) => Ok(own == branch),
            Extent::District => Ok(true),
            Extent::Assigned { examiner, own } => {
                let id = Expr::col((branch::Entity, branch::Column::Id));
                let found = branch::Entity::find_by_id(branch)
                    .filter(assigned_branches(id, examiner, own))
                    .one(connection)
                    .await?;
                Ok(found.is_some())
            }
            Extent::Subtree(_) => {
                let home: Option<OrganizationId> = branch::Entity::find_by_id(branch)
                    .select_only()
                    .column(branch::Column::OrganizationId)
                    .into_tuple()
                    .one(connection)
                    .await?;
                match home {
                    Some(home) => self.reaches_organization(connection, home).await,
                    None => Ok(false),
                }
            }
        }
    }
}

/// The ids of an organization and all below it, to be used as a subquery.
pub(crate) fn subtree(top: OrganizationId) -> SelectStatement {
    organization_closure::Entity::find()
        .select_only()
        .column(organization_closure::Column::DescendantId)
        .filter(organization_closure::Column::AncestorId.eq(top))
        .into_query()
}

/// The ids of the branches below an organization, however far, to be used as a subquery.
pub(crate) fn branches_below(top: OrganizationId) -> SelectStatement {
    branch::Entity::find()
        .select_only()
        .column(branch::Column::Id)
        .filter(branch::Column::OrganizationId.in_subquery(subtree(top)))
        .into_query()
}

fn nothing() -> Condition {
    Condition::all().add(Expr::cust("1 = 0"))
}

/// Ids of the checks that an examiner was assigned to, to be used as a subquery.
fn assigned(examiner: ExaminerId) -> sea_orm::Select<check_examiner::Entity> {
    check_examiner::Entity::find()
        .select_only()
        .column(check_examiner::Column::HealthCheckId)
        .filter(check_examiner::Column::ExaminerId.eq(examiner))
}

fn assigned_branches(branch_id: Expr, examiner: ExaminerId, own: Option<BranchId>) -> Condition {
    let branches = health_check::Entity::find()
        .select_only()
        .column(health_check::Column::BranchId)
        .filter(health_check::Column::Id.in_subquery(assigned(examiner).into_query()));
    not_own(own, branch_id.clone()).add(branch_id.in_subquery(branches.into_query()))
}

fn not_own(own: Option<BranchId>, branch_id: Expr) -> Condition {
    match own {
        Some(own) => Condition::all().add(branch_id.ne(own)),
        None => Condition::all(),
    }
}

/// Whose point sources' inner state is seen: position, errors, runs, quarantine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Sources {
    None,
    One(PointSourceId),
    All,
}

/// What a caller may see. Store functions demand it and leave out what lies beyond it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Scope {
    signed_in: bool,
    extent: Extent,
    sources: Sources,
}

impl Scope {
    pub(super) fn new(signed_in: bool, extent: Extent, sources: Sources) -> Self {
        Self {
            signed_in,
            extent,
            sources,
        }
    }

    /// Whether the caller sees what every signed-in role but ADAPTER sees.
    pub fn sees_public(&self) -> bool {
        self.signed_in
    }

    /// How far the caller sees what only those in scope see.
    pub fn extent(&self) -> Extent {
        self.extent
    }

    /// Rows everybody but ADAPTER may see.
    pub fn public(&self) -> Condition {
        match self.signed_in {
            true => Condition::all(),
            false => nothing(),
        }
    }

    /// Rows of branches in scope: the branch's id, and the organization directly above it.
    pub fn branches(&self, branch_id: impl Into<Expr>, organization_id: impl Into<Expr>) -> Condition {
        self.extent.branches(branch_id.into(), organization_id.into())
    }

    /// Ids of branches in scope, as a subquery on a column that holds a branch's id.
    pub fn branch_ids(&self, branch_id: impl Into<Expr>) -> Condition {
        let branch_id = branch_id.into();
        match self.extent {
            Extent::Nothing => nothing(),
            Extent::District => Condition::all(),
            Extent::Branch(id) => Condition::all().add(branch_id.eq(id)),
            Extent::Assigned { examiner, own } => assigned_branches(branch_id, examiner, own),
            Extent::Subtree(top) => Condition::all().add(branch_id.in_subquery(branches_below(top))),
        }
    }

    /// Health checks in scope, by their ids and their branches': an examiner sees those it was assigned to, no other of the
    /// same branch.
    pub fn checks(&self, check_id: impl Into<Expr>, branch_id: impl Into<Expr>) -> Condition {
        match self.extent {
            Extent::Assigned { examiner, own } => not_own(own, branch_id.into())
                .add(check_id.into().in_subquery(assigned(examiner).into_query())),
            _ => self.branch_ids(branch_id),
        }
    }

    /// The health checks that were assigned to the caller, by their ids.
    pub fn assigned_checks(&self, check_id: impl Into<Expr>) -> Condition {
        match self.extent {
            Extent::Assigned { examiner, .. } => {
                Condition::all().add(check_id.into().in_subquery(assigned(examiner).into_query()))
            }
            _ => nothing(),
        }
    }

    /// Rows of organizations in scope.
    pub fn organizations(&self, organization_id: impl Into<Expr>) -> Condition {
        match self.extent {
            Extent::Nothing | Extent::Branch(_) | Extent::Assigned { .. } => nothing(),
            Extent::District => Condition::all(),
            Extent::Subtree(top) => Condition::all().add(organization_id.into().in_subquery(subtree(top))),
        }
    }

    /// Point sources whose code, name and counts are seen: an adapter sees its own only.
    pub fn sources(&self, source_id: impl Into<Expr>) -> Condition {
        match self.sources {
            Sources::One(id) if !self.signed_in => Condition::all().add(source_id.into().eq(id)),
            _ => self.public(),
        }
    }

    /// Whether a point source's inner state is in scope: position, errors, runs, quarantine.
    pub fn reaches_source(&self, source: PointSourceId) -> bool {
        match self.sources {
            Sources::None => false,
            Sources::One(own) => own == source,
            Sources::All => true,
        }
    }

    /// Rows of point sources whose inner state is in scope.
    pub fn source_rows(&self, source_id: impl Into<Expr>) -> Condition {
        match self.sources {
            Sources::None => nothing(),
            Sources::One(own) => Condition::all().add(source_id.into().eq(own)),
            Sources::All => Condition::all(),
        }
    }

    /// Whether a branch is in scope.
    pub async fn reaches_branch(
        &self,
        connection: &impl ConnectionTrait,
        branch: BranchId,
    ) -> Result<bool, StoreError> {
        self.extent.reaches_branch(connection, branch).await
    }

    /// Whether an organization is in scope.
    pub async fn reaches_organization(
        &self,
        connection: &impl ConnectionTrait,
        organization: OrganizationId,
    ) -> Result<bool, StoreError> {
        self.extent.reaches_organization(connection, organization).await
    }
}

/// The right to do one kind of thing, over an extent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grant {
    extent: Extent,
    scope: Scope,
}

impl Grant {
    pub(super) fn new(extent: Extent, scope: Scope) -> Self {
        Self { extent, scope }
    }

    /// The service's own right, for the command line and its jobs.
    pub fn of_the_service() -> Self {
        Self {
            extent: Extent::District,
            scope: Scope::new(true, Extent::District, Sources::All),
        }
    }

    /// How far it reaches.
    pub fn extent(&self) -> Extent {
        self.extent
    }

    /// What its holder may see.
    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    /// Whether it covers a branch.
    pub async fn covers_branch(
        &self,
        connection: &impl ConnectionTrait,
        branch: BranchId,
    ) -> Result<bool, StoreError> {
        self.extent.reaches_branch(connection, branch).await
    }

    /// Refuses with FORBIDDEN unless it covers the branch (which everybody signed in may see).
    pub async fn require_branch(
        &self,
        connection: &impl ConnectionTrait,
        branch: BranchId,
    ) -> Result<(), Failure> {
        if self.covers_branch(connection, branch).await? {
            Ok(())
        } else {
            Err(Failure::Forbidden)
        }
    }

    /// Refuses with FORBIDDEN an examiner who is not assigned to the health check that a thing belongs to, though perhaps to another
    /// of its branch.
    pub async fn require_check(
        &self,
        connection: &impl ConnectionTrait,
        check: Option<HealthCheckId>,
    ) -> Result<(), Failure> {
        let (Extent::Assigned { examiner, .. }, Some(check)) = (self.extent, check) else {
            return Ok(());
        };
        let assigned = check_examiner::Entity::find_by_id((check, examiner));
        match assigned.one(connection).await? {
            Some(_) => Ok(()),
            None => Err(Failure::Forbidden),
        }
    }

    /// Refuses with FORBIDDEN unless it covers the point source: an adapter touches its own only.
    pub fn require_source(&self, source: Option<PointSourceId>) -> Result<(), Failure> {
        let covered = match (self.scope.sources, source) {
            (Sources::All, _) => true,
            (Sources::One(own), Some(source)) => own == source,
            (Sources::One(_), None) | (Sources::None, _) => false,
        };
        if covered { Ok(()) } else { Err(Failure::Forbidden) }
    }

    /// Refuses with FORBIDDEN unless it covers the organization (which everybody signed in may see).
    pub async fn require_organization(
        &self,
        connection: &impl ConnectionTrait,
        organization: OrganizationId,
    ) -> Result<(), Failure> {
        if self.extent.reaches_organization(connection, organization).await? {
            Ok(())
        } else {
            Err(Failure::Forbidden)
        }
    }
}
