//! Configuration: defaults, a TOML file, environment variables and flags, in rising order.
//!
//! One struct a section. Every fault of every layer is reported at once, with its key and where it stands;
//! a key that nobody reads is a fault too, so that a misspelt one does not pass for a setting. Secrets are
//! shown neither by `Debug` nor in faults. `zhibu.example.toml` names every key with its default.

mod auth;
mod edge;
mod fault;
mod graphql;
mod keys;
mod live;
mod reader;
mod sections;
mod sources;
mod telemetry;
mod value;

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};

pub use auth::{AuthSection, IssuerSection};
pub use edge::{CorsSection, LoadSection, RateSection};
pub use fault::{Fault, Faults, Origin};
pub use graphql::GraphqlSection;
pub use live::LiveSection;
pub use sections::{
    ChangeLogSection, DatabaseSection, IdempotencySection, LogFormat, LogSection, OrganizationSection,
    PrivacySection, ServerSection,
};
pub use sources::SourceSection;

pub use crate::kernel::secret::Secret;

use crate::kernel::rules::Rules;
use reader::Reader;

/// Everything a deployment can set. Relative paths are relative to the working directory.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Config {
    /// `[server]`
    pub server: ServerSection,
    /// `[database]`
    pub database: DatabaseSection,
    /// `[auth]`
    pub auth: AuthSection,
    /// `[graphql]`
    pub graphql: GraphqlSection,
    /// `[load]`
    pub load: LoadSection,
    /// `[rate]`
    pub rate: RateSection,
    /// `[cors]`
    pub cors: CorsSection,
    /// `[organization]`
    pub organization: OrganizationSection,
    /// `[privacy]`
    pub privacy: PrivacySection,
    /// `[domain]`
    pub domain: Rules,
    /// `[change_log]`
    pub change_log: ChangeLogSection,
    /// `[live]`
    pub live: LiveSection,
    /// `[idempotency]`
    pub idempotency: IdempotencySection,
    /// `[sources.CODE]`, one for each platform that points come from.
    pub sources: Vec<SourceSection>,
    /// `[log]`
    pub log: LogSection,
    /// `[telemetry]`
    pub telemetry: crate::telemetry::Settings,
}

/// What flags of the command line set: key, flag and value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Overrides(Vec<(&'static str, &'static str, String)>);

impl Overrides {
    /// Sets `key` where the flag was given.
    pub fn set(&mut self, key: &'static str, flag: &'static str, value: Option<impl Into<String>>) {
        if let Some(value) = value {
            self.0.push((key, flag, value.into()));
        }
    }
}

impl Config {
    /// Reads the file, if one is named, and lays the environment and the flags over it.
    pub fn load(
        file: Option<&Path>,
        env: impl IntoIterator<Item = (OsString, OsString)>,
        flags: &Overrides,
    ) -> Result<Self, Faults> {
        match file.map(|path| (path, std::fs::read_to_string(path))) {
            None => Self::parse(None, env, flags),
            Some((path, Ok(text))) => Self::parse(Some((&path.display().to_string(), &text)), env, flags),
            Some((path, Err(error))) => {
                // The other layers are read all the same: their faults are due now, not on the next try.
                let mut faults = vec![Fault::new(
                    "",
                    Origin::File(path.display().to_string(), None),
                    format!("cannot be read: {error}"),
                )];
                if let Err(Faults(others)) = Self::parse(None, env, flags) {
                    faults.extend(others);
                }
                Err(Faults(faults))
            }
        }
    }

    /// The same from a text, which goes by `name` in faults.
    pub fn parse(
        file: Option<(&str, &str)>,
        env: impl IntoIterator<Item = (OsString, OsString)>,
        flags: &Overrides,
    ) -> Result<Self, Faults> {
        let mut reader = Reader::new(file, env, flags);
        let graphql = GraphqlSection::read(&mut reader);
        let config = Self {
            server: ServerSection::read(&mut reader),
            database: DatabaseSection::read(&mut reader),
            auth: AuthSection::read(&mut reader),
            load: LoadSection::read(&mut reader, graphql.body_bytes),
            rate: RateSection::read(&mut reader, graphql.limits().cost),
            graphql,
            cors: CorsSection::read(&mut reader),
            organization: OrganizationSection::read(&mut reader),
            privacy: PrivacySection::read(&mut reader),
            domain: sections::read_rules(&mut reader),
            change_log: ChangeLogSection::read(&mut reader),
            live: LiveSection::read(&mut reader),
            idempotency: IdempotencySection::read(&mut reader),
            sources: sources::read(&mut reader),
            log: LogSection::read(&mut reader),
            telemetry: telemetry::read(&mut reader),
        };
        reader.finish()?;
        Ok(config)
    }

    /// Where the key that signs development tokens lies.
    pub fn signing_key_file(&self) -> PathBuf {
        self.server.data_dir.join("signing-key.pem")
    }

    /// Where the key of the participants' hashes lies: the one configured, else one in the data directory.
    pub fn participant_key_file(&self) -> PathBuf {
        let configured = self.privacy.participant_key_file.clone();
        configured.unwrap_or_else(|| self.server.data_dir.join("participant-key"))
    }
}

#[cfg(test)]
mod tests;
