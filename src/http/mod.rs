//! The edge that speaks HTTP.

pub mod graphiql;
pub mod graphql;
pub mod request_id;
