//! `zhibu init`

use clap::Args;

use super::StorageArgs;
use crate::config::Overrides;

/// Flags of `init`. Code and name may stand in the configuration instead.
#[derive(Clone, Debug, Default, PartialEq, Eq, Args)]
pub struct InitArgs {
    /// Code of the district's organization, such as 350205
    #[arg(long, value_name = "CODE")]
    pub district_code: Option<String>,

    /// Its name
    #[arg(long, value_name = "NAME")]
    pub district_name: Option<String>,

    /// Where the data lies.
    #[command(flatten)]
    pub storage: StorageArgs,
}

impl InitArgs {
    pub(super) fn overrides(&self, overrides: &mut Overrides) {
        overrides.set(
            "organization.district_code",
            "--district-code",
            self.district_code.as_deref(),
        );
        overrides.set(
            "organization.district_name",
            "--district-name",
            self.district_name.as_deref(),
        );
        self.storage.overrides(overrides);
    }
}
