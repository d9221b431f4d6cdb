//! A district whose branches have problems: B1 below G1, B2 and B3 below C1, B4 below C2.

use serde_json::{Value, json};

use crate::support::{
    TestDatabase,
    app::{Answer, As, TestApp},
    branches::with,
};

/// What the helpers here give of a rectification.
pub const SELECTION: &str =
    "rectification { id origin aspect itemCode title prescription support severity state light
    dueOn closedOn nextReviewOn version branch { code } steps { state at by note } }";

/// The district.
pub struct Found {
    pub app: TestApp,
    branches: Vec<String>,
}

/// What came of a mutation: the rectification, or the codes and paths of its errors, or the error's code.
pub type Came = Result<Value, String>;

fn came(answer: &Answer) -> Came {
    if let Some(errors) = answer.body.get("errors") {
        return Err(errors[0]["extensions"]["code"].as_str().unwrap_or("?").to_owned());
    }
    let payload = answer.data().as_object().unwrap().values().next().unwrap();
    let errors = payload["userErrors"].as_array().unwrap();
    assert_eq!(
        errors.is_empty(),
        !payload["rectification"].is_null(),
        "{:#}",
        answer.body
    );
    if errors.is_empty() {
        return Ok(payload["rectification"].clone());
    }
    let said = errors.iter().map(|error| {
        assert!(!error["message"].as_str().unwrap().is_empty());
        let path = error["path"].as_array().unwrap();
        let path: Vec<&str> = path.iter().filter_map(Value::as_str).collect();
        format!("{} {}", error["code"].as_str().unwrap(), path.join("."))
    });
    Err(said.collect::<Vec<_>>().join("; "))
}

/// A mutation on rectifications.
pub async fn mutate(caller: &As<'_>, field: &str, input: Value) -> Came {
    came(&caller.mutate(field, SELECTION, input).await)
}

/// A step of a rectification, with what it takes and what is given over it.
pub async fn step_with(caller: &As<'_>, field: &str, rectification: &Value, over: Value) -> Came {
    let mut input =
        json!({ "id": rectification["id"], "version": rectification["version"], "note": "看过了" });
    if field == "assignRectification" {
        input["dueOn"] = rectification["dueOn"].clone();
    }
    mutate(caller, field, with(input, over)).await
}

/// The same as it is.
pub async fn step(caller: &As<'_>, field: &str, rectification: &Value) -> Came {
    step_with(caller, field, rectification, json!({})).await
}

impl Found {
    pub async fn new(db: TestDatabase) -> Self {
        let app = TestApp::with_tree(db).await;
        let mut branches = Vec::new();
        for (n, home) in [(1, "G1"), (2, "C1"), (3, "C1"), (4, "C2")] {
            let input = json!({
                "code": format!("B{n}"), "name": format!("第{n}党支部（演示）"), "domain": "COMMUNITY",
                "organizationId": app.organization_id(home).await, "foundedOn": "2020-07-01", "memberCount": 12,
            });
            let answer = app.admin().mutate("createBranch", "branch { id }", input).await;
            branches.push(answer.done()["branch"]["id"].as_str().unwrap().to_owned());
        }
        Self { app, branches }
    }

    /// The id of branch `Bn`.
    pub fn branch(&self, n: usize) -> &str {
        &self.branches[n - 1]
    }

    /// Opens the year, and assigns the check of branch `Bn` to the examiner.
    pub async fn assign(&self, n: usize) {
        let admin = self.app.admin();
        let campaign = json!({ "year": 2026, "theme": "金牌引领", "windowFrom": "2026-01-01", "windowTo": "2026-12-31" });
        admin
            .mutate("openCampaign", "campaign { id }", campaign)
            .await
            .done();
        let query = format!(r#"{{ branch(by: {{ code: "B{n}" }}) {{ healthCheck {{ id version }} }} }}"#);
        let check = admin.data(&query).await["branch"]["healthCheck"].clone();
        let input =
            json!({ "healthCheckId": check["id"], "version": check["version"], "subjects": ["examiner-1"] });
        admin.mutate("assignExaminers", "", input).await.done();
    }

    /// A finding of an inspection with branch `Bn`, to be raised.
    pub fn finding(&self, n: usize, over: Value) -> Value {
        let finding = json!({
            "aspect": "ROLE", "title": "党员示范岗未设立", "prescription": "设立示范岗", "dueOn": "2026-04-01",
        });
        json!({ "branchId": self.branch(n), "origin": "INSPECTION", "finding": with(finding, over) })
    }

    /// Raises it.
    pub async fn raise(&self, n: usize, over: Value) -> Value {
        mutate(&self.app.admin(), "raiseRectification", self.finding(n, over))
            .await
            .unwrap()
    }

    /// A rectification of branch `Bn` in a state.
    pub async fn in_state(&self, n: usize, state: &str) -> Value {
        let (admin, secretary) = (self.app.admin(), self.app.secretary_of(&format!("B{n}")));
        let mut row = self.raise(n, json!({})).await;
        let steps: &[&str] = match state {
            "OPEN" => &[],
            "WAIVED" => &["waiveRectification"],
            "ASSIGNED" => &["assignRectification"],
            "SUBMITTED" => &["assignRectification", "submitRectification"],
            _ => &["assignRectification", "submitRectification", "closeRectification"],
        };
        for field in steps {
            let caller = if *field == "submitRectification" {
                &secretary
            } else {
                &admin
            };
            row = step(caller, field, &row).await.unwrap();
        }
        assert_eq!(row["state"], state);
        row
    }

    /// Titles of a list, in its order.
    pub async fn titles(&self, caller: &As<'_>, arguments: &str) -> Vec<String> {
        let query = format!("{{ rectifications{arguments} {{ nodes {{ title }} totalCount }} }}");
        let data = caller.data(&query).await;
        let nodes = data["rectifications"]["nodes"].as_array().unwrap();
        assert_eq!(data["rectifications"]["totalCount"], nodes.len());
        let title = |node: &Value| node["title"].as_str().unwrap().to_owned();
        nodes.iter().map(title).collect()
    }

    /// What waits for a caller, of the kinds of rectifications: kind, title, due day and light.
    pub async fn waiting(&self, caller: &As<'_>) -> Vec<Value> {
        let query = "{ viewer { todos(first: 50) { kind title dueOn light node { id } } } }";
        let data = caller.data(query).await;
        let todos = data["viewer"]["todos"].as_array().unwrap();
        todos
            .iter()
            .filter(|todo| todo["kind"].as_str().unwrap().ends_with("_RECTIFICATION"))
            .map(|todo| json!([todo["kind"], todo["title"], todo["dueOn"], todo["light"]]))
            .collect()
    }

    /// A rectification as a caller finds it by its id.
    pub async fn node(&self, caller: &As<'_>, id: &Value) -> Value {
        let fields = SELECTION.trim_start_matches("rectification ");
        let query = format!("query($id: ID!) {{ node(id: $id) {{ ... on Rectification {fields} }} }}");
        caller.ask(&query, json!({ "id": id })).await.data()["node"].clone()
    }
}
