//! The network between the service and PostgreSQL.

use std::time::Duration;

use serde_json::json;
use tokio::{sync::watch, time::Instant};
use zhibu::{audit::RefusedAccess, storage::write::Actor};

use super::{
    load::{Load, Planted, number},
    tally::times,
};
use crate::support::{
    app::{TestApp, eventually},
    postgres,
    process::Service,
    proxy::Proxy,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kills_in_the_network_lose_nothing_and_double_nothing() {
    let Some(db) = postgres::database().await else {
        return;
    };
    let direct = db.lent();
    let planted = Planted::over(&direct).await;
    let (proxy, db) = Proxy::before(db);
    let rounds = 60 * times();
    let service = Service::start_with(
        planted.dir.path(),
        &db.url,
        &[("ZHIBU_DATABASE_STATEMENT_TIMEOUT", "300ms")],
    );
    let (_moved, url) = watch::channel(service.url.clone());
    let load = planted.load(url, &direct.url, rounds);
    let all = Load::all(rounds);
    // The server has done it, and nobody is told: what is not known is not acknowledged, and done once when it comes again.
    for lost in 1..=6 {
        load.reaches(all * lost / 10).await;
        proxy.lose_commit();
        eventually("an answer is lost", async || proxy.lost_commits() >= lost).await;
    }
    for share in [7, 8] {
        load.reaches(all * share / 10).await;
        proxy.cut();
        eventually("it is not ready", async || load.ready().await == 503).await;
        proxy.restore();
    }
    // Nobody is told anything: it is found out, while the wire stays as it is.
    load.reaches(all * 9 / 10).await;
    proxy.stall();
    let (status, answer) = load.query("{ organizations { totalCount } }").await;
    assert_eq!(status, 503, "{answer:#}");
    proxy.restore();
    eventually("it is ready again", async || load.ready().await == 200).await;
    load.check("the network lost answers, was cut and said nothing")
        .await;
    assert!(service.terminate().0.success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mutation_on_a_dead_wire_is_answered_in_time_and_its_connection_is_given_up() {
    let Some(db) = postgres::database().await else {
        return;
    };
    let direct = db.url.clone();
    let (proxy, db) = Proxy::before(db);
    let app = TestApp::with_config(db, |config| {
        config.database.statement_timeout = Duration::from_millis(100);
        // Fewer than what will hang.
        config.database.max_connections = 2;
    })
    .await;
    app.plant_tree().await;
    let parent = app.organization_id("D").await;
    // Not in the instant in which a connection comes back to the pool: then sqlx waits for it (docs/adr/0017).
    let raw = sea_orm::Database::connect(&direct).await.unwrap();
    let busy = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'zhibu' \
                AND (state <> 'idle' OR state_change > now() - interval '100 ms')";
    eventually("nothing is on its way", async || number(&raw, busy).await == 0).await;
    proxy.stall();
    let began = Instant::now();
    let admin = app.admin();
    let tries = (0..4).map(|n| {
        let input =
            json!({ "code": format!("S{n}"), "name": "街道", "kind": "COMMITTEE", "parentId": parent });
        admin.mutate("createOrganization", "organization { code }", input)
    });
    for answer in futures_util::future::join_all(tries).await {
        assert_eq!((answer.status, answer.error_code()), (503, "UNAVAILABLE"));
    }
    // Three times what a statement and the wait for a connection may take.
    assert!(began.elapsed() < Duration::from_secs(30), "{:?}", began.elapsed());
    // New connections come through another way, as after a failover; the dead ones stay dead.
    proxy.abandon();
    eventually("it writes again", async || {
        let input = json!({ "code": "S9", "name": "街道", "kind": "COMMITTEE", "parentId": parent });
        let answer = app
            .admin()
            .mutate("createOrganization", "organization { code }", input)
            .await;
        answer.status == 200
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_waits_for_no_job_on_a_dead_wire() {
    let Some(db) = postgres::database().await else {
        return;
    };
    let (proxy, db) = Proxy::before(db);
    let app = TestApp::on(db).await;
    proxy.stall();
    let (stop, stopped) = watch::channel(false);
    let jobs = tokio::spawn(app.app.jobs("test".to_owned()).run(stopped));
    eventually("a job waits for the database", async || {
        app.database
            .pools()
            .into_iter()
            .any(|(_, size, idle)| size as usize > idle)
    })
    .await;
    stop.send_replace(true);
    // A statement alone would be waited for for 25 s.
    tokio::time::timeout(Duration::from_secs(10), jobs)
        .await
        .expect("it stops")
        .unwrap();
    proxy.restore();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refused_access_whose_commit_nobody_heard_of_is_written_once() {
    let Some(db) = postgres::database().await else {
        return;
    };
    let direct = db.url.clone();
    let (proxy, db) = Proxy::before(db);
    let app = TestApp::on(db).await;
    let refused = RefusedAccess::new(7);
    let note = |field: &str| {
        refused.note(Actor::service("r-1"), field, app.database.clock().machine());
    };
    note("createOrganization");
    proxy.lose_commit();
    refused
        .flush(&app.database, None)
        .await
        .expect_err("the answer is lost");
    assert_eq!(proxy.lost_commits(), 1);
    // The same was refused once more meanwhile.
    note("createOrganization");
    eventually("it is known", async || {
        refused.flush(&app.database, None).await.is_ok()
    })
    .await;
    let raw = sea_orm::Database::connect(&direct).await.unwrap();
    let written =
        "SELECT sum((after::json->>'count')::bigint)::bigint FROM audit_entry WHERE action = 'refused'";
    assert_eq!(number(&raw, written).await, 2);
    let rows = "SELECT count(*) FROM audit_entry WHERE action = 'refused'";
    assert_eq!(number(&raw, rows).await, 2);
}
