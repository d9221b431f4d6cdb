//! `zhibu migrate`

use clap::Args;

use super::StorageArgs;

/// Flags of `migrate`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Args)]
pub struct MigrateArgs {
    /// The database was restored from a backup or failed over: end every cursor handed out before
    #[arg(long)]
    pub restored: bool,

    /// Where the data lies.
    #[command(flatten)]
    pub storage: StorageArgs,
}
