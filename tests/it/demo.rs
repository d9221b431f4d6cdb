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
        check_template, check_item, campaign, gold_minimum, examiner, health_check, check_result, check_visit,
        check_examiner, rectification, rectification_step, gold_application, gold_step, veto,
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
    let checks = "SELECT COUNT(*) FROM health_check h JOIN branch b ON b.id = h.branch_id";
    let results = "SELECT COUNT(*) FROM check_result r JOIN health_check h ON h.id = r.health_check_id \
                   JOIN campaign c ON c.id = h.campaign_id \
                   JOIN branch b ON b.id = h.branch_id \
                   JOIN check_item i ON i.template_version = c.template_version AND i.code = r.item_code \
                   WHERE i.position = r.position AND (i.domain IS NULL OR i.domain = b.domain)";
    let open = "r.state IN ('OPEN', 'ASSIGNED', 'SUBMITTED')";
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
        (format!("{checks} WHERE b.status = 'ACTIVE' AND b.form <> 'TEMPORARY'"), 819),
        (format!("{checks} WHERE h.outcome = 'PASS'"), 771),
        (format!("{checks} WHERE h.outcome = 'FAIL'"), 48),
        ("SELECT COUNT(*) FROM health_check".to_owned(), 819),
        (format!("{results} AND i.domain IS NULL"), 36_855),
        (format!("{results} AND i.domain IS NOT NULL"), 4_095),
        ("SELECT COUNT(*) FROM check_visit".to_owned(), 4 * 819),
        ("SELECT COUNT(*) FROM rectification".to_owned(), 2350),
        (format!("SELECT COUNT(*) FROM rectification r WHERE {open} AND r.due_on < '2022-12-31'"), 21),
        (
            format!("SELECT COUNT(*) FROM rectification r WHERE {open} AND r.due_on BETWEEN '2022-12-31' AND '2023-01-07'"),
            34,
        ),
        (format!("SELECT COUNT(*) FROM rectification r WHERE {open} AND r.due_on > '2023-01-07'"), 33),
        // A check with something open is in RECTIFICATION, and no other.
        (
            format!(
                "SELECT COUNT(*) FROM health_check h WHERE (h.stage = 'RECTIFICATION') <> EXISTS \
                 (SELECT 1 FROM rectification r WHERE r.health_check_id = h.id AND {open})"
            ),
            0,
        ),
        // Whoever has submitted one has not closed it.
        (
            "SELECT COUNT(*) FROM rectification_step s JOIN rectification_step c \
             ON c.rectification_id = s.rectification_id AND c.by = s.by \
             WHERE s.state = 'SUBMITTED' AND c.state = 'CLOSED'"
                .to_owned(),
            0,
        ),
        (
            "SELECT COUNT(*) FROM gold_application a JOIN gold_title t \
             ON t.branch_id = a.branch_id AND t.awarded_on = a.awarded_on AND t.revoked_on IS NULL"
                .to_owned(),
            52,
        ),
        (
            "SELECT COUNT(*) FROM gold_application a WHERE a.state = 'VETOED' AND EXISTS \
             (SELECT 1 FROM veto v WHERE v.branch_id = a.branch_id AND v.lifted_on IS NULL)"
                .to_owned(),
            4,
        ),
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
        ("Campaign", "campaign"),
        ("HealthCheck", "health_check"),
        ("Rectification", "rectification"),
        ("GoldApplication", "gold_application"),
        ("Veto", "veto"),
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
        "948083aae48448929c0e837c8f2b6c3d9a7a786f61881e16fae4d0f6f892093c"
    );
});

on_both!(its_campaign_answers_over_the_api, |db| async move {
    let app = TestApp::on(db).await;
    assert_eq!(load(&app.database).await.0, Outcome::Done(()));
    app.database.clock().pin_business_date(demo::BUSINESS_DATE);
    let one = |name: &str, field: &str, filter: &str| {
        format!("{name}: {field}(filter: {{ {filter} }}) {{ totalCount }}")
    };
    let mut fields = vec![
        "rectifications { totalCount } goldApplications { totalCount } healthChecks { totalCount }"
            .to_owned(),
    ];
    let mut expected = json!({
        "rectifications": { "totalCount": 2350 }, "goldApplications": { "totalCount": 126 },
        "healthChecks": { "totalCount": 819 },
    });
    for (field, by, counts) in [
        (
            "healthChecks",
            "outcomes",
            &[("PASS", 771), ("FAIL", 48), ("PENDING", 0)][..],
        ),
        (
            "healthChecks",
            "year: 2022, stages",
            &[("NOT_STARTED", 0), ("SELF_CHECK", 0), ("CONSULTATION", 0)],
        ),
        (
            "rectifications",
            "origins",
            &[
                ("SELF_CHECK", 1286),
                ("CONSULTATION", 1042),
                ("INSPECTION", 22),
                ("COMPUTED", 0),
            ],
        ),
        (
            "rectifications",
            "lights",
            &[("RED", 21), ("AMBER", 34), ("BLUE", 33), ("GREEN", 2262)],
        ),
        (
            "goldApplications",
            "states",
            &[
                ("AWARDED", 52),
                ("DECLINED", 32),
                ("NOT_RECOMMENDED", 31),
                ("WITHDRAWN", 7),
                ("VETOED", 4),
                ("APPLIED", 0),
            ],
        ),
    ] {
        for (name, count) in counts {
            let alias = format!("{field}_{}", name.to_lowercase());
            fields.push(one(&alias, field, &format!("{by}: [{name}]")));
            expected[alias] = json!({ "totalCount": count });
        }
    }
    let aspects = [
        ("ORGANIZATION", 5),
        ("EDUCATION", 6),
        ("DECISION_MAKING", 4),
        ("ORGANIZATIONAL_LIFE", 3),
        ("SUPPORT", 4),
    ];
    for (aspect, count) in aspects {
        let alias = format!("of_{}", aspect.to_lowercase());
        let filter = format!("origins: [INSPECTION], states: [CLOSED], aspects: [{aspect}]");
        fields.push(one(&alias, "rectifications", &filter));
        expected[alias] = json!({ "totalCount": count });
    }
    // Ten root fields a document.
    let mut found = json!({});
    for fields in fields.chunks(10) {
        let data = app.admin().data(&format!("{{ {} }}", fields.join(" "))).await;
        let fields = data.as_object().unwrap().clone();
        found.as_object_mut().unwrap().extend(fields);
    }
    assert_eq!(found, expected);

    let query = format!(
        r#"{{ campaigns {{ year theme windowFrom windowTo template {{ version }} goldPlan {{ totalQuota requireBrand topPercent pointsPeriod }} }}
             branch(by: {{ code: "{}" }}) {{ openRectificationCount isGold
               rectifications(filter: {{ states: [ASSIGNED] }}) {{ nodes {{ title dueOn light severity origin }} }} }} }}"#,
        demo::SHOWCASE_BRANCH
    );
    let data = app.admin().data(&query).await;
    assert_eq!(
        data,
        json!({
            "campaigns": [{
                "year": 2022, "theme": "金牌引领·百支齐行", "windowFrom": "2022-01-01", "windowTo": "2022-12-31",
                "template": { "version": 1 },
                "goldPlan": { "totalQuota": 52, "requireBrand": true, "topPercent": 30, "pointsPeriod": "2022" },
            }],
            "branch": {
                "openRectificationCount": 1, "isGold": true,
                "rectifications": { "nodes": [{ "title": "日常工作台账规范完整", "dueOn": "2023-01-05", "light": "AMBER", "severity": "MINOR", "origin": "CONSULTATION" }] },
            },
        })
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
