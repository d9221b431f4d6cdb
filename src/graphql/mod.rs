//! The GraphQL schema put together, what every slice's resolvers share, and the edge that requests pass
//! through before they reach a resolver.
//!
//! Resolvers share the caller, loaders, connections, payloads and errors. At the edge [`guard`] decides
//! whether a document may be looked at, [`variables`] whether its variables fit, [`rules`] whether it is valid where async-graphql does not look, [`documents`] keeps what
//! has passed and what [`manifest`]s say is trusted, [`engine`] runs it, [`batch`] runs its loaders, [`error`] decides what callers read when
//! something goes wrong, and [`idempotency`] carries a request's key to the write path.

pub mod batch;
pub mod caller;
pub mod connection;
pub mod costs;
pub mod documents;
pub mod engine;
pub mod error;
pub mod guard;
pub mod idempotency;
pub mod inputs;
pub mod limits;
pub mod lists;
pub mod loaders;
pub mod manifest;
mod mapping;
pub mod node;
pub mod payload;
mod persisted;
mod prepare;
pub mod reads;
mod reads_table;
pub mod request;
mod rules;
pub mod scalars;
pub mod schema;
pub mod sdl;
pub mod subscription;
pub mod variables;

pub use engine::{Engine, Executed, Prepared, RequestContext, RequestId};
pub use error::{ApiError, ErrorCode};
pub use guard::Limits;
pub use idempotency::Idempotency;
pub use request::{GraphqlRequest, RequestParams};
