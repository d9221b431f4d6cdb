//! Which topics move which types of the schema; a test sees that each type is here.

use super::reads::Reads;
use crate::live::change::{Topic, Topics};

const NOTHING: Topics = Topics::of(&[]);
const ORGANIZATION: Topics = Topics::of(&[Topic::Organization]);
const BRANCH: Topics = Topics::of(&[Topic::Branch]);
const BRAND: Topics = Topics::of(&[Topic::Brand]);
const PAIRING: Topics = Topics::of(&[Topic::Pairing]);
const TRAINING: Topics = Topics::of(&[Topic::Training]);
const CAMPAIGN: Topics = Topics::of(&[Topic::Campaign]);
const HEALTH_CHECK: Topics = Topics::of(&[Topic::HealthCheck]);
const RECTIFICATION: Topics = Topics::of(&[Topic::Rectification]);
const POINTS: Topics = Topics::of(&[Topic::Points]);
const GOLD: Topics = Topics::of(&[Topic::Gold]);
/// Where a thing lies in the tree decides who sees it and which filter takes it.
const PLACES: Topics = ORGANIZATION.and(BRANCH);
/// What badges are made of.
const BADGE: Topics = BRANCH.and(RECTIFICATION).and(HEALTH_CHECK);

/// By type, or by type and field where one of its fields reads more than the others.
const TABLE: &[(&str, Topics)] = &[
    ("Query", NOTHING),
    // Whether there is such a thing, whatever is asked of it.
    ("Query.node", Topics::ALL),
    ("Query.nodes", Topics::ALL),
    ("Query.branch", BRANCH),
    ("Query.organization", ORGANIZATION),
    ("Subscription", NOTHING),
    ("PageInfo", NOTHING),
    ("Organization", ORGANIZATION),
    ("Organization.branchCount", PLACES),
    ("OrganizationConnection", ORGANIZATION),
    ("OrganizationEdge", ORGANIZATION),
    ("Headcount", ORGANIZATION),
    ("Query.headcounts", ORGANIZATION),
    ("Branch", BRANCH),
    ("Branch.contactPhone", PLACES),
    ("Branch.organization", PLACES),
    ("Branch.successor", PLACES),
    ("Branch.brand", BRANCH.and(BRAND)),
    (
        "Branch.goldEligibility",
        GOLD.and(POINTS).and(BRAND).and(HEALTH_CHECK).and(PLACES),
    ),
    ("Branch.healthCheck", HEALTH_CHECK.and(PLACES)),
    ("Branch.goldApplication", GOLD.and(PLACES)),
    ("BranchAlias", BRANCH),
    ("Term", BRANCH),
    // Filters and orders of lists of branches look at everything a branch has.
    ("BranchConnection", Topics::ALL),
    ("BranchEdge", BRANCH),
    ("Brand", BRAND.and(PLACES)),
    ("BrandStory", BRAND),
    ("BrandConnection", BRAND.and(PLACES)),
    ("BrandEdge", BRAND),
    ("Pairing", PAIRING.and(PLACES)),
    ("PairingMember", PAIRING.and(PLACES)),
    ("PairingActivity", PAIRING),
    ("PairingConnection", PAIRING.and(PLACES)),
    ("PairingEdge", PAIRING),
    ("PairingActivityConnection", PAIRING.and(PLACES)),
    ("PairingActivityEdge", PAIRING),
    ("TrainingRecord", TRAINING.and(PLACES)),
    ("TrainingRecordConnection", TRAINING.and(PLACES)),
    ("TrainingRecordEdge", TRAINING),
    ("Site", TRAINING.and(PLACES)),
    ("SiteConnection", TRAINING.and(PLACES)),
    ("SiteEdge", TRAINING),
    ("Query.campaign", CAMPAIGN),
    ("Query.campaigns", CAMPAIGN),
    ("Campaign", CAMPAIGN),
    ("CheckTemplate", NOTHING),
    ("CheckItem", NOTHING),
    ("GoldPlan", CAMPAIGN),
    ("DomainCount", CAMPAIGN),
    ("HealthCheck", HEALTH_CHECK.and(PLACES)),
    ("AspectScore", HEALTH_CHECK),
    ("ItemResult", HEALTH_CHECK),
    ("VisitRecord", HEALTH_CHECK),
    ("HealthCheckConnection", HEALTH_CHECK.and(PLACES)),
    ("HealthCheckEdge", HEALTH_CHECK),
    ("HealthFunnel", HEALTH_CHECK.and(PLACES)),
    ("Board", PLACES.and(CAMPAIGN)),
    ("DomainTally", PLACES.and(BADGE)),
    ("CommitteeTally", PLACES.and(POINTS)),
    ("AspectTally", PLACES.and(RECTIFICATION)),
    ("LightTally", PLACES.and(RECTIFICATION)),
    ("TermTally", PLACES),
    ("GoldTally", PLACES.and(GOLD).and(CAMPAIGN)),
    ("PairingTally", PLACES.and(PAIRING)),
    ("TrainingTally", PLACES.and(TRAINING)),
    ("Tile", PLACES.and(BADGE).and(POINTS)),
    ("Figure", PLACES.and(TRAINING).and(RECTIFICATION).and(CAMPAIGN)),
    ("PartnerSuggestion", PLACES.and(PAIRING).and(HEALTH_CHECK)),
    ("Query.suggestedPartners", PLACES.and(PAIRING).and(HEALTH_CHECK)),
    ("Rectification", RECTIFICATION.and(PLACES)),
    (
        "Rectification.healthCheck",
        RECTIFICATION.and(HEALTH_CHECK).and(PLACES),
    ),
    ("RectificationStep", RECTIFICATION),
    ("RectificationConnection", RECTIFICATION.and(PLACES)),
    ("RectificationEdge", RECTIFICATION),
    ("PointStanding", POINTS.and(PLACES)),
    ("Leaderboard", POINTS.and(PLACES)),
    ("LeaderboardRow", POINTS.and(PLACES)),
    ("PointEntry", POINTS.and(PLACES)),
    ("Posting", POINTS),
    ("PointEntryConnection", POINTS.and(PLACES)),
    ("PointEntryEdge", POINTS),
    ("GoldEligibility", GOLD),
    ("GoldApplication", GOLD.and(PLACES)),
    ("GoldStep", GOLD),
    ("GoldApplicationConnection", GOLD.and(PLACES)),
    ("GoldApplicationEdge", GOLD),
    ("Veto", GOLD.and(BRANCH)),
    ("VetoConnection", GOLD),
    ("VetoEdge", GOLD),
];

