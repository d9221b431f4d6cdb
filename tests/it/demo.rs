//! The demonstration district in a database: its figures come out of its rows there too, on both.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use sea_orm::{
    ConnectionTrait as _, EntityTrait as _, Iterable as _, PrimaryKeyToColumn as _, QueryOrder as _,
    Statement,
};
use serde_json::json;
use sha2::{Digest as _, Sha256};
use zhibu::{
    demo::{self, District},
    kernel::refusal::RefusalCode,
    storage::{
        Database, setting,
        write::{Actor, Outcome},
    },
    training::ParticipantKey,
};

use crate::support::{app::TestApp, on_both};

fn district() -> District {
    demo::build(&ParticipantKey::new(b"a key of the tests, 32 bytes long").unwrap())
}

/// What the use case is handed.
struct Input {
    district: District,
    done: Arc<AtomicU64>,
}

/// Loads the district; gives how far its progress was reported.
async fn load(database: &Database) -> (Outcome<()>, u64) {
    let done = Arc::new(AtomicU64::new(0));
    let input = Input {
        district: district(),
        done: done.clone(),
    };
    let written = database
        .write(Actor::service("demo"), None, input, |write, input| {
            Box::pin(async move {
                let progress = |done, total| {
                    assert!(done <= total);
                    input.done.store(done, Ordering::Relaxed);
                };
                demo::load(write, &input.district, &progress).await
            })
        })
        .await
        .expect("the database takes it");
    (written.outcome, done.load(Ordering::Relaxed))
}

async fn number(database: &Database, sql: &str) -> i64 {
    let row = database
        .reader()
        .query_one_raw(Statement::from_string(database.backend(), sql))
        .await
        .unwrap_or_else(|error| panic!("{sql}: {error}"))
        .expect("a row");
    row.try_get_by_index(0)
        .unwrap_or_else(|error| panic!("{sql}: {error}"))
}

/// SHA-256 of every row of its tables, in the order of their keys.
async fn digest(database: &Database) -> String {
    let mut hash = Sha256::new();
    macro_rules! tables {
        ($($table:ident),* $(,)?) => {$(
            let mut select = entity::$table::Entity::find();
            for key in entity::$table::PrimaryKey::iter() {
                select = select.order_by_asc(key.into_column());
            }
            for row in select.all(database.reader()).await.expect(stringify!($table)) {
                hash.update(format!("{row:?}"));
            }
        )*};
    }
    tables! {
        organization, organization_closure, organization_move, headcount, site, branch, branch_term, branch_alias,
        branch_move, gold_title, brand, brand_theme, brand_story, training_record, training_branch,
        training_participant, pairing, pairing_member, pairing_activity, pairing_activity_branch, setting,
    }
    hex::encode(hash.finalize())
}

const WINDOW: &str = "BETWEEN '2020-07-01' AND '2022-12-31'";

