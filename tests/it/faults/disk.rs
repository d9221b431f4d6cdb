//! The disk is full.

use std::process::Command;

use tokio::sync::watch;

use super::load::{Load, Planted, times};
use crate::support::{app::eventually, process::Service, sqlite};

/// How far any file of the process may grow, in bytes.
fn limit(service: &Service, bytes: &str) {
    // The soft limit: the hard one could not be taken back without privileges.
    let set = Command::new("prlimit")
        .args(["--pid", &service.pid().to_string(), &format!("--fsize={bytes}:")])
        .status()
        .expect("prlimit runs");
    assert!(set.success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kills_in_no_write_that_a_full_disk_refuses() {
    let db = sqlite::database().await;
    let rounds = 40 * times();
    let fills = 3 * times();
    let planted = Planted::over(&db).await;
    let service = Service::start(planted.dir.path(), Some(&db.url));
    let (_moved, url) = watch::channel(service.url.clone());
    let load = planted.load(url, &db.url, rounds);
    for fill in 1..=fills {
        load.reaches(Load::all(rounds) * fill / (fills + 1)).await;
        limit(&service, "4096");
        // What was on its way is answered; nothing more is.
        eventually("nothing is written any more", async || {
            let before = load.answers();
            let (status, _) = load.write("FULL").await;
            status == 503 && load.answers() == before
        })
        .await;
        // Readers have all they need.
        let (status, answer) = load.query("{ organizations { totalCount } }").await;
        assert_eq!(status, 200, "{answer:#}");
        assert_eq!(load.ready().await, 200);
        limit(&service, "unlimited");
    }
    // By itself: the same process goes on.
    load.check(&format!("the disk was full {fills} times")).await;
    assert!(service.terminate().0.success());
}
