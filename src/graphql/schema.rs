//! The roots put together from what the slices offer.

use async_graphql::{
    EmptySubscription, MergedObject, SDLExportOptions, ScalarType as _, Schema, SchemaBuilder,
};

use super::node::NodeQuery;
use super::scalars::{ChangeCursor, Date, DateTime, Period, Points};
use super::sdl::SchemaHints;
use crate::{
    audit::graphql::AuditQuery,
    board::graphql::{BoardQuery, BranchQuery},
    branch::graphql::BranchMutation,
    brand::graphql::{BrandMutation, BrandQuery},
    live::graphql::ChangeQuery,
    organization::graphql::{OrganizationMutation, OrganizationQuery},
    pairing::graphql::{PairingMutation, PairingQuery},
    platform::graphql::PlatformMutation,
    points::graphql::{PointsMutation, PointsQuery},
    training::graphql::{SiteQuery, TrainingMutation, TrainingQuery},
    viewer::graphql::ViewerQuery,
};

/// 查询 · Everything that can be read.
#[derive(MergedObject, Default)]
pub struct Query(
    ViewerQuery,
    NodeQuery,
    OrganizationQuery,
    BranchQuery,
    BoardQuery,
    ChangeQuery,
    AuditQuery,
    PairingQuery,
    BrandQuery,
    TrainingQuery,
    SiteQuery,
    PointsQuery,
);

/// 变更 · Everything that can be written. A payload carries what was written, or `userErrors`; never both.
#[derive(MergedObject, Default)]
pub struct Mutation(
    OrganizationMutation,
    BranchMutation,
    PairingMutation,
    BrandMutation,
    TrainingMutation,
    PointsMutation,
    PlatformMutation,
);

/// Nothing can be subscribed to yet.
pub type Subscription = EmptySubscription;

/// The schema before its limits and data are set.
pub fn builder() -> SchemaBuilder<Query, Mutation, Subscription> {
    Schema::build(Query::default(), Mutation::default(), EmptySubscription)
}

/// The schema in the schema definition language, in an order that does not change with the order of the code.
pub fn sdl() -> String {
    let options = SDLExportOptions::new()
        .sorted_fields()
        .sorted_arguments()
        .sorted_enum_items();
    let schema = builder().finish();
    schema.sdl_with_options(options)
}

/// What the printed schema does not say: how variables of our scalars are checked.
pub fn hints() -> SchemaHints {
    SchemaHints::new()
        .scalar("Date", |value| Date::parse(value.clone()).is_ok())
        .scalar("DateTime", |value| DateTime::parse(value.clone()).is_ok())
        .scalar("Points", |value| Points::parse(value.clone()).is_ok())
        .scalar("Period", |value| Period::parse(value.clone()).is_ok())
        .scalar("ChangeCursor", |value| ChangeCursor::parse(value.clone()).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graphql::{Engine, GraphqlRequest, Limits};

    #[test]
    fn the_edge_can_read_the_schema_it_guards() {
        let engine = Engine::new(builder, &hints(), Limits::default()).unwrap();
        let request = |date: &str| GraphqlRequest {
            query: "query($asOf: Date) { headcounts(asOf: $asOf) { count } }".to_owned(),
            variables: async_graphql::Variables::from_json(serde_json::json!({ "asOf": date })),
            ..GraphqlRequest::default()
        };
        assert!(engine.prepare(request("2022-02-28")).is_ok());
        assert!(engine.prepare(request("2022-02-30")).is_err());
    }
}