on_both!(its_figures_come_out_of_its_rows, |db| async move {
    let app = TestApp::on(db).await;
    let database = &app.database;
    let started = Instant::now();
    let (outcome, done) = load(database).await;
    eprintln!("{:?}: {done} rows in {:?}", database.backend(), started.elapsed());
    assert_eq!(outcome, Outcome::Done(()));
    assert_eq!(done, district().row_count());

    let paired = "FROM pairing p JOIN pairing_member m ON m.pairing_id = p.id \
                  WHERE p.year = 2022 AND p.state IN ('ACTIVE', 'COMPLETED') AND m.left_on IS NULL";
    let trained = format!(
        "FROM training_record r JOIN training_participant p ON p.training_record_id = r.id \
         WHERE r.audience IN ('SECRETARY', 'PARTY_WORKER') AND r.held_on {WINDOW}"
    );
    let latest = |kind: &str| {
        format!(
            "SELECT CAST(SUM(count) AS BIGINT) FROM headcount h WHERE kind = '{kind}' AND as_of = \
             (SELECT MAX(as_of) FROM headcount o WHERE o.organization_id = h.organization_id AND o.kind = h.kind)"
        )
    };
    for (sql, expected) in [
        ("SELECT COUNT(*) FROM branch WHERE status = 'ACTIVE'".to_owned(), 826),
        ("SELECT COUNT(*) FROM branch WHERE status = 'ACTIVE' AND form = 'TEMPORARY'".to_owned(), 7),
        ("SELECT COUNT(*) FROM organization WHERE kind = 'COMMITTEE'".to_owned(), 13),
        (
            "SELECT COUNT(*) FROM organization_closure c JOIN branch b ON b.organization_id = c.descendant_id \
             WHERE b.status = 'ACTIVE' AND c.ancestor_id = (SELECT id FROM organization WHERE code = 'HC')"
                .to_owned(),
            826,
        ),
        (
            format!(
                "SELECT COUNT(*) FROM branch WHERE status = 'ACTIVE' AND form <> 'TEMPORARY' AND founded_on {WINDOW}"
            ),
            91,
        ),
        (
            format!(
                "SELECT COUNT(*) FROM branch WHERE status = 'ACTIVE' AND form = 'TEMPORARY' AND founded_on {WINDOW}"
            ),
            7,
        ),
        (
            format!(
                "SELECT COUNT(*) FROM branch_term t JOIN branch b ON b.id = t.branch_id \
                 WHERE b.status = 'ACTIVE' AND t.on_time AND t.elected_on {WINDOW} \
                 AND b.domain IN ('GOVERNMENT', 'PUBLIC_INSTITUTION', 'STATE_OWNED', 'NON_PUBLIC')"
            ),
            175,
        ),
        ("SELECT COUNT(*) FROM gold_title WHERE revoked_on IS NULL".to_owned(), 52),
        (
            "SELECT COUNT(*) FROM gold_title g JOIN brand b ON b.branch_id = g.branch_id \
             WHERE g.revoked_on IS NULL AND b.state = 'PUBLISHED'"
                .to_owned(),
            52,
        ),
        (format!("SELECT COUNT(DISTINCT p.id) {paired} AND p.form = 'ONE_TO_MANY'"), 40),
        (format!("SELECT COUNT(DISTINCT p.id) {paired} AND p.form = 'MANY_TO_MANY'"), 4),
        (format!("SELECT COUNT(DISTINCT m.branch_id) {paired}"), 216),
        (
            format!("SELECT COUNT(*) FROM site WHERE kind = 'TRAINING_BASE' AND upgraded_on {WINDOW}"),
            25,
        ),
        (format!("SELECT COUNT(DISTINCT p.participant) {trained}"), 1328),
        (format!("SELECT COUNT(*) {trained}"), 1846),
        (latest("TWO_COMMITTEES"), 372),
        (latest("RISING_STAR"), 102),
        (latest("RURAL_WORKER"), 28),
        (latest("NON_PUBLIC_INSTRUCTOR"), 10),
        (latest("ASSIGNED_OFFICIAL"), 412),
        (latest("VOLUNTEER"), 161_384),
        ("SELECT COUNT(*) FROM audit_entry WHERE action = 'loadDemonstration'".to_owned(), 1),
    ] {
        assert_eq!(number(database, &sql).await, expected, "{sql}");
    }
    // Every node there is was reported, once.
    for (node, table) in [
        ("Organization", "organization"),
        ("Branch", "branch"),
        ("Brand", "brand"),
        ("Pairing", "pairing"),
        ("PairingActivity", "pairing_activity"),
        ("TrainingRecord", "training_record"),
        ("Site", "site"),
        ("Headcount", "headcount"),
    ] {
        let told = format!(
            "SELECT COUNT(DISTINCT node_id) FROM change_log WHERE node_type = '{node}' AND action = 'CREATED' \
             AND node_id IN (SELECT id FROM {table})"
        );
        let all = number(database, &format!("SELECT COUNT(*) FROM {table}")).await;
        assert_eq!(number(database, &told).await, all, "{node}");
        let rows = format!("SELECT COUNT(*) FROM change_log WHERE node_type = '{node}'");
        assert_eq!(number(database, &rows).await, all, "{node}");
    }
    for (name, value) in [
        (setting::BUSINESS_DATE, "2022-12-31"),
        (setting::FIGURES_FROM, "2020-07-01"),
    ] {
        let stored = setting::get(database.reader(), name).await.unwrap();
        assert_eq!(stored.as_deref(), Some(value));
    }
});

