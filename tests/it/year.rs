//! A year of a district, played through the API as its people play it: the campaign is opened, branches examine themselves and are
//! examined, what was found is put right, a branch applies for gold and is chosen, is paired and trained; the board shows each step,
//! and who watches it sees it move.

use serde_json::{Value, json};
use tokio::sync::Mutex;

use crate::{
    health_check::examined::{COMPUTED, KINDS, mutate},
    support::{
        TestDatabase,
        app::{As, TestApp},
        on_both,
        socket::Socket,
    },
};

const BOARD: &str = "branchCount goldCount funnel { eligible selfChecked consulted rectifying closed passed failed }
    lights { green blue amber red } gold { quota applied recommended awarded vetoed } pairings { oneToMany branches }
    training { sessions participants hours } domains { domain branches gold healthy }
    committees { organization { code } branches gold aspects { aspect open closed } }
    tiles { name badge isGold points rank }";

struct Year {
    app: TestApp,
    wall: Mutex<Socket>,
}

impl Year {
    async fn new(db: TestDatabase) -> Self {
        let app = TestApp::with_tree(db).await;
        app.open_source("EJIA").await;
        app.settle().await;
        let token = app.viewer(None).token().unwrap().to_owned();
        let mut wall = Socket::open(&app, Some(&token)).await;
        let watch = format!("subscription {{ board(year: 2026) {{ {BOARD} }} }}");
        wall.subscribe("wall", &watch, json!({})).await;
        let year = Self {
            app,
            wall: Mutex::new(wall),
        };
        let first = year.watched(|board| board["branchCount"] == 0).await;
        assert_eq!(first["tiles"], json!([]));
        year
    }

    /// Waits until the wall shows it; what is asked shows the same.
    async fn watched(&self, shows: impl Fn(&Value) -> bool) -> Value {
        loop {
            let told = self.wall.lock().await.next_of("wall").await["board"].clone();
            if shows(&told) {
                let query = format!("{{ board(year: 2026) {{ {BOARD} }} }}");
                let asked = self.app.viewer(None).data(&query).await;
                assert_eq!(asked["board"], told);
                return told;
            }
        }
    }

    async fn branch_id(&self, code: &str) -> String {
        let query = "query($code: String!) { branch(by: { code: $code }) { id } }";
        let answer = self.app.admin().ask(query, json!({ "code": code })).await;
        answer.data()["branch"]["id"].as_str().unwrap().to_owned()
    }

    async fn check(&self, code: &str) -> Value {
        let query = format!(
            r#"{{ branch(by: {{ code: "{code}" }}) {{ healthCheck {{ id version stage outcome results {{ item {{ code domain }} }} }} }} }}"#
        );
        self.app.admin().data(&query).await["branch"]["healthCheck"].clone()
    }

    async fn done(&self, caller: &As<'_>, field: &str, of: &str, input: Value) -> Value {
        let answer = caller
            .mutate(field, &format!("{of} {{ id version }}"), input)
            .await;
        answer.done()[of].clone()
    }
}

fn has_funnel(board: &Value, expected: [i64; 7]) -> bool {
    let names = [
        "eligible",
        "selfChecked",
        "consulted",
        "rectifying",
        "closed",
        "passed",
        "failed",
    ];
    names
        .iter()
        .zip(expected)
        .all(|(name, n)| board["funnel"][name] == n)
}

