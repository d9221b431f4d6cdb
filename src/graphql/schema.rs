//! The roots put together from what the slices offer.

use async_graphql::{EmptySubscription, MergedObject, Schema, SchemaBuilder};

use super::node::NodeQuery;
use crate::{
    audit::graphql::AuditQuery,
    live::graphql::ChangeQuery,
    organization::graphql::{OrganizationMutation, OrganizationQuery},
};

/// 查询 · Everything that can be read.
#[derive(MergedObject, Default)]
pub struct Query(NodeQuery, OrganizationQuery, ChangeQuery, AuditQuery);

/// 变更 · Everything that can be written. A payload carries what was written, or `userErrors`; never both.
#[derive(MergedObject, Default)]
pub struct Mutation(OrganizationMutation);

/// The service's schema.
pub type ZhibuSchema = Schema<Query, Mutation, EmptySubscription>;

/// The schema before its limits and data are set.
pub fn builder() -> SchemaBuilder<Query, Mutation, EmptySubscription> {
    Schema::build(Query::default(), Mutation::default(), EmptySubscription)
}
