//! The audit trail: who did what, readable by the district only, never changed.

use std::{collections::BTreeMap, sync::Arc};

use rand::SeedableRng as _;
use rand_chacha::ChaCha20Rng;
use sea_orm::{ConnectionTrait as _, DatabaseConnection, DbBackend, Statement, TransactionTrait as _};
use serde_json::{Value, json};
use tokio::sync::watch;
use zhibu::{
    audit::RefusedAccess,
    auth::Role,
    kernel::clock::Clock,
    storage::{Database, write::Actor},
};

use crate::support::{
    app::{Answer, As, TestApp, eventually},
    on_both, postgres,
    process::{run, stderr, stdout},
};

const ENTRIES: &str = "query($filter: AuditFilter) { auditEntries(filter: $filter) { totalCount nodes {
    id subject role action nodeId requestId before after } } }";

async fn entries(caller: &As<'_>, filter: Value) -> Vec<Value> {
    let answer = caller.ask(ENTRIES, json!({ "filter": filter })).await;
    let page = &answer.data()["auditEntries"];
    let nodes = page["nodes"].as_array().unwrap().clone();
    assert_eq!(page["totalCount"], nodes.len());
    nodes
}

async fn send(caller: &As<'_>, request_id: &str, field: &str, input: Value) -> Answer {
    let mut name = field.to_owned();
    name[..1].make_ascii_uppercase();
    let document =
        format!("mutation($input: {name}Input!) {{ {field}(input: $input) {{ userErrors {{ code }} }} }}");
    let request = caller.request(&document, json!({ "input": input }));
    caller.send(request.header("x-request-id", request_id)).await
}

async fn number(connection: &DatabaseConnection, sql: &str) -> i64 {
    let statement = Statement::from_string(connection.get_database_backend(), sql);
    let row = connection.query_one_raw(statement).await.unwrap().unwrap();
    row.try_get_by_index(0).unwrap()
}

/// Seals what there is, until nothing is left to seal.
async fn seal(database: &Database) {
    if database.backend() == DbBackend::Sqlite {
        return;
    }
    eventually("everything is sealed", async || {
        database.seal_audit().await.unwrap();
        let chain = zhibu::audit::store::verify(database.reader()).await.unwrap();
        chain.unsealed == 0
    })
    .await;
}

on_both!(
    every_mutation_leaves_an_entry_that_the_district_reads,
    |db| async move {
        let app = TestApp::with_tree(db).await;
        let (d, c1) = (app.organization_id("D").await, app.organization_id("C1").await);
        let admin = app.admin();
        let new = json!({ "code": "C3", "name": "街道", "kind": "COMMITTEE", "parentId": d });
        send(&admin, "r-create", "createOrganization", new.clone())
            .await
            .done();
        let renamed = json!({ "id": c1, "version": 1, "name": "改名" });
        send(&admin, "r-update", "updateOrganization", renamed)
            .await
            .done();
        let count = json!({ "organizationId": c1, "kind": "VOLUNTEER", "count": 7, "asOf": "2026-03-01" });
        let officer = app.committee("C1");
        send(&officer, "r-report", "reportHeadcount", count).await.done();
        // Refused, and nothing was written: no entry.
        let again = send(&admin, "r-again", "createOrganization", new).await;
        assert_eq!(
            again.data()["createOrganization"]["userErrors"][0]["code"],
            "ALREADY_EXISTS"
        );

        let all = entries(&admin, json!({})).await;
        let told: Vec<(&str, &str, &str)> = all
            .iter()
            .take(3)
            .map(|e| {
                let text = |name: &str| e[name].as_str().unwrap();
                (text("requestId"), text("action"), text("subject"))
            })
            .collect();
        assert_eq!(
            told,
            [
                ("r-report", "reportHeadcount", "officer-C1"),
                ("r-update", "updateOrganization", "admin-1"),
                ("r-create", "createOrganization", "admin-1"),
            ]
        );
        assert_eq!(all.len(), 4 + 3);
        assert_eq!(all[0]["role"], "COMMITTEE_OFFICER");
        assert_eq!(all[1]["nodeId"], json!(c1));
        let json =
            |e: &Value, name: &str| -> Value { serde_json::from_str(e[name].as_str().unwrap()).unwrap() };
        assert_eq!(json(&all[1], "before")["name"], "组织C1");
        assert_eq!(json(&all[1], "after")["name"], "改名");
        assert_eq!(all[2]["before"], Value::Null);
        assert_eq!(json(&all[2], "after")["code"], "C3");
        for (filter, count) in [
            (json!({ "action": "updateOrganization" }), 1),
            (json!({ "subject": "officer-C1" }), 1),
            (json!({ "nodeId": c1 }), 2),
            (json!({ "nodeId": c1, "subject": "nobody" }), 0),
            (json!({ "from": "2026-03-02T02:00:01Z" }), 0),
            (json!({ "to": "2026-03-02T02:00:00Z" }), 0),
            (
                json!({ "from": "2026-03-02T02:00:00Z", "to": "2026-03-02T02:00:01Z" }),
                7,
            ),
        ] {
            assert_eq!(entries(&admin, filter.clone()).await.len(), count, "{filter}");
        }

        let id = all[0]["id"].as_str().unwrap();
        let node = "query($id: ID!) { node(id: $id) { id } }";
        assert_eq!(
            admin.ask(node, json!({ "id": id })).await.data()["node"]["id"],
            id
        );
        for other in [app.committee("C1"), app.viewer(None), app.adapter("EJIA")] {
            assert_eq!(entries(&other, json!({})).await.len(), 0);
            assert_eq!(
                other.ask(node, json!({ "id": id })).await.data()["node"],
                Value::Null
            );
        }
    }
);

