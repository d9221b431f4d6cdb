//! The change log as a poller reads it.

use std::sync::Arc;

use chrono::Duration;
use rand::SeedableRng as _;
use rand_chacha::ChaCha20Rng;
use sea_orm::{ConnectionTrait, TransactionTrait as _};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use zhibu::{
    app::{self, App},
    auth::Role,
    kernel::{clock::Clock, id::GlobalId},
    live::cursor::{Cursor, Position},
};

use crate::support::{
    app::{As, TestApp, eventually},
    on_both, postgres,
};

const PAGE: &str = "query($after: ChangeCursor, $first: Int!, $filter: ChangeFilter) {
    changes(after: $after, first: $first, filter: $filter) {
        changes { cursor topic action nodeId version node { ... on Organization { code } } } cursor hasMore
    } }";

async fn page(caller: &As<'_>, after: &Value, first: u32, filter: Value) -> Value {
    let variables = json!({ "after": after, "first": first, "filter": filter });
    caller.ask(PAGE, variables).await.data()["changes"].clone()
}

/// The codes of the organizations that a page tells of.
fn codes(page: &Value) -> Vec<String> {
    let changes = page["changes"].as_array().unwrap();
    changes
        .iter()
        .map(|change| change["node"]["code"].as_str().unwrap_or("-").to_owned())
        .collect()
}

/// The code of the error that a cursor is refused with.
async fn refusal(caller: &As<'_>, after: &Value) -> String {
    let variables = json!({ "after": after, "first": 10 });
    caller.ask(PAGE, variables).await.error_code().to_owned()
}

