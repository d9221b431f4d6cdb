//! `zhibu demo`

use clap::Args;

use super::StorageArgs;

/// Flags of `demo`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Args)]
pub struct DemoArgs {
    /// Where the data lies.
    #[command(flatten)]
    pub storage: StorageArgs,
}