/// What only changes that concern the branch itself move. Ranks are not among it, nor what leads to other things.
const OF_BRANCH: &[(&str, &[&str], Topics)] = &[
    (
        "Branch",
        &[
            "id",
            "code",
            "name",
            "domain",
            "form",
            "status",
            "foundedOn",
            "endedOn",
            "memberCount",
            "isGold",
            "term",
            "termState",
            "terms",
            "aliases",
            "points",
            "pointHistory",
            "version",
            "updatedAt",
        ],
        BRANCH,
    ),
    ("Branch", &["openRectificationCount"], RECTIFICATION),
    ("Branch", &["badge"], BADGE),
    ("PointStanding", &["total", "entryCount", "period"], POINTS),
    ("Term", &[], BRANCH),
    ("BranchAlias", &[], BRANCH),
];

/// What is the caller's own.
const PERSONAL: &[&str] = &["Viewer", "Todo"];

/// What moves without a change (how far a source has been read), or is not kept (docs/adr/0015).
const VOLATILE: &[&str] = &[
    // What a start with another configuration changes, which is no change of the log.
    "ServiceLimits",
    "DocumentLimits",
    "RequestLimits",
    "PointsLimits",
    "LiveLimits",
    "RateLimits",
    "PersistedDocuments",
    "AuditEntry",
    "AuditEntryConnection",
    "AuditEntryEdge",
    "Change",
    "ChangePage",
    "PointSource",
    "PullRun",
    "PullRunConnection",
    "PullRunEdge",
    "QuarantinedEntry",
    "QuarantinedEntryConnection",
    "QuarantinedEntryEdge",
];

/// What a field of a type reads.
pub(super) fn of_field(type_name: Option<&str>, field: &str) -> Reads {
    let type_name = type_name.unwrap_or_default();
    let of_branch = OF_BRANCH
        .iter()
        .find(|(known, fields, _)| *known == type_name && (fields.is_empty() || fields.contains(&field)));
    if let Some((.., of_branch)) = of_branch {
        return Reads {
            of_branch: *of_branch,
            ..Reads::default()
        };
    }
    let named = |name: &str| TABLE.iter().find(|(known, _)| *known == name);
    let topics = named(&format!("{type_name}.{field}"))
        .or_else(|| named(type_name))
        .map_or(Topics::ALL, |(_, topics)| *topics);
    Reads {
        topics,
        of_branch: NOTHING,
        personal: PERSONAL.contains(&type_name),
        volatile: VOLATILE.contains(&type_name),
    }
}

/// Whether somebody has thought about a type.
#[cfg(test)]
pub(super) fn knows(type_name: &str) -> bool {
    TABLE.iter().any(|(known, _)| *known == type_name)
        || PERSONAL.contains(&type_name)
        || VOLATILE.contains(&type_name)
}
