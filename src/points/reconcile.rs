//! `reconcilePoints` (对账): what a platform says that branches have, beside what its entries come to here.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::NaiveDate;
use sea_orm::ConnectionTrait;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{
    deliver::granted_source,
    model::LedgerError,
    store::{self, Source},
};
use crate::{
    audit::AuditRecord,
    auth::Grant,
    branch,
    kernel::{id::BranchId, period::Period, points::Points, refusal::Refusal, text},
    storage::{
        StoreError,
        write::{Failure, Write},
    },
};

/// Totals of one call at most: **limit**.
pub const TOTALS_LIMIT: usize = 10_000;

/// What a platform says.
#[derive(Clone, Debug)]
pub struct Reconcile {
    /// The source as the caller wrote it.
    pub source_code: String,
    /// The month or year.
    pub period: Period,
    /// Totals by the platform's codes.
    pub totals: Vec<(String, Points)>,
}

/// A branch of which the platform and the ledger say different things.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// The platform's code, or the branch's own where the platform does not name it.
    pub branch_code: String,
    /// The branch; None for a code that none has.
    pub branch: Option<BranchId>,
    /// What the platform says; None where it does not name the branch.
    pub platform: Option<Points>,
    /// What its entries come to here; None where the code is nobody's.
    pub ledger: Option<Points>,
}

/// What a comparison came to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reconciled {
    /// By code.
    pub differences: Vec<Difference>,
    /// Branches of which both say the same.
    pub agreed: usize,
}

/// The source whose totals a caller gives, where it may, and what it gives can be compared.
async fn checked(
    connection: &impl ConnectionTrait,
    grant: &Grant,
    input: &Reconcile,
) -> Result<Source, Failure> {
    let source = granted_source(connection, grant, &input.source_code).await?;
    if input.totals.len() > TOTALS_LIMIT {
        return Err(Refusal::from(LedgerError::TooManyTotals {
            given: input.totals.len(),
            limit: TOTALS_LIMIT,
        })
        .into());
    }
    Ok(source)
}

/// A comparison that was made on a reader, for it reads a source's whole period: who writes does not wait for it.
#[derive(Clone, Debug)]
pub struct Comparison {
    /// What was asked for.
    pub asked: Reconcile,
    /// What it came to; None where nothing was to be compared.
    pub reconciled: Option<Reconciled>,
}

impl Comparison {
    /// Compares a caller's totals with the ledger's, where it may.
    pub async fn make(
        connection: &impl ConnectionTrait,
        grant: &Grant,
        asked: Reconcile,
    ) -> Result<Self, StoreError> {
        let reconciled = match checked(connection, grant, &asked).await {
            Ok(source) => Some(compare(connection, &source, asked.period, &asked.totals).await?),
            Err(Failure::Store(error)) => return Err(error),
            // It is said where it is recorded, too.
            Err(_) => None,
        };
        Ok(Self { asked, reconciled })
    }
}

/// Records a comparison, or says why there is none.
pub async fn reconcile(
    write: &mut Write<'_>,
    grant: &Grant,
    input: &Comparison,
) -> Result<Reconciled, Failure> {
    let source = checked(write.connection(), grant, &input.asked).await?;
    let reconciled = input.reconciled.clone();
    let reconciled = reconciled.ok_or_else(|| Refusal::from(LedgerError::NoSource))?;
    record(write, &source, input.asked.period, &reconciled);
    Ok(reconciled)
}

/// Keeps in the audit trail that a period of a source was compared, and what it came to.
pub fn record(write: &mut Write<'_>, source: &Source, period: Period, reconciled: &Reconciled) {
    write.audit(AuditRecord::new("reconcilePoints").after(json!({
        "sourceId": source.id.0, "period": period.to_string(), "agreed": reconciled.agreed,
        "differences": reconciled.differences.len(),
    })));
}

/// Compares totals of a source with what its entries come to here: each branch's own, not those of branches that were merged
/// into it. Codes of one branch are added up.
pub async fn compare(
    connection: &impl ConnectionTrait,
    source: &Source,
    period: Period,
    totals: &[(String, Points)],
) -> Result<Reconciled, StoreError> {
    let given: Vec<(String, Points)> = totals
        .iter()
        .map(|(code, total)| (text::code(code).unwrap_or_else(|_| code.clone()), *total))
        .collect();
    let codes: BTreeSet<&str> = given.iter().map(|(code, _)| code.as_str()).collect();
    let codes: Vec<&str> = codes.into_iter().collect();
    let holders = branch::code_holders(connection, &source.code, &codes).await?;
    let (from, to) = (period.first_day(), period.last_day());
    let held = |holding: &branch::Holding| {
        holding.since <= to && holding.until.is_none_or(|until: NaiveDate| from <= until)
    };

    let mut result = Reconciled::default();
    let mut platform: BTreeMap<BranchId, (String, Points)> = BTreeMap::new();
    for (code, total) in given {
        let holder = holders
            .get(&code)
            .and_then(|holders| holders.iter().rfind(|(_, holding)| held(holding)));
        match holder {
            Some((branch, _)) => {
                let sum = platform.entry(*branch).or_insert((code, Points::ZERO));
                sum.1 = sum.1 + total;
            }
            None => result.differences.push(Difference {
                branch_code: code,
                branch: None,
                platform: Some(total),
                ledger: None,
            }),
        }
    }
    let mut ledger: HashMap<BranchId, Points> = store::sums_of_source(connection, source.id, period).await?;
    for (branch, (branch_code, total)) in platform {
        let here = ledger.remove(&branch).unwrap_or_default();
        if here == total {
            result.agreed += 1;
        } else {
            result.differences.push(Difference {
                branch_code,
                branch: Some(branch),
                platform: Some(total),
                ledger: Some(here),
            });
        }
    }
    let unnamed: Vec<BranchId> = ledger.keys().copied().collect();
    let service = Grant::of_the_service();
    let names = branch::by_ids(connection, service.scope(), &unnamed).await?;
    for (branch, here) in ledger {
        if !here.is_zero() {
            result.differences.push(Difference {
                branch_code: names.get(&branch).map(|row| row.code.clone()).unwrap_or_default(),
                branch: Some(branch),
                platform: None,
                ledger: Some(here),
            });
        }
    }
    result
        .differences
        .sort_by(|a, b| a.branch_code.cmp(&b.branch_code));
    Ok(result)
}
