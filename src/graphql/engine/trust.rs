//! Documents that a deployment registers.

use async_graphql::{ObjectType, SubscriptionType};

use super::Engine;
use crate::graphql::documents::{self, Trusted};
use crate::graphql::error::Renderer;
use crate::graphql::manifest::Entry;
use crate::graphql::{Executed, prepare::Fault};
use crate::kernel::message::Lang;

/// Why a document cannot be trusted: it could not be run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("document {id}: {problem}")]
pub struct TrustFault {
    /// As the manifest names it.
    pub id: String,
    /// What is wrong with it.
    pub problem: String,
}

impl<Query, Mutation, Subscription> Engine<Query, Mutation, Subscription>
where
    Query: ObjectType + 'static,
    Mutation: ObjectType + 'static,
    Subscription: SubscriptionType + 'static,
{
    /// Trusts these documents and no others any more; gives how many there are. Each passes the guard and validation first.
    ///
    /// # Errors
    ///
    /// All faults, and what was trusted before stays so.
    pub fn trust(&self, entries: impl IntoIterator<Item = Entry>) -> Result<usize, Vec<TrustFault>> {
        let (mut trusted, mut faults) = (Trusted::default(), Vec::new());
        for Entry { id, text } in entries {
            let fault = |problem: String| TrustFault {
                id: id.clone(),
                problem,
            };
            match self.read(documents::hash(&text), &text) {
                Ok(document) => {
                    if !trusted.add(id.clone(), document) {
                        faults.push(fault("two documents have this identifier".to_owned()));
                    }
                }
                Err(problem) => faults.push(fault(words(problem))),
            }
        }
        if !faults.is_empty() {
            return Err(faults);
        }
        let count = trusted.len();
        self.documents.trust(trusted);
        Ok(count)
    }
}

fn words(fault: Fault) -> String {
    let renderer = Renderer::new(Lang::En, "");
    let executed = Executed::fault(fault, &renderer);
    let messages: Vec<&str> = executed.errors().iter().map(|e| e.message.as_str()).collect();
    messages.join("; ")
}