on_both!(what_is_refused_for_role_or_scope_is_counted, |db| async move {
    let app = TestApp::with_tree(db).await;
    let (d, c1) = (app.organization_id("D").await, app.organization_id("C1").await);
    let new = json!({ "code": "C3", "name": "街道", "kind": "COMMITTEE", "parentId": d });
    for _ in 0..3 {
        let answer = send(&app.committee("C1"), "r-1", "createOrganization", new.clone()).await;
        assert_eq!(answer.error_code(), "FORBIDDEN");
    }
    let answer = send(&app.viewer(None), "r-2", "createOrganization", new).await;
    assert_eq!(answer.error_code(), "FORBIDDEN");
    // For scope: the role may, but not there.
    let count = json!({ "organizationId": c1, "kind": "VOLUNTEER", "count": 7, "asOf": "2026-03-01" });
    let answer = send(&app.committee("C2"), "r-3", "reportHeadcount", count.clone()).await;
    assert_eq!(answer.error_code(), "FORBIDDEN");
    // Without a valid token it goes to the log only.
    send(&app.with_token("abc"), "r-4", "reportHeadcount", count).await;

    let refused = json!({ "action": "refused" });
    assert_eq!(
        entries(&app.admin(), refused.clone()).await.len(),
        0,
        "counted, not written one by one"
    );
    // The service stops, and writes what it has counted.
    let (stop, stopped) = watch::channel(true);
    app.app.jobs("test".to_owned()).run(stopped).await;
    drop(stop);
    let mut told: Vec<(String, String, Value)> = entries(&app.admin(), refused)
        .await
        .iter()
        .map(|e| {
            let after = serde_json::from_str(e["after"].as_str().unwrap()).unwrap();
            let text = |name: &str| e[name].as_str().unwrap().to_owned();
            (text("subject"), text("role"), after)
        })
        .collect();
    told.sort_by(|a, b| a.0.cmp(&b.0));
    let row = |subject: &str, role: Role, field: &str, count: u64| {
        let after = json!({ "field": field, "count": count });
        (subject.to_owned(), role.as_str().to_owned(), after)
    };
    assert_eq!(
        told,
        [
            row("officer-C1", Role::CommitteeOfficer, "createOrganization", 3),
            row("officer-C2", Role::CommitteeOfficer, "reportHeadcount", 1),
            row("viewer-1", Role::Viewer, "createOrganization", 1),
        ]
    );
});

on_both!(
    what_a_caller_without_a_token_is_refused_is_not_in_the_trail,
    |db| async move {
        let app = TestApp::with_config(db, |config| config.auth.anonymous_role = Some(Role::Viewer)).await;
        let new = json!({ "code": "D", "name": "区委", "kind": "DISTRICT" });
        let answer = send(&app.nobody(), "r-1", "createOrganization", new).await;
        assert_eq!(answer.error_code(), "FORBIDDEN");
        let (stop, stopped) = watch::channel(true);
        app.app.jobs("test".to_owned()).run(stopped).await;
        drop(stop);
        assert_eq!(
            entries(&app.admin(), json!({ "action": "refused" })).await.len(),
            0
        );
    }
);