on_both!(a_poller_reads_every_change_once_in_order, |db| async move {
    let app = TestApp::with_tree(db).await;
    app.settle().await;
    let admin = app.admin();
    let first = page(&admin, &Value::Null, 3, Value::Null).await;
    assert_eq!(codes(&first), ["D", "C1", "C2"]);
    assert_eq!(first["hasMore"], true);
    let second = page(&admin, &first["cursor"], 3, Value::Null).await;
    assert_eq!(
        (codes(&second), &second["hasMore"]),
        (vec!["G1".to_owned()], &json!(false))
    );
    // From a change in the middle of a page as well.
    let middle = page(&admin, &first["changes"][0]["cursor"], 10, Value::Null).await;
    assert_eq!(codes(&middle), ["C1", "C2", "G1"]);
    // The order of cursors as text is the order of changes.
    let all = page(&admin, &Value::Null, 200, Value::Null).await;
    let cursors: Vec<&str> = all["changes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|change| change["cursor"].as_str().unwrap())
        .collect();
    assert!(cursors.is_sorted(), "{cursors:?}");
    // Nothing new: nothing, and the same place again.
    let idle = page(&admin, &second["cursor"], 3, Value::Null).await;
    assert_eq!((codes(&idle).len(), &idle["cursor"]), (0, &second["cursor"]));
    let id = app.organization_id("C2").await;
    let input = json!({ "id": id, "version": 1, "name": "改名" });
    admin
        .mutate("updateOrganization", "organization { id }", input)
        .await
        .done();
    app.settle().await;
    let news = page(&admin, &idle["cursor"], 3, Value::Null).await;
    assert_eq!(codes(&news), ["C2"]);
    let change = &news["changes"][0];
    assert_eq!(
        (&change["topic"], &change["action"], &change["version"]),
        (&json!("ORGANIZATION"), &json!("UPDATED"), &json!(2))
    );
    // Asking for none moves nowhere.
    let none = page(&admin, &first["cursor"], 0, Value::Null).await;
    assert_eq!(
        (&none["cursor"], &none["hasMore"]),
        (&first["cursor"], &json!(true))
    );
    let none = page(&admin, &Value::Null, 0, Value::Null).await;
    assert_eq!(codes(&page(&admin, &none["cursor"], 1, Value::Null).await), ["D"]);
    for (first, said) in [(-1, "first"), (201, "200")] {
        let answer = admin.ask(PAGE, json!({ "first": first })).await;
        assert_eq!(answer.error_code(), "BAD_REQUEST");
        assert!(answer.body.to_string().contains(said), "{:#}", answer.body);
    }
});

on_both!(
    an_empty_log_has_a_cursor_that_what_comes_follows,
    |db| async move {
        let app = TestApp::on(db).await;
        let empty = page(&app.admin(), &Value::Null, 10, Value::Null).await;
        assert_eq!(
            (&empty["changes"], &empty["hasMore"]),
            (&json!([]), &json!(false))
        );
        app.create_organization("D", "DISTRICT", None).await;
        app.settle().await;
        let news = page(&app.admin(), &empty["cursor"], 10, Value::Null).await;
        assert_eq!(codes(&news), ["D"]);
    }
);

on_both!(a_filter_takes_what_fits_everything_it_names, |db| async move {
    let app = TestApp::with_tree(db).await;
    let (c1, d) = (app.organization_id("C1").await, app.organization_id("D").await);
    app.settle().await;
    let admin = app.admin();
    for (filter, taken) in [
        (json!({}), vec!["D", "C1", "C2", "G1"]),
        (json!({ "topics": ["ORGANIZATION"] }), vec!["D", "C1", "C2", "G1"]),
        (json!({ "topics": ["BRANCH", "BRAND"] }), vec![]),
        (json!({ "topics": [] }), vec![]),
        (json!({ "organizationId": c1 }), vec!["C1", "G1"]),
        (json!({ "organizationId": d }), vec!["D", "C1", "C2", "G1"]),
        (json!({ "organizationId": "nothing" }), vec![]),
        (json!({ "branchIds": [] }), vec![]),
        (json!({ "branchIds": [d] }), vec![]),
        (json!({ "topics": ["BRANCH"], "organizationId": c1 }), vec![]),
    ] {
        let read = page(&admin, &Value::Null, 50, filter.clone()).await;
        assert_eq!(codes(&read), taken, "{filter}");
        // What was passed over is behind the reader all the same.
        let rest = page(&admin, &read["cursor"], 50, Value::Null).await;
        assert_eq!(codes(&rest).len(), 0, "{filter}");
    }
});

on_both!(
    a_cursor_that_is_not_ours_is_told_from_one_that_has_expired,
    |db| async move {
        let app = TestApp::with_tree(db).await;
        app.settle().await;
        let admin = app.admin();
        for foreign in ["", "AAAA", "not a cursor", "YXJyYXljb25uZWN0aW9uOjA="] {
            assert_eq!(refusal(&admin, &json!(foreign)).await, "BAD_REQUEST", "{foreign}");
        }
        let cursor = page(&admin, &Value::Null, 50, Value::Null).await["cursor"].clone();
        let ours = Cursor::decode(cursor.as_str().unwrap()).unwrap();
        let moved = |nonce: i64, xid: i64, seq: i64| {
            let position = Position {
                incarnation: ours.position.incarnation,
                xid: ours.position.xid + xid,
                seq: ours.position.seq + seq,
            };
            let nonce = ours.nonce.wrapping_add(nonce);
            json!(Cursor { nonce, position }.encode())
        };
        assert_eq!(moved(0, 0, 0), cursor);
        for ahead in [
            moved(0, 0, 1),
            moved(0, 1, 0),
            moved(0, 1_000_000, -1),
            moved(1, 0, 0),
        ] {
            assert_eq!(refusal(&admin, &ahead).await, "CURSOR_EXPIRED", "{ahead}");
        }
        let answer = admin
            .in_language("zh")
            .ask(PAGE, json!({ "after": moved(1, 0, 0), "first": 1 }))
            .await;
        assert!(!answer.body["errors"][0]["message"].as_str().unwrap().is_ascii());
    }
);

on_both!(
    a_restored_database_expires_every_cursor_handed_out_before,
    |db| async move {
        let mut app = TestApp::with_tree(db).await;
        app.settle().await;
        let old = page(&app.admin(), &Value::Null, 2, Value::Null).await["cursor"].clone();
        // `zhibu migrate --restored`, and a service started after it.
        let mut rng = ChaCha20Rng::seed_from_u64(8);
        let clock = Clock::new(Arc::new(app.clock.clone()));
        let restored = app::open_database(&app.config, clock.clone(), true, &mut rng)
            .await
            .unwrap();
        restored.close().await;
        let database = app::open_database(&app.config, clock, false, &mut rng)
            .await
            .unwrap();
        assert_eq!(database.incarnation().await.unwrap().number, 2);
        let service = App::new(&app.config, database.clone(), false, &mut rng)
            .await
            .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        app.url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(app::serve(
            listener,
            service.router(),
            app::ServerOptions::default(),
            std::future::pending(),
        ));

        let admin = app.admin();
        assert_eq!(refusal(&admin, &old).await, "CURSOR_EXPIRED");
        // What was logged before is still there to read, and what comes now follows it.
        let all = page(&admin, &Value::Null, 50, Value::Null).await;
        assert_eq!(codes(&all), ["D", "C1", "C2", "G1"]);
        let parent = app.organization_id("D").await;
        app.create_organization("C3", "COMMITTEE", Some(&parent)).await;
        let mut news = Vec::new();
        eventually("the new change may be read", async || {
            news = codes(&page(&app.admin(), &all["cursor"], 50, Value::Null).await);
            !news.is_empty()
        })
        .await;
        assert_eq!(news, ["C3"]);
    }
);

on_both!(a_cursor_of_a_part_that_is_gone_has_expired, |db| async move {
    let app = TestApp::with_tree(db).await;
    app.settle().await;
    let early = page(&app.admin(), &Value::Null, 2, Value::Null).await["cursor"].clone();
    let last = page(&app.admin(), &Value::Null, 50, Value::Null).await["cursor"].clone();
    app.clock.advance(Duration::days(31));
    let kept = app.clock.0.lock().unwrap().to_owned() - Duration::days(30);
    app.database.prune(kept, kept).await.unwrap();
    assert_eq!(refusal(&app.admin(), &early).await, "CURSOR_EXPIRED");
    // The newest stays, however old: whoever had read all goes on where it was.
    assert_eq!(codes(&page(&app.admin(), &last, 50, Value::Null).await).len(), 0);
    assert_eq!(
        codes(&page(&app.admin(), &Value::Null, 50, Value::Null).await),
        ["G1"]
    );
    let parent = app.organization_id("D").await;
    app.create_organization("C3", "COMMITTEE", Some(&parent)).await;
    app.settle().await;
    assert_eq!(codes(&page(&app.admin(), &last, 50, Value::Null).await), ["C3"]);
    // Asking for none gives a place that is good.
    let none = page(&app.admin(), &Value::Null, 0, Value::Null).await;
    assert_eq!(
        codes(&page(&app.admin(), &none["cursor"], 50, Value::Null).await),
        ["G1", "C3"]
    );
});

/// Appends a change as a use case would, to a row that everybody may see or only those in scope.
async fn log(connection: &impl ConnectionTrait, node: i64, organizations: &[i64], public: bool) {
    let organizations: Vec<String> = organizations.iter().map(i64::to_string).collect();
    let sql = format!(
        "INSERT INTO change_log (incarnation, at, topic, action, node_type, node_id, branch_ids, organization_ids, public) \
         VALUES (1, '2026-03-02T02:00:00+00:00', 'ORGANIZATION', 'UPDATED', 'Organization', {node}, '', '{}', {public})",
        organizations.join(" ")
    );
    connection.execute_unprepared(&sql).await.unwrap();
}

async fn number(app: &TestApp, code: &str) -> i64 {
    GlobalId::decode(&app.organization_id(code).await).unwrap().number
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn transactions_that_commit_out_of_order_never_make_a_poller_miss_a_row() {
    let Some(db) = postgres::database().await else {
        return;
    };
    let app = TestApp::with_tree(db).await;
    app.settle().await;
    let (c1, c2) = (number(&app, "C1").await, number(&app, "C2").await);
    let start = page(&app.admin(), &Value::Null, 50, Value::Null).await["cursor"].clone();
    let (one, two) = (app.raw().await, app.raw().await);
    let mut after = start.clone();
    let mut seen: Vec<String> = Vec::new();
    for _ in 0..5 {
        // The first gets the lower transaction id and the lower sequence number, and commits last.
        let early = one.begin().await.unwrap();
        log(&early, c1, &[c1], true).await;
        let late = two.begin().await.unwrap();
        log(&late, c2, &[c2], true).await;
        // A row of the early one that comes after the late one's in sequence.
        log(&early, c1, &[c1], true).await;
        late.commit().await.unwrap();
        let polled = page(&app.admin(), &after, 50, Value::Null).await;
        assert_eq!(codes(&polled).len(), 0, "read past a transaction that still runs");
        after = polled["cursor"].clone();
        early.commit().await.unwrap();
        let before = seen.len();
        eventually("three rows come", async || {
            let polled = page(&app.admin(), &after, 50, Value::Null).await;
            after = polled["cursor"].clone();
            seen.extend(codes(&polled));
            seen.len() >= before + 3
        })
        .await;
        assert_eq!(seen[before..], ["C1", "C1", "C2"]);
    }
    // Whoever reads it all at once reads the same.
    assert_eq!(codes(&page(&app.admin(), &start, 50, Value::Null).await), seen);
}

on_both!(only_those_in_scope_hear_of_what_is_not_public, |db| async move {
    let app = TestApp::with_config(db, |config| config.auth.anonymous_role = Some(Role::Viewer)).await;
    let district = app.create_organization("D", "DISTRICT", None).await;
    app.create_organization("C1", "COMMITTEE", Some(&district)).await;
    app.create_organization("C2", "COMMITTEE", Some(&district)).await;
    app.settle().await;
    let start = page(&app.admin(), &Value::Null, 50, Value::Null).await["cursor"].clone();
    let (d, c1, c2) = (
        number(&app, "D").await,
        number(&app, "C1").await,
        number(&app, "C2").await,
    );
    let raw = app.raw().await;
    log(&raw, c1, &[c1, d], false).await;
    log(&raw, c2, &[c2, d], false).await;
    log(&raw, d, &[c1, c2, d], false).await;
    log(&raw, c2, &[c2, d], true).await;
    app.settle().await;
    for (who, caller, heard) in [
        ("the admin", app.admin(), vec!["C1", "C2", "D", "C2"]),
        ("an officer of C1", app.committee("C1"), vec!["C1", "D", "C2"]),
        ("an officer of C2", app.committee("C2"), vec!["C2", "D", "C2"]),
        (
            "a viewer of the district",
            app.viewer(None),
            vec!["C1", "C2", "D", "C2"],
        ),
        ("a viewer of C1", app.viewer(Some("C1")), vec!["C1", "D", "C2"]),
        ("an anonymous viewer", app.nobody(), vec!["C2"]),
        ("an adapter", app.adapter("EJIA"), vec![]),
    ] {
        let read = page(&caller, &start, 50, Value::Null).await;
        let nodes: Vec<&Value> = read["changes"]
            .as_array()
            .unwrap()
            .iter()
            .map(|c| &c["nodeId"])
            .collect();
        assert_eq!(nodes.len(), heard.len(), "{who}: {read:#}");
        if !heard.is_empty() {
            assert_eq!(codes(&read), heard, "{who}");
        }
        // Everybody's cursor has moved on past what was not theirs.
        let rest = page(&caller, &read["cursor"], 50, Value::Null).await;
        assert_eq!(rest["changes"], json!([]), "{who}");
    }
});
