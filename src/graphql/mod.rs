//! The GraphQL schema put together, and what every slice's resolvers share: the caller, loaders,
//! connections, payloads and errors.

pub mod batch;
pub mod caller;
pub mod connection;
pub mod error;
pub mod idempotency;
pub mod loaders;
pub mod node;
pub mod payload;
pub mod scalars;
pub mod schema;