on_both!(a_year_is_played_and_the_board_shows_each_step, |db| async move {
    let year = Year::new(db).await;
    year.app.clock.set("2026-01-05T02:00:00Z");
    for n in 1..=4 {
        let input = json!({
            "code": format!("B{n}"), "name": format!("第{n}党支部（演示）"), "domain": "COMMUNITY", "memberCount": 12,
            "organizationId": year.app.organization_id("C1").await, "foundedOn": "2019-07-01", "electedOn": "2024-02-01",
        });
        year.done(&year.app.committee("C1"), "createBranch", "branch", input)
            .await;
    }
    year.watched(|board| board["branchCount"] == 4).await;

    // 一年一主题
    let campaign = json!({ "year": 2026, "theme": "金牌引领·百支齐行", "windowFrom": "2026-01-01", "windowTo": "2026-12-31",
        "gold": { "totalQuota": 1, "domainMinimums": [{ "domain": "COMMUNITY", "count": 1 }], "topPercent": 25 } });
    year.app
        .admin()
        .mutate("openCampaign", "campaign { id }", campaign)
        .await
        .done();
    let board = year
        .watched(|board| has_funnel(board, [4, 0, 0, 0, 0, 0, 0]))
        .await;
    assert_eq!(board["gold"]["quota"], 1);

    // Two months of meetings, from the platform.
    year.app.clock.set("2026-03-02T02:00:00Z");
    let mut entries = Vec::new();
    for activity in ["COMMITTEE_MEETING", "THEME_DAY", "GROUP_MEETING"] {
        for month in 1..=2 {
            entries.push(json!({ "eventId": format!("{activity}-{month}"), "branchCode": "B1", "activity": activity, "points": 5,
                "occurredAt": format!("2026-0{month}-10T02:00:00Z") }));
        }
    }
    let push = json!({ "sourceCode": "EJIA", "entries": entries });
    year.app
        .adapter("EJIA")
        .mutate("pushPoints", "accepted", push)
        .await
        .done();
    let board = year.watched(|board| board["tiles"][0]["points"] == 30).await;
    assert_eq!(
        (&board["tiles"][0]["rank"], &board["tiles"][0]["badge"]),
        (&json!(1), &json!("UNCHECKED"))
    );

    // 自检: one thing is amiss.
    let secretary = year.app.secretary_of("B1");
    let check = year.check("B1").await;
    let answers = check["results"].as_array().unwrap().iter().filter_map(|result| {
        let code = result["item"]["code"].as_str().unwrap();
        let score = (!result["item"]["domain"].is_null()).then_some(4);
        let verdict = if code == "R-BASE-01" { "NOT_MET" } else { "MET" };
        (!COMPUTED.contains(&code)).then(|| json!({ "itemCode": code, "verdict": verdict, "score": score }))
    });
    let answers: Vec<Value> = answers.collect();
    let input = json!({ "healthCheckId": check["id"], "version": check["version"], "answers": answers });
    let check = mutate(&secretary, "answerCheckItems", input).await.unwrap();
    let input = json!({ "id": check["id"], "version": check["version"] });
    let check = mutate(&secretary, "submitSelfCheck", input).await.unwrap();
    let board = year
        .watched(|board| has_funnel(board, [4, 1, 0, 0, 0, 0, 0]))
        .await;
    assert_eq!(
        board["lights"],
        json!({ "green": 0, "blue": 1, "amber": 0, "red": 0 })
    );

    // 会诊
    let committee = year.app.committee("C1");
    let input =
        json!({ "healthCheckId": check["id"], "version": check["version"], "subjects": ["examiner-1"] });
    mutate(&committee, "assignExaminers", input).await.unwrap();
    let examiner = year.app.examiner_of("B4");
    for kind in KINDS {
        let input = json!({ "healthCheckId": check["id"], "kind": kind, "visitedOn": "2026-03-02", "summary": "看过了" });
        mutate(&examiner, "recordVisit", input).await.unwrap();
    }
    let check = year.check("B1").await;
    let input = json!({ "healthCheckId": check["id"], "version": check["version"], "verdicts": [], "evaluation": "总体良好",
        "findings": [{ "aspect": "ROLE", "title": "先锋岗不明", "prescription": "设立先锋岗", "dueOn": "2026-03-09", "support": ["PAIRING"] }] });
    mutate(&examiner, "concludeConsultation", input).await.unwrap();
    let board = year
        .watched(|board| has_funnel(board, [4, 1, 1, 1, 0, 1, 0]))
        .await;
    assert_eq!(
        board["lights"],
        json!({ "green": 0, "blue": 1, "amber": 1, "red": 0 })
    );
    // What is due within days asks for attention.
    assert_eq!(board["tiles"][0]["badge"], "ATTENTION");

    // 整改, 销号, 复查, 闭环
    let query = r#"{ branch(by: { code: "B1" }) { rectifications { nodes { id version dueOn } } } }"#;
    let rows = year.app.admin().data(query).await["branch"]["rectifications"]["nodes"].clone();
    for row in rows.as_array().unwrap() {
        let note = |row: &Value| json!({ "id": row["id"], "version": row["version"], "note": "看过了" });
        let mut input = note(row);
        input["dueOn"] = row["dueOn"].clone();
        let row = year
            .done(&committee, "assignRectification", "rectification", input)
            .await;
        let row = year
            .done(&secretary, "submitRectification", "rectification", note(&row))
            .await;
        year.done(&committee, "closeRectification", "rectification", note(&row))
            .await;
    }
    let check = year.check("B1").await;
    assert_eq!(check["stage"], "RECHECK");
    let met = json!({ "healthCheckId": check["id"], "version": check["version"], "answers": [{ "itemCode": "R-BASE-01", "verdict": "MET" }] });
    let check = mutate(&examiner, "answerCheckItems", met).await.unwrap();
    let input = json!({ "id": check["id"], "version": check["version"] });
    let check = mutate(&committee, "closeHealthCheck", input).await.unwrap();
    assert_eq!(
        (&check["outcome"], &check["regularScore"]),
        (&json!("PASS"), &json!(100.0))
    );
    let board = year
        .watched(|board| has_funnel(board, [4, 1, 1, 0, 1, 1, 0]))
        .await;
    assert_eq!(board["lights"]["green"], 2);
    assert_eq!(board["tiles"][0]["badge"], "HEALTHY");
    assert_eq!(
        board["committees"][0]["aspects"][5],
        json!({ "aspect": "SUPPORT", "open": 0, "closed": 1 })
    );
    let community = board["domains"].as_array().unwrap();
    let community = community.iter().find(|row| row["domain"] == "COMMUNITY").unwrap();
    assert_eq!(
        (&community["branches"], &community["healthy"]),
        (&json!(4), &json!(1))
    );

    // 一支部一品牌
    let brand = json!({ "branchId": year.branch_id("B1").await, "name": "邻里医生（演示）", "description": "家门口的健康守护",
        "themes": ["健康"], "results": "义诊" });
    let brand = year.done(&secretary, "saveBrand", "brand", brand).await;
    let at = |row: &Value| json!({ "id": row["id"], "version": row["version"] });
    let brand = year.done(&secretary, "submitBrand", "brand", at(&brand)).await;
    year.done(&committee, "publishBrand", "brand", at(&brand)).await;

    // 自主申报, 把关推荐, 研究审定: three persons. Who fails one criterion hears which.
    let apply = json!({ "branchId": year.branch_id("B2").await, "year": 2026, "statement": "申报材料" });
    let other = year.app.secretary_of("B2");
    let refused = other.mutate("applyForGold", "", apply).await;
    let reasons = refused.data()["applyForGold"]["userErrors"]
        .as_array()
        .unwrap()
        .len();
    assert_eq!(reasons, 3, "health check, points, brand: {:#}", refused.body);
    let apply = json!({ "branchId": year.branch_id("B1").await, "year": 2026, "statement": "申报材料" });
    let applied = year
        .done(&secretary, "applyForGold", "goldApplication", apply)
        .await;
    year.watched(|board| board["gold"]["applied"] == 1).await;
    let decision = |row: &Value| json!({ "id": row["id"], "version": row["version"], "favourable": true, "opinion": "同意" });
    let recommended = year
        .done(&committee, "recommendGold", "goldApplication", decision(&applied))
        .await;
    year.watched(|board| board["gold"]["recommended"] == 1).await;
    year.done(
        &year.app.admin(),
        "decideGold",
        "goldApplication",
        decision(&recommended),
    )
    .await;
    let board = year.watched(|board| board["goldCount"] == 1).await;
    assert_eq!(
        board["gold"],
        json!({ "quota": 1, "applied": 1, "recommended": 1, "awarded": 1, "vetoed": 0 })
    );
    assert_eq!(board["tiles"][0]["isGold"], true);

    // 百支大提升: the gold branch leads.
    let suggested = format!(
        r#"{{ suggestedPartners(branchId: "{}") {{ branch {{ code }} }} }}"#,
        year.branch_id("B2").await
    );
    let suggested = other.data(&suggested).await;
    assert_eq!(suggested["suggestedPartners"][0]["branch"]["code"], "B1");
    let pairing = json!({ "form": "ONE_TO_MANY", "basis": "SAME_DOMAIN", "title": "结对共建", "year": 2026, "startsOn": "2026-03-02",
        "leadIds": [year.branch_id("B1").await], "partnerIds": [year.branch_id("B2").await] });
    let mut pairing = year.done(&committee, "proposePairing", "pairing", pairing).await;
    for (caller, code) in [(&secretary, "B1"), (&other, "B2")] {
        let accept = json!({ "id": pairing["id"], "branchId": year.branch_id(code).await });
        pairing = year.done(caller, "acceptPairing", "pairing", accept).await;
    }
    year.done(&committee, "approvePairing", "pairing", at(&pairing))
        .await;
    let board = year.watched(|board| board["pairings"]["oneToMany"] == 1).await;
    assert_eq!(board["pairings"]["branches"], 2);

    // 培训
    let training = json!({ "topic": "支部书记培训", "kind": "CENTRALIZED", "audience": "SECRETARY", "heldOn": "2026-03-01", "hours": 3.5,
        "organizerId": year.app.organization_id("C1").await, "branchIds": [year.branch_id("B1").await], "participantRefs": ["p-1", "p-2"] });
    committee
        .mutate("recordTraining", "trainingRecord { id }", training)
        .await
        .done();
    let board = year.watched(|board| board["training"]["sessions"] == 1).await;
    assert_eq!(
        board["training"],
        json!({ "sessions": 1, "participants": 2, "hours": 7.0 })
    );

    // A serious fact comes to light: no veto takes a title, the district does.
    let veto = json!({ "branchId": year.branch_id("B1").await, "kind": "OTHER", "occurredOn": "2026-03-01", "documentNumber": "海纪〔2026〕1号" });
    year.app
        .admin()
        .mutate("recordVeto", "veto { id }", veto)
        .await
        .done();
    let query =
        r#"{ branch(by: { code: "B1" }) { isGold goldApplication(year: 2026) { id version state } } }"#;
    let branch = year.app.admin().data(query).await["branch"].clone();
    assert_eq!(
        (&branch["isGold"], &branch["goldApplication"]["state"]),
        (&json!(true), &json!("AWARDED"))
    );
    let application = &branch["goldApplication"];
    let revoke = json!({ "id": application["id"], "version": application["version"], "opinion": "查实" });
    year.done(&year.app.admin(), "revokeGold", "goldApplication", revoke)
        .await;
    let board = year.watched(|board| board["goldCount"] == 0).await;
    assert_eq!(board["gold"]["awarded"], 1);
    assert_eq!(board["tiles"][0]["isGold"], false);
});
