//! The command line: what is typed, and the settings its flags make. One file a command.

mod audit;
mod backup;
mod demo;
mod init;
mod migrate;
mod new_file;
mod restore;
mod run;
mod schema;
mod serve;
mod simulate;
mod template;
mod token;
mod verify;

use std::{ffi::OsString, path::PathBuf};

use clap::{Args, Parser, Subcommand};

pub use audit::{AuditArgs, AuditCommand, ExportArgs, VerifyFileArgs};
pub use backup::BackupArgs;
pub use demo::DemoArgs;
pub use init::InitArgs;
pub use migrate::MigrateArgs;
pub use restore::RestoreArgs;
pub use run::run;
pub use schema::SchemaArgs;
pub use serve::ServeArgs;
pub use simulate::{Print, SimulateArgs};
pub use template::{PublishArgs, TemplateArgs, TemplateCommand};
pub use token::TokenArgs;
pub use verify::VerifyArgs;

use crate::config::{Config, Faults, Overrides};

/// 支部 · the GraphQL service a district keeps its Party-branch records on
#[derive(Clone, Debug, Parser)]
#[command(name = "zhibu", version, propagate_version = true)]
pub struct Cli {
    /// TOML file with settings; environment variables and flags go over it
    #[arg(long, global = true, value_name = "FILE", env = "ZHIBU_CONFIG")]
    pub config: Option<PathBuf>,

    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What can be done.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Serve the API; with --demo on demonstration data
    Serve(ServeArgs),
    /// Make the root organization of an empty service
    Init(InitArgs),
    /// Bring the database up to this version
    Migrate(MigrateArgs),
    /// Print the GraphQL schema
    Schema(SchemaArgs),
    /// Load the demonstration district into an empty database, and book its points
    Demo(DemoArgs),
    /// Serve a stand-in platform with points of the demonstration district
    Simulate(SimulateArgs),
    /// Publish templates of health checks
    Template(TemplateArgs),
    /// Print a development token and nothing else
    Token(TokenArgs),
    /// Recompute what is stored twice, and the audit chain
    Verify(VerifyArgs),
    /// Copy the SQLite database, beside a running service
    Backup(BackupArgs),
    /// Put a backup in the SQLite database's place; no service may run on it
    Restore(RestoreArgs),
    /// Export the audit trail, or recompute the chain of an export
    Audit(AuditArgs),
}

/// Where the data lies; of every command that opens the database.
#[derive(Clone, Debug, Default, PartialEq, Eq, Args)]
pub struct StorageArgs {
    /// Directory of the SQLite file and the keys [default: ./zhibu-data]
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,

    /// PostgreSQL instead of the SQLite file: postgres://USER:PASSWORD@HOST/DATABASE
    #[arg(long, value_name = "URL")]
    pub database_url: Option<String>,
}

impl StorageArgs {
    fn overrides(&self, overrides: &mut Overrides) {
        set_data_dir(overrides, self.data_dir.as_deref());
        overrides.set("database.url", "--database-url", self.database_url.as_deref());
    }
}

fn set_data_dir(overrides: &mut Overrides, dir: Option<&std::path::Path>) {
    overrides.set(
        "server.data_dir",
        "--data-dir",
        dir.map(|dir| dir.to_string_lossy()),
    );
}

impl Cli {
    /// The settings that flags make.
    pub fn overrides(&self) -> Overrides {
        let mut overrides = Overrides::default();
        match &self.command {
            Command::Serve(args) => args.overrides(&mut overrides),
            Command::Init(args) => args.overrides(&mut overrides),
            Command::Migrate(args) => args.storage.overrides(&mut overrides),
            Command::Schema(SchemaArgs {}) => {}
            Command::Demo(args) => args.storage.overrides(&mut overrides),
            Command::Simulate(_) => {}
            Command::Token(args) => args.overrides(&mut overrides),
            Command::Template(args) => match &args.command {
                TemplateCommand::Publish(args) => args.storage.overrides(&mut overrides),
            },
            Command::Verify(args) => args.storage.overrides(&mut overrides),
            Command::Backup(args) => args.storage.overrides(&mut overrides),
            Command::Restore(args) => args.storage.overrides(&mut overrides),
            Command::Audit(args) => match &args.command {
                AuditCommand::Export(args) => args.storage.overrides(&mut overrides),
                AuditCommand::Verify(_) => {}
            },
        }
        overrides
    }

    /// The configuration: the file, these environment variables over it, the flags over both.
    pub fn load_config(&self, env: impl IntoIterator<Item = (OsString, OsString)>) -> Result<Config, Faults> {
        Config::load(self.config.as_deref(), env, &self.overrides())
    }
}

#[cfg(test)]
mod tests;
