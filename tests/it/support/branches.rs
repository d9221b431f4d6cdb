//! Branches for tests: one at a time, or thirty of all kinds.

use sea_orm::ConnectionTrait as _;
use serde_json::{Value, json};
use zhibu::{audit::AuditRecord, storage::write::Actor};

use super::app::{Answer, As, TestApp};

/// What the helpers here give of a branch.
pub const SELECTION: &str = "branch { id code version status endedOn termState successor { code }
    organization { code } memberCount contactPhone
    term { electedOn endsOn extendedTo onTime } terms { electedOn } aliases { code sourceCode since until } }";

/// `base` with the fields of `over` put over it.
pub fn with(mut base: Value, over: Value) -> Value {
    let fields = base.as_object_mut().unwrap();
    for (name, value) in over.as_object().unwrap() {
        fields.insert(name.clone(), value.clone());
    }
    base
}

pub async fn try_create(app: &TestApp, organization: &str, over: Value) -> Answer {
    let organization = app.organization_id(organization).await;
    let base = json!({
        "code": "B1", "name": "海虹社区党支部（演示）", "domain": "GOVERNMENT", "organizationId": organization,
        "foundedOn": "2019-05-01", "memberCount": 12,
    });
    app.admin()
        .mutate("createBranch", SELECTION, with(base, over))
        .await
}

/// A branch under `C1`; gives its id.
pub async fn create(app: &TestApp, code: &str, over: Value) -> String {
    let answer = try_create(app, "C1", with(json!({ "code": code }), over)).await;
    answer.done()["branch"]["id"].as_str().unwrap().to_owned()
}

/// A mutation by the district that is done; gives the branch.
pub async fn done(app: &TestApp, field: &str, input: Value) -> Value {
    app.admin().mutate(field, SELECTION, input).await.done()["branch"].clone()
}

/// A mutation by the district that is refused; gives code and path.
pub async fn refused(app: &TestApp, field: &str, input: Value) -> (String, String) {
    let (code, path, message) = app.admin().mutate(field, SELECTION, input).await.refused();
    assert!(!message.is_empty());
    (code, path)
}

pub fn because(code: &str, path: &str) -> (String, String) {
    (code.to_owned(), path.to_owned())
}

pub async fn by_code(caller: As<'_>, code: &str) -> Value {
    let query = "query($code: String!) { branch(by: { code: $code }) { id code status } }";
    caller.ask(query, json!({ "code": code })).await.data()["branch"].clone()
}

const DOMAINS: [&str; 7] = [
    "RURAL",
    "COMMUNITY",
    "GOVERNMENT",
    "PUBLIC_INSTITUTION",
    "STATE_OWNED",
    "NON_PUBLIC",
    "SOCIAL_ORG",
];
const NAMES: [&str; 5] = [
    "海沧街道第",
    "嵩屿街道第",
    "新阳 100%工业区第",
    "东孚_第",
    "厦门 A\\B 第",
];

/// Runs SQL that no mutation does yet.
pub async fn sql(app: &TestApp, statements: Vec<String>) {
    let written = app
        .database
        .write(Actor::service("test"), None, statements, |write, statements| {
            Box::pin(async move {
                for statement in statements {
                    write.connection().execute_unprepared(statement).await?;
                }
                write.audit(AuditRecord::new("test"));
                Ok(())
            })
        });
    written.await.unwrap();
}

/// Thirty branches of all kinds: under three organizations, of every domain, form, status and term state, gold and not,
/// paired and not.
pub async fn many(app: &TestApp) {
    let homes = [
        app.organization_id("C1").await,
        app.organization_id("G1").await,
        app.organization_id("C2").await,
    ];
    let mut rows = Vec::new();
    for n in 0..30_usize {
        let form = ["SINGLE", "SINGLE", "JOINT", "SINGLE", "TEMPORARY"][n % 5];
        let elected =
            (form != "TEMPORARY" && n % 4 != 3).then(|| format!("20{:02}-0{}-15", 19 + n % 7, 1 + n % 9));
        let input = json!({
            "code": format!("B{:02}", (n * 7) % 30), "name": format!("{}{n}党支部（演示）", NAMES[n % 5]),
            "domain": DOMAINS[n % 7], "form": form, "organizationId": homes[n % 3],
            "foundedOn": format!("20{:02}-01-01", 10 + n % 6), "memberCount": 3 + n, "electedOn": elected,
        });
        let answer = app
            .admin()
            .mutate("createBranch", "branch { id code }", input)
            .await;
        rows.push(answer.done()["branch"].clone());
        if n % 3 == 0 {
            app.clock.advance(chrono::Duration::milliseconds(1500));
        }
    }
    for n in [4_usize, 11] {
        let input =
            json!({ "id": rows[n]["id"], "version": 1, "effectiveOn": "2026-03-01", "reason": "任务结束" });
        app.admin()
            .mutate("dissolveBranch", "branch { id }", input)
            .await
            .done();
    }
    let input = json!({
        "id": rows[1]["id"], "version": 1, "intoBranchId": rows[2]["id"], "effectiveOn": "2026-03-01", "reason": "合并",
    });
    app.admin()
        .mutate("mergeBranch", "branch { id }", input)
        .await
        .done();
    let code = |n: usize| rows[n]["code"].as_str().unwrap();
    let branch = |n: usize| format!("(SELECT id FROM branch WHERE code = '{}')", code(n));
    let mut statements = Vec::new();
    for (n, revoked) in [(5, "NULL"), (6, "NULL"), (7, "'2026-01-01'"), (11, "NULL")] {
        let branch = branch(n);
        statements.push(format!(
            "INSERT INTO gold_title (branch_id, awarded_on, revoked_on) VALUES ({branch}, '2022-12-31', {revoked})"
        ));
    }
    for (state, members) in [
        ("ACTIVE", [(5, "NULL"), (8, "NULL"), (9, "'2026-01-01'")]),
        ("PROPOSED", [(6, "NULL"), (10, "NULL"), (12, "NULL")]),
        ("COMPLETED", [(5, "NULL"), (13, "NULL"), (14, "NULL")]),
    ] {
        statements.push(format!(
            "INSERT INTO pairing (form, basis, title, year, state, starts_on, version, updated_at) \
             VALUES ('ONE_TO_MANY', 'SAME_DOMAIN', '结对', 2026, '{state}', '2026-01-01', 1, '2026-01-01 00:00:00+00:00')"
        ));
        for (n, left) in members {
            let branch = branch(n);
            statements.push(format!(
                "INSERT INTO pairing_member (pairing_id, branch_id, role, position, left_on) \
                 VALUES ((SELECT max(id) FROM pairing), {branch}, 'PARTNER', {n}, {left})"
            ));
        }
    }
    sql(app, statements).await;
}