on_both!(refusals_wait_for_a_database_that_is_away, |db| async move {
    let app = TestApp::with_tree(db).await;
    let mut rng = ChaCha20Rng::seed_from_u64(7);
    let clock = Clock::new(Arc::new(app.clock.clone()));
    let away = zhibu::app::open_database(&app.config, clock, false, &mut rng)
        .await
        .unwrap();
    away.clone().close().await;
    let refused = RefusedAccess::new(7);
    let note = |subject: &str| {
        let mut actor = Actor::service("r-1");
        actor.subject = subject.to_owned();
        refused.note(actor, "createOrganization", app.database.clock().machine());
    };
    note("a");
    note("a");
    note("b");
    refused
        .flush(&away, None)
        .await
        .expect_err("the database is away");
    note("a");
    refused.flush(&app.database, None).await.expect("it is back");
    // What was on its way when the database went has a row of its own: nobody knows then whether it was written.
    let mut told: BTreeMap<String, u64> = BTreeMap::new();
    for entry in entries(&app.admin(), json!({ "action": "refused" })).await {
        let after: Value = serde_json::from_str(entry["after"].as_str().unwrap()).unwrap();
        *told
            .entry(entry["subject"].as_str().unwrap().to_owned())
            .or_default() += after["count"].as_u64().unwrap();
    }
    assert_eq!(told, BTreeMap::from([("a".to_owned(), 3), ("b".to_owned(), 1)]));
});

on_both!(
    refusals_that_were_written_before_it_was_known_are_written_once,
    |db| async move {
        let app = TestApp::with_tree(db).await;
        let refused = RefusedAccess::new(7);
        refused.note(
            Actor::service("r-1"),
            "createOrganization",
            app.database.clock().machine(),
        );
        // Somebody holds the writer up, so that whoever waits for the outcome goes before there is one.
        let raw = app.raw().await;
        let lock = match app.database.backend() {
            DbBackend::Sqlite => "BEGIN IMMEDIATE",
            _ => "BEGIN; LOCK TABLE audit_entry IN EXCLUSIVE MODE",
        };
        raw.execute_unprepared(lock).await.unwrap();
        let within = std::time::Duration::from_millis(300);
        let gone = tokio::time::timeout(within, refused.flush(&app.database, None)).await;
        assert!(gone.is_err(), "it was not held up");
        raw.execute_unprepared("ROLLBACK").await.unwrap();
        let written = "SELECT count(*) FROM audit_entry WHERE action = 'refused'";
        if app.database.backend() == DbBackend::Sqlite {
            eventually("it is written, and nobody was told", async || {
                number(&raw, written).await == 1
            })
            .await;
        }
        eventually("it is known", async || {
            refused.flush(&app.database, None).await.is_ok()
        })
        .await;
        assert_eq!(number(&raw, written).await, 1);
    }
);

on_both!(the_database_itself_refuses_to_change_the_trail, |db| async move {
    let app = TestApp::with_tree(db).await;
    seal(&app.database).await;
    let raw = app.raw().await;
    for sql in [
        "UPDATE audit_entry SET subject = 'somebody else'",
        "UPDATE audit_entry SET subject = subject WHERE id = 1",
        "DELETE FROM audit_entry",
        "UPDATE audit_seal SET position = position + 100",
        "DELETE FROM audit_seal",
    ] {
        let error = raw.execute_unprepared(sql).await.expect_err(sql).to_string();
        assert!(error.contains("append-only"), "{sql}: {error}");
    }
    if app.database.backend() == DbBackend::Postgres {
        let error = raw.execute_unprepared("TRUNCATE audit_entry, audit_seal").await;
        assert!(error.unwrap_err().to_string().contains("append-only"));
    }
    assert_eq!(number(&raw, "SELECT count(*) FROM audit_entry").await, 4);
    assert_eq!(number(&raw, "SELECT count(*) FROM audit_seal").await, 4);
});

/// What only somebody with the database's own password can do.
async fn let_change(raw: &DatabaseConnection) {
    for table in ["audit_entry", "audit_seal"] {
        let statements = match raw.get_database_backend() {
            DbBackend::Sqlite => vec![
                format!("DROP TRIGGER {table}_no_update"),
                format!("DROP TRIGGER {table}_no_delete"),
            ],
            _ => vec![format!("ALTER TABLE {table} DISABLE TRIGGER {table}_append_only")],
        };
        for sql in statements {
            raw.execute_unprepared(&sql).await.unwrap();
        }
    }
}

