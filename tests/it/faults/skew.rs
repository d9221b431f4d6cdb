//! The machine's clock jumps back and forth.

use chrono::TimeDelta;
use serde_json::json;
use tokio::sync::watch;
use zhibu::kernel::clock::Clock;

use super::{
    load::{Load, Planted},
    tally::times,
};
use crate::support::{app::TestApp, branches::create, on_both};

on_both!(a_clock_that_jumps_loses_and_doubles_nothing, |db| async move {
    let app = TestApp::with_tree(db).await;
    create(&app, "B1", json!({})).await;
    app.open_source("EJIA").await;
    let other = app.replica().await;
    let parent = app.organization_id("D").await;
    let token = app.admin().token().unwrap().to_owned();
    let length = TimeDelta::seconds(30);
    let lease = async |app: &TestApp, holder: &str| app.database.lease("jobs", holder, length).await.unwrap();
    let mut number = 0;
    for (turn, jump) in [-60, 60, -60, 60].into_iter().enumerate() {
        let holder = format!("holder-{turn}");
        let held = lease(&app, &holder).await.expect("free");
        assert!(held.number > number, "{held:?} after {number}");
        number = held.number;
        app.clock.advance(TimeDelta::minutes(jump));
        // Whatever the clock did, one holds it: another has it only with a greater number.
        let taken = lease(&other, "another").await;
        let renewed = lease(&app, &holder).await;
        // What was given by a clock that ran an hour ahead is not waited for.
        let taken = taken.unwrap_or_else(|| panic!("held for an hour after a jump of {jump} minutes"));
        assert!(taken.number > number);
        assert_eq!(renewed, None);
        app.clock.advance(length + TimeDelta::seconds(1));
        let next = lease(&other, "next").await;
        number = next.expect("it ended").number;
        assert!(number > taken.number);
        other.database.release("jobs", "next").await.unwrap();

        // A keyed mutation is done once on either side of the jump.
        let input =
            json!({ "code": format!("J{turn}"), "name": "街道", "kind": "COMMITTEE", "parentId": parent });
        let key = format!("jump-{turn}");
        let mut ids = Vec::new();
        for (jump, app) in [(0, &app), (-jump, &other), (jump, &app)] {
            app.clock.advance(TimeDelta::minutes(jump));
            let caller = app.with_token(&token);
            let answer = caller
                .mutate_once(&key, "createOrganization", "organization { id }", input.clone())
                .await;
            if answer.status == 401 {
                // The clock is before the token's beginning, or after its end: a new one is taken.
                let caller = app.admin();
                let answer = caller
                    .mutate_once(&key, "createOrganization", "organization { id }", input.clone())
                    .await;
                ids.push(answer.done()["organization"]["id"].clone());
            } else {
                ids.push(answer.done()["organization"]["id"].clone());
            }
        }
        ids.dedup();
        assert_eq!(ids.len(), 1, "done twice");
        // Nothing is pruned that is not old by any of the clock's times.
        let now = app.database.clock().machine();
        let before = now - TimeDelta::days(7);
        app.database.prune(before, before).await.unwrap();
    }
    app.settle().await;
    // The log and the audit trail are in the order of commits, whatever the clock said.
    let query = "{ changes(first: 200, filter: { topics: [ORGANIZATION] }) {
        changes { cursor node { ... on Organization { code } } } } }";
    let answer = app.admin().ask(query, json!({})).await;
    let changes = answer.data()["changes"]["changes"].as_array().unwrap().clone();
    let jumps: Vec<&str> = changes
        .iter()
        .filter_map(|change| change["node"]["code"].as_str())
        .filter(|code| code.starts_with('J'))
        .collect();
    assert_eq!(jumps, ["J0", "J1", "J2", "J3"]);
    if app.database.seals_afterwards() {
        while app.database.seal_audit().await.unwrap() > 0 {}
    }
    let chain = zhibu::audit::store::verify(app.database.reader()).await.unwrap();
    assert_eq!((chain.broken_at, chain.unsealed), (None, 0));
    other.database.clone().close().await;
});

on_both!(
    clocks_that_jump_under_a_load_lose_and_double_nothing,
    |db| async move {
        let rounds = 40 * times();
        let jumps = 6 * times();
        let planted = Planted::over(&db).await;
        let replicas = [planted.serve(&db).await, planted.serve(&db).await];
        // In the middle of the time for which the clients' tokens are good, three hours to either side.
        let middle = Clock::system().machine() + TimeDelta::hours(4);
        let set = |replica: usize, hours: i64| {
            let at = middle + TimeDelta::hours(hours);
            replicas[replica].clock.set(&at.to_rfc3339());
        };
        let (stop, stopped) = watch::channel(false);
        let jobs: Vec<_> = replicas
            .iter()
            .zip(["one", "other"])
            .map(|(replica, holder)| tokio::spawn(replica.app.jobs(holder.to_owned()).run(stopped.clone())))
            .collect();
        set(0, 0);
        set(1, 0);
        let (moved, url) = watch::channel(replicas[0].url.clone());
        let load = planted.load(url, &db.url, rounds);
        for jump in 1..=jumps {
            load.reaches(Load::all(rounds) * jump / (jumps + 1)).await;
            // One ahead of the other, each in its turn; the writers go to both.
            set(jump % 2, 3);
            set((jump + 1) % 2, -3);
            moved.send_replace(replicas[jump / 2 % 2].url.clone());
        }
        load.check(&format!(
            "{jumps} jumps of the clocks of two replicas, six hours apart"
        ))
        .await;
        stop.send_replace(true);
        for jobs in jobs {
            jobs.await.unwrap();
        }
    }
);
