//! The list is pulled by the service itself, from a platform that misbehaves, while the service is killed.

use super::*;
use crate::{faults::tally::times, support::process::Service};

/// What goes wrong; nothing that ends a run, for the next one would be half a minute away.
const FAULTS: [&str; 7] = [
    "latency=0.1,5ms",
    "status500=0.1",
    "status429=0.05,0s",
    "dropped=0.1",
    "expiredToken=0.05",
    "repeatedPage=0.1",
    "reordered=0.3",
];

async fn number(app: &TestApp, sql: &str) -> i64 {
    rows(app, sql).await[0].try_get_by_index(0).unwrap()
}

/// Waits until a number is reached.
async fn until(app: &TestApp, sql: &str, enough: i64) {
    let reached = async {
        while number(app, sql).await < enough {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(120), reached)
        .await
        .unwrap_or_else(|_| panic!("never {enough}: {sql}"));
}

on_both!(
    kills_in_pulls_from_a_platform_that_misbehaves_come_to_the_same,
    |db| async move {
        let kills = 2 * i64::try_from(times()).unwrap();
        let district = simulate::district().unwrap();
        let list = simulate::build(&district, size());
        let mut faults = Faults::default();
        faults.extend(FAULTS.map(|fault| fault.parse().unwrap()));
        let time = Clock::system();
        time.pin_business_date(demo::BUSINESS_DATE);
        let platform = Platform::new(&district, list.clone(), time, faults, 1);
        let options = Options {
            client_id: "zhibu".to_owned(),
            client_secret: "geheim".to_owned(),
            per_minute: None,
        };
        let mut rng = ChaCha20Rng::seed_from_u64(3);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = Server::new(listener, platform, options, &mut rng).unwrap();
        let settings = server.settings().to_string();
        let stop = watch::Sender::new(false);
        tokio::spawn(server.run(stop.subscribe()));

        let app = TestApp::with_demo(db).await;
        let dir = app.config.server.data_dir.clone();
        let file = dir.join("zhibu.toml");
        std::fs::write(&file, settings).unwrap();
        let database = app.config.database.url.as_ref().unwrap().expose().to_owned();
        let variables = [
            ("ZHIBU_CONFIG", file.to_str().unwrap()),
            ("ZHIBU_SOURCES_EJIA_PULL_REQUESTS_PER_MINUTE", "60000"),
            ("ZHIBU_SOURCES_EJIA_PULL_RETRIES", "1000"),
            ("ZHIBU_SOURCES_EJIA_PULL_RETRY_WAIT", "10ms"),
        ];
        let start = || Service::start_with(&dir, &database, &variables);
        let mut service = start();
        let booked = "SELECT count(*) FROM point_entry";
        let mut taken = Vec::new();
        for kill in 1..=kills {
            until(&app, booked, list.len() as i64 * kill / (kills + 2)).await;
            service.kill();
            taken.push(number(&app, booked).await);
            // Who died renews it no more; that it ends is not waited for here.
            let raw = app.raw().await;
            raw.execute_unprepared("UPDATE lease SET expires_at = '2020-01-01 00:00:00+00:00'")
                .await
                .unwrap();
            raw.close().await.unwrap();
            service = start();
        }
        let done = "SELECT count(*) FROM pull_state WHERE last_success_at IS NOT NULL";
        until(&app, done, 1).await;
        assert!(service.terminate().0.success());
        let runs = number(&app, "SELECT count(*) FROM pull_run").await;
        assert!(runs > kills, "{runs}");
        let what = format!("{kills} kills of the service while it pulls");
        account(
            &app,
            &list,
            &what,
            &format!("{runs} runs, killed when there were {taken:?}"),
        )
        .await;
        is_as_the_model_has_it(&app, &district, &list).await;
    }
);
