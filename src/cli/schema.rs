//! `zhibu schema`

use clap::Args;

/// Flags of `schema`, which has none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Args)]
pub struct SchemaArgs {}
