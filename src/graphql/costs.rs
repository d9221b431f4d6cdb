//! What fields cost, in one table.
//!
//! A unit is roughly a microsecond of CPU time, the service's and the database's together; a field that only hands over what
//! has been read costs one. The guard adds them up, multiplied by the sizes of pages and lists, saturating. What is asked for
//! once and answered from much is dear (`Query.board`: 40 ms for a district of 826 branches); what siblings of a page ask for
//! together is cheap, for it is read in one statement (`lists.rs`).
//!
//! A root field without a row here is a failed test: whoever adds one says what it costs.

use super::sdl::SchemaHints;

/// By type and field; other fields cost 1.
pub const COSTS: &[(&str, u64)] = &[
    // Roots of queries: a statement each, and what is worked out of it.
    ("Query.auditEntries", 20),
    ("Query.board", 10_000),
    ("Query.branch", 20),
    ("Query.branches", 20),
    ("Query.brands", 20),
    ("Query.campaign", 20),
    ("Query.campaigns", 20),
    ("Query.changes", 50),
    ("Query.figures", 2_000),
    ("Query.goldApplications", 20),
    ("Query.headcounts", 20),
    ("Query.healthChecks", 20),
    ("Query.leaderboard", 50),
    ("Query.node", 20),
    ("Query.nodes", 20),
    ("Query.organization", 20),
    ("Query.organizations", 20),
    ("Query.pairings", 20),
    ("Query.pointEntries", 20),
    ("Query.pointSource", 20),
    ("Query.pointSources", 20),
    ("Query.quarantine", 20),
    ("Query.rectifications", 20),
    ("Query.serviceLimits", 1),
    ("Query.sites", 20),
    ("Query.suggestedPartners", 1_000),
    ("Query.trainingRecords", 20),
    ("Query.vetoes", 20),
    ("Query.viewer", 1),
    // The same, worked out again after every change.
    ("Subscription.board", 10_000),
    ("Subscription.branch", 20),
    ("Subscription.changes", 50),
    ("Subscription.leaderboard", 50),
    ("Subscription.pointSource", 20),
    // Mutations: a transaction with what is looked up before, the audit entry and the change.
    ("Mutation.acceptPairing", 50),
    ("Mutation.addBranchAlias", 50),
    ("Mutation.adjustPoints", 50),
    ("Mutation.answerCheckItems", 50),
    ("Mutation.applyForGold", 50),
    ("Mutation.approvePairing", 50),
    ("Mutation.assignExaminers", 50),
    ("Mutation.assignRectification", 50),
    ("Mutation.closeHealthCheck", 50),
    ("Mutation.closeRectification", 50),
    ("Mutation.completePairing", 50),
    ("Mutation.concludeConsultation", 50),
    ("Mutation.correctTraining", 50),
    ("Mutation.createBranch", 50),
    ("Mutation.createOrganization", 50),
    ("Mutation.decideGold", 50),
    ("Mutation.discardQuarantine", 50),
    ("Mutation.dissolveBranch", 50),
    ("Mutation.endBranchAlias", 50),
    ("Mutation.extendTerm", 50),
    ("Mutation.liftVeto", 50),
    ("Mutation.mergeBranch", 500),
    ("Mutation.openCampaign", 5_000),
    ("Mutation.pauseSource", 50),
    ("Mutation.proposePairing", 50),
    ("Mutation.publishBrand", 50),
    ("Mutation.pullPoints", 50),
    ("Mutation.pushPoints", 50),
    ("Mutation.raiseRectification", 50),
    ("Mutation.recommendGold", 50),
    ("Mutation.reconcilePoints", 500),
    ("Mutation.recordElection", 50),
    ("Mutation.recordPairingActivity", 50),
    ("Mutation.recordTraining", 50),
    ("Mutation.recordVeto", 50),
    ("Mutation.recordVisit", 50),
    ("Mutation.rejectPairing", 50),
    ("Mutation.removeTraining", 50),
    ("Mutation.reopenRectification", 50),
    ("Mutation.reportHeadcount", 50),
    ("Mutation.resolveQuarantine", 50),
    ("Mutation.returnBrand", 50),
    ("Mutation.returnRectification", 50),
    ("Mutation.reviewRectification", 50),
    ("Mutation.revokeGold", 50),
    ("Mutation.saveBrand", 50),
    ("Mutation.saveSite", 50),
    ("Mutation.submitBrand", 50),
    ("Mutation.submitRectification", 50),
    ("Mutation.submitSelfCheck", 50),
    ("Mutation.terminatePairing", 50),
    ("Mutation.updateBranch", 50),
    ("Mutation.updateGoldPlan", 50),
    ("Mutation.updateOrganization", 50),
    ("Mutation.waiveRectification", 50),
    ("Mutation.withdrawGold", 50),
    // Fields below that are statements of their own, or a lot of arithmetic.
    ("Branch.goldEligibility", 300),
    ("Campaign.funnel", 500),
    ("Viewer.todos", 300),
    // A page does not need them: a second statement each, which counts the whole list.
    ("AuditEntryConnection.totalCount", 50),
    ("BranchConnection.totalCount", 50),
    ("BrandConnection.totalCount", 50),
    ("GoldApplicationConnection.totalCount", 50),
    ("HealthCheckConnection.totalCount", 50),
    ("OrganizationConnection.totalCount", 50),
    ("PairingActivityConnection.totalCount", 50),
    ("PairingConnection.totalCount", 50),
    ("PointEntryConnection.totalCount", 50),
    ("PullRunConnection.totalCount", 50),
    ("QuarantinedEntryConnection.totalCount", 50),
    ("RectificationConnection.totalCount", 50),
    ("SiteConnection.totalCount", 50),
    ("TrainingRecordConnection.totalCount", 50),
    ("VetoConnection.totalCount", 50),
];

