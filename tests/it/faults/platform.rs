//! A platform that misbehaves while it is pulled, beside clients that write.

use std::time::Duration;

use rand::{SeedableRng as _, seq::IndexedRandom as _};
use rand_chacha::ChaCha20Rng;
use sea_orm::ConnectionTrait as _;
use tokio::sync::watch;

use super::{
    load::{Load, Planted, number},
    tally::times,
};
use crate::support::{
    on_both,
    platform::{Fault, Platform},
    process::Service,
};

/// How long it may take until more is booked.
const SOON: Duration = Duration::from_secs(120);

/// What goes wrong, an answer that is good after each: nothing that ends a run, for the next one would be half a minute away.
fn faults(rng: &mut ChaCha20Rng, answers: usize) -> Vec<Fault> {
    let kinds = [
        Fault::Status(500),
        Fault::Status(503),
        Fault::TooMany("0"),
        Fault::Cut,
        Fault::Repeat,
    ];
    let drawn = (0..answers).map(|_| kinds.choose(rng).unwrap().clone());
    drawn.flat_map(|fault| [Fault::None, fault]).collect()
}

on_both!(
    pulls_from_a_platform_that_misbehaves_lose_and_double_nothing_over_kills,
    |db| async move {
        let rounds = 40 * times();
        let kills = 2 * times();
        let entries = i64::try_from(400 * times()).unwrap();
        let planted = Planted::over(&db).await;
        let platform = Platform::start().await;
        for id in 0..entries {
            let at = |ids: i64| format!("{:02}:{:02}:{:02}", ids / 3600, ids / 60 % 60, ids % 60);
            platform.earn(id, "B1", "1", &format!("2026-03-01 {}.000", at(id)));
        }
        let mut rng = ChaCha20Rng::seed_from_u64(9);
        platform.faults(faults(&mut rng, 100 * times()));
        let settings = platform.by_cursor("retries = 1000\nevery = '1s'");
        let file = planted.dir.path().join("zhibu.toml");
        std::fs::write(&file, settings.replace("EJIA", "PLAT")).unwrap();
        let variables = [("ZHIBU_CONFIG", file.to_str().unwrap())];
        let start = || Service::start_with(planted.dir.path(), &db.url, &variables);

        let mut service = start();
        let (moved, url) = watch::channel(service.url.clone());
        let load = planted.load(url, &db.url, rounds);
        let raw = sea_orm::Database::connect(&db.url).await.unwrap();
        let booked = "SELECT count(*) FROM point_entry WHERE source_id = (SELECT id FROM point_source WHERE code = 'PLAT')";
        let reaches = async |enough: i64| {
            let reached = async {
                while number(&raw, booked).await < enough {
                    tokio::task::yield_now().await;
                }
            };
            let reached = tokio::time::timeout(SOON, reached).await;
            assert!(reached.is_ok(), "never {enough} are booked");
        };
        let mut taken = Vec::new();
        for kill in 1..=kills {
            load.reaches(Load::all(rounds) * kill / (kills + 1)).await;
            reaches(entries * i64::try_from(kill).unwrap() / i64::try_from(kills + 1).unwrap()).await;
            service.kill();
            taken.push(number(&raw, booked).await);
            // Who died renews it no more; that it ends is not waited for here.
            let ended = "UPDATE lease SET expires_at = '2020-01-01 00:00:00+00:00'";
            raw.execute_unprepared(ended).await.unwrap();
            service = start();
            moved.send_replace(service.url.clone());
        }
        reaches(entries).await;
        raw.close().await.unwrap();
        load.promise((0..entries).map(|id| format!("E-{id}")));
        let asked = platform.times();
        load.check(&format!(
            "{kills} kills after {taken:?} entries of a platform that was asked {asked} times"
        ))
        .await;
        assert!(service.terminate().0.success());
    }
);
