//! A district whose year has begun: B1 below G1, B2 and B3 below C1, B4 below C2, each with its check; examiners of B4 and B3.

use serde_json::{Value, json};

use crate::support::{
    TestDatabase,
    app::{Answer, As, TestApp},
    branches::with,
};

/// What the helpers here give of a check.
pub const SELECTION: &str =
    "healthCheck { id version stage outcome regularScore tailoredScore evaluation examiners
    branch { code } year visits { kind visitedOn summary recordedBy } }";

/// What came of a mutation: the check, or the codes and paths of its errors, or the error's code.
pub type Came = Result<Value, String>;

/// What an answer came to.
pub fn came(answer: &Answer, of: &str) -> Came {
    if let Some(errors) = answer.body.get("errors") {
        return Err(errors[0]["extensions"]["code"].as_str().unwrap_or("?").to_owned());
    }
    let payload = answer.data().as_object().unwrap().values().next().unwrap();
    let errors = payload["userErrors"].as_array().unwrap();
    assert_eq!(errors.is_empty(), !payload[of].is_null(), "{:#}", answer.body);
    if errors.is_empty() {
        return Ok(payload[of].clone());
    }
    let said = errors.iter().map(|error| {
        assert!(!error["message"].as_str().unwrap().is_empty());
        let path = error["path"].as_array().unwrap();
        let path: Vec<&str> = path.iter().filter_map(Value::as_str).collect();
        format!("{} {}", error["code"].as_str().unwrap(), path.join("."))
    });
    Err(said.collect::<Vec<_>>().join("; "))
}

/// A mutation on checks.
pub async fn mutate(caller: &As<'_>, field: &str, input: Value) -> Came {
    came(&caller.mutate(field, SELECTION, input).await, "healthCheck")
}

/// The district.
pub struct Examined {
    pub app: TestApp,
}

pub const KINDS: [&str; 4] = ["REPORT", "INTERVIEW", "MATERIALS", "FEEDBACK"];

impl Examined {
    pub async fn new(db: TestDatabase) -> Self {
        let app = TestApp::with_tree(db).await;
        app.open_source("EJIA").await;
        let year = Self { app };
        for (n, home) in [(1, "G1"), (2, "C1"), (3, "C1"), (4, "C2")] {
            year.found(&format!("B{n}"), home, json!({})).await;
        }
        let campaign = json!({ "year": 2026, "theme": "金牌引领·百支齐行", "windowFrom": "2026-01-01",
            "windowTo": "2026-12-31", "gold": { "totalQuota": 2, "requireBrand": false } });
        let admin = year.app.admin();
        admin
            .mutate("openCampaign", "campaign { id }", campaign)
            .await
            .done();
        year
    }

    /// Founds a branch; gives its id.
    pub async fn found(&self, code: &str, home: &str, over: Value) -> String {
        let input = json!({
            "code": code, "name": format!("{code}党支部（演示）"), "domain": "COMMUNITY",
            "organizationId": self.app.organization_id(home).await, "foundedOn": "2020-07-01", "memberCount": 12,
        });
        let admin = self.app.admin();
        let answer = admin
            .mutate("createBranch", "branch { id }", with(input, over))
            .await;
        answer.done()["branch"]["id"].as_str().unwrap().to_owned()
    }

