//! The tail: follows the change log wherever it is written, so that this process knows what moved.
//!
//! It looks when something was written here, when another replica says so (PostgreSQL NOTIFY, which takes a lock of the whole
//! cluster at commit: a few a second for each replica, never one a write), and once a second anyhow: what wakes it says
//! "look" and nothing else.

use std::time::Duration;

use sea_orm::sqlx::{self, postgres::PgListener};
use tokio::{sync::watch, time::Instant};

use super::{page, store};
use crate::{
    kernel::clock::pause,
    storage::{Database, Location, StoreError},
    telemetry::Telemetry,
};

/// Rows read at a time.
const PAGE: u64 = 1000;
/// How often it looks without being woken.
const FLOOR: Duration = Duration::from_secs(1);
/// The least time from one look to the next.
const BETWEEN: Duration = Duration::from_millis(5);
/// How long a replica that wrote waits before it says so again.
const NOTIFIED: Duration = Duration::from_millis(250);
/// PostgreSQL's name for what replicas tell each other.
const CHANNEL: &str = "zhibu_changes";

/// Follows the log until `stop` turns true; `window` rows are held for live readers.
pub async fn run(database: Database, window: usize, stop: watch::Receiver<bool>) {
    let written = database.log().watch_written();
    let (woken, wake) = watch::channel(());
    let others = async {
        match database.location() {
            Location::Postgres(url) => {
                tokio::join!(listen(url, &woken), notify(&database, written.clone()));
            }
            Location::Sqlite(_) => std::future::pending().await,
        }
    };
    let mut stopped = stop.clone();
    tokio::select! {
        () = follow(&database, window, written.clone(), wake) => {}
        () = others => {}
        _ = stopped.wait_for(|stop| *stop) => {}
    }
}

async fn follow(
    database: &Database,
    window: usize,
    mut written: watch::Receiver<u64>,
    mut wake: watch::Receiver<()>,
) {
    let mut ticks = tokio::time::interval(FLOOR);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut follows = false;
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            // Both senders live as long as this does.
            _ = written.changed() => {}
            _ = wake.changed() => {}
        }
        let began = Instant::now();
        let looked = match follows {
            true => look(database).await,
            false => begin(database, window).await.map(|()| follows = true),
        };
        // What has no place yet is read again each time. Not for every write, and where a long transaction holds much of it back
        // no more than half of the time; what was seen stays current meanwhile.
        pause(began.elapsed().clamp(BETWEEN, FLOOR / 2)).await;
        if let Err(error) = looked {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "the change log could not be read; it is tried again"
            );
        }
    }
}

async fn begin(database: &Database, window: usize) -> Result<(), StoreError> {
    let began = database.clock().machine();
    let head = page::head(database).await?;
    let log = database.log();
    log.follow(head.position, window);
    log.looked(began, None);
    Ok(())
}

/// Reads what has come since the last look.
pub async fn look(database: &Database) -> Result<(), StoreError> {
    let log = database.log();
    let began = database.clock().machine();
    let incarnation = database.incarnation().await?.number;
    let Some(mut look) = log.look() else {
        return Ok(());
    };
    loop {
        let (rows, xmin) = store::tail(database.reader(), incarnation, look.at(), PAGE).await?;
        let full = rows.len() as u64 == PAGE;
        let offered = log.take(&mut look, rows, xmin);
        if let Some(metrics) = database.telemetry().and_then(Telemetry::metrics) {
            let now = database.clock().machine();
            for at in offered {
                metrics.delivered((now - at).to_std().unwrap_or_default());
            }
        }
        if !full {
            log.looked(began, look.held());
            return Ok(());
        }
    }
}

/// Wakes the tail when another replica has written. What is missed while the connection is away is found by looking anyhow.
async fn listen(url: &str, woken: &watch::Sender<()>) {
    loop {
        let lost = match PgListener::connect(url).await {
            Ok(mut listener) => hear(&mut listener, woken).await,
            Err(error) => error,
        };
        tracing::warn!(
            error = &lost as &dyn std::error::Error,
            "not hearing of other replicas; tried again"
        );
        pause(FLOOR).await;
    }
}

async fn hear(listener: &mut PgListener, woken: &watch::Sender<()>) -> sqlx::Error {
    if let Err(error) = listener.listen(CHANNEL).await {
        return error;
    }
    loop {
        match listener.recv().await {
            Ok(_) => woken.send_replace(()),
            Err(error) => return error,
        };
    }
}

/// Tells other replicas that this one has written.
async fn notify(database: &Database, mut written: watch::Receiver<u64>) {
    while written.changed().await.is_ok() {
        if let Err(error) = database.notify(CHANNEL).await {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "other replicas were not told"
            );
        }
        pause(NOTIFIED).await;
    }
}
