//! PostgreSQL ends, and comes back.

use sea_orm::ConnectionTrait as _;
use tokio::sync::watch;

use super::{
    load::{Load, Planted, number},
    tally::times,
};
use crate::support::{
    app::eventually,
    cluster::{Cluster, signal_to},
    process::Service,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kills_in_postgresql_are_recovered_from() {
    let Some(mut cluster) = Cluster::start().await else {
        return;
    };
    let db = cluster.database();
    let rounds = 60 * times();
    let planted = Planted::over(&db).await;
    let service = Service::start(planted.dir.path(), Some(&db.url));
    let (_moved, url) = watch::channel(service.url.clone());
    let load = planted.load(url, &db.url, rounds);
    let all = Load::all(rounds);

    // One backend of ours: the server takes all of them down and recovers.
    load.reaches(all / 5).await;
    let raw = sea_orm::Database::connect(&db.url).await.unwrap();
    let ours = "SELECT pid::bigint FROM pg_stat_activity WHERE application_name = 'zhibu' LIMIT 1";
    let pid = number(&raw, ours).await;
    drop(raw);
    signal_to(u32::try_from(pid).unwrap(), "KILL");

    // One is told to go.
    load.reaches(all * 2 / 5).await;
    let raw = sea_orm::Database::connect(&db.url).await.unwrap();
    let sql = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'zhibu'";
    raw.execute_unprepared(sql).await.unwrap();
    drop(raw);

    for (signal, share) in [("QUIT", 3), ("INT", 4)] {
        load.reaches(all * share / 5).await;
        cluster.end(signal);
        eventually("it is not ready", async || load.ready().await == 503).await;
        cluster.begin().await;
        eventually("it is ready again", async || load.ready().await == 200).await;
    }
    load.check("PostgreSQL killed, stopped and restarted").await;
    assert!(service.terminate().0.success());
}
