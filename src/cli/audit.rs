//! `zhibu audit`

use std::{
    fs::File,
    io::{self, BufReader, BufWriter, Write},
    path::{Path, PathBuf},
};

use clap::{Args, Subcommand};
use rand::CryptoRng;

use super::{
    StorageArgs,
    new_file::{NewFile, told},
    run::print,
};
use crate::{
    app::{self, AppError},
    audit::{
        chain::Link,
        export::{self, Exported},
    },
    config::Config,
    kernel::clock::Clock,
    storage::Database,
};

/// What can be done with the audit trail.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub struct AuditArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: AuditCommand,
}

/// What can be done with it.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum AuditCommand {
    /// Write every chained entry as NDJSON, from which the chain can be recomputed
    Export(ExportArgs),
    /// Recompute the chain of an exported file; needs no database
    Verify(VerifyFileArgs),
}

/// Flags of `audit export`.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub struct ExportArgs {
    /// The first position that is wanted
    #[arg(long, value_name = "POSITION", default_value_t = 1, value_parser = clap::value_parser!(i64).range(1..))]
    pub from: i64,

    /// A file that does not exist; - is standard output
    #[arg(value_name = "FILE", default_value = "-")]
    pub file: PathBuf,

    /// Where the data lies.
    #[command(flatten)]
    pub storage: StorageArgs,
}

/// Flags of `audit verify`.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub struct VerifyFileArgs {
    /// What `zhibu audit export` wrote; - is standard input
    #[arg(value_name = "FILE")]
    pub file: PathBuf,

    /// A link that was kept elsewhere, of the log or of an earlier export: the file must hold it
    #[arg(long, value_name = "LINK", value_parser = link)]
    pub head: Option<Link>,
}

fn link(text: &str) -> Result<Link, String> {
    export::read_link(text).ok_or_else(|| "a link is 64 hexadecimal digits".to_owned())
}

pub(super) async fn run(
    args: &AuditArgs,
    config: &Config,
    clock: Clock,
    rng: &mut impl CryptoRng,
) -> Result<(), AppError> {
    match &args.command {
        AuditCommand::Export(args) => {
            let database = app::open_database(config, clock, false, rng).await?;
            let written = export(args, &database).await;
            database.close().await;
            written
        }
        AuditCommand::Verify(args) => verify(args),
    }
}

async fn export(args: &ExportArgs, database: &Database) -> Result<(), AppError> {
    let exported = if args.file == Path::new("-") {
        write(args, database, io::stdout()).await?
    } else {
        let mut file = NewFile::begin(&args.file)?;
        let exported = write(args, database, file.writer()).await?;
        file.keep()?;
        exported
    };
    // Standard output may be the export itself.
    let _ = writeln!(
        io::stderr(),
        "{} entries to position {}, head {}; {} not sealed yet",
        exported.entries,
        exported.through,
        hex::encode(exported.link),
        exported.unsealed
    );
    Ok(())
}

async fn write(args: &ExportArgs, database: &Database, out: impl Write) -> Result<Exported, AppError> {
    let mut out = BufWriter::new(out);
    export::write(database.reader(), args.from, &mut out)
        .await
        .map_err(|error| told(&args.file, &error))
}

fn verify(args: &VerifyFileArgs) -> Result<(), AppError> {
    let found = if args.file == Path::new("-") {
        export::verify(io::stdin().lock(), args.head)
    } else {
        let file = File::open(&args.file).map_err(|error| told(&args.file, &error))?;
        export::verify(BufReader::new(file), args.head)
    };
    let held = found.map_err(|fault| told(&args.file, &fault))?;
    let mut text = format!(
        "audit chain: {} entries hold, to position {}, head {}\n",
        held.entries,
        held.through,
        hex::encode(held.link)
    );
    if held.after > 0 {
        text.push_str(&format!(
            "it begins behind position {}, with the link {}: what came before is not in the file\n",
            held.after,
            hex::encode(held.begins_with)
        ));
    }
    if let Some(position) = held.head_at {
        text.push_str(&format!("the given link stands at position {position}\n"));
    }
    print(&text)
}
