//! Answers as they are given, by a branch or by its examiners: checked, every fault at once, and put down.

use std::collections::HashSet;

use super::{
    model::{CheckError, ItemVerdict},
    record::CheckResult,
    step::Opened,
};
use crate::{
    campaign,
    kernel::text,
    storage::{
        StoreError,
        write::{Refusals, Write},
    },
};

/// Pieces of evidence that an item has at most.
const EVIDENCE: usize = 20;
/// Pieces that an item has at most with those of its examiners.
const ALL_EVIDENCE: usize = 60;
/// Characters of a piece of evidence at most.
const EVIDENCE_TEXT: usize = 500;
/// Characters of a note at most.
const NOTE: usize = 1_000;
/// What a tailored item scores at most.
const TAILORED_MOST: i32 = 4;

/// An answer as it was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GivenAnswer {
    /// Which item.
    pub item_code: String,
    /// What is said of it.
    pub verdict: ItemVerdict,
    /// Of a tailored item what it scores, 0 to 4.
    pub score: Option<i32>,
    /// What it points to.
    pub evidence: Vec<String>,
    /// What is said besides.
    pub note: Option<String>,
}

impl GivenAnswer {
    /// The item's code as templates have it; what is no code stays as it was given, and names nothing.
    pub(super) fn code(&self) -> String {
        text::code(&self.item_code).unwrap_or_else(|_| self.item_code.clone())
    }
}

/// Who answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum By {
    /// The branch, of itself.
    Branch,
    /// An examiner: its verdict counts.
    Examiner,
}

