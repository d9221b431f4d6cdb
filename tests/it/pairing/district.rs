//! A small district to pair branches of, and callers to do it.

use std::collections::HashMap;

use chrono::NaiveDate;
use entity::{branch, gold_title};
use sea_orm::{ActiveValue::Set, ColumnTrait as _, EntityTrait as _, QueryFilter as _, sea_query::Expr};
use serde_json::{Value, json};
use zhibu::{
    audit::AuditRecord,
    kernel::id::{BranchId, NodeId as _, OrganizationId},
    storage::write::{Actor, Failure, Outcome, UseCase, Write},
};

use crate::support::{
    TestDatabase,
    app::{As, TestApp},
};

/// What day it is in these tests.
pub const TODAY: &str = "2022-06-30";

/// A service over a district of two committees, "C1" (with a general branch "G1") and "C2".
pub struct District {
    app: TestApp,
}

/// Somebody with a token.
pub struct Asker<'a> {
    caller: As<'a>,
}

/// Number, domain, form, organization, gold since.
const BRANCHES: &[(i64, &str, &str, &str, Option<&str>)] = &[
    (1, "COMMUNITY", "SINGLE", "C1", Some("2021-12-01")),
    (2, "COMMUNITY", "SINGLE", "C1", None),
    (3, "COMMUNITY", "JOINT", "G1", None),
    (4, "GOVERNMENT", "SINGLE", "C2", Some("2021-12-01")),
    (5, "GOVERNMENT", "SINGLE", "C2", None),
    (6, "COMMUNITY", "TEMPORARY", "C1", None),
    (7, "COMMUNITY", "SINGLE", "C1", None),
    (8, "COMMUNITY", "SINGLE", "C1", None),
    (9, "COMMUNITY", "SINGLE", "C1", Some("2021-12-01")),
    (10, "COMMUNITY", "SINGLE", "C1", Some("2022-06-01")),
    (11, "COMMUNITY", "SINGLE", "C1", Some("2021-12-01")),
    (12, "COMMUNITY", "SINGLE", "C1", Some("2021-12-01")),
];

/// The one of them that was dissolved.
pub const DISSOLVED: i64 = 7;
/// The one that is temporary.
pub const TEMPORARY: i64 = 6;

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

pub fn id(branch: i64) -> String {
    BranchId(branch).global()
}

async fn seed(write: &mut Write<'_>, homes: &HashMap<String, OrganizationId>) -> Result<(), Failure> {
    for &(number, domain, form, organization, gold) in BRANCHES {
        let row = branch::ActiveModel {
            id: Set(BranchId(number)),
            code: Set(format!("B{number}")),
            name: Set(format!("第{number}支部")),
            search_text: Set(String::new()),
            domain: Set(domain.to_owned()),
            form: Set(form.to_owned()),
            status: Set(if number == DISSOLVED {
                "DISSOLVED"
            } else {
                "ACTIVE"
            }
            .to_owned()),
            organization_id: Set(homes[organization]),
            founded_on: Set(day("2010-07-01")),
            ended_on: Set(None),
            successor_id: Set(None),
            member_count: Set(12),
            contact_phone: Set(None),
            term_ends_on: Set(None),
            version: Set(1),
            updated_at: Set(write.clock().business()),
        };
        branch::Entity::insert(row)
            .exec_without_returning(write.connection())
            .await?;
        if let Some(awarded) = gold {
            let title = gold_title::ActiveModel {
                branch_id: Set(BranchId(number)),
                awarded_on: Set(day(awarded)),
                revoked_on: Set(None),
                ..Default::default()
            };
            gold_title::Entity::insert(title)
                .exec_without_returning(write.connection())
                .await?;
        }
    }
    write.audit(AuditRecord::new("seed"));
    Ok(())
}

impl District {
    pub async fn new(db: TestDatabase) -> Self {
        let app = TestApp::with_tree(db).await;
        app.clock.set("2022-06-30T04:00:00Z");
        let mut homes = HashMap::new();
        for code in ["C1", "C2", "G1"] {
            let id = app.organization_id(code).await;
            homes.insert(code.to_owned(), OrganizationId::from_global(&id).unwrap());
        }
        let district = Self { app };
        district.write(homes, |w, homes| Box::pin(seed(w, homes))).await;
        district
    }

    async fn write<I: Send + Sync + 'static>(&self, input: I, case: UseCase<I, ()>) {
        let database = &self.app.database;
        let written = database.write(Actor::service("test"), None, input, case).await;
        assert_eq!(written.unwrap().outcome, Outcome::Done(()));
    }

    /// The global id of an organization's code.
    pub async fn organization_id(&self, code: &str) -> String {
        self.app.organization_id(code).await
    }

    /// Merges a branch into another, or dissolves it.
    pub async fn ends(&self, branch: i64, successor: Option<i64>) {
        let query = "query($id: ID!) { branch(by: { id: $id }) { version } }";
        let now = self.admin().data(query, json!({ "id": id(branch) })).await;
        let mut input = json!({
            "id": id(branch), "version": now["branch"]["version"], "effectiveOn": TODAY, "reason": "调整设置",
        });
        let field = match successor {
            Some(successor) => {
                input["intoBranchId"] = json!(id(successor));
                "mergeBranch"
            }
            None => "dissolveBranch",
        };
        let admin = self.app.admin();
        admin.mutate(field, "branch { status }", input).await.done();
    }

    pub async fn revoke_gold(&self, branch: i64, on: &str) {
        self.write((BranchId(branch), day(on)), |w, (branch, on)| {
            Box::pin(async move {
                gold_title::Entity::update_many()
                    .col_expr(gold_title::Column::RevokedOn, Expr::value(*on))
                    .filter(gold_title::Column::BranchId.eq(*branch))
                    .exec(w.connection())
                    .await?;
                w.audit(AuditRecord::new("test"));
                Ok(())
            })
        })
        .await;
    }

    pub fn admin(&self) -> Asker<'_> {
        Asker {
            caller: self.app.admin(),
        }
    }

    pub fn committee(&self, code: &str) -> Asker<'_> {
        Asker {
            caller: self.app.committee(code),
        }
    }

    pub fn secretary(&self, branch: i64) -> Asker<'_> {
        Asker {
            caller: self.app.secretary_of(&format!("B{branch}")),
        }
    }

    pub fn examiner(&self, branch: i64) -> Asker<'_> {
        Asker {
            caller: self.app.examiner_of(&format!("B{branch}")),
        }
    }

    pub fn viewer(&self, org: Option<&str>) -> Asker<'_> {
        Asker {
            caller: self.app.viewer(org),
        }
    }

    pub fn adapter(&self) -> Asker<'_> {
        Asker {
            caller: self.app.adapter("EJIA"),
        }
    }

    /// SQL statements that a request costs.
    pub fn statements(&self) -> u64 {
        self.app.database.statements()
    }
}

