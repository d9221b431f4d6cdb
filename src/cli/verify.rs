//! `zhibu verify`

use clap::Args;

use super::StorageArgs;

/// Flags of `verify`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Args)]
pub struct VerifyArgs {
    /// Where the data lies.
    #[command(flatten)]
    pub storage: StorageArgs,
}