/// Puts answers down in the results of a check; faults go into `refusals`, each with its place below `field`. Gives the codes of
/// the items that were answered.
pub(super) async fn put_down(
    write: &Write<'_>,
    opened: &mut Opened,
    given: &[GivenAnswer],
    (by, field): (By, &'static str),
    refusals: &mut Refusals,
) -> Result<Vec<String>, StoreError> {
    let most = opened.results.len();
    if given.len() > most {
        refusals.require(false, || CheckError::TooManyAnswers(most).into());
        return Ok(Vec::new());
    }
    let met_from = write.rules().tailored_met_score;
    let mut seen = HashSet::new();
    let mut answered = Vec::new();
    for (position, answer) in given.iter().enumerate() {
        let position = position.to_string();
        let path = [field, position.as_str()];
        let code = answer.code();
        if !seen.insert(code.clone()) {
            refusals.require(false, || CheckError::Twice(shortened(&code)).at(&path));
            continue;
        }
        let Some(result) = opened.results.iter_mut().find(|result| result.item.code == code) else {
            let domain = domain_of(write, opened.campaign.template_version, &code).await?;
            refusals.require(false, || {
                CheckError::NoSuchItem(shortened(&code), domain).at(&path)
            });
            continue;
        };
        let faults = faults(result, answer, by, met_from);
        let evidence = evidence(&answer.evidence, path, refusals).map(each_once);
        let note = answer.note.as_deref().filter(|note| !note.trim().is_empty());
        let note = note.map(|note| text::prose(note, NOTE)).transpose();
        let note = refusals.take(note.map_err(|error| error.refusal(&[field, &position, "note"])));
        let is_good = faults.is_empty();
        let evidence = evidence.filter(|given| {
            let fits = by == By::Branch || has_room(&result.evidence, given);
            refusals.require(fits, || CheckError::TooMuchEvidence(ALL_EVIDENCE).at(&path));
            fits
        });
        for fault in faults {
            refusals.require(false, || fault.at(&path));
        }
        let (true, Some(evidence), Some(note)) = (is_good, evidence, note) else {
            continue;
        };
        apply(result, answer, by, evidence, note);
        answered.push(code);
    }
    Ok(answered)
}

/// What is wrong with an answer, all of it.
fn faults(result: &CheckResult, answer: &GivenAnswer, by: By, met_from: u32) -> Vec<CheckError> {
    let code = || result.item.code.clone();
    let mut faults = Vec::new();
    let is_tailored = result.item.domain.is_some();
    if by == By::Branch && result.is_computed() {
        faults.push(CheckError::Computed(code()));
    }
    let has_note = answer.note.as_deref().is_some_and(|note| !note.trim().is_empty());
    if by == By::Examiner && result.is_computed() && answer.verdict != result.verdict && !has_note {
        faults.push(CheckError::OverruledWithoutNote(code()));
    }
    match answer.verdict {
        ItemVerdict::Unanswered => {
            if by == By::Examiner {
                faults.push(CheckError::Unanswered(code()));
            } else if answer.score.is_some() {
                faults.push(CheckError::ScoreOfRegular(code()));
            }
            return faults;
        }
        ItemVerdict::NotApplicable if is_tailored => {
            faults.push(CheckError::TailoredApplies(code()));
            return faults;
        }
        _ => {}
    }
    match (is_tailored, answer.score) {
        (false, None) => {}
        (false, Some(_)) => faults.push(CheckError::ScoreOfRegular(code())),
        (true, Some(score)) if (0..=TAILORED_MOST).contains(&score) => {
            let expected = match u32::try_from(score).is_ok_and(|score| score >= met_from) {
                true => ItemVerdict::Met,
                false => ItemVerdict::NotMet,
            };
            if expected != answer.verdict {
                let item = code();
                faults.push(CheckError::VerdictOfScore {
                    item,
                    expected,
                    met_from,
                });
            }
        }
        (true, score) => faults.push(CheckError::Score(code(), score)),
    }
    faults
}

fn evidence(given: &[String], [field, answer]: [&str; 2], refusals: &mut Refusals) -> Option<Vec<String>> {
    if given.len() > EVIDENCE {
        refusals.require(false, || {
            CheckError::TooMuchEvidence(EVIDENCE).at(&[field, answer])
        });
        return None;
    }
    let mut taken = Vec::with_capacity(given.len());
    for (position, text) in given.iter().enumerate() {
        let position = position.to_string();
        let text = text::line(text, EVIDENCE_TEXT)
            .map_err(|error| error.refusal(&[field, answer, "evidence", &position]));
        taken.extend(refusals.take(text));
    }
    (taken.len() == given.len()).then_some(taken)
}

/// Whether what is new of some pieces fits beside those that are there.
fn has_room(there: &[String], given: &[String]) -> bool {
    let new = given.iter().filter(|text| !there.contains(text));
    there.len() + new.count() <= ALL_EVIDENCE
}

/// The pieces in their order, each once: what is said again says nothing more.
fn each_once(mut evidence: Vec<String>) -> Vec<String> {
    let mut seen = HashSet::new();
    evidence.retain(|text| seen.insert(text.clone()));
    evidence
}

/// What a branch says replaces what it said; what an examiner says counts, beside what the branch said.
fn apply(
    result: &mut CheckResult,
    answer: &GivenAnswer,
    by: By,
    evidence: Vec<String>,
    note: Option<String>,
) {
    match by {
        By::Branch => {
            result.self_verdict = answer.verdict;
            result.evidence = evidence;
            result.note = note;
        }
        By::Examiner => {
            // What it says of a computed item, and why, stands whatever is counted later.
            if result.is_computed() && (answer.verdict != result.verdict || note.is_some()) {
                result.overruled = true;
            }
            let new = evidence
                .into_iter()
                .filter(|text| !result.evidence.contains(text));
            let new: Vec<String> = new.collect();
            result.evidence.extend(new);
            if note.is_some() {
                result.note = note;
            }
        }
    }
    result.verdict = answer.verdict;
    result.score = answer.score;
}

/// The domain that an item of the template is tailored to, where it is another one's.
async fn domain_of(write: &Write<'_>, version: i32, code: &str) -> Result<Option<&'static str>, StoreError> {
    let templates = campaign::items(write.connection(), &[version]).await?;
    let mut items = templates.values().flatten();
    let item = items.find(|item| item.code == code);
    Ok(item.and_then(|item| item.domain).map(|domain| domain.as_str()))
}

/// A code as it is repeated to its sender.
fn shortened(code: &str) -> String {
    code.chars().take(text::ITEM_CODE_LIMIT).collect()
}

/// Whether everything that is asked of the branch is answered; what is not.
pub(super) fn unanswered(results: &[CheckResult]) -> Vec<String> {
    results
        .iter()
        .filter(|result| result.verdict == ItemVerdict::Unanswered && !result.is_computed())
        .map(|result| result.item.code.clone())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_new_pieces_take_room() {
        let pieces =
            |range: std::ops::Range<usize>| -> Vec<String> { range.map(|n| n.to_string()).collect() };
        let full = pieces(0..ALL_EVIDENCE);
        assert!(has_room(&full, &pieces(0..EVIDENCE)));
        assert!(!has_room(&full, &pieces(ALL_EVIDENCE - 1..ALL_EVIDENCE + 1)));
        let almost = pieces(0..ALL_EVIDENCE - 1);
        assert!(has_room(&almost, &pieces(ALL_EVIDENCE - 3..ALL_EVIDENCE)));
        assert!(!has_room(&almost, &pieces(ALL_EVIDENCE - 3..ALL_EVIDENCE + 1)));
        let said = ["a", "b", "a"].map(str::to_owned).to_vec();
        assert_eq!(each_once(said), ["a", "b"]);
    }
}