    /// The examiner of every check here, whose own branch is this.
    pub fn examiner_of(&self, branch: &str) -> As<'_> {
        self.app.examiner_of(branch)
    }

    /// An examiner whose token names no branch.
    pub fn examiner_of_no_branch(&self) -> As<'_> {
        self.app.examiner_of_no_branch()
    }

    /// The check of a branch, by the district.
    pub async fn check(&self, code: &str) -> Value {
        self.seen_by(&self.app.admin(), code).await
    }

    /// The check of a branch, as a caller sees it.
    pub async fn seen_by(&self, caller: &As<'_>, code: &str) -> Value {
        let query = format!("query($code: String!) {{ branch(by: {{ code: $code }}) {{ {SELECTION} }} }}");
        let answer = caller.ask(&query, json!({ "code": code })).await;
        answer.data()["branch"]["healthCheck"].clone()
    }

    /// The id of a branch.
    pub async fn branch_id(&self, code: &str) -> String {
        let query = "query($code: String!) { branch(by: { code: $code }) { id } }";
        let answer = self.app.admin().ask(query, json!({ "code": code })).await;
        answer.data()["branch"]["id"].as_str().unwrap().to_owned()
    }

    /// The results of a check, by code.
    pub async fn results(&self, code: &str) -> serde_json::Map<String, Value> {
        let query = "query($code: String!) { branch(by: { code: $code }) { healthCheck { results {
            item { code verification weight mandatory domain aspect } selfVerdict verdict score computed evidence note } } } }";
        let answer = self
            .app
            .admin()
            .past_results()
            .ask(query, json!({ "code": code }))
            .await;
        let results = answer.data()["branch"]["healthCheck"]["results"]
            .as_array()
            .unwrap()
            .clone();
        let by_code = |result: Value| (result["item"]["code"].as_str().unwrap().to_owned(), result);
        results.into_iter().map(by_code).collect()
    }

    /// Answers to everything that is asked of the branch: met, and four points each.
    pub async fn all_met(&self, code: &str) -> Vec<Value> {
        let answers = self.results(code).await.into_iter().filter_map(|(code, result)| {
            let is_computed = COMPUTED.contains(&code.as_str());
            let score = match result["item"]["domain"].is_null() {
                true => Value::Null,
                false => json!(4),
            };
            (!is_computed).then(|| json!({ "itemCode": code, "verdict": "MET", "score": score }))
        });
        answers.collect()
    }

    /// A step with the check as it stands now.
    pub async fn step(&self, caller: &As<'_>, field: &str, code: &str) -> Came {
        let check = self.check(code).await;
        self.step_with(caller, field, &check).await
    }

    /// A step with what it takes.
    pub async fn step_with(&self, caller: &As<'_>, field: &str, check: &Value) -> Came {
        let (id, version) = (&check["id"], &check["version"]);
        let input = match field {
            "answerCheckItems" => json!({ "healthCheckId": id, "version": version,
                "answers": [{ "itemCode": "R-ORG-01", "verdict": "MET" }] }),
            "assignExaminers" => {
                json!({ "healthCheckId": id, "version": version, "subjects": ["examiner-1"] })
            }
            "recordVisit" => {
                json!({ "healthCheckId": id, "kind": "REPORT", "visitedOn": "2026-03-02", "summary": "听取汇报" })
            }
            "concludeConsultation" => json!({ "healthCheckId": id, "version": version, "verdicts": [],
                "evaluation": "总体良好" }),
            _ => json!({ "id": id, "version": version }),
        };
        mutate(caller, field, input).await
    }

    /// Answers items of a check.
    pub async fn answer(&self, caller: &As<'_>, code: &str, answers: Vec<Value>) -> Came {
        let check = self.check(code).await;
        let input = json!({ "healthCheckId": check["id"], "version": check["version"], "answers": answers });
        mutate(caller, "answerCheckItems", input).await
    }

    /// Takes the check of a branch to its consultation: everything that is asked is met, with `over` in its place.
    pub async fn submitted(&self, code: &str, over: &[Value]) -> Value {
        let secretary = self.app.secretary_of(code);
        let mut answers = self.all_met(code).await;
        for answer in over {
            answers.retain(|other| other["itemCode"] != answer["itemCode"]);
            answers.push(answer.clone());
        }
        self.answer(&secretary, code, answers).await.unwrap();
        self.step(&secretary, "submitSelfCheck", code).await.unwrap()
    }

    /// Assigns the examiner and records all four visits.
    pub async fn visited(&self, code: &str) -> Value {
        self.visited_at(code, "2026-03-01").await
    }

    /// The same on another day.
    pub async fn visited_at(&self, code: &str, day: &str) -> Value {
        let assigned = self.step(&self.app.admin(), "assignExaminers", code).await;
        let check = assigned.unwrap();
        let examiner = self.examiner_of(other(code));
        for kind in KINDS {
            let input =
                json!({ "healthCheckId": check["id"], "kind": kind, "visitedOn": day, "summary": "看过了" });
            mutate(&examiner, "recordVisit", input).await.unwrap();
        }
        self.check(code).await
    }

    /// Concludes the consultation with verdicts of the examiner.
    pub async fn concluded(&self, code: &str, verdicts: &[Value]) -> Value {
        let check = self.visited(code).await;
        self.conclude(code, &check, verdicts).await
    }

    /// The same with visits of another day.
    pub async fn concluded_at(&self, code: &str, day: &str) -> Value {
        let check = self.visited_at(code, day).await;
        self.conclude(code, &check, &[]).await
    }

    async fn conclude(&self, code: &str, check: &Value, verdicts: &[Value]) -> Value {
        let input = json!({ "healthCheckId": check["id"], "version": check["version"], "verdicts": verdicts,
            "evaluation": "总体良好" });
        mutate(&self.examiner_of(other(code)), "concludeConsultation", input)
            .await
            .unwrap()
    }

    /// The rectifications of a branch that are open.
    pub async fn open(&self, code: &str) -> Vec<Value> {
        let query =
            "query($code: String!) { branch(by: { code: $code }) { rectifications(first: 100, filter: {
            states: [OPEN, ASSIGNED, SUBMITTED] }) { nodes { id version state itemCode severity origin dueOn
            healthCheck { id } } } } }";
        let answer = self
            .app
            .admin()
            .past_results()
            .ask(query, json!({ "code": code }))
            .await;
        let nodes = &answer.data()["branch"]["rectifications"]["nodes"];
        nodes.as_array().unwrap().clone()
    }

    /// Takes a rectification one step further.
    pub async fn rectify(&self, caller: &As<'_>, field: &str, row: &Value) -> Value {
        let mut input = json!({ "id": row["id"], "version": row["version"], "note": "看过了" });
        if field == "assignRectification" {
            input["dueOn"] = row["dueOn"].clone();
        }
        let selection = "rectification { id version state itemCode dueOn }";
        let answer = caller.mutate(field, selection, input).await;
        came(&answer, "rectification").unwrap()
    }

    /// Puts right and closes everything that is open.
    pub async fn put_right(&self, code: &str) {
        let (admin, secretary) = (self.app.admin(), self.app.secretary_of(code));
        for mut row in self.open(code).await {
            if row["state"] == "OPEN" {
                row = self.rectify(&admin, "assignRectification", &row).await;
            }
            let row = self.rectify(&secretary, "submitRectification", &row).await;
            self.rectify(&admin, "closeRectification", &row).await;
        }
    }

    /// Takes the check of a branch to a stage, with one item that is not met on the way.
    pub async fn in_stage(&self, code: &str, stage: &str) {
        let not_met = json!({ "itemCode": "R-ROLE-01", "verdict": "NOT_MET" });
        let reached = match stage {
            "NOT_STARTED" => self.check(code).await,
            "SELF_CHECK" => {
                let answers = self.all_met(code).await;
                self.answer(&self.app.secretary_of(code), code, answers)
                    .await
                    .unwrap()
            }
            "CONSULTATION" => self.submitted(code, &[not_met]).await,
            _ => {
                self.submitted(code, &[not_met]).await;
                self.concluded(code, &[]).await;
                if stage != "RECTIFICATION" {
                    self.put_right(code).await;
                }
                if stage == "CLOSED" {
                    self.step(&self.app.admin(), "closeHealthCheck", code)
                        .await
                        .unwrap();
                }
                self.check(code).await
            }
        };
        assert_eq!(reached["stage"], stage);
    }

    /// A branch held something on these days, and earned points with it.
    pub async fn held(&self, code: &str, activity: &str, days: &[&str]) {
        let entries: Vec<Value> = days
            .iter()
            .map(|day| {
                json!({ "eventId": format!("{code}-{activity}-{day}"), "branchCode": code, "activity": activity,
                    "points": 5, "occurredAt": format!("{day}T02:00:00Z") })
            })
            .collect();
        let push = json!({ "sourceCode": "EJIA", "entries": entries });
        self.app
            .admin()
            .mutate("pushPoints", "accepted", push)
            .await
            .done();
    }
}

/// The branch of an examiner who may examine another.
pub fn other(code: &str) -> &'static str {
    match code {
        "B4" => "B3",
        _ => "B4",
    }
}

/// Items of the shipped template that records answer.
pub const COMPUTED: [&str; 11] = [
    "R-ORG-02",
    "R-ORG-05",
    "R-DEC-01",
    "R-DEC-02",
    "R-LIFE-01",
    "R-LIFE-02",
    "R-LIFE-03",
    "R-LIFE-04",
    "R-LIFE-05",
    "R-ROLE-04",
    "R-BASE-06",
];
