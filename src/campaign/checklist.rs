//! What a template of health checks is made of (体检清单), and the rules that it keeps.

use std::collections::{BTreeMap, BTreeSet};

use super::model::{Aspect, Verification};
use crate::branch::Domain;

/// Regular items of a template: 45 (**reported**).
pub const REGULAR_ITEMS: usize = 45;
/// Tailored items of a domain: 5 (**reported**).
pub const TAILORED_ITEMS: usize = 5;
/// What the weights of the regular items add up to.
pub const REGULAR_WEIGHT: i32 = 100;
/// What a tailored item scores at most.
pub const TAILORED_WEIGHT: i32 = 4;

/// An item of a template (体检项目).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CheckItem {
    /// Its code, such as R-ORG-01.
    pub code: String,
    /// What it belongs to.
    pub aspect: Aspect,
    /// The domain of a tailored item; none of a regular one.
    pub domain: Option<Domain>,
    /// Its name in Chinese.
    pub name_zh: String,
    /// Its name in English.
    pub name_en: String,
    /// How it is judged.
    pub verification: Verification,
    /// Of regular items their share of 100; of tailored ones the most that they score.
    pub weight: i32,
    /// A check does not pass while it is not met.
    pub mandatory: bool,
}

/// Why a template is not published.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TemplateFault {
    /// An item's code stands twice.
    #[error("item {0} stands twice")]
    Twice(String),
    /// A regular item of a domain, or a tailored one of none.
    #[error("item {0}: regular items have no domain, tailored ones have one")]
    Domain(String),
    /// Not 45 regular items.
    #[error("{0} regular items; a template has {REGULAR_ITEMS}")]
    Regular(usize),
    /// An aspect without an item.
    #[error("aspect {0} has no item")]
    Aspect(&'static str),
    /// The weights of the regular items do not add up.
    #[error("the weights of the regular items add up to {0}, not {REGULAR_WEIGHT}")]
    Weights(i64),
    /// An item's weight is none.
    #[error("item {0} has the weight {1}; regular items have 1 or more, tailored ones {TAILORED_WEIGHT}")]
    Weight(String, i32),
    /// Not five tailored items of a domain.
    #[error("domain {0} has {1} tailored items; it has {TAILORED_ITEMS}")]
    Tailored(&'static str, usize),
}

/// Everything that is wrong with a template: six aspects, 45 regular items of 100 together, five tailored ones of 4 each for
/// each of the seven domains.
pub fn template_faults(items: &[CheckItem]) -> Vec<TemplateFault> {
    let mut faults = Vec::new();
    let mut codes = BTreeSet::new();
    let mut tailored: BTreeMap<Domain, usize> = BTreeMap::new();
    for item in items {
        if !codes.insert(item.code.as_str()) {
            faults.push(TemplateFault::Twice(item.code.clone()));
        }
        let is_tailored = item.aspect == Aspect::Tailored;
        if is_tailored != item.domain.is_some() {
            faults.push(TemplateFault::Domain(item.code.clone()));
        }
        if let Some(domain) = item.domain {
            *tailored.entry(domain).or_default() += 1;
        }
        if item.weight < 1 || (is_tailored && item.weight != TAILORED_WEIGHT) {
            faults.push(TemplateFault::Weight(item.code.clone(), item.weight));
        }
    }
    let regular: Vec<&CheckItem> = items
        .iter()
        .filter(|item| item.aspect != Aspect::Tailored)
        .collect();
    if regular.len() != REGULAR_ITEMS {
        faults.push(TemplateFault::Regular(regular.len()));
    }
    for aspect in Aspect::ALL.iter().filter(|aspect| **aspect != Aspect::Tailored) {
        if !regular.iter().any(|item| item.aspect == *aspect) {
            faults.push(TemplateFault::Aspect(aspect.as_str()));
        }
    }
    let weights: i64 = regular.iter().map(|item| i64::from(item.weight)).sum();
    if weights != i64::from(REGULAR_WEIGHT) {
        faults.push(TemplateFault::Weights(weights));
    }
    for domain in Domain::ALL {
        let count = tailored.get(domain).copied().unwrap_or_default();
        if count != TAILORED_ITEMS {
            faults.push(TemplateFault::Tailored(domain.as_str(), count));
        }
    }
    faults
}
