//! The service is killed.

use tokio::sync::watch;

use super::{
    load::{Load, Planted},
    tally::times,
};
use crate::support::{on_both, process::Service};

on_both!(
    kills_in_the_middle_of_everything_lose_nothing_and_double_nothing,
    |db| async move {
        let rounds = 40 * times();
        let kills = 3 * times();
        let planted = Planted::over(&db).await;
        let start = || Service::start(planted.dir.path(), Some(&db.url));
        let mut service = start();
        let (moved, url) = watch::channel(service.url.clone());
        let load = planted.load(url, &db.url, rounds);
        for kill in 1..=kills {
            load.reaches(Load::all(rounds) * kill / (kills + 1)).await;
            service.kill();
            service = start();
            moved.send_replace(service.url.clone());
        }
        load.check(&format!("{kills} kills of the service")).await;
        assert!(service.terminate().0.success());
    }
);
