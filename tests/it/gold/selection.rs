//! A district with a campaign that chooses gold branches.

use serde_json::{Value, json};
use zhibu::auth::Role;

use crate::support::{
    TestDatabase,
    app::{Answer, As, TestApp},
    branches::{create, sql},
};

/// What the helpers give of an application.
pub const APPLICATION: &str = "goldApplication { id year state version awardedOn
    eligibility { eligible healthCheckPassed pointsInTop hasBrand vetoed }
    steps { state by opinion } }";

/// What is refused: the code of each reason, or `FORBIDDEN`.
pub type Refused = Vec<String>;

pub struct Selection {
    pub app: TestApp,
    /// Ids of the branches `B1`, `B2`, and so on, all under `C1`.
    pub branches: Vec<String>,
}

/// The row of a branch's code, in SQL.
pub fn row(code: &str) -> String {
    format!("(SELECT id FROM branch WHERE code = '{code}')")
}

impl Selection {
    /// Branches of these domains, each of which meets every criterion; a plan for so many.
    pub async fn new(db: TestDatabase, domains: &[&str], quota: i32) -> Self {
        Self::of(TestApp::with_tree(db).await, domains, quota).await
    }

    /// The same in a service with the tree.
    pub async fn of(app: TestApp, domains: &[&str], quota: i32) -> Self {
        let mut branches = Vec::new();
        for (n, domain) in domains.iter().enumerate() {
            branches.push(create(&app, &format!("B{}", n + 1), json!({ "domain": domain })).await);
        }
        let now = "'2026-01-01 00:00:00+00:00'";
        let mut statements = vec![
            format!("INSERT INTO check_template (version, published_at, content) VALUES (1, {now}, '')"),
            format!(
                "INSERT INTO campaign (year, theme, template_version, window_from, window_to, total_quota, require_brand, \
                 top_percent, points_period) \
                 VALUES (2026, '金牌引领', 1, '2026-01-01', '2026-12-31', {quota}, true, 30, '2026')"
            ),
            "INSERT INTO campaign (year, theme, template_version, window_from, window_to) \
             VALUES (2025, '一年一主题', 1, '2025-01-01', '2025-12-31')"
                .to_owned(),
        ];
        for n in 1..=domains.len() {
            let branch = row(&format!("B{n}"));
            statements.push(format!(
                "INSERT INTO health_check (campaign_id, branch_id, stage, outcome, version, updated_at) \
                 VALUES ((SELECT id FROM campaign WHERE year = 2026), {branch}, 'CLOSED', 'PASS', 1, {now})"
            ));
            statements.push(format!(
                "INSERT INTO brand (branch_id, name, search_text, description, state, version, updated_at) \
                 VALUES ({branch}, '品牌', '', '内涵', 'PUBLISHED', 1, {now})"
            ));
        }
        sql(&app, statements).await;
        Self { app, branches }
    }

    /// The id of `Bn`.
    pub fn id(&self, n: usize) -> &str {
        &self.branches[n - 1]
    }

    pub fn secretary(&self, n: usize) -> As<'_> {
        self.app.secretary_of(&format!("B{n}"))
    }

    /// Another administrator.
    pub fn admin(&self, subject: &str) -> As<'_> {
        self.app.as_role(Role::DistrictAdmin, subject, None, None, None)
    }

    pub async fn apply(&self, n: usize) -> Result<Value, Refused> {
        let input = json!({ "branchId": self.id(n), "year": 2026, "statement": "随叫随到" });
        step(&self.secretary(n), "applyForGold", input).await
    }

    /// A recommended application of `Bn`.
    pub async fn recommended(&self, n: usize) -> Value {
        let applied = self.apply(n).await.unwrap();
        let favourable = Some(true);
        decide(&self.app.committee("C1"), "recommendGold", &applied, favourable)
            .await
            .unwrap()
    }

    /// An awarded one.
    pub async fn awarded(&self, n: usize) -> Value {
        let recommended = self.recommended(n).await;
        decide(&self.app.admin(), "decideGold", &recommended, Some(true))
            .await
            .unwrap()
    }

    pub async fn veto(&self, n: usize) -> String {
        let input = json!({ "branchId": self.id(n), "kind": "MAJOR_ACCIDENT", "occurredOn": "2026-02-01",
            "documentNumber": "厦海委〔2026〕7号" });
        let answer = self.app.admin().mutate("recordVeto", "veto { id }", input).await;
        answer.done()["veto"]["id"].as_str().unwrap().to_owned()
    }

    pub async fn lift(&self, veto: &str) {
        let input = json!({ "id": veto, "reason": "查无此事" });
        let answer = self
            .app
            .admin()
            .mutate("liftVeto", "veto { liftedOn }", input)
            .await;
        assert_eq!(answer.done()["veto"]["liftedOn"], "2026-03-02");
    }

    /// The application of `Bn` as a caller finds it, and how it stands now.
    pub async fn seen(&self, caller: &As<'_>, n: usize) -> (Value, Value) {
        let query = format!(
            "query($id: ID!) {{ branch(by: {{ id: $id }}) {{ {}
               goldEligibility(year: 2026) {{ eligible healthCheckPassed pointsInTop hasBrand vetoed reasons }} }} }}",
            APPLICATION.replacen("goldApplication", "goldApplication(year: 2026)", 1)
        );
        let answer = caller
            .clone()
            .past_results()
            .ask(&query, json!({ "id": self.id(n) }))
            .await;
        let branch = &answer.data()["branch"];
        (
            branch["goldApplication"].clone(),
            branch["goldEligibility"].clone(),
        )
    }
}

/// A mutation that gives an application.
pub async fn step(caller: &As<'_>, field: &str, input: Value) -> Result<Value, Refused> {
    let answer = caller.mutate(field, APPLICATION, input).await;
    match refusals(&answer, field) {
        refused if refused.is_empty() => Ok(answer.done()["goldApplication"].clone()),
        refused => Err(refused),
    }
}

/// A step with an application; for or against it where it is a decision.
pub async fn decide(
    caller: &As<'_>,
    field: &str,
    application: &Value,
    favourable: Option<bool>,
) -> Result<Value, Refused> {
    let mut input =
        json!({ "id": application["id"], "version": application["version"], "opinion": "经研究" });
    if let Some(favourable) = favourable {
        input["favourable"] = json!(favourable);
    }
    step(caller, field, input).await
}

/// The codes of what was refused, `FORBIDDEN` among them.
pub fn refusals(answer: &Answer, field: &str) -> Refused {
    if answer.body["errors"].is_array() {
        return vec![answer.error_code().to_owned()];
    }
    let errors = answer.body["data"][field]["userErrors"].as_array().unwrap();
    errors
        .iter()
        .map(|error| error["code"].as_str().unwrap().to_owned())
        .collect()
}