/// Adds the table to what is known of the schema.
pub(super) fn hints(hints: SchemaHints) -> SchemaHints {
    COSTS
        .iter()
        .fold(hints, |hints, (field, cost)| hints.cost(field, *cost))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use async_graphql::parser::parse_schema;
    use async_graphql::parser::types::{TypeKind, TypeSystemDefinition};

    use super::*;
    use crate::graphql::engine::{Fault, Takes};
    use crate::graphql::guard::{Limit, Refused};
    use crate::graphql::schema;
    use crate::graphql::{Engine, GraphqlRequest, Limits};

    /// Every field of every object of the schema.
    fn fields() -> BTreeSet<String> {
        let document = parse_schema(schema::sdl()).unwrap();
        let types = document
            .definitions
            .iter()
            .filter_map(|definition| match definition {
                TypeSystemDefinition::Type(ty) => Some(&ty.node),
                _ => None,
            });
        let mut names = BTreeSet::new();
        for ty in types {
            if let TypeKind::Object(object) = &ty.kind {
                names.extend(
                    object
                        .fields
                        .iter()
                        .map(|f| format!("{}.{}", ty.name.node, f.node.name.node)),
                );
            }
        }
        names
    }

    fn cost(limits: Limits, query: &str) -> Result<u64, Fault> {
        let engine = Engine::new(schema::builder, &schema::hints(), limits).unwrap();
        let request = GraphqlRequest {
            query: query.to_owned(),
            ..GraphqlRequest::default()
        };
        engine
            .prepare(request, Takes::Any, &mut |_| Ok(()))
            .map(|prepared| prepared.cost())
    }

    #[test]
    fn each_names_a_field_and_each_root_and_count_is_there() {
        let fields = fields();
        let table: BTreeSet<String> = COSTS.iter().map(|(field, _)| (*field).to_owned()).collect();
        assert_eq!(table.len(), COSTS.len(), "a field stands twice");
        assert_eq!(
            table.difference(&fields).collect::<Vec<_>>(),
            Vec::<&String>::new()
        );
        let roots = ["Query.", "Mutation.", "Subscription."];
        let lacking: Vec<&String> = fields
            .iter()
            .filter(|field| {
                roots.iter().any(|root| field.starts_with(root)) || field.ends_with(".totalCount")
            })
            .filter(|field| !table.contains(*field))
            .collect();
        assert_eq!(lacking, Vec::<&String>::new());
    }

    #[test]
    fn what_is_dear_is_counted_and_sums_saturate() {
        let usual = |query: &str| cost(Limits::default(), query).unwrap();
        assert_eq!(usual("{ viewer { role } }"), 2);
        assert_eq!(usual("{ board { year } }"), 10_001);
        assert_eq!(
            usual("{ branches(first: 10) { totalCount nodes { code } } }"),
            20 + 50 + 10 * (1 + 1)
        );
        assert!(matches!(
            cost(
                Limits::default(),
                "{ a: board { year } b: board { year } c: board { year } d: board { year } e: board { year } }"
            ),
            Err(Fault::Guard(Refused::Over {
                limit: Limit::Cost,
                allowed: 50_000,
                found: 50_005
            }))
        ));
        let open = Limits {
            depth: 60,
            cost: u64::MAX,
            ..Limits::default()
        };
        let deep = "branches(first: 200) { nodes { organization { ".repeat(12);
        let deep = format!(
            "{{ {} id {} }}",
            deep.replacen("branches", "organizations(first: 200) { nodes { branches", 1),
            "} } } ".repeat(12) + "} }"
        );
        assert_eq!(cost(open, &deep).unwrap(), u64::MAX);
    }
}
