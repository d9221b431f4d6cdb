//! The limits that clients are told, from where each is set.

use crate::{
    config::Config,
    graphql::{
        limits::{
            DocumentLimits, LiveLimits, PersistedDocuments, PointsLimits, RateLimits, RequestLimits,
            ServiceLimits, int, seconds,
        },
        node::MAX_NODES,
        request::MOST_VALUES,
    },
    http::{graphql::Options as EndpointOptions, platform::SIGNED_BODY_LIMIT},
    kernel::page::MAX_PAGE,
    live::socket::INIT_MESSAGE_BYTES,
    points::{deliver::ENTRIES_LIMIT, rows::ROW_LIMIT},
};

/// What a service of this configuration holds its callers to.
pub(super) fn published(config: &Config, endpoint: &EndpointOptions) -> ServiceLimits {
    let sockets = config.live.sockets;
    ServiceLimits {
        document: DocumentLimits::from(&config.graphql.limits().bearable()),
        request: RequestLimits {
            body_bytes: int(endpoint.body_limit),
            values: int(MOST_VALUES),
            timeout: seconds(config.server.request_timeout),
            page_size: int(MAX_PAGE),
            nodes: int(MAX_NODES),
        },
        points: PointsLimits {
            entries_per_delivery: int(ENTRIES_LIMIT),
            row_bytes: int(ROW_LIMIT),
            signed_body_bytes: int(SIGNED_BODY_LIMIT),
        },
        live: LiveLimits {
            message_bytes: int(sockets.message_bytes),
            init_message_bytes: int(INIT_MESSAGE_BYTES),
            operations_per_socket: int(sockets.operations),
            sockets_per_caller: int(sockets.sockets_per_caller),
            init_timeout: seconds(sockets.init_timeout),
            changes_retention_days: int(config.change_log.retention_days),
            idempotency_retention_days: int(config.idempotency.retention_days),
        },
        rate: config.rate.options().map(|rate| RateLimits {
            burst: int(rate.burst.get()),
            per_second: int(rate.per_second.get()),
        }),
        documents: PersistedDocuments {
            automatic: config.graphql.automatic_persisted_queries,
            any_document: config.graphql.any_document.clone(),
        },
    }
}