on_both!(an_entry_that_was_tampered_with_is_found, |db| async move {
    let app = TestApp::with_tree(db).await;
    seal(&app.database).await;
    let verify = || async { zhibu::audit::store::verify(app.database.reader()).await.unwrap() };
    let whole = verify().await;
    assert_eq!((whole.sealed, whole.unsealed, whole.broken_at), (4, 0, None));
    let raw = app.raw().await;
    let_change(&raw).await;
    let entry_at =
        |position: i64| format!("(SELECT audit_entry_id FROM audit_seal WHERE position = {position})");
    for (column, position) in [("subject", 3), ("action", 2), ("request_id", 4), ("role", 1)] {
        let entry = entry_at(position);
        let change = format!("UPDATE audit_entry SET {column} = {column} || '!' WHERE id = {entry}");
        raw.execute_unprepared(&change).await.unwrap();
        assert_eq!(verify().await.broken_at, Some(position), "{column}");
        let back = format!("UPDATE audit_entry SET {column} = rtrim({column}, '!') WHERE id = {entry}");
        raw.execute_unprepared(&back).await.unwrap();
        assert_eq!(verify().await, whole, "{column}");
    }
    // A column that is null is not the same as one that is empty.
    let entry = entry_at(2);
    for (value, broken_at) in [("''", Some(2)), ("NULL", None)] {
        let change = format!("UPDATE audit_entry SET before = {value} WHERE id = {entry}");
        raw.execute_unprepared(&change).await.unwrap();
        assert_eq!(verify().await.broken_at, broken_at, "{value}");
    }
    // One taken out of the middle leaves a gap, also where its number is given to the next.
    raw.execute_unprepared("DELETE FROM audit_seal WHERE position = 2; DELETE FROM audit_entry WHERE id NOT IN (SELECT audit_entry_id FROM audit_seal)")
    .await
    .unwrap();
    assert_eq!(verify().await.broken_at, Some(3));
    raw.execute_unprepared("UPDATE audit_seal SET position = position - 1 WHERE position = 3; UPDATE audit_seal SET position = 3 WHERE position = 4")
        .await
        .unwrap();
    assert_eq!(verify().await.broken_at, Some(2));
});

on_both!(
    verify_says_where_the_chain_is_broken_and_ends_with_1,
    |db| async move {
        let app = TestApp::with_tree(db.lent()).await;
        seal(&app.database).await;
        let dir = app.config.server.data_dir.to_str().unwrap();
        let order = ["verify", "--database-url", &db.url, "--data-dir", dir];
        let whole = run(&order);
        assert!(whole.status.success(), "{}", stderr(&whole));
        assert!(
            stdout(&whole).contains("audit chain: 4 entries hold, 0 not sealed yet, head "),
            "{}",
            stdout(&whole)
        );
        let raw = app.raw().await;
        let_change(&raw).await;
        for position in [3, 2] {
            let change = format!(
                "UPDATE audit_entry SET subject = 'nobody' \
                 WHERE id = (SELECT audit_entry_id FROM audit_seal WHERE position = {position})"
            );
            raw.execute_unprepared(&change).await.unwrap();
            let broken = run(&order);
            assert_eq!(broken.status.code(), Some(1), "{}", stdout(&broken));
            let said = format!("audit chain: BROKEN at position {position}\n");
            assert!(stdout(&broken).contains(&said), "{}", stdout(&broken));
            // The rest is looked at all the same.
            assert!(stdout(&broken).contains("organization tree: agrees"));
            assert!(
                stderr(&broken).contains("does not hold: audit chain"),
                "{}",
                stderr(&broken)
            );
            assert!(!stdout(&broken).contains("nobody"));
        }
    }
);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_sealer_never_overtakes_a_transaction_that_still_runs() {
    let Some(db) = postgres::database().await else {
        return;
    };
    let app = TestApp::with_tree(db).await;
    seal(&app.database).await;
    let raw = app.raw().await;
    // It has the lower transaction id, and commits last.
    let early = raw.begin().await.unwrap();
    early
        .execute_unprepared(
            "INSERT INTO audit_entry (at, subject, action, request_id) VALUES (now(), 'early', 'test', 'early')",
        )
        .await
        .unwrap();
    let parent = app.organization_id("D").await;
    app.create_organization("C3", "COMMITTEE", Some(&parent)).await;
    assert_eq!(app.database.seal_audit().await.unwrap(), 0);
    let chain = zhibu::audit::store::verify(app.database.reader()).await.unwrap();
    assert_eq!((chain.sealed, chain.unsealed, chain.broken_at), (4, 1, None));
    early.commit().await.unwrap();
    seal(&app.database).await;
    let chain = zhibu::audit::store::verify(app.database.reader()).await.unwrap();
    assert_eq!((chain.sealed, chain.unsealed, chain.broken_at), (6, 0, None));
    let positions = "SELECT count(*) FROM audit_seal s JOIN audit_entry e ON e.id = s.audit_entry_id \
                     JOIN audit_seal t ON t.position < s.position JOIN audit_entry f ON f.id = t.audit_entry_id \
                     WHERE (f.xid, f.id) > (e.xid, e.id)";
    assert_eq!(number(&raw, positions).await, 0, "sealed out of order");
    let early_at = "SELECT s.position FROM audit_seal s JOIN audit_entry e ON e.id = s.audit_entry_id \
                    WHERE e.subject = 'early'";
    assert_eq!(number(&raw, early_at).await, 5);
}
