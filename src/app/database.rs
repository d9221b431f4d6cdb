//! The database of a configuration: where it lies, how it is opened, and its first rows.

use std::path::Path;

use rand::{CryptoRng, RngExt as _};

use super::AppError;
use crate::{
    auth::Grant,
    config::Config,
    kernel::{clock::Clock, id::OrganizationId},
    organization::{
        self,
        create::{CreateOrganization, create},
        model::OrganizationKind,
    },
    points,
    storage::{
        self, Database, Location, Options as DatabaseOptions, StoreError, setting,
        write::{Actor, Outcome},
    },
};

/// Where the configuration says that the data lies.
pub fn location(config: &Config) -> Location {
    match &config.database.url {
        None => Location::Sqlite(config.server.data_dir.join("zhibu.db")),
        Some(url) => match url.expose().strip_prefix("sqlite:") {
            Some(path) => {
                let path = path.trim_start_matches("//");
                // `?mode=rwc` and the like are for other programs: how the file is opened is not for a URL to say.
                let path = path.split_once('?').map_or(path, |(path, _)| path);
                Location::Sqlite(Path::new(path).to_owned())
            }
            None => Location::Postgres(url.expose().to_owned()),
        },
    }
}

/// Makes the data directory, readable by its owner only: it holds keys.
pub fn make_data_dir(config: &Config) -> Result<(), AppError> {
    let dir = &config.server.data_dir;
    let made = if dir.exists() {
        Ok(())
    } else {
        let mut builder = std::fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(dir)
    };
    made.map_err(|error| AppError::DataDir(dir.display().to_string(), error))
}

/// Opens the database of the configuration and brings it up to date.
///
/// `restored`: it was restored from a backup or failed over, so that a new incarnation of the change log begins.
pub async fn open_database(
    config: &Config,
    clock: Clock,
    restored: bool,
    rng: &mut impl CryptoRng,
) -> Result<Database, AppError> {
    make_data_dir(config)?;
    open_database_at(location(config), config, clock, restored, rng).await
}

/// The same with a database that lies elsewhere.
pub async fn open_database_at(
    location: Location,
    config: &Config,
    clock: Clock,
    restored: bool,
    rng: &mut impl CryptoRng,
) -> Result<Database, AppError> {
    let options = DatabaseOptions {
        max_connections: config.database.max_connections,
        statement_timeout: config.database.statement_timeout,
        ..DatabaseOptions::default()
    };
    let database = Database::open(location, &options, clock, config.domain).await?;
    storage::migrate(&database).await?;
    database.open_log(restored, rng.random()).await?;
    pin_business_date(&database).await?;
    if !points::is_counted(database.reader()).await? {
        database
            .write(Actor::service("migrate"), None, (), |write, ()| {
                Box::pin(points::count_once(write))
            })
            .await?;
    }
    Ok(database)
}

/// Lets the business date stand still, and figures begin, where the database says so: in a demonstration, whoever loaded
/// it. Gives whether the date stands still.
pub async fn pin_business_date(database: &Database) -> Result<bool, AppError> {
    if let Some(day) = setting::get(database.reader(), setting::FIGURES_FROM).await? {
        let day = day
            .parse()
            .map_err(|_| StoreError::corrupt("setting.figures_from", &day))?;
        database.pin_figures_from(day);
    }
    let Some(date) = setting::get(database.reader(), setting::BUSINESS_DATE).await? else {
        return Ok(false);
    };
    let date = date
        .parse()
        .map_err(|_| StoreError::corrupt("setting.business_date", &date))?;
    database.clock().pin_business_date(date);
    Ok(true)
}

/// Makes the root organization of an empty service.
pub async fn init(database: &Database, code: &str, name: &str) -> Result<OrganizationId, AppError> {
    let input = CreateOrganization {
        code: code.to_owned(),
        name: name.to_owned(),
        kind: OrganizationKind::District,
        parent: None,
    };
    let written = database
        .write(Actor::service("init"), None, input, |write, input| {
            Box::pin(async move {
                let grant = Grant::of_the_service();
                create(write, &grant, input).await
            })
        })
        .await?;
    match written.outcome {
        Outcome::Done(id) => Ok(id),
        Outcome::Refused(refusals) => Err(AppError::Refused(refusals)),
    }
}

/// Whether the service has been given its district.
pub async fn is_empty(database: &Database) -> Result<bool, AppError> {
    Ok(organization::root(database.reader()).await?.is_none())
}

/// Makes the rows of the configured sources of points; names follow the configuration.
pub(super) async fn open_sources(database: &Database, config: &Config) -> Result<(), AppError> {
    let named = config.sources.iter();
    let named: Vec<_> = named
        .map(|source| (source.code.clone(), source.name.clone()))
        .collect();
    if named.is_empty() {
        return Ok(());
    }
    database
        .write(Actor::service("start"), None, named, |write, named| {
            Box::pin(points::open_sources(write, named))
        })
        .await?;
    Ok(())
}
