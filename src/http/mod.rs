//! The edge that speaks HTTP.

pub mod admission;
mod browsers;
pub mod client;
pub mod graphiql;
pub mod graphql;
mod health;
mod live;
mod observe;
pub mod operations;
pub mod platform;
pub mod request_id;
pub mod server;
mod socket;
pub mod sockets;
mod sse;

use std::sync::Arc;

use async_graphql::{ObjectType, SubscriptionType};
use axum::Router;
use tokio::sync::watch;
use tower::util::{MapResponseLayer, option_layer};

pub use browsers::Browsers;
pub use live::Live;

use self::{
    graphiql::Graphiql,
    graphql::{Access, Options},
    observe::Observe,
    platform::Platform,
};
use crate::{graphql::Engine, storage::Database};

/// Below this an answer fits a packet or two, and compressing it costs more than it saves.
const COMPRESS_ABOVE: u64 = 1400;

/// Everything that is served.
pub fn router<Query, Mutation, Subscription, A>(
    engine: Arc<Engine<Query, Mutation, Subscription>>,
    access: Arc<A>,
    options: Options,
    points: Platform,
    browsers: &Browsers,
    database: Database,
    draining: watch::Receiver<bool>,
) -> Router
where
    Query: ObjectType + 'static,
    Mutation: ObjectType + 'static,
    Subscription: SubscriptionType + 'static,
    A: Access,
{
    let observe = Observe::new(database.clone());
    let assets = options
        .graphiql
        .as_deref()
        .map(Graphiql::routes)
        .unwrap_or_default();
    // Each call of `layer` is a box around every route, which every request pays for: what goes together is one of them.
    graphql::routes(engine, access, options)
        .merge(assets)
        .merge(health::routes(database, draining))
        .merge(platform::routes(points))
        .layer((
            request_id::layers(),
            observe,
            MapResponseLayer::new(browsers.finish()),
            option_layer(browsers.cors()),
        ))
}
