//! How many are awarded, and for whom the last places are kept (总量统筹、领域覆盖).

use std::collections::BTreeMap;

/// Why there is no place for one more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum QuotaFault<D> {
    /// All are awarded.
    Full,
    /// So many are left, and all of them are kept for domains that lack so many each.
    Kept {
        /// How many are left.
        left: i64,
        /// Which domains are under their minimum, and by how many.
        lacking: Vec<(D, i64)>,
    },
}

/// Whether one more of a domain may be awarded: the total holds, and what is left after it still covers what the other
/// domains lack. A domain that lacks some itself takes one of the places kept for it.
pub fn check_quota<D: Copy + Ord>(
    quota: i64,
    minimums: &BTreeMap<D, i64>,
    awarded: &BTreeMap<D, i64>,
    domain: D,
) -> Result<(), QuotaFault<D>> {
    let left = quota - awarded.values().sum::<i64>();
    if left < 1 {
        return Err(QuotaFault::Full);
    }
    let lacking: Vec<(D, i64)> = minimums
        .iter()
        .map(|(of, minimum)| (*of, minimum - awarded.get(of).copied().unwrap_or_default()))
        .filter(|(_, lacks)| *lacks > 0)
        .collect();
    let kept: i64 = lacking.iter().map(|(_, lacks)| lacks).sum();
    let is_for_it = lacking.iter().any(|(of, _)| *of == domain);
    if is_for_it || left > kept {
        Ok(())
    } else {
        Err(QuotaFault::Kept { left, lacking })
    }
}
