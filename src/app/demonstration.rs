//! Filling an empty database with the demonstration: the district's rows, and then its points through the ledger.

use std::sync::Arc;

use super::AppError;
use crate::{
    demo, points,
    simulate::List,
    storage::{
        Database, StoreError, setting,
        write::{Actor, Failure, Outcome, Write},
    },
    training::ParticipantKey,
};

/// Told how many rows of how many have been written.
pub type Progress = Arc<dyn Fn(u64, u64) + Send + Sync>;

struct Demonstration {
    district: demo::District,
    progress: Progress,
}

/// Loads the demonstration district into an empty database, and lets the business date stand still. Its points are
/// [booked](book_demo) apart.
pub async fn load_demo(
    database: &Database,
    participant_key: &ParticipantKey,
    progress: Progress,
) -> Result<(), AppError> {
    let input = Demonstration {
        district: demo::build(participant_key),
        progress,
    };
    let written = database
        .write(Actor::service("demo"), None, input, |write, input| {
            Box::pin(async move {
                demo::load(write, &input.district, &*input.progress).await?;
                points::recount(write).await
            })
        })
        .await?;
    match written.outcome {
        Outcome::Done(()) => {
            database.clock().pin_business_date(demo::BUSINESS_DATE);
            database.pin_figures_from(demo::FIGURES_FROM);
            Ok(())
        }
        Outcome::Refused(refusals) => Err(AppError::Refused(refusals)),
    }
}

/// Entries of one transaction.
const BATCH: usize = 1000;

/// Books the simulated platform's entries through the ledger's own code, in the order of the platform's list. How many
/// are booked is kept with each batch, so that what was cut short goes on where it was, and replicas that do it at
/// once take turns. Gives how many were booked now.
pub async fn book_demo(database: &Database, list: Arc<List>, progress: Progress) -> Result<u64, AppError> {
    let all = list.len() as u64;
    let before = booked(setting::get(database.reader(), setting::DEMO_BOOKED).await?)?;
    let mut done = before;
    while done < all {
        progress(done, all);
        let written = database
            .write(Actor::service("demo"), None, list.clone(), |write, list| {
                Box::pin(book_next(write, list))
            })
            .await?;
        done = match written.outcome {
            Outcome::Done(booked) => booked,
            // Another replica has booked the last of them.
            Outcome::Refused(_) => all,
        };
    }
    progress(all, all);
    Ok(all.saturating_sub(before))
}

async fn book_next(write: &mut Write<'_>, list: &List) -> Result<u64, Failure> {
    write.lock("demo", "book").await?;
    let from = booked(setting::get(write.connection(), setting::DEMO_BOOKED).await?)?;
    let start = usize::try_from(from).unwrap_or(usize::MAX);
    let entries: Vec<points::Entry> = list.delivered_from(start, BATCH).map(Into::into).collect();
    if entries.is_empty() {
        return Err(Failure::Refused(Vec::new()));
    }
    let booked = from + entries.len() as u64;
    let source = points::open_source(write, demo::SOURCE, demo::SOURCE_NAME).await?;
    let push = points::Push {
        source: source.id,
        source_code: source.code,
        entries,
    };
    points::push::push(write, &push).await?;
    setting::set(write, setting::DEMO_BOOKED, &booked.to_string()).await?;
    Ok(booked)
}

fn booked(value: Option<String>) -> Result<u64, StoreError> {
    value.map_or(Ok(0), |text| {
        text.parse()
            .map_err(|_| StoreError::corrupt("setting.demo_booked", &text))
    })
}
