//! The change log: as a client that polls it sees it, and changes to fill it with.

use serde_json::{Value, json};
use zhibu::{
    audit::AuditRecord,
    kernel::id::OrganizationId,
    live::change::{Action, Change, Topic},
    storage::write::{Actor, Failure},
};

use super::app::{As, TestApp};

/// Changes of the district's root, in one transaction.
pub async fn changes_at_once(app: &TestApp, count: usize) {
    let written = app
        .database
        .write(Actor::service("test"), None, count, |write, count| {
            Box::pin(async move {
                for _ in 0..*count {
                    write.change(Change::new(
                        Topic::Organization,
                        Action::Updated,
                        OrganizationId(1),
                    ));
                }
                write.audit(AuditRecord::new("test"));
                Ok::<_, Failure>(())
            })
        });
    written.await.unwrap();
}

/// The changes of branches in the caller's scope, once they are what the test waits for. On PostgreSQL a change is shown
/// when no transaction older than its own runs anywhere in the cluster, so the tests beside this one hold it back; asking
/// again is what a polling client does.
pub async fn branch_changes_once(caller: As<'_>, holds: impl Fn(&[Value]) -> bool) -> Vec<Value> {
    const ATTEMPTS: usize = 2_000;
    let query = "{ changes(first: 200, filter: { topics: [BRANCH] }) { changes { nodeId version } } }";
    let mut changes = Vec::new();
    for _ in 0..ATTEMPTS {
        let answer = caller.ask(query, json!({})).await;
        changes = answer.data()["changes"]["changes"].as_array().unwrap().clone();
        if holds(&changes) {
            return changes;
        }
    }
    panic!("never came: {changes:#?}")
}
