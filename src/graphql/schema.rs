//! The roots put together from what the slices offer.

use async_graphql::{
    MergedObject, MergedSubscription, SDLExportOptions, ScalarType as _, Schema, SchemaBuilder,
};

use super::costs;
use super::limits::LimitsQuery;
use super::node::NodeQuery;
use super::scalars::{ChangeCursor, Date, DateTime, Period, Points};
use super::sdl::SchemaHints;
use crate::{
    audit::graphql::AuditQuery,
    board::graphql::{
        BoardQuery, BranchQuery, BranchSubscription, FiguresQuery, PartnerQuery, WallQuery, WallSubscription,
    },
    branch::graphql::BranchMutation,
    brand::graphql::{BrandMutation, BrandQuery},
    campaign::graphql::{CampaignMutation, CampaignQuery},
    gold::graphql::{GoldMutation, GoldQuery},
    health_check::graphql::{HealthCheckMutation, HealthCheckQuery},
    live::graphql::{ChangeQuery, ChangeSubscription},
    organization::graphql::{OrganizationMutation, OrganizationQuery},
    pairing::graphql::{PairingMutation, PairingQuery},
    platform::graphql::PlatformMutation,
    points::graphql::{PointsMutation, PointsQuery, PointsSubscription},
    rectification::graphql::{RectificationMutation, RectificationQuery},
    training::graphql::{SiteQuery, TrainingMutation, TrainingQuery},
    viewer::graphql::ViewerQuery,
};

/// 查询 · Everything that can be read.
#[derive(MergedObject, Default)]
pub struct Query(
    ViewerQuery,
    LimitsQuery,
    NodeQuery,
    OrganizationQuery,
    BranchQuery,
    BoardQuery,
    WallQuery,
    FiguresQuery,
    PartnerQuery,
    ChangeQuery,
    AuditQuery,
    PairingQuery,
    BrandQuery,
    TrainingQuery,
    SiteQuery,
    PointsQuery,
    CampaignQuery,
    RectificationQuery,
    HealthCheckQuery,
    GoldQuery,
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
    CampaignMutation,
    RectificationMutation,
    HealthCheckMutation,
    GoldMutation,
);

/// 订阅 · What can be watched: changes as they come, and values that are told again after they change.
#[derive(MergedSubscription, Default)]
pub struct Subscription(
    ChangeSubscription,
    BranchSubscription,
    PointsSubscription,
    WallSubscription,
);

/// The schema before its limits and data are set.
pub fn builder() -> SchemaBuilder<Query, Mutation, Subscription> {
    Schema::build(Query::default(), Mutation::default(), Subscription::default())
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

/// What the printed schema does not say: how variables of our scalars are checked, and what fields cost.
pub fn hints() -> SchemaHints {
    costs::hints(SchemaHints::new())
        .scalar("Date", |value| Date::parse(value.clone()).is_ok())
        .scalar("DateTime", |value| DateTime::parse(value.clone()).is_ok())
        .scalar("Points", |value| Points::parse(value.clone()).is_ok())
        .scalar("Period", |value| Period::parse(value.clone()).is_ok())
        .scalar("ChangeCursor", |value| ChangeCursor::parse(value.clone()).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graphql::engine::Takes;
    use crate::graphql::{Engine, GraphqlRequest, Limits};

    #[test]
    fn what_moves_each_type_is_known() {
        let sdl = sdl();
        let types = sdl.lines().filter_map(|line| {
            let name = line.strip_prefix("type ")?;
            name.split([' ', '{']).next()
        });
        // What mutations give is not kept.
        let of_mutations = ["Mutation", "UserError", "PushOutcome", "ReconcileDifference"];
        let unknown: Vec<&str> = types
            .filter(|name| !name.ends_with("Payload") && !of_mutations.contains(name))
            .filter(|name| !super::super::reads_table::knows(name))
            .collect();
        assert_eq!(
            unknown,
            Vec::<&str>::new(),
            "say in graphql/reads_table.rs what moves them"
        );
    }

    #[test]
    fn the_edge_can_read_the_schema_it_guards() {
        let engine = Engine::new(builder, &hints(), Limits::default()).unwrap();
        let request = |date: &str| GraphqlRequest {
            query: "query($asOf: Date) { headcounts(asOf: $asOf) { count } }".to_owned(),
            variables: async_graphql::Variables::from_json(serde_json::json!({ "asOf": date })),
            ..GraphqlRequest::default()
        };
        assert!(
            engine
                .prepare(request("2022-02-28"), Takes::Any, &mut |_| Ok(()))
                .is_ok()
        );
        assert!(
            engine
                .prepare(request("2022-02-30"), Takes::Any, &mut |_| Ok(()))
                .is_err()
        );
    }
}
