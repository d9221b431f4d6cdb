//! `zhibu serve`

use clap::Args;

use super::StorageArgs;
use crate::config::Overrides;

/// Flags of `serve`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Args)]
pub struct ServeArgs {
    /// On an empty database: load the demonstration district, and print a token for each role
    #[arg(long)]
    pub demo: bool,

    /// Address and port to listen on [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDR")]
    pub listen: Option<String>,

    /// Where the data lies.
    #[command(flatten)]
    pub storage: StorageArgs,
}

impl ServeArgs {
    pub(super) fn overrides(&self, overrides: &mut Overrides) {
        overrides.set("server.listen", "--listen", self.listen.as_deref());
        self.storage.overrides(overrides);
    }
}