impl Asker<'_> {
    /// Pairings that wait for the caller, of a kind of todo.
    pub async fn waiting(&self, kind: &str) -> Vec<String> {
        let query = "{ viewer { todos(first: 50) { kind node { id } } } }";
        let data = self.data(query, json!({})).await;
        let todos = data["viewer"]["todos"].as_array().unwrap();
        let waiting = todos.iter().filter(|todo| todo["kind"] == kind);
        waiting
            .map(|todo| todo["node"]["id"].as_str().unwrap().to_owned())
            .collect()
    }

    /// The response as the client reads it.
    pub async fn ask(&self, query: &str, variables: Value) -> Value {
        self.caller.ask(query, variables).await.body
    }

    /// The data of a request without errors.
    pub async fn data(&self, query: &str, variables: Value) -> Value {
        self.caller.ask(query, variables).await.data().clone()
    }

    /// A mutation that gives a `PairingPayload`: the pairing, or the codes and paths of its errors, or the error's code.
    pub async fn mutate(&self, field: &str, kind: &str, input: Value) -> Result<Value, String> {
        let query = format!(
            "mutation($input: {kind}!) {{ {field}(input: $input) {{
                pairing {{ id state version approvedAt endReason leadLostGold proposedBy {{ code }}
                    members {{ role acceptedAt leftOn branch {{ code }} }} }}
                userErrors {{ code message path }} }} }}"
        );
        let response = self.ask(&query, json!({ "input": input })).await;
        if let Some(errors) = response.get("errors") {
            return Err(errors[0]["extensions"]["code"].as_str().unwrap_or("?").to_owned());
        }
        let payload = &response["data"][field];
        let errors = payload["userErrors"].as_array().unwrap();
        if errors.is_empty() {
            assert!(!payload["pairing"].is_null(), "{response:#}");
            return Ok(payload["pairing"].clone());
        }
        assert!(payload["pairing"].is_null(), "{response:#}");
        let said: Vec<String> = errors
            .iter()
            .map(|error| {
                let path: Vec<&str> = error["path"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .filter_map(Value::as_str)
                    .collect();
                format!("{} {}", error["code"].as_str().unwrap(), path.join("."))
            })
            .collect();
        Err(said.join("; "))
    }

    pub async fn propose(&self, leads: &[i64], partners: &[i64]) -> Result<Value, String> {
        self.mutate("proposePairing", "ProposePairingInput", proposal(leads, partners))
            .await
    }

    pub async fn accept(&self, pairing: &Value, branch: i64) -> Result<Value, String> {
        let input = json!({ "id": pairing["id"], "branchId": id(branch) });
        self.mutate("acceptPairing", "AcceptPairingInput", input).await
    }

    /// A step that names the version: with a reason where it takes one.
    pub async fn step(&self, field: &str, pairing: &Value) -> Result<Value, String> {
        let mut input = json!({ "id": pairing["id"], "version": pairing["version"] });
        let kind = match field {
            "rejectPairing" | "terminatePairing" => {
                input["reason"] = json!("时机未到");
                "ReasonedInput"
            }
            _ => "VersionedInput",
        };
        self.mutate(field, kind, input).await
    }

    pub async fn record(&self, pairing: &Value, held_on: &str, branches: &[i64]) -> Result<Value, String> {
        let branches: Vec<String> = branches.iter().copied().map(id).collect();
        let input = json!({
            "pairingId": pairing["id"], "heldOn": held_on, "topic": "联合主题党日", "branchIds": branches,
        });
        self.mutate("recordPairingActivity", "RecordPairingActivityInput", input)
            .await
    }
}

/// A proposal that suits its numbers: by domain, from January on.
pub fn proposal(leads: &[i64], partners: &[i64]) -> Value {
    let ids = |numbers: &[i64]| -> Vec<String> { numbers.iter().copied().map(id).collect() };
    let community = |number: &i64| !matches!(number, 4 | 5);
    let all: Vec<&i64> = leads.iter().chain(partners).collect();
    let same = all.iter().all(|n| community(n)) || !all.iter().any(|n| community(n));
    json!({
        "form": if leads.len() == 1 { "ONE_TO_MANY" } else { "MANY_TO_MANY" },
        "basis": if same { "SAME_DOMAIN" } else { "CROSS_DOMAIN" },
        "title": "结对共建", "year": 2022,
        "leadIds": ids(leads), "partnerIds": ids(partners), "startsOn": "2022-01-10",
    })
}