on_both!(its_rows_are_the_same_on_both, |db| async move {
    let app = TestApp::on(db).await;
    assert_eq!(load(&app.database).await.0, Outcome::Done(()));
    assert_eq!(
        digest(&app.database).await,
        "c61f489ceed62218438a911c0dba447f452aad9717727af6737f10f003fe52e1"
    );
});

on_both!(it_goes_into_an_empty_database_only, |db| async move {
    let app = TestApp::on(db).await;
    assert_eq!(load(&app.database).await.0, Outcome::Done(()));
    let Outcome::Refused(refusals) = load(&app.database).await.0 else {
        panic!("loaded twice");
    };
    assert_eq!(refusals.len(), 1);
    assert_eq!(refusals[0].code, RefusalCode::RuleViolation);
    assert_eq!(number(&app.database, "SELECT COUNT(*) FROM branch").await, 850);
});

on_both!(what_comes_after_it_gets_ids_of_its_own, |db| async move {
    let app = TestApp::on(db).await;
    assert_eq!(load(&app.database).await.0, Outcome::Done(()));
    let district = app.organization_id("HC").await;
    app.create_organization("HC-99", "COMMITTEE", Some(&district))
        .await;
    let data = app
        .admin()
        .data(
            "{ organizations(kind: COMMITTEE) { totalCount }
               organization(by: { code: \"HC-07\" }) { name parent { code } } }",
        )
        .await;
    assert_eq!(data["organizations"]["totalCount"], 14);
    assert_eq!(
        data["organization"],
        json!({ "name": "卫健系统党工委（演示）", "parent": { "code": "HC" } })
    );
});

on_both!(the_showcase_answers_with_everything, |db| async move {
    let app = TestApp::on(db).await;
    assert_eq!(load(&app.database).await.0, Outcome::Done(()));
    app.database.clock().pin_business_date(demo::BUSINESS_DATE);
    let query = format!(
        "{{ branch(by: {{ code: \"{}\" }}) {{ name isGold termState term {{ onTime endsOn }} terms {{ electedOn }}
             brand {{ name }} pairings(states: [ACTIVE]) {{ totalCount }} organization {{ code }}
             trainingRecords(first: 5) {{ nodes {{ heldOn }} }} }}
           old: branch(by: {{ code: \"XM-HC-936\" }}) {{ code status }} }}",
        demo::SHOWCASE_BRANCH
    );
    let data = app.admin().data(&query).await;
    let branch = &data["branch"];
    assert_eq!(branch["name"], "海沧街道社区卫生服务中心第一党支部（演示）");
    assert_eq!(branch["brand"]["name"], "邻里医生");
    assert_eq!(branch["organization"]["code"], demo::SHOWCASE_COMMITTEE);
    assert_eq!(
        (&branch["isGold"], &branch["termState"]),
        (&json!(true), &json!("IN_TERM"))
    );
    assert_eq!(branch["term"], json!({ "onTime": true, "endsOn": "2024-11-12" }));
    assert_eq!(branch["terms"].as_array().unwrap().len(), 2);
    assert_eq!(branch["pairings"]["totalCount"], 2);
    assert_eq!(branch["trainingRecords"]["nodes"].as_array().unwrap().len(), 5);
    // An old code of a branch that was merged into one that has been merged since.
    assert_eq!(data["old"]["status"], "ACTIVE");
});
